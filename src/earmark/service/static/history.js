// Corrections that can be taken back. Lists of events are never changed, only replaced.

/** Events with numbers of their own, in time's order. */
export const ordered = (events) => [...events].sort((a, b) => a.onset - b.onset || a.label.localeCompare(b.label));

/** Whether two lists say the same. */
export function same(some, others) {
  const plain = (events) =>
    JSON.stringify(ordered(events).map(({ onset, offset, label, score }) => [onset.toFixed(3), offset.toFixed(3), label, score.toFixed(3)]));
  return plain(some) === plain(others);
}

const MOST = 200; // changes that can be taken back
const LARGEST = 5000; // events in all of them

const plain = ({ onset, offset, label, score }) => ({ onset, offset, label, score });
const key = ({ onset, offset, label }) => `${onset.toFixed(3)} ${offset.toFixed(3)} ${label}`;

/** What leads from one list to another. */
function difference(before, after) {
  const [old, fresh] = [new Set(before), new Set(after)];
  return { removed: before.filter((event) => !fresh.has(event)), added: after.filter((event) => !old.has(event)) };
}

/** A list without some events, which it may hold as others of the same place, and with others. */
function changed(events, without, others) {
  const gone = new Map();
  for (const event of without) gone.set(key(event), (gone.get(key(event)) ?? 0) + 1);
  const kept = events.filter((event) => {
    const left = gone.get(key(event)) ?? 0;
    if (left) gone.set(key(event), left - 1);
    return !left;
  });
  return ordered([...kept, ...others]);
}

/** Changes of earlier sittings come as the service keeps them: lists of {removed, added}. */
export class History {
  #past;
  #future;

  constructor(events, past = [], future = []) {
    this.now = ordered(events);
    this.#past = past;
    this.#future = future;
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  change(events) {
    const next = ordered(events);
    this.#past.push(difference(this.now, next));
    this.#future = [];
    this.now = next;
  }

  undo() {
    if (!this.canUndo) return false;
    const change = this.#past.pop();
    this.#future.push(change);
    this.now = changed(this.now, change.added, change.removed);
    return true;
  }

  redo() {
    if (!this.canRedo) return false;
    const change = this.#future.pop();
    this.#past.push(change);
    this.now = changed(this.now, change.removed, change.added);
    return true;
  }

  /** The latest changes, as many as the service keeps. */
  kept() {
    const some = (changes) => {
      let room = LARGEST;
      const from = changes.findLastIndex(({ removed, added }) => (room -= removed.length + added.length) < 0);
      return changes.slice(Math.max(from + 1, changes.length - MOST)).map(({ removed, added }) => ({ removed: removed.map(plain), added: added.map(plain) }));
    };
    return { past: some(this.#past), future: some(this.#future) };
  }
}
