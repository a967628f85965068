// A lane for each label, a bar for each event. Bars stand at parts of the whole, so that zooming moves nothing here.

import { tellApart, tone } from "./colours.js";
import { byId, make } from "./dom.js";
import { dragging } from "./dragging.js";
import { clock, named, percent, t } from "./i18n.js";

const lanes = byId("lanes");
const names = byId("lane-names");

export const titled = (session, label) => (session.ofWords ? t("task.words") : named(label));

/** "Dog barking, 0:01.2 to 0:03.9, score 93 %" */
export function described(session, event) {
  const times = { label: event.text || titled(session, event.label), from: clock(event.onset, 2), to: clock(event.offset, 2) };
  return session.ofWords ? t("word.described", times) : t("event.described", { ...times, score: percent(event.score) });
}

export class Lanes {
  #session;
  #player;
  #axis;

  constructor(session, player, axis) {
    this.#session = session;
    this.#player = player;
    this.#axis = axis;
    this.stop = dragging(lanes, session, player, axis);
  }

  draw() {
    const session = this.#session;
    const focused = lanes.contains(document.activeElement);
    const labels = session.labels;
    tellApart(labels);
    names.replaceChildren(...labels.map((label) => this.#name(label)));
    lanes.replaceChildren(...labels.map((label) => this.#lane(label)));
    byId("nothing").hidden = labels.length > 0 || session.ofWhole;
    this.mark();
    if (focused) this.focus();
  }

  /** Shows which event is selected; it alone is a stop of the tabulator. */
  mark() {
    const bars = [...lanes.querySelectorAll(".event")];
    const at = bars.find((bar) => Number(bar.dataset.id) === this.#session.selected);
    for (const bar of bars) {
      bar.classList.toggle("selected", bar === at);
      bar.setAttribute("aria-pressed", String(bar === at));
      bar.tabIndex = bar === (at ?? bars[0]) ? 0 : -1;
    }
  }

  /** Puts the keyboard on the selected event. */
  focus() {
    const bar = lanes.querySelector(".event.selected");
    if (!bar) return;
    const event = this.#session.event;
    if (event.offset < this.#axis.start || event.onset > this.#axis.end) this.#axis.show(event.onset);
    bar.focus({ preventScroll: true });
    bar.closest(".lane").scrollIntoView({ block: "nearest" });
  }

  #tone(label) {
    return this.#session.ofWords ? "tone-word" : tone(label);
  }

  #name(label) {
    return make("div", { class: `name lane-row ${this.#tone(label)}` }, make("i", { class: "dot" }), make("span", { text: titled(this.#session, label) }));
  }

  #lane(label) {
    const bars = this.#session.events.filter((event) => event.label === label).map((event) => this.#bar(event));
    const name = make("span", { class: "lane-name", text: titled(this.#session, label), "aria-hidden": "true" });
    const about = { role: "group", "aria-label": titled(this.#session, label), data: { label } };
    return make("div", { class: `lane lane-row ${this.#tone(label)}`, ...about }, name, ...bars);
  }

  #bar(event) {
    const about = described(this.#session, event);
    const bar = make("button", { type: "button", class: "event", "aria-label": about, title: about, data: { id: event.id } });
    if (!this.#session.ofWords) bar.append(make("i", { class: "edge onset" }), make("i", { class: "edge offset" }));
    bar.style.left = `${(100 * event.onset) / this.#session.duration}%`;
    bar.style.width = `${(100 * (event.offset - event.onset)) / this.#session.duration}%`;
    bar.addEventListener("click", () => {
      this.#session.select(event.id);
      this.#player.playSpan(event.onset, event.offset);
    });
    bar.addEventListener("focus", () => this.#session.select(event.id));
    return bar;
  }
}
