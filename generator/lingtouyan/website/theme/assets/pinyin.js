// Whether Latin letters are how words sound: whole syllables, initials, or both, from any character on.
"use strict";

function soundsLike(letters, words, readings) {
  const signs = [...words];
  // Rare readings would find initials in every long title.
  const short = signs.length <= 8;
  const fits = (at, from) => {
    if (from === letters.length) return true;
    for (const [place, sound] of (readings[signs[at]] ?? []).entries()) {
      if (letters.startsWith(sound, from) && fits(at + 1, from + sound.length)) return true;
      if (letters[from] === sound[0] && (short || !place) && fits(at + 1, from + 1)) return true;
      if (sound.startsWith(letters.slice(from)) && (short || !place)) return true;
    }
    return false;
  };
  return signs.some((_, at) => fits(at, 0));
}

// One spelling for what people write in several ways: full width, capitals, rare forms, dots and spaces in names.
const plainForms = { "𠮷": "吉", "髙": "高", "淸": "清", "靑": "青", "黃": "黄", "戶": "户", "峯": "峰", "羣": "群", "甯": "宁", "恆": "恒", "産": "产" };
function foldWords(words) {
  return words.normalize("NFKC").toLowerCase().replace(/[·•‧・．.\s]+/g, "").replace(/[^\x00-\x7f]/gu, (sign) => plainForms[sign] ?? sign);
}
