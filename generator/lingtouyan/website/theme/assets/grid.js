// A long list as a grid: Tabulator shows pages of it; choosing, counting, exporting and the view in the address are here.
// Everything from the data is put on the page as text, but for cells whose HTML the build has made and vetted.
"use strict";

window.LongGrid = (() => {
const collator = new Intl.Collator("zh-Hans-CN", { numeric: true });
const narrow = matchMedia("(max-width: 44.98em)");
const PER_PAGE = 50;
const EMPTY = "（空）";

function make(tag, attributes = {}, ...inner) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...inner);
  return element;
}

// A table that stands whole in the page, as the data of a list.
function readTable(box) {
  const rows = [...box.querySelectorAll("table.data-table > tbody > tr")];
  const columns = [...box.querySelectorAll("table.data-table > thead th")].map((head, at) => {
    const title = head.textContent.trim();
    const column = {
      name: title, title, kind: head.classList.contains("number") ? "figure" : "html",
      values: rows.map((row) => row.cells[at].innerHTML),
    };
    if (head.hasAttribute("data-facet")) column.facet = true;
    if (head.dataset.order) column.order = JSON.parse(head.dataset.order);
    return column;
  });
  return { rows: rows.length, group: "", columns };
}

const plain = document.createElement("template");
function wordsOf(html) {
  if (!/[<&]/.test(html)) return html;
  plain.innerHTML = html;
  for (const line of plain.content.querySelectorAll("br")) line.replaceWith(" ");
  return plain.content.textContent.trim();
}

class LongList {
  constructor(box, name, data, load) {
    Object.assign(this, { box, name, load, keys: data.keys });
    this.title = box.querySelector("caption")?.textContent ?? document.querySelector("h1")?.childNodes[0]?.textContent.trim() ?? "";
    this.columns = data.columns.map((column, at) => this.column(column, at));
    this.rows = Array.from({ length: data.rows }, (_, id) => {
      const row = { id, fits: true };
      for (const column of this.columns) row[column.field] = column.value(id);
      return row;
    });
    this.facets = this.columns.filter((column) => column.facet);
    this.ranges = this.columns.filter((column) => column.range);
    this.group = data.group;
    this.picks = new Set();
    this.sorters = [];
    this.page = 1;
    this.query = "";
    this.readAddress();
    this.build();
  }

