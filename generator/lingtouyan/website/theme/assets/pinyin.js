// Whether Latin letters are how words sound: whole syllables, initials, or both, from any character on.
"use strict";

// A test of words against letters. One pass over the words: a bit for each number of letters that may have been heard so far.
function soundsLike(letters, readings) {
  const whole = 1 << letters.length;
  const learn = (code, rare) => {
    // What was heard before, and what after it, in turn.
    const found = [];
    for (const [place, sound] of (readings[String.fromCodePoint(code)] ?? []).entries()) {
      for (let from = 0; from < letters.length; from++) {
        const initial = rare || !place;
        if (letters.startsWith(sound, from)) found.push(1 << from, 1 << (from + sound.length));
        if (letters[from] === sound[0] && initial) found.push(1 << from, 1 << (from + 1));
        if (sound.startsWith(letters.slice(from)) && initial) found.push(1 << from, whole);
      }
    }
    return found;
  };
  const [main, every] = [new Map(), new Map()];
  return (words, from = 0, to = words.length) => {
    if (letters.length > 30) return false;
    // Rare readings would find initials in every long title.
    const rare = to - from <= 8;
    const known = rare ? every : main;
    let heard = 1;
    for (let at = from; at < to; at++) {
      const code = words.codePointAt(at);
      if (code > 0xffff) at++;
      let steps = known.get(code);
      if (!steps) known.set(code, steps = learn(code, rare));
      let next = 1;
      for (let step = 0; step < steps.length; step += 2) if (heard & steps[step]) next |= steps[step + 1];
      if (next & whole) return true;
      heard = next;
    }
    return false;
  };
}

// One spelling for what people write in several ways: full width, capitals, rare forms, dots and spaces in names. Lines stay.
const plainForms = { "𠮷": "吉", "髙": "高", "淸": "清", "靑": "青", "黃": "黄", "戶": "户", "峯": "峰", "羣": "群", "甯": "宁", "恆": "恒", "産": "产" };
const rareForm = new RegExp(Object.keys(plainForms).join("|"), "gu");
function foldWords(words) {
  return words.normalize("NFKC").toLowerCase().replace(/[·•‧・．.]|[^\S\n]/g, "").replace(rareForm, (sign) => plainForms[sign]);
}
