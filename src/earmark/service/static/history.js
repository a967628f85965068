// Corrections that can be taken back. Lists of events are never changed, only replaced.

/** Events with numbers of their own, in time's order. */
export const ordered = (events) => [...events].sort((a, b) => a.onset - b.onset || a.label.localeCompare(b.label));

/** Whether two lists say the same. */
export function same(some, others) {
  const plain = (events) =>
    JSON.stringify(ordered(events).map(({ onset, offset, label }) => [onset.toFixed(3), offset.toFixed(3), label]));
  return plain(some) === plain(others);
}

export class History {
  #past = [];
  #future = [];

  constructor(events) {
    this.now = ordered(events);
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  change(events) {
    this.#past.push(this.now);
    this.#future = [];
    this.now = ordered(events);
  }

  undo() {
    if (!this.canUndo) return false;
    this.#future.push(this.now);
    this.now = this.#past.pop();
    return true;
  }

  redo() {
    if (!this.canRedo) return false;
    this.#past.push(this.now);
    this.now = this.#future.pop();
    return true;
  }
}
