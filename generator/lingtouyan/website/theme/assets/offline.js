// Pages that are read from a disk may start no worker: the search's script runs in a frame of its own instead.
"use strict";

if (location.protocol === "file:") {
  // The search's script looks for its parts beside itself when it finds this name.
  window.IFrameWorker = window.Worker = class extends EventTarget {
    constructor(script) {
      super();
      this.inner = new Promise((ready) => {
        const frame = document.createElement("iframe");
        frame.hidden = true;
        frame.onload = () => {
          const inner = frame.contentWindow;
          const load = (address) => new Promise((resolve, reject) => {
            const element = inner.document.createElement("script");
            Object.assign(element, { src: address, onload: resolve, onerror: reject });
            inner.document.head.append(element);
          });
          inner.importScripts = async (...scripts) => { for (const next of scripts) await load(next); };
          inner.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
          load(new URL(script, location.href)).then(() => ready(inner));
        };
        document.body.append(frame);
      });
    }

    postMessage(data) {
      this.inner.then((inner) => inner.dispatchEvent(new inner.MessageEvent("message", { data })));
    }
  };
}

// The theme asks for its index on every page; it gets it when somebody searches.
if (location.protocol !== "file:") {
  const wanted = new Promise((resolve) => {
    if (new URLSearchParams(location.search).has("q")) resolve();
    addEventListener("focusin", ({ target }) => {
      if (target.matches?.("[data-md-component=search-query]")) resolve();
    });
  });
  const { open, send } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.open = function (method, address, ...rest) {
    this.waits = String(address).endsWith("/search/search_index.json");
    return open.call(this, method, address, ...rest);
  };
  XMLHttpRequest.prototype.send = function (...body) {
    if (this.waits) wanted.then(() => send.apply(this, body));
    else send.apply(this, body);
  };
}
