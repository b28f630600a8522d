// Long tables become grids (grid.js) when they come into view, those of which the page holds a part at once, and not one with the row that was asked for; until then, and without script, they are plain tables.
"use strict";

(() => {
  const boxes = [...document.querySelectorAll(".data[data-grid], .data[data-filter]:not(:has(tr:target))")];
  const settings = document.getElementById("__config");
  if (!boxes.length || !settings) return;
  const base = new URL(JSON.parse(settings.textContent).base.replace(/\/?$/, "/"), location.href);

  // Scripts and not data to be fetched: pages that are read from a disk may fetch nothing.
  const scripts = new Map();
  const load = (path) => {
    if (!scripts.has(path)) {
      scripts.set(path, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        Object.assign(script, { src: new URL(path, base), onload: () => resolve(window.gridData), onerror: reject });
        document.head.append(script);
      }));
    }
    return scripts.get(path);
  };

  const styles = () => {
    if (document.getElementById("grid-styles")) return;
    const sheet = document.createElement("link");
    Object.assign(sheet, { id: "grid-styles", rel: "stylesheet", href: new URL("assets/vendor/tabulator.min.css", base) });
    // Before the site's own, which stand above it.
    document.head.prepend(sheet);
  };

  const start = async (box, place) => {
    styles();
    const needed = [load("assets/vendor/tabulator.min.js"), load("assets/grid.js"), load("assets/pinyin.js")];
    const data = box.dataset.grid ? await load(box.dataset.grid) : null;
    await Promise.all(needed);
    const name = box.dataset.grid ? box.dataset.grid.replace(/.*\/|\.js$/g, "") : `t${place + 1}`;
    new LongGrid.LongList(box, name, data ?? LongGrid.readTable(box), load);
  };

  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      start(target, boxes.indexOf(target));
    }
  }, { rootMargin: "300px" });
  // Of a list whose first rows alone stand on the page a print would hold no more.
  const cut = (box) => box.nextElementSibling?.matches(".grid-note");
  boxes.forEach((box, place) => cut(box) ? start(box, place) : seen.observe(box));

  // Beside the theme's way past the menus, one to each list: to its search, once it stands there.
  const heads = [...document.querySelectorAll("article :is(h1, h2, h3)")];
  const lists = boxes.filter((box) => box.dataset.grid);
  for (const box of lists.length ? lists : boxes.slice(0, 1)) {
    const head = heads.findLast((one) => one.compareDocumentPosition(box) & Node.DOCUMENT_POSITION_FOLLOWING);
    box.id ||= `list-${boxes.indexOf(box) + 1}`;
    const stand = () => box.querySelector(".grid-query").focus();
    const words = `跳到${box.querySelector("caption")?.textContent ?? head?.firstChild.textContent.trim() ?? "表格"}的筛选`;
    const way = Object.assign(document.createElement("a"), { className: "md-skip md-skip--list", href: `#${box.id}`, textContent: words });
    way.addEventListener("click", () => {
      if ("ready" in box.dataset) setTimeout(stand);
      else box.addEventListener("grid-ready", stand, { once: true });
    });
    document.querySelector("[data-md-component=skip]")?.append(way);
  }
})();
