// The exact search, off the page's own thread: in a worker, or from a disk in a frame of its own (offline.js).
"use strict";

(() => {
  const kinds = [];
  let base, readings = {}, started, asked = "";

  const start = async () => {
    await importScripts(new URL("assets/pinyin.js", base).href, new URL("search/pinyin.js", base).href, new URL("search/records.js", base).href);
    readings = self.pinyinReadings;
    for (const [place, { kind, rows }] of recordIndex.kinds.entries()) kinds.push({ kind, rows, place, ready: false });
    // The small kinds answer first, while the large ones are on their way.
    for (const { place } of [...kinds].sort((a, b) => a.rows - b.rows)) {
      await importScripts(new URL(`search/records-${place}.js`, base).href);
      unpack(kinds[place], self.recordShard);
      answer();
      // Whoever goes on typing is heard between two kinds.
      await new Promise((next) => setTimeout(next));
    }
  };

  // A column is one text, a record a line: folded and searched whole.
  const column = (lines) => {
    const text = `\n${foldWords(lines)}\n`;
    const starts = [];
    for (let at = 0; at >= 0; at = text.indexOf("\n", at)) starts.push(++at);
    return { text, starts };
  };

  // Addresses that count on from one stand as their number behind it.
  const counted = (line) => {
    const [, stem, digits, more] = /^(.*?)(\d*)(?:\t(\d+))?$/.exec(line);
    return Array.from({ length: 1 + Number(more ?? 0) }, (_, n) => (
      n ? stem + String(Number(digits) + n).padStart(digits.length, "0") : stem + digits));
  };

  const unpack = (made, shard) => {
    const at = shard.at.split("\n").flatMap(counted), stem = shard.start.split("/").pop();
    const [first = at.map(() => ""), ...others] = shard.besides.map((lines) => lines.split("\n"));
    const besides = first.map((word, row) => others.reduce((all, lines) => (lines[row] ? `${all} ${lines[row]}` : all), word));
    Object.assign(made, {
      ready: true, start: shard.start, end: shard.end, at, titles: shard.titles.split("\n"), besides,
      names: column(shard.titles), beside: column(besides.join("\n")),
      ids: column(at.map((rest) => stem + rest).join("\n")), keys: shard.keys.map(column),
    });
  };

  // Tell of every line that holds a word: of which record it is, how far in, and whether it is the whole line.
  const scan = ({ text, starts }, word, tell) => {
    for (let row = 0, at = text.indexOf(word); at >= 0; at = text.indexOf(word, starts[row + 1])) {
      while (starts[row + 1] <= at) row++;
      tell(row, at - starts[row], starts[row + 1] - starts[row] === word.length + 1);
    }
  };

  // How well one word fits each record: the whole name, a number, the name's start, its inside, its sound, what stands beside it.
  const fits = (made, word) => {
    const scores = new Uint8Array(made.rows);
    const raise = (row, score) => { if (scores[row] < score) scores[row] = score; };
    const sound = (lines, score) => {
      const sounds = soundsLike(word, readings);
      for (let row = 0; row < made.rows; row++) {
        if (scores[row] < score && sounds(lines.text, lines.starts[row], lines.starts[row + 1] - 1)) scores[row] = score;
      }
    };
    scan(made.names, word, (row, from, whole) => raise(row, whole ? 6 : from ? 3 : 4));
    scan(made.ids, word, (row, from, whole) => raise(row, whole ? 5 : word.length > 2 ? 2 : 0));
    for (const keys of made.keys) scan(keys, word, (row, from, whole) => raise(row, whole ? 5 : 2));
    scan(made.beside, word, (row) => raise(row, 1));
    if (/^[a-z]+$/.test(word)) {
      sound(made.names, 3);
      sound(made.beside, 1);
    }
    return scores;
  };

  const find = (made, query) => {
    const words = query.split(/\s+/).map(foldWords).filter(Boolean);
    if (!words.length) return [];
    const whole = fits(made, words.join(""));
    const each = words.length > 1 ? words.map((word) => fits(made, word)) : [];
    const found = [];
    for (let row = 0; row < made.rows; row++) {
      let score = whole[row] * 2;
      if (!score && each.length && each.every((scores) => scores[row])) {
        score = each.reduce((sum, scores) => sum + scores[row], 0) / each.length;
      }
      if (score) found.push([score, row]);
    }
    return found.sort((a, b) => b[0] - a[0] || a[1] - b[1]);
  };

  const answer = () => {
    const groups = !asked ? [] : kinds.filter((made) => made.ready).map((made) => {
      const found = find(made, asked);
      return {
        kind: made.kind, total: found.length, best: found[0]?.[0] ?? 0,
        rows: found.slice(0, 300).map(([, row]) => (
          { url: made.start + made.at[row] + made.end, title: made.titles[row], subtitle: made.besides[row] })),
      };
    }).filter(({ total }) => total).sort((a, b) => b.best - a.best);
    postMessage({ query: asked, groups, waiting: !kinds.length || kinds.some((made) => !made.ready) });
  };

  addEventListener("message", ({ data }) => {
    base = data.base;
    asked = data.query;
    started ??= start();
    answer();
  });
})();
