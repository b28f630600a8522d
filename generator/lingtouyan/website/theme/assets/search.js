// Exact hits among the records (search-worker.js), shown above the theme's own results in the one search box: by any part of
// a name, by pinyin, by initials, by number. Everything from the index is put on the page as text.
"use strict";

(() => {
  const box = document.querySelector("[data-md-component=search-result]");
  const input = document.querySelector("[data-md-component=search-query]");
  const settings = document.getElementById("__config");
  if (!box || !input || !settings) return;

  const base = new URL(JSON.parse(settings.textContent).base.replace(/\/?$/, "/"), location.href);
  const SHOWN = 5;
  const hits = document.createElement("div");
  hits.className = "record-hits";
  hits.setAttribute("role", "status");
  // Between the theme's count and its list, which it knows as first and last child; shown above both.
  box.firstElementChild.after(hits);
  input.placeholder = "名称、拼音、编号或词语";
  input.setAttribute("aria-label", "搜索名称、拼音、首字母、编号或词语");

  let worker = null;
  const ask = () => {
    if (!worker) {
      worker = new Worker(new URL("assets/search-worker.js", base));
      worker.addEventListener("message", ({ data }) => {
        if (data.query === input.value.trim()) show(data);
      });
    }
    worker.postMessage({ base: base.href, query: input.value.trim() });
  };

  const line = (row, place) => {
    const link = document.createElement("a");
    link.href = new URL(location.protocol === "file:" ? row.url.replace(/\/(?=$|#)/, "/index.html") : row.url, base);
    link.tabIndex = -1;
    const title = document.createElement("strong");
    title.textContent = row.title;
    // The theme opens the link with the highest score when Enter is pressed.
    title.dataset.mdScore = String(1e9 - place);
    const beside = document.createElement("span");
    beside.textContent = row.subtitle;
    link.append(title, beside);
    const item = document.createElement("li");
    item.append(link);
    return item;
  };

  const show = ({ groups }) => {
    let place = 0;
    hits.replaceChildren(...groups.flatMap(({ kind, total, rows }) => {
      const head = document.createElement("p");
      head.className = "record-hits__kind";
      head.textContent = `${kind}（${total}）`;
      const list = document.createElement("ol");
      list.append(...rows.slice(0, SHOWN).map((row) => line(row, place++)));
      if (total <= SHOWN) return [head, list];
      const more = document.createElement("button");
      more.type = "button";
      more.className = "record-hits__more";
      more.textContent = `还有 ${total - SHOWN} 条，全部列出`;
      more.addEventListener("click", () => {
        list.append(...rows.slice(SHOWN).map((row) => line(row, place++)));
        if (total > rows.length) more.replaceWith(`只列前 ${rows.length} 条，请再输入几个字。`);
        else more.remove();
        list.children[SHOWN].firstChild.focus();
      });
      return [head, list, more];
    }));
  };

  const search = ask;
  input.addEventListener("focus", ask);
  input.addEventListener("input", () => {
    search();
    // The theme waits for a key; pasting, dictation and some input methods press none.
    input.dispatchEvent(new KeyboardEvent("keyup"));
  });
  input.form?.addEventListener("reset", () => setTimeout(search));
  if (input.value) search();
})();
