// What every page does for its reader: the facts at its foot, the sections of a record, a way past the menus.
"use strict";

// --- facts of the build, at the foot --------------------------------------------------------------

function showFacts() {
  const facts = typeof siteFacts === "object" ? siteFacts : {};
  for (const place of document.querySelectorAll("[data-fact]")) {
    const value = facts[place.dataset.fact];
    if (value) {
      place.textContent = value.slice(0, 12);
      place.parentElement.hidden = false;
    }
  }
}

// Pages of single records are written into a frame of the theme: their sections are listed and linked here.
function listSections() {
  const heads = [...document.querySelectorAll("article :is(h2, h3)[id]")];
  const side = document.querySelector(".md-sidebar--secondary .md-sidebar__inner");
  const add = (parent, tag, given) => parent.appendChild(Object.assign(document.createElement(tag), given));
  if (side && !side.querySelector(".md-nav__item") && heads.length > 1) {
    side.closest(".md-sidebar").hidden = false;
    side.replaceChildren();
    const nav = add(side, "nav", { className: "md-nav md-nav--secondary", ariaLabel: "目录" });
    add(nav, "p", { className: "md-nav__title", textContent: "目录" });
    const list = add(nav, "ul", { className: "md-nav__list" });
    for (const head of heads) {
      const item = add(list, "li", { className: "md-nav__item" });
      add(item, "a", { className: "md-nav__link", href: `#${head.id}`, textContent: head.firstChild.textContent });
    }
  }
  for (const head of heads) {
    if (!head.querySelector(".headerlink")) add(head, "a", { className: "headerlink", href: `#${head.id}`, title: "本节链接", textContent: "#" });
  }
}

// The theme skips to a page's first section; a page without sections is skipped to at its title.
function addSkip() {
  const title = document.querySelector("article h1");
  const place = document.querySelector("[data-md-component=skip]");
  if (!title || !place || place.querySelector("a:not(.md-skip--list)")) return;
  title.id ||= "title";
  title.tabIndex = -1;
  place.prepend(Object.assign(document.createElement("a"), { className: "md-skip", href: `#${title.id}`, textContent: "跳到正文" }));
}

// Copied to a disk as it stands on a host, the site's links lead to folders.
function tellOfDisk() {
  if (location.protocol !== "file:" || !document.querySelector('a.md-nav__link[href$="/"]')) return;
  const words = "这份网站是给服务器用的，直接从硬盘打开时链接和搜索不能用。请在浏览器里打开服务器上的网站，或者用 lingtouyan build --offline 生成可以直接打开的一份。";
  document.querySelector("article")?.prepend(Object.assign(document.createElement("p"), { className: "notice notice--draft", textContent: words }));
}

// --------------------------------------------------------------------------------------------------

addSkip();
tellOfDisk();
showFacts();
listSections();
document.querySelector("[data-md-component=search]")?.setAttribute("aria-label", "搜索");
document.querySelector(".md-tabs")?.setAttribute("aria-label", "栏目");
document.querySelector(".md-path")?.setAttribute("aria-label", "当前位置");
