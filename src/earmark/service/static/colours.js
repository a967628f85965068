// One of ten tones for each label: the same everywhere, and different beside each other as long as tones last.

const TONES = 10;
const given = new Map();

function preferred(label) {
  let sum = 0;
  for (const letter of label) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return sum % TONES;
}

/** Gives lanes that stand beside each other different tones. */
export function tellApart(labels) {
  labels.forEach((label, place) => {
    const before = place ? tone(labels[place - 1]) : "";
    while (tone(label) === before) given.set(label, (given.get(label) + 1) % TONES);
  });
}

/** The CSS class of a label's tone. */
export function tone(label) {
  if (!given.has(label)) {
    const taken = new Set([...given.values()].slice(-(TONES - 1)));
    let at = preferred(label);
    while (taken.has(at)) at = (at + 1) % TONES;
    given.set(label, at);
  }
  return `tone-${given.get(label)}`;
}
