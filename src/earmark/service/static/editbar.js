// The selected event in words and numbers: to read, to correct, to remove, to add another.

import { Alike } from "./alike.js";
import { byId, make } from "./dom.js";
import { labelOf, named } from "./i18n.js";
import { Teach } from "./teach.js";

const LONG = 1; // s; an added event before its edges are set
const form = byId("editbar");
const [label, onset, offset] = ["edit-label", "edit-onset", "edit-offset"].map(byId);

/** The label that an event added at the playhead gets before a person says another. */
function usual(session) {
  return session.event?.label ?? session.labels[0] ?? session.view.labels[0]?.label ?? "speech";
}

/** Does something with the selected event; then the next in the order of the list is heard. */
function reviewed(session, player, act) {
  const order = session.inOrder();
  const at = order.findIndex(({ id }) => id === session.selected);
  const gone = (event) => !session.events.some(({ id }) => id === event.id);
  act();
  const next = order.slice(at + 1).find((event) => !gone(event));
  session.select(next?.id ?? null);
  if (next) player.playSpan(next.onset, next.offset);
}

const actions = (session, player, alike, teach) => ({
  play: () => session.event && player.playSpan(session.event.onset, session.event.offset),
  remove: () => session.event && session.drop(session.event.id),
  setOnset: () => session.event && session.alter(session.event.id, { onset: player.time }),
  setOffset: () => session.event && session.alter(session.event.id, { offset: player.time }),
  add() {
    session.add(usual(session), player.time, player.time + LONG);
    label.focus();
    label.select();
  },
  accept: () => session.event && reviewed(session, player, () => session.accept(session.selected)),
  reject: () => session.event && reviewed(session, player, () => session.drop(session.selected)),
  nothing: () => session.event && reviewed(session, player, () => session.drop(...session.beside(session.event).map(({ id }) => id))),
  relabel() {
    if (!session.event) return;
    label.focus();
    label.select();
  },
  like: () => alike.ask(),
  teach: () => teach.ask(),
  undo: () => session.undo(),
  redo: () => session.redo(),
});

export class EditBar {
  #session;
  #alike;
  #teach;

  constructor(session, player, flush) {
    this.#session = session;
    this.#alike = new Alike(session, player);
    this.#teach = new Teach(session, flush);
    this.acts = actions(session, player, this.#alike, this.#teach);
    byId("edit-alike").hidden = byId("edit-teach").hidden = !session.alike;
    byId("edit-alike").onclick = this.acts.like;
    byId("edit-teach").onclick = this.acts.teach;
    form.hidden = !session.editable;
    const id = () => session.selected;
    form.onsubmit = (event) => event.preventDefault();
    label.onchange = () => id() && session.alter(id(), { label: labelOf(label.value, this.#labels()) });
    onset.onchange = () => this.#number(onset, "onset");
    offset.onchange = () => this.#number(offset, "offset");
    byId("edit-play").onclick = this.acts.play;
    byId("edit-delete").onclick = this.acts.remove;
    byId("edit-add").onclick = this.acts.add;
    for (const name of ["accept", "reject", "nothing"]) byId(`edit-${name}`).onclick = this.acts[name];
    byId("undo").onclick = this.acts.undo;
    byId("redo").onclick = this.acts.redo;
    this.names();
  }

  /** The labels to choose from: what is marked, and what the model knows. */
  names() {
    byId("label-list").replaceChildren(...this.#labels().map((name) => make("option", { value: named(name) })));
  }

  draw() {
    const { event, history } = this.#session;
    for (const control of [label, onset, offset, byId("edit-play"), byId("edit-delete"), ...["accept", "reject", "nothing", "alike", "teach"].map((name) => byId(`edit-${name}`))]) control.disabled = !event;
    label.value = event ? named(event.label) : "";
    onset.value = event ? event.onset.toFixed(2) : "";
    offset.value = event ? event.offset.toFixed(2) : "";
    onset.max = offset.max = this.#session.duration;
    this.#alike.draw();
    this.#teach.draw();
    byId("undo").disabled = !history.canUndo;
    byId("redo").disabled = !history.canRedo;
  }

  #labels() {
    const known = this.#session.view.labels.map(({ label: name }) => name);
    return [...new Set([...this.#session.labels, ...known])].sort((a, b) => named(a).localeCompare(named(b)));
  }

  #number(input, key) {
    const value = input.valueAsNumber;
    if (this.#session.selected && Number.isFinite(value)) this.#session.alter(this.#session.selected, { [key]: value });
    this.draw(); // what was out of range stands corrected
  }
}
