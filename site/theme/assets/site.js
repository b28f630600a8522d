// What every page does for its reader: the facts at its foot, and tables that can be sorted and filtered.
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

// --- tables ---------------------------------------------------------------------------------------

const collator = new Intl.Collator("zh-Hans-CN", { numeric: true });

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

class DataTable {
  constructor(box) {
    this.table = box.querySelector("table.data-table");
    this.body = this.table.tBodies[0];
    this.rows = [...this.body.rows].map((row) => {
      const cells = [...row.cells].map((cell) => cell.textContent.trim());
      return { row, cells, words: cells.join("\n").toLowerCase() };
    });
    this.heads = [...this.table.tHead.rows[0].cells];
    this.facets = new Map();
    this.query = "";
    if (this.rows.length > 1) this.heads.forEach((head, index) => this.offerSort(head, index));
    if (box.hasAttribute("data-filter")) box.prepend(this.tools());
  }

  offerSort(head, index) {
    // Not a <button>: browsers leave those out where a printed table repeats its heading.
    const button = make("span", "data-sort", head.textContent);
    button.setAttribute("role", "button");
    button.tabIndex = 0;
    button.title = "排序";
    button.addEventListener("click", () => this.sort(head, index));
    button.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      this.sort(head, index);
    });
    head.replaceChildren(button);
  }

  order(head) {
    if (!head.dataset.order) return null;
    return new Map(JSON.parse(head.dataset.order).map((value, place) => [value, place]));
  }

  compare(head, index) {
    const order = this.order(head);
    if (order) {
      const place = (value) => order.get(value) ?? order.size;
      return (a, b) => place(a.cells[index]) - place(b.cells[index]);
    }
    if (head.classList.contains("number")) {
      const figure = (value) => (value === "" ? -Infinity : Number.parseFloat(value.replaceAll(",", "")));
      return (a, b) => figure(a.cells[index]) - figure(b.cells[index]);
    }
    return (a, b) => collator.compare(a.cells[index], b.cells[index]);
  }

  sort(head, index) {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of this.heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const compare = this.compare(head, index);
    const sorted = [...this.rows].sort((a, b) => (down ? compare(b, a) : compare(a, b)));
    this.body.append(...sorted.map((entry) => entry.row));
  }

  tools() {
    const tools = make("div", "data-tools");
    const input = make("input", "data-query");
    input.type = "search";
    input.placeholder = "在表中查找";
    input.setAttribute("aria-label", "在表中查找");
    input.addEventListener("input", () => {
      this.query = input.value.trim().toLowerCase();
      this.filter();
    });
    tools.append(input);
    this.heads.forEach((head, index) => {
      if (head.hasAttribute("data-facet")) tools.append(this.facet(head, index));
    });
    this.count = make("span", "data-count");
    this.count.setAttribute("role", "status");
    tools.append(this.count);
    this.filter();
    return tools;
  }

  facet(head, index) {
    const title = head.textContent.trim();
    const select = make("select", "data-facet");
    select.setAttribute("aria-label", title);
    select.append(new Option(`${title}：全部`, ""));
    const numbers = new Map();
    for (const { cells } of this.rows) numbers.set(cells[index], (numbers.get(cells[index]) ?? 0) + 1);
    const order = this.order(head);
    const place = (value) => order?.get(value) ?? Infinity;
    const values = [...numbers.keys()].sort((a, b) => place(a) - place(b) || collator.compare(a, b));
    for (const value of values) select.append(new Option(`${value || "（空）"}（${numbers.get(value)}）`, `=${value}`));
    select.addEventListener("change", () => {
      if (select.value) this.facets.set(index, select.value.slice(1));
      else this.facets.delete(index);
      this.filter();
    });
    return select;
  }

  filter() {
    const words = this.query.split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const entry of this.rows) {
      const fits =
        words.every((word) => entry.words.includes(word)) &&
        [...this.facets].every(([index, value]) => entry.cells[index] === value);
      entry.row.hidden = !fits;
      shown += fits;
    }
    const all = this.rows.length;
    this.count.textContent = shown === all ? `共 ${all} 条` : `${shown} / ${all} 条`;
  }
}

// On a narrow screen, a table that does not fit is shown record by record, so that no column is out of sight.
function fit(box) {
  const scroll = box.querySelector(".data-scroll");
  box.classList.remove("data--cards");
  if (!narrow.matches || scroll.scrollWidth <= scroll.clientWidth) return;
  const titles = [...box.querySelectorAll("thead th")].map((head) => head.textContent.trim());
  for (const cell of box.querySelectorAll("tbody td")) cell.dataset.title = titles[cell.cellIndex];
  box.classList.add("data--cards");
}

// --------------------------------------------------------------------------------------------------

showFacts();
document.querySelector("[data-md-component=search]")?.setAttribute("aria-label", "搜索");
const narrow = matchMedia("(max-width: 44.98em)");
const boxes = [...document.querySelectorAll(".data")].filter((box) => box.querySelector("table.data-table"));
for (const box of boxes) {
  new DataTable(box);
  fit(box);
}
narrow.addEventListener("change", () => boxes.forEach(fit));
// A closed fold has no width to measure.
document.addEventListener("toggle", (event) => event.target.querySelectorAll?.(".data:has(table.data-table)").forEach(fit), true);