  column(given, at) {
    const column = { ...given, field: `c${at}`, chosen: new Set(), low: "", high: "", shown: !given.more };
    const raw = column.words ? (row) => column.words[column.at[row]] : (row) => column.values[row];
    column.raw = raw;
    const html = column.kind === "html" || column.kind === "figure";
    const words = html ? new Map() : null;
    column.value = html ? (row) => {
      const source = raw(row);
      if (!words.has(source)) words.set(source, wordsOf(source));
      return words.get(source);
    } : raw;
    if (column.kind === "number") {
      const digits = Math.max(0, ...column.values.map((value) => (String(value ?? "").split(".")[1] ?? "").length));
      column.show = (value) => value === null ? column.blank ?? "" : value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: Math.abs(value) >= 10000 });
    } else {
      column.show = (value) => value;
    }
    return column;
  }

  // --- the view in the address --------------------------------------------------------------------

  readAddress() {
    const given = new URLSearchParams(location.search);
    const all = (key) => given.getAll(`${this.name}.${key}`);
    const one = (key) => all(key)[0];
    this.query = one("q") ?? "";
    for (const column of this.columns) {
      for (const value of all(column.name)) {
        const bounds = column.range && value.match(/^(.*)\.\.(.*)$/);
        if (bounds) [, column.low, column.high] = bounds;
        else if (column.facet) column.chosen.add(value);
      }
    }
    if (one("show") !== undefined) {
      const shown = one("show").split(",");
      for (const column of this.columns) column.shown = shown.includes(column.name);
    }
    if (one("group") !== undefined) this.group = one("group");
    this.sorters = (one("sort") ?? "").split(",").filter(Boolean).map((part) => {
      const [, name, dir] = part.match(/^(.*?)(?::(desc|asc))?$/);
      return { column: this.columns.find((column) => column.name === name), dir: dir ?? "asc" };
    }).filter((sorter) => sorter.column);
    this.page = Number(one("page")) || 1;
    const rows = new Map(this.keys?.map((key, id) => [key, id]));
    for (const key of (one("pick") ?? "").split(",")) if (rows.has(key)) this.picks.add(rows.get(key));
    this.comparing = one("compare") === "1" && this.picks.size > 0;
    this.onlyPicks = one("only") === "1" && this.picks.size > 0;
    this.started = this.group;
  }

  writeAddress() {
    const address = new URL(location.href);
    for (const key of [...address.searchParams.keys()]) {
      if (key.startsWith(`${this.name}.`)) address.searchParams.delete(key);
    }
    const put = (key, value) => address.searchParams.append(`${this.name}.${key}`, value);
    if (this.query) put("q", this.query);
    for (const column of this.columns) {
      for (const value of column.chosen) put(column.name, value);
      if (column.low || column.high) put(column.name, `${column.low}..${column.high}`);
    }
    if (this.columns.some((column) => column.shown === Boolean(column.more))) {
      put("show", this.columns.filter((column) => column.shown).map((column) => column.name).join(","));
    }
    if (this.group !== this.started || this.group) put("group", this.group);
    if (this.sorters.length) put("sort", this.sorters.map(({ column, dir }) => `${column.name}:${dir}`).join(","));
    if (this.page > 1) put("page", this.page);
    if (this.picks.size) put("pick", [...this.picks].map((id) => this.keys[id]).join(","));
    if (this.comparing) put("compare", "1");
    if (this.onlyPicks) put("only", "1");
    history.replaceState(history.state, "", address);
  }

  // --- choosing -------------------------------------------------------------------------------------

  // Which rows fit, and for each facet how many rows each value would give with the other choices as they are.
  async choose() {
    const words = this.query.split(/\s+/).map(foldWords).filter(Boolean);
    if (words.some((word) => /^[a-z]+$/.test(word)) && !this.readings) {
      await this.load("search/pinyin.js").catch(() => {});
      this.readings = window.pinyinReadings ?? {};
    }
    const tests = [];
    const said = words.map((word) => this.says(word));
    if (words.length) tests.push([null, (row) => said.every((says) => says(row))]);
    if (this.onlyPicks) tests.push([null, (row) => this.picks.has(row.id)]);
    for (const column of this.facets) {
      if (column.chosen.size) tests.push([column, (row) => column.chosen.has(String(row[column.field] ?? ""))]);
      column.counts = new Map();
    }
    for (const column of this.ranges) {
      const { field, low, high } = column;
      const isFigure = column.kind === "number";
      const end = isFigure ? Number(high) : `${high}\uffff`;
      if (low) tests.push([column, (row) => row[field] !== null && row[field] !== "" && row[field] >= (isFigure ? Number(low) : low)]);
      if (high) tests.push([column, (row) => row[field] !== null && row[field] !== "" && row[field] <= end]);
    }
    this.found = [];
    for (const row of this.rows) {
      const against = new Set();
      for (const [column, test] of tests) if (!test(row)) against.add(column);
      row.fits = against.size === 0;
      if (row.fits) this.found.push(row);
      for (const column of this.facets) {
        if (against.size > 1 || (against.size === 1 && !against.has(column))) continue;
        const value = String(row[column.field] ?? "");
        column.counts.set(value, (column.counts.get(value) ?? 0) + 1);
      }
    }
  }

  // A test of rows for a word: in any column, or how a short text sounds.
  says(word) {
    const sounds = this.readings && /^[a-z]+$/.test(word) && soundsLike(word, this.readings);
    const texts = this.columns.filter((column) => column.kind !== "number" && column.kind !== "date");
    const known = new Map();
    const heard = (value) => {
      if (!known.has(value)) known.set(value, value.length <= 20 && sounds(value));
      return known.get(value);
    };
    return (row) => {
      row.folded ??= this.columns.map((column) => foldWords(String(row[column.field] ?? ""))).join("\n");
      return row.folded.includes(word) || (sounds && texts.some((column) => heard(row[column.field])));
    };
  }

  async refresh({ keepPage = false } = {}) {
    await this.choose();
    if (!keepPage) this.page = 1;
    this.table.setFilter((row) => row.fits);
    if (!keepPage) this.table.setPage(1);
    this.tell();
    this.writeAddress();
  }

  // --- what stands around the table -------------------------------------------------------------------

  build() {
    const { box } = this;
    const input = make("input", { type: "search", className: "grid-query", placeholder: "文字、拼音或首字母", value: this.query });
    input.setAttribute("aria-label", "在表中查找");
    input.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        this.query = input.value.trim();
        this.refresh();
      }, 80);
    });
    this.input = input;
    this.count = make("span", { className: "grid-count", role: "status" });
    const tools = make("div", { className: "grid-tools" }, input);
    const groups = this.facets.filter((column) => column.name);
    if (groups.length) {
      const select = make("select", {}, new Option("不分组", ""), ...groups.map((column) => new Option(`按${column.title}`, column.name)));
      select.setAttribute("aria-label", "分组");
      select.value = this.group;
      select.addEventListener("change", () => {
        this.group = select.value;
        this.applyGroup();
        this.writeAddress();
      });
      tools.append(select);
    }
    tools.append(this.menu("列", this.chooser()), this.menu("导出", this.exports()), this.count);
    this.chips = make("div", { className: "grid-chips" });
    this.shortlist = make("div", { className: "grid-shortlist", hidden: true });
    this.comparison = make("div", { className: "grid-comparison", hidden: true });
    const place = make("div", { className: "grid-table" });
    const old = box.querySelector(".data-scroll");
    const parts = [tools];
    if (this.facets.length || this.ranges.length) parts.push(this.panel());
    parts.push(this.chips, this.shortlist, this.comparison, place);
    // Made out of sight in the plain table's place, so that nothing moves when it takes over.
    const whole = make("div", { className: "grid-whole" }, ...parts);
    box.prepend(whole);
    this.choose().then(() => this.show(place, () => {
      if (box.nextElementSibling?.matches(".grid-note")) box.nextElementSibling.hidden = true;
      delete box.dataset.cards;
      old.remove();
      box.classList.add("data--grid");
    }));
  }

  menu(title, inner) {
    const menu = make("details", { className: "grid-menu" }, make("summary", {}, title), inner);
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      menu.open = false;
      menu.firstChild.focus();
    });
    document.addEventListener("click", (event) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
    return menu;
  }

  tick(words, checked, change) {
    const input = make("input", { type: "checkbox", checked });
    input.addEventListener("change", () => change(input.checked));
    return make("label", { className: "grid-tick" }, input, ...words);
  }

  chooser() {
    return make("div", { className: "grid-list" }, ...this.columns.map((column) => this.tick([make("span", {}, column.title)], column.shown, (shown) => {
      column.shown = shown;
      if (shown) this.table.showColumn(column.field);
      else this.table.hideColumn(column.field);
      this.table.redraw(true);
      this.writeAddress();
    })));
  }

  exports() {
    const button = (words, act) => {
      const made = make("button", { type: "button" }, words);
      made.addEventListener("click", act);
      return made;
    };
    const copy = button("复制本视图的链接", async () => {
      await navigator.clipboard.writeText(location.href);
      copy.textContent = "已复制";
    });
    return make("div", { className: "grid-list" },
      button("Excel 表格（xlsx）", () => this.save("xlsx")), button("CSV 文件", () => this.save("csv")),
      button("打印", () => print()), ...(navigator.clipboard ? [copy] : []));
  }

  panel() {
    const boxes = this.facets.map((column) => {
      column.place = make("div", { className: "grid-values" });
      const values = [...new Set(this.rows.map((row) => String(row[column.field] ?? "")))];
      const order = new Map(column.order?.map((value, at) => [value, at]));
      values.sort((a, b) => (order.get(a) ?? Infinity) - (order.get(b) ?? Infinity) || (order.size ? 0 : collator.compare(a, b)));
      if (!column.order && !column.name.match(/order/)) {
        // As the query has them, when it has them together.
        const first = new Map();
        this.rows.forEach((row) => first.has(String(row[column.field] ?? "")) || first.set(String(row[column.field] ?? ""), first.size));
        const changes = this.rows.reduce((sum, row, at) => sum + (at > 0 && row[column.field] !== this.rows[at - 1][column.field]), 1);
        if (changes === first.size) values.sort((a, b) => first.get(a) - first.get(b));
      }
      column.ticks = new Map();
      for (const value of values) {
        const number = make("span", { className: "grid-number" });
        const label = this.tick([make("span", {}, value || EMPTY), number], column.chosen.has(value), (on) => {
          if (on) column.chosen.add(value);
          else column.chosen.delete(value);
          this.refresh();
        });
        column.ticks.set(value, { label, number });
        column.place.append(label);
      }
      return make("fieldset", { className: "grid-facet" }, make("legend", {}, column.title), column.place);
    });
    for (const column of this.ranges) {
      const bound = (side, words) => {
        const input = make("input", { type: column.kind === "number" ? "number" : "date", value: column[side] });
        input.setAttribute("aria-label", `${column.title}${words}`);
        input.addEventListener("input", () => {
          column[side] = input.value;
          this.refresh();
        });
        return input;
      };
      column.inputs = [bound("low", "不小于"), bound("high", "不大于")];
      boxes.push(make("fieldset", { className: "grid-facet grid-facet--range" }, make("legend", {}, column.title), column.inputs[0], "至", column.inputs[1]));
    }
    return make("details", { className: "grid-panel", open: !narrow.matches }, make("summary", {}, "筛选"), make("div", { className: "grid-facets" }, ...boxes));
  }

  // The choices in words, also above prints and exports.
  choices() {
    const found = [];
    const clear = (column) => () => {
      column.chosen.clear();
      column.low = column.high = "";
      for (const { label } of column.ticks?.values() ?? []) label.firstChild.checked = false;
      for (const input of column.inputs ?? []) input.value = "";
    };
    if (this.query) found.push([`含“${this.query}”`, () => { this.query = this.input.value = ""; }]);
    for (const column of this.columns) {
      if (column.chosen.size) found.push([`${column.title}：${[...column.chosen].map((value) => value || EMPTY).join("、")}`, clear(column)]);
      if (column.low || column.high) {
        const words = column.low && column.high ? `${column.low} 至 ${column.high}` : column.low ? `${column.low} 以上（含）` : `${column.high} 以下（含）`;
        found.push([`${column.title}：${words}`, clear(column)]);
      }
    }
    if (this.onlyPicks) found.push(["只看名单", () => { this.onlyPicks = false; }]);
    return found;
  }

  tell() {
    const all = this.rows.length.toLocaleString("en-US");
    const shown = this.found.length.toLocaleString("en-US");
    this.count.textContent = this.found.length === this.rows.length ? `共 ${all} 条` : `已选 ${shown} 条，共 ${all} 条`;
    for (const column of this.facets) {
      for (const [value, { label, number }] of column.ticks) {
        const count = column.counts.get(value) ?? 0;
        number.textContent = count.toLocaleString("en-US");
        label.classList.toggle("grid-tick--none", !count);
      }
    }
    const choices = this.choices();
    const chip = (words, act) => {
      const made = make("button", { type: "button", className: "grid-chip" }, words);
      made.addEventListener("click", () => { act(); this.refresh(); });
      return made;
    };
    this.renew(this.chips, [...choices.map(([words, act]) => {
      const made = chip(`${words} ✕`, act);
      made.setAttribute("aria-label", `取消筛选 ${words}`);
      return made;
    }), ...(choices.length > 1 ? [chip("全部取消", () => choices.forEach(([, act]) => act()))] : [])]);
    this.tellPicks();
  }

  // Buttons made anew: who stood on one by the keyboard stands on the one in its place.
  renew(place, buttons) {
    const at = [...place.children].indexOf(document.activeElement);
    place.replaceChildren(...buttons);
    if (at >= 0) (place.children[Math.min(at, buttons.length - 1)] ?? this.input).focus();
  }

  tellPicks() {
    if (!this.keys) return;
    const { picks } = this;
    const button = (words, act, pressed) => {
      const made = make("button", { type: "button", className: "grid-chip" }, words);
      if (pressed !== undefined) made.setAttribute("aria-pressed", pressed);
      made.addEventListener("click", act);
      return made;
    };
    if (!picks.size) this.comparing = false;
    this.renew(this.shortlist, !picks.size ? [] : [
      make("strong", {}, `名单 ${picks.size} 条`),
      button("并排对比", () => { this.comparing = !this.comparing; this.tellPicks(); this.writeAddress(); }, this.comparing),
      button("只看名单", () => { this.onlyPicks = !this.onlyPicks; this.refresh(); }, this.onlyPicks),
      button("导出名单", () => this.save("xlsx", this.rows.filter((row) => picks.has(row.id)), this.columns)),
      button("清空名单", () => {
        picks.clear();
        this.onlyPicks = false;
        for (const input of this.box.querySelectorAll(".grid-pick")) input.checked = false;
        this.refresh();
      }),
    ]);
    this.shortlist.hidden = !picks.size;
    this.comparison.hidden = !this.comparing;
    if (!this.comparing) return;
    const [head, ...rest] = this.columns;
    const of = (column, id) => make("td", {}, this.dress(column, this.rows[id]));
    this.comparison.replaceChildren(make("table", { className: "grid-compare" },
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, head.title), ...[...picks].map((id) => make("th", { scope: "col" }, this.dress(head, this.rows[id]))))),
      make("tbody", {}, ...rest.map((column) => {
        const differs = new Set([...picks].map((id) => this.rows[id][column.field])).size > 1;
        return make("tr", { className: differs ? "grid-differs" : "" }, make("th", { scope: "row" }, column.title), ...[...picks].map((id) => of(column, id)));
      }))));
  }

  // --- the table ------------------------------------------------------------------------------------------

  address(path) {
    return location.protocol === "file:" ? path.replace(/\/(?=$|[?#])/, "/index.html") : path;
  }

  dress(column, row) {
    const value = row[column.field];
    const inner = document.createElement("span");
    if (column.kind === "html" || column.kind === "figure") {
      inner.innerHTML = column.raw(row.id);
      for (const link of inner.querySelectorAll("a[href]")) link.setAttribute("href", this.address(link.getAttribute("href")));
    } else {
      const kind = column.badges?.[value];
      inner.textContent = column.show(value);
      if (kind) inner.className = `badge badge--${kind}`;
      else if (column.kind === "date") inner.className = "grid-date";
    }
    const to = column.link?.at[row.id];
    if (!to) return inner;
    return make("a", { href: this.address(column.link.start + to + column.link.end) }, inner);
  }

  ranks(column) {
    if (column.kind === "number") return (value) => value ?? -Infinity;
    if (column.kind === "figure") return (value) => (value === "" ? -Infinity : Number.parseFloat(value.replaceAll(",", "")));
    if (!column.places) {
      const order = new Map(column.order?.map((value, at) => [value, at]));
      const values = [...new Set(this.rows.map((row) => row[column.field]))];
      values.sort((a, b) => (order.get(a) ?? Infinity) - (order.get(b) ?? Infinity) || collator.compare(a, b));
      column.places = new Map(values.map((value, at) => [value, at]));
    }
    return (value) => column.places.get(value);
  }

  definition(column) {
    const some = this.rows.slice(0, 100).map((row) => [...String(column.show(row[column.field]) ?? "")].reduce((sum, sign) => sum + (sign < "⺀" ? 0.6 : 1), 0));
    const wide = Math.min(16, Math.max(...some, Math.min(column.title.length, 7), 2));
    const right = column.kind === "number" || column.kind === "figure";
    return {
      title: column.title, headerWordWrap: true, field: column.field, visible: column.shown, headerHozAlign: right ? "right" : "left", hozAlign: right ? "right" : "left",
      minWidth: Math.ceil(Math.max(Math.min(wide, 9) * 14.5 + (column === this.columns[0] ? 30 : 34), Math.min(column.title.length, 3) * 14.5 + 46)), widthGrow: wide, headerTooltip: "点击排序；按住 Ctrl 再点其他列，按几列排序",
      cssClass: right ? "grid-figure" : column.kind === "date" ? "grid-date" : "",
      formatter: (cell) => this.dress(column, cell.getData()),
      sorter: (a, b) => {
        const rank = this.ranks(column);
        const [left, other] = [rank(a), rank(b)];
        return left < other ? -1 : left > other ? 1 : 0;
      },
    };
  }

  show(place, takeOver) {
    const columns = this.columns.map((column) => this.definition(column));
    if (this.keys) {
      columns.splice(1, 0, {
        title: "名单", field: "picked", headerSort: false, width: 62, hozAlign: "center", print: false,
        formatter: (cell) => {
          const row = cell.getData();
          const input = make("input", { type: "checkbox", className: "grid-pick", checked: this.picks.has(row.id) });
          input.setAttribute("aria-label", `把 ${row.c0} 放进名单`);
          input.addEventListener("change", () => {
            if (input.checked) this.picks.add(row.id);
            else this.picks.delete(row.id);
            this.tellPicks();
            this.writeAddress();
          });
          return input;
        },
      });
    }
    // Beside the table and not in it: within a grid, readers of the screen expect rows.
    const pages = make("div", { className: "tabulator-footer tabulator-paginator" });
    place.after(pages);
    // Before the table's own listener, which prints what is open. At once: each redrawing makes the groups anew.
    let closed = new Set();
    const turn = (act) => {
      if (!this.group) return;
      this.table.blockRedraw();
      for (const group of this.table.getGroups()) if (closed.has(group.getKey())) group[act]();
      this.table.restoreRedraw();
    };
    addEventListener("beforeprint", () => {
      closed = new Set(this.group ? this.table.getGroups().filter((group) => !group.isVisible()).map((group) => group.getKey()) : []);
      turn("show");
    });
    this.table = new Tabulator(place, {
      data: this.rows, columns, columnDefaults: { headerWordWrap: true }, index: "id", nestedFieldSeparator: false, layout: "fitColumns", renderVertical: "basic",
      responsiveLayout: narrow.matches ? "collapse" : false, responsiveLayoutCollapseStartOpen: true,
      responsiveLayoutCollapseFormatter: (cells) => make("div", { role: "gridcell" }, make("dl", { className: "grid-rest" }, ...cells.filter(({ value }) => value?.textContent !== "").map(({ title, value }) => make("div", {}, make("dt", {}, title), make("dd", {}, value))))),
      pagination: true, paginationElement: pages, paginationSize: PER_PAGE, paginationSizeSelector: [20, 50, 100, 200], paginationInitialPage: this.page,
      paginationButtonCount: narrow.matches ? 3 : 5,
      initialSort: this.sorters.map(({ column, dir }) => ({ column: column.field, dir })),
      groupStartOpen: false, groupToggleElement: "header", groupHeader: (...told) => this.groupHead(...told),
      groupHeaderPrint: (...told) => make("span", {}, this.groupWords(...told)).outerHTML,
      headerSortClickElement: "header", columnHeaderSortMulti: true, movableColumns: !narrow.matches, resizableRows: false,
      placeholder: "没有符合条件的记录。", printAsHtml: true, printRowRange: "active", printStyled: false,
      printConfig: { columnGroups: false, rowGroups: true, columnCalcs: false, formatCells: true },
      locale: "zh", langs: { zh: {
        pagination: { page_size: "每页", page_title: "第", first: "首页", first_title: "首页", last: "末页", last_title: "末页", prev: "上一页", prev_title: "上一页", next: "下一页", next_title: "下一页", all: "全部" },
        groups: { item: "条", items: "条" }, data: { loading: "正在读取", error: "读取失败" },
      } },
    });
    place.setAttribute("aria-label", this.title);
    const head = make("div", { className: "grid-print-head" });
    addEventListener("beforeprint", () => {
      head.replaceChildren(...this.heading(this.found.length).map((words) => make("p", {}, words)));
      place.before(head);
    });
    addEventListener("afterprint", () => {
      head.remove();
      // Once it stands on the screen again.
      setTimeout(() => turn("hide"));
    });
    this.table.on("tableBuilt", () => {
      this.table.setFilter((row) => row.fits);
      if (this.group) this.applyGroup();
      if (this.page > 1) this.table.setPage(this.page).catch(() => {});
      this.headKeys(place);
      place.querySelector(".tabulator-tableholder").removeAttribute("tabindex");
      this.tell();
      takeOver();
      this.table.on("pageLoaded", (page) => {
        this.page = page;
        this.writeAddress();
      });
      this.table.on("dataSorted", (sorters) => {
        this.sorters = sorters.map(({ field, dir }) => ({ column: this.columns.find((column) => column.field === field), dir }));
        this.writeAddress();
      });
      this.box.dataset.ready = "";
      this.box.dispatchEvent(new Event("grid-ready"));
    });
  }

  headKeys(place) {
    for (const head of place.querySelectorAll(".tabulator-col.tabulator-sortable")) {
      head.tabIndex = 0;
      head.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        head.dispatchEvent(new MouseEvent("click", { bubbles: true, ctrlKey: event.ctrlKey, shiftKey: event.shiftKey }));
      });
    }
  }

  applyGroup() {
    const column = this.columns.find(({ name }) => name === this.group);
    this.table.setGroupBy(column ? column.field : false);
    if (column && !this.sorters.length && column.order) this.table.setSort(column.field, "asc");
  }

  groupWords(value, count, rows) {
    const figures = this.columns.filter((column) => column.total).map((column) => {
      const some = rows.map((row) => row[column.field]).filter((figure) => figure !== null);
      const sum = some.reduce((total, figure) => total + figure, 0);
      if (column.total === "sum") return `${column.title} ${column.show(sum)}`;
      return some.length ? `平均${column.title} ${(sum / some.length).toFixed(1)}` : "";
    }).filter(Boolean);
    return [value || EMPTY, `${count.toLocaleString("en-US")} 条`, ...figures].join("　");
  }

  groupHead(value, count, rows, group) {
    // A head of rows is read aloud as a row with one cell.
    group.getElement().setAttribute("role", "row");
    const button = make("button", { type: "button", className: "grid-group" }, this.groupWords(value, count, rows));
    return make("span", { role: "gridcell" }, button);
  }

  // --- out of the page ------------------------------------------------------------------------------------------

  heading(count, choices = this.choices().map(([words]) => words).join("；")) {
    const facts = typeof siteFacts === "object" ? siteFacts : {};
    return [
      this.title,
      `${facts.edition ?? ""}　数据截至 ${facts.as_of ?? ""}${facts.commit ? `　提交号 ${facts.commit.slice(0, 10)}` : ""}　${count} 条`,
      ...(choices ? [`筛选：${choices}`] : []),
    ];
  }

  async save(kind, rows, columns) {
    await Promise.all([this.load("assets/vendor/fflate.js"), this.load("assets/sheet.js")]);
    columns ??= this.table.getColumns().map((made) => this.columns.find(({ field }) => field === made.getField())).filter((column) => column?.shown);
    const head = rows ? this.heading(rows.length, "名单") : this.heading(this.found.length);
    rows ??= this.table.getData("active");
    const cells = rows.map((row) => columns.map((column) => row[column.field] ?? ""));
    const titles = columns.map(({ title }) => title);
    const name = `${this.title}${typeof siteFacts === "object" ? siteFacts.as_of.replaceAll("-", "") : ""}.${kind}`;
    const data = kind === "csv" ? makeCsv(head, titles, cells) : makeWorkbook(this.title, head, titles, cells);
    const address = URL.createObjectURL(new Blob([data]));
    make("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  }
}

return { LongList, readTable };
})();
