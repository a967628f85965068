// One opened recording: what was found in it, what is selected, what was corrected.

import { History, same } from "./history.js";

const SHORTEST = 0.02; // s; an event that a person can still see and hear

let lastId = 0;
const numbered = (events) => events.map((event) => ({ ...event, id: ++lastId }));
const rounded = (time) => Math.round(time * 1000) / 1000;

/** Tells "events" when they change, "edited" when a person changed them, "selected" when another one is meant. */
export class Session extends EventTarget {
  selected = null;
  words = null;
  whole = null; // labels of the recording as a whole, where those were asked for
  speaker = null;
  corrected = false;
  leastSureFirst = false;
  revision = null; // of the events that the service has

  constructor(job, view, settings) {
    super();
    this.job = job;
    this.view = view;
    this.settings = settings; // {sensitivity, thresholds, includeSpeech}
    this.history = new History([]);
    this.found = [];
  }

  get ofWords() {
    return this.job.task === "words";
  }

  get ofWhole() {
    return this.job.task === "classify";
  }

  /** Whether it has events, which a person can correct. */
  get editable() {
    return !this.ofWords && !this.ofWhole;
  }

  /** Whether the service can tell what sounds like an event. */
  get alike() {
    return "alike" in (this.job.links ?? {});
  }

  get duration() {
    return this.view.duration;
  }

  /** What lanes draw: events, or words as events of one label. */
  get events() {
    return this.history.now;
  }

  /** Whether the words of a given text hardly fit what is said. */
  get doubtful() {
    const fits = this.events.map((event) => event.fits).filter((fit) => fit !== undefined).sort((a, b) => a - b);
    return fits.length > 0 && fits[Math.floor(fits.length / 2)] < 0.5;
  }

  get event() {
    return this.events.find((event) => event.id === this.selected) ?? null;
  }

  /** Events as the list shows them: in time, or those first of which the model is least sure. */
  inOrder() {
    return this.leastSureFirst ? [...this.events].sort((a, b) => a.score - b.score || a.onset - b.onset) : this.events;
  }

  get labels() {
    return [...new Set(this.events.map((event) => event.label))];
  }

  /** Takes what the service answers: Timeline JSON or Words JSON, what the model found, and the changes of before. */
  take(answer, found, { past = [], future = [] } = {}) {
    const list = answer.words?.map((word) => ({ ...word, label: "word", score: 1, fits: word.score })) ?? answer.events ?? [];
    this.whole = answer.labels ?? null;
    this.speaker = answer.speaker_f0 ?? null;
    this.words = answer.words ?? null;
    const chosen = this.event;
    const own = (changes) => changes.map(({ removed, added }) => ({ removed: numbered(removed), added: numbered(added) }));
    this.history = new History(numbered(list), own(past), own(future));
    this.found = found?.events ?? list;
    this.corrected = !same(list, this.found);
    const again = chosen && this.events.find((event) => event.label === chosen.label && event.onset < chosen.offset && event.offset > chosen.onset);
    this.selected = again?.id ?? null;
    this.#tell("events");
    this.#tell("selected");
  }

  select(id) {
    if (this.selected === id) return;
    this.selected = id;
    this.#tell("selected");
  }

  /** The event before or after the selected one, or after a time where none is. */
  neighbour(step, time) {
    const at = this.events.findIndex((event) => event.id === this.selected);
    if (at >= 0) return this.events[at + step] ?? null;
    const later = this.events.findIndex((event) => event.onset >= time - 1e-3);
    const next = later < 0 ? this.events.length : later;
    return this.events[step > 0 ? next : next - 1] ?? null;
  }

  add(label, onset, offset) {
    this.addAll(label, [{ onset, offset }]);
  }

  /** Adds events of one label, as one change; the first is then meant. */
  addAll(label, stretches) {
    const added = numbered(stretches.map(({ onset, offset }) => ({ label, score: 1, ...this.#within(onset, offset) })));
    this.#edit([...this.events, ...added], added[0].id);
  }

  /** Changes the label, onset or offset of one event. */
  alter(id, changes) {
    const old = this.events.find((event) => event.id === id);
    if (!old) return;
    const event = { ...old, ...changes };
    Object.assign(event, this.#within(event.onset, event.offset));
    if (!event.label || (event.label === old.label && event.onset === old.onset && event.offset === old.offset)) return;
    if (event.label !== old.label) event.score = 1; // a person says so
    this.#edit(this.events.map((other) => (other.id === id ? event : other)), id);
  }

  /** Removes events; then the next one is meant. */
  drop(...ids) {
    const next = this.neighbour(1, 0) ?? this.neighbour(-1, 0);
    this.#edit(this.events.filter((event) => !ids.includes(event.id)), next?.id ?? null);
  }

  /** A person says that an event is right; it counts as sure from then on. */
  accept(id) {
    this.#edit(this.events.map((event) => (event.id === id ? { ...event, score: 1 } : event)), id);
  }

  /** A person says what a word is. Nothing else changes, so nothing is drawn anew. */
  write(id, text) {
    this.history.change(this.events.map((event) => (event.id === id ? { ...event, text: text.trim() || null } : event)));
    this.#tell("edited");
  }

  /** Events that sound while one does, with it. */
  beside({ onset, offset }) {
    return this.events.filter((event) => event.onset < offset && event.offset > onset);
  }

  /** All as the model found it; that can be taken back as well. */
  forget() {
    this.#edit(numbered(this.found), null);
  }

  undo() {
    if (this.history.undo()) this.#edited(this.selected);
  }

  redo() {
    if (this.history.redo()) this.#edited(this.selected);
  }

  #within(onset, offset) {
    const [a, b] = [Math.min(onset, offset), Math.max(onset, offset)];
    const start = Math.min(Math.max(a, 0), Math.max(0, this.duration - SHORTEST));
    return { onset: rounded(start), offset: rounded(Math.min(Math.max(b, start + SHORTEST), this.duration)) };
  }

  #edit(events, selected) {
    this.history.change(events);
    this.#edited(selected);
  }

  #edited(selected) {
    this.selected = this.events.some((event) => event.id === selected) ? selected : null;
    this.corrected = !same(this.events, this.found);
    this.#tell("events");
    this.#tell("selected");
    this.#tell("edited");
  }

  #tell(name) {
    this.dispatchEvent(new Event(name));
  }
}
