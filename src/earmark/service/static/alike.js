// More like an event: stretches of the recording that sound like it, to hear and to mark as the same.

import * as api from "./api.js";
import { tone } from "./colours.js";
import { announce, byId, closable, complain, icon, make } from "./dom.js";
import { clock, named, percent, t } from "./i18n.js";

const MARKED = 0.5; // of a stretch lies in an event of that label: it is marked already
const block = byId("alike");
const list = byId("alike-list");

export class Alike {
  #session;
  #player;
  #example = null; // the event as it was when it was asked for
  #candidates = [];

  constructor(session, player) {
    this.#session = session;
    this.#player = player;
    closable(block, byId("alike-close"), byId("edit-alike"));
    byId("alike-all").onclick = () => this.#mark(this.#left());
  }

  /** Asks for what is like the selected event. */
  async ask() {
    const example = this.#session.event;
    if (!example || !this.#session.alike) return;
    try {
      const { candidates } = await api.alike(this.#session.job.id, example);
      if (this.#session.event?.id !== example.id) return; // the reader went on
      this.#example = example;
      this.#candidates = candidates;
      block.hidden = false;
      this.draw();
      byId("alike-title").focus({ preventScroll: true });
      block.scrollIntoView({ block: "nearest" });
      announce(t("alike.count", { count: this.#left().length }));
    } catch (error) {
      complain(error);
    }
  }

  /** Shows what is left to be marked; what is undone is there again. */
  draw() {
    if (block.hidden) return;
    const [left, label] = [this.#left(), this.#label];
    const focused = block.contains(document.activeElement) ? document.activeElement : null;
    const at = [...list.children].findIndex((row) => row.contains(focused));
    byId("alike-title").textContent = t("alike.title", { label: named(label), from: clock(this.#example.onset) });
    byId("alike-count").textContent = left.length || "";
    byId("alike-none").hidden = left.length > 0;
    byId("alike-all").hidden = left.length < 2;
    list.replaceChildren(...left.map((one) => this.#row(one, label)));
    if (!focused || (focused.isConnected && !focused.hidden)) return;
    const row = at < 0 ? null : list.children[Math.min(at, left.length - 1)];
    (row?.querySelector(`.${focused.className}`) ?? byId("alike-title")).focus({ preventScroll: true });
  }

  /** What the example is called by now. */
  get #label() {
    return this.#session.events.find(({ id }) => id === this.#example.id)?.label ?? this.#example.label;
  }

  #left() {
    const same = this.#session.events.filter(({ label }) => label === this.#label);
    const shared = (one, event) => Math.min(one.offset, event.offset) - Math.max(one.onset, event.onset);
    return this.#candidates.filter((one) => !same.some((event) => shared(one, event) >= MARKED * (one.offset - one.onset)));
  }

  #mark(stretches) {
    this.#session.addAll(this.#label, stretches);
    announce(t("alike.count", { count: this.#left().length }));
  }

  #row(one, label) {
    const times = t("alike.time", { from: clock(one.onset, 2), to: clock(one.offset, 2) });
    const listen = () => this.#player.playSpan(one.onset, one.offset);
    const play = make("button", { type: "button", class: "hear", "aria-label": t("hear", { what: times }), onclick: listen }, icon("play"));
    const bar = make("span", { class: "share", title: t("alike.score") }, make("i"));
    bar.firstElementChild.style.width = `${100 * one.score}%`;
    const score = make("span", { class: "score", text: percent(one.score), title: t("alike.score") });
    const text = t("alike.take", { label: named(label) });
    const take = make("button", { type: "button", class: "take", text, "aria-label": `${text}, ${times}`, onclick: () => this.#mark([one]) });
    return make("li", { class: tone(label) }, play, make("span", { class: "at", text: times }), bar, score, take);
  }
}
