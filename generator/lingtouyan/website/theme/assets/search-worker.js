// The exact search, off the page's own thread: in a worker, or from a disk in a frame of its own (offline.js).
"use strict";

(() => {
  const kinds = [];
  let base, readings = {}, started, asked = "";

  const start = async () => {
    await importScripts(new URL("assets/pinyin.js", base).href, new URL("search/pinyin.js", base).href, new URL("search/records.js", base).href);
    readings = self.pinyinReadings;
    for (const [rare, sign] of Object.entries(plainForms)) readings[sign] ??= readings[rare];
    for (const [place, { kind, rows }] of recordIndex.kinds.entries()) kinds.push({ kind, rows, place, ready: false });
    // The small kinds answer first, while the large ones are on their way.
    for (const { place } of [...kinds].sort((a, b) => a.rows - b.rows)) {
      await importScripts(new URL(`search/records-${place}.js`, base).href);
      unpack(kinds[place], self.recordShard);
      answer();
    }
  };

  const unpack = (made, shard) => {
    const [titles, besides, keys, at] = ["titles", "besides", "keys", "at"].map((name) => shard[name].split("\n"));
    Object.assign(made, {
      ready: true, titles, subtitles: besides.map((word) => shard.words[word] ?? ""), name: titles.map(foldWords),
      keys: keys.map((key) => key.split("\t").filter(Boolean).map(foldWords)),
      beside: shard.words.map(foldWords), besides,
      url: (row) => shard.start + at[row] + shard.end,
      id: at.map(foldWords),
    });
  };

  // How well one word fits a record: the whole name, its start, its inside, its sound, what stands beside it.
  const fit = (made, row, word, letters, known) => {
    const name = made.name[row];
    if (name === word) return 6;
    if (made.id[row] === word || made.keys[row].includes(word)) return 5;
    if (name.startsWith(word)) return 4;
    if (name.includes(word)) return 3;
    if (letters && soundsLike(word, name, readings)) return 3;
    if ((word.length > 2 && made.id[row].includes(word)) || made.keys[row].some((key) => key.includes(word))) return 2;
    const beside = made.besides[row];
    if (!known.has(beside)) {
      const words = made.beside[beside] ?? "";
      known.set(beside, words.includes(word) || (letters && soundsLike(word, words, readings)));
    }
    return known.get(beside) ? 1 : 0;
  };

  const find = (made, query) => {
    const words = query.split(/\s+/).map(foldWords).filter(Boolean);
    const tests = [words.join(""), ...(words.length > 1 ? words : [])].map((word) => [word, /^[a-z]+$/.test(word), new Map()]);
    const found = [];
    for (let row = 0; row < made.name.length; row++) {
      const [whole, ...each] = tests;
      let score = fit(made, row, ...whole) * 2;
      if (!score && each.length) {
        let sum = 0;
        score = each.every((test) => {
          const one = fit(made, row, ...test);
          sum += one;
          return one;
        }) ? sum / each.length : 0;
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
        rows: found.slice(0, 300).map(([, row]) => ({ url: made.url(row), title: made.titles[row], subtitle: made.subtitles[row] })),
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
