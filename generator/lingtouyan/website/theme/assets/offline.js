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
