// The events, as a list to read along: click to hear.

import { tone } from "./colours.js";
import { byId, icon, make } from "./dom.js";
import { clock, named, number, percent, t } from "./i18n.js";
import { described } from "./lanes.js";

const list = byId("event-list");

export class EventList {
  #session;
  #player;
  #rows = [];
  #sounding = "";

  constructor(session, player) {
    this.#session = session;
    this.#player = player;
    const order = byId("least-sure");
    order.checked = session.leastSureFirst;
    order.onchange = () => {
      session.leastSureFirst = order.checked;
      this.draw();
    };
  }

  draw() {
    const { ofWords, whole } = this.#session;
    list.tabIndex = whole ? 0 : -1; // it scrolls, and nothing in it takes the focus
    byId("words-doubt").hidden = !this.#session.doubtful;
    if (whole) return this.#drawWhole(whole);
    const events = this.#session.inOrder();
    byId("event-list-order").hidden = ofWords;
    byId("event-list-title").textContent = t(ofWords ? "task.words" : "events.title");
    const sure = events.filter(({ score }) => score === 1).length;
    byId("event-list-count").textContent = sure && !ofWords ? t("events.reviewed", { sure, count: events.length }) : String(events.length);
    this.#rows = events.map((event, index) => ({ event, row: this.#row(event, index) }));
    this.#sounding = "";
    list.replaceChildren(...this.#rows.map(({ row }) => row));
    this.#speaker();
    this.mark();
    this.follow();
  }

  /** What the recording is as a whole: labels with their scores, the likeliest first. */
  #drawWhole(labels) {
    byId("event-list-order").hidden = byId("speaker").hidden = true;
    byId("event-list-title").textContent = t("events.whole");
    byId("event-list-count").textContent = String(labels.length);
    const row = ({ label, score }) => {
      const bar = make("span", { class: "share" }, make("i"));
      bar.firstElementChild.style.width = `${100 * score}%`;
      return make("li", { class: `whole ${tone(label)}` }, make("i", { class: "dot" }), make("span", { class: "what", text: named(label) }), bar, make("span", { class: "score", text: percent(score) }));
    };
    this.#rows = [];
    list.replaceChildren(...labels.map(row));
  }

  mark() {
    for (const { event, row } of this.#rows) row.classList.toggle("selected", event.id === this.#session.selected);
  }

  /** Marks what sounds now, and while it plays keeps it in sight. */
  follow() {
    const time = this.#player.time;
    const now = this.#rows.filter(({ event }) => event.onset <= time && time < event.offset);
    const key = now.map(({ event }) => event.id).join();
    if (key === this.#sounding) return;
    this.#sounding = key;
    for (const { row } of this.#rows) row.classList.remove("sounding");
    for (const { row } of now) row.classList.add("sounding");
    const row = now.at(-1)?.row;
    if (!row || !this.#player.playing) return;
    const below = row.offsetTop + row.offsetHeight - list.clientHeight;
    if (row.offsetTop < list.scrollTop || below > list.scrollTop) list.scrollTop = row.offsetTop - list.clientHeight / 3;
  }

  /** The word that is spoken now, and its pitch. */
  said() {
    const time = this.#player.time;
    const at = this.#rows.findIndex(({ event }) => event.onset <= time && time < event.offset);
    if (at < 0) return "";
    const { event } = this.#rows[at];
    return [this.#name(event, at), event.f0 && t("hertz", { hz: number(event.f0, 0) })].filter(Boolean).join("\n");
  }

  #name(event, index) {
    if (!this.#session.ofWords) return named(event.label);
    return event.text || t("word.number", { number: index + 1 });
  }

  #row(event, index) {
    const word = this.#session.ofWords;
    const name = this.#name(event, index);
    const listen = () => {
      this.#session.select(event.id);
      this.#player.playSpan(event.onset, event.offset);
    };
    const button = make("button", { type: "button", class: "hear", "aria-label": t("hear", { what: described(this.#session, event) }), onclick: listen }, icon("play"));
    const lasts = t("seconds", { seconds: number(event.offset - event.onset, 1) });
    const pitch = event.f0 ? t("hertz", { hz: number(event.f0, 0) }) : "–";
    const cell = (kind, text) => make("span", { class: kind, text });
    const what = word ? this.#field(event, index) : cell("what", name);
    const cells = [cell("at", clock(event.onset)), make("i", { class: "dot" }), what, cell("length", word ? pitch : lasts)];
    if (!word) cells.push(make("span", { class: event.score === 1 ? "score sure" : "score", text: event.score === 1 ? "✓" : percent(event.score), title: t("events.score") }));
    const row = make("li", { class: word ? "tone-word" : tone(event.label), data: { id: event.id } }, button, ...cells);
    row.addEventListener("click", (click) => click.target.closest("button, input") || listen());
    return row;
  }

  /** Where a person writes what a word is. */
  #field(event, index) {
    const name = t("word.number", { number: index + 1 });
    const field = make("input", { class: "what", maxlength: 100, placeholder: name, "aria-label": name, value: event.text ?? "", autocomplete: "off" });
    field.addEventListener("change", () => {
      this.#session.write(event.id, field.value);
      this.#rows[index].event = this.#session.events.find(({ id }) => id === event.id);
    });
    return field;
  }

  #speaker() {
    const { speaker } = this.#session;
    const box = byId("speaker");
    box.hidden = !speaker;
    if (!speaker) return;
    const hertz = (value) => t("hertz", { hz: number(value, 1) });
    const figures = [
      ["speaker.mean", hertz(speaker.mean)],
      ["speaker.median", hertz(speaker.median)],
      ["speaker.std", hertz(speaker.std)],
      ["speaker.voiced", t("seconds", { seconds: number(speaker.voiced_seconds, 1) })],
    ];
    box.replaceChildren(...figures.map(([key, text]) => make("div", {}, make("dt", { text: t(key) }), make("dd", { text }))));
  }
}
