// Exact hits among the records, shown above the theme's own results in the one search box: by any part of
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

  // One spelling for what people write in several ways: full width, capitals, dots and spaces in names.
  const fold = (text) => text.normalize("NFKC").toLowerCase().replace(/[·•‧・．.\s]+/g, "");

  let index = null;
  // A script and not data to be fetched: pages that are read from a disk may fetch nothing.
  const load = () => {
    index ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      Object.assign(script, { src: new URL("search/records.js", base), onload: resolve, onerror: reject });
      document.head.append(script);
    }).then(() => ({
      kinds: recordIndex.kinds,
      rows: recordIndex.rows.map(([kind, url, title, subtitle, keys]) => ({
        kind, url, title, subtitle, name: fold(title), beside: fold(subtitle),
        keys: keys ? keys.split("\n").map(fold) : [],
      })),
    })).catch(() => {
      index = null;
      return { kinds: [], rows: [] };
    });
    return index;
  };

  // How well one word fits a record: the whole name, its start, its inside, its letters, what stands beside it.
  const fit = (row, word) => {
    if (row.name === word) return 6;
    if (row.keys.includes(word)) return 5;
    if (row.name.startsWith(word)) return 4;
    if (row.keys.some((key) => key.startsWith(word))) return 3;
    if (row.name.includes(word)) return 3;
    if (row.keys.some((key) => key.includes(word))) return 2;
    return row.beside.includes(word) ? 1 : 0;
  };

  const find = ({ rows }, query) => {
    const words = query.split(/\s+/).map(fold).filter(Boolean);
    if (!words.length) return [];
    const whole = words.join("");
    const found = [];
    for (const row of rows) {
      let score = fit(row, whole) * 2;
      if (!score && words.length > 1) {
        const each = words.map((word) => fit(row, word));
        score = each.every(Boolean) ? Math.min(...each) : 0;
      }
      if (score) found.push({ row, score });
    }
    return found.sort((a, b) => b.score - a.score).map(({ row }) => row);
  };

  const show = (kinds, found) => {
    const groups = new Map();
    for (const row of found) {
      if (!groups.has(row.kind)) groups.set(row.kind, []);
      groups.get(row.kind).push(row);
    }
    const parts = [];
    let place = 0;
    for (const [kind, rows] of groups) {
      const head = document.createElement("p");
      head.className = "record-hits__kind";
      head.textContent = `${kinds[kind]}（${rows.length}）`;
      const list = document.createElement("ol");
      for (const row of rows.slice(0, SHOWN)) {
        const item = document.createElement("li");
        const link = document.createElement("a");
        link.href = new URL(row.url + (location.protocol === "file:" ? "index.html" : ""), base);
        link.tabIndex = -1;
        const title = document.createElement("strong");
        title.textContent = row.title;
        // The theme opens the link with the highest score when Enter is pressed.
        title.dataset.mdScore = String(1e9 - place++);
        const beside = document.createElement("span");
        beside.textContent = row.subtitle;
        link.append(title, beside);
        item.append(link);
        list.append(item);
      }
      parts.push(head, list);
      if (rows.length > SHOWN) {
        const more = document.createElement("p");
        more.className = "record-hits__more";
        more.textContent = `还有 ${rows.length - SHOWN} 条，请再输入几个字。`;
        parts.push(more);
      }
    }
    hits.replaceChildren(...parts);
  };

  let turn = 0;
  const search = async () => {
    const mine = ++turn;
    const records = await load();
    if (mine === turn) show(records.kinds, find(records, input.value));
  };
  input.addEventListener("focus", load);
  input.addEventListener("input", () => {
    search();
    // The theme waits for a key; pasting, dictation and some input methods press none.
    input.dispatchEvent(new KeyboardEvent("keyup"));
  });
  input.form?.addEventListener("reset", () => setTimeout(search));
  if (input.value) search();
})();
