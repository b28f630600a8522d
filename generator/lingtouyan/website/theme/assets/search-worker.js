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
      // Whoever goes on typing is heard between two kinds.
      await new Promise((next) => setTimeout(next));
    }
  };

  // A column is one text, a record a line: folded whole, and only then divided.
  const unpack = (made, shard) => {
    const lines = (text, stem = "") => foldWords(text).split("\n").map((line) => stem + line);
    Object.assign(made, {
      ready: true, start: shard.start, end: shard.end, at: shard.at.split("\n"), titles: shard.titles.split("\n"),
      words: shard.words.split("\n"), besides: shard.besides.split("\n"),
      names: lines(shard.titles), ids: lines(shard.at, foldWords(shard.start.split("/").pop())), keys: lines(shard.keys),
      wordsBeside: lines(shard.words),
    });
  };

  // How well one word fits a record: the whole name, a number, the name's start, its inside, its sound, what stands beside it.
  const fitter = (made, word) => {
    const sounds = /^[a-z]+$/.test(word) && soundsLike(word, readings);
    const beside = [];
    const fitsBeside = (words) => words.includes(word) || (sounds && sounds(words));
    const within = word.length > 2;
    return (row) => {
      const name = made.names[row], id = made.ids[row], keyed = made.keys[row].includes(word);
      if (name === word) return 6;
      if (id === word || (keyed && made.keys[row].split("\t").includes(word))) return 5;
      if (name.includes(word)) return name.startsWith(word) ? 4 : 3;
      if (sounds && sounds(name)) return 3;
      if (keyed || (within && id.includes(word))) return 2;
      const place = made.besides[row];
      return (beside[place] ??= fitsBeside(made.wordsBeside[place])) ? 1 : 0;
    };
  };

  const find = (made, query) => {
    const words = query.split(/\s+/).map(foldWords).filter(Boolean);
    const whole = fitter(made, words.join(""));
    const each = words.length > 1 ? words.map((word) => fitter(made, word)) : [];
    const found = [];
    for (let row = 0; row < made.names.length; row++) {
      let score = whole(row) * 2;
      if (!score) {
        for (const fit of each) {
          const one = fit(row);
          score = one && score + one / each.length;
          if (!one) break;
        }
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
          { url: made.start + made.at[row] + made.end, title: made.titles[row], subtitle: made.words[made.besides[row]] })),
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
