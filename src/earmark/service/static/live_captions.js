// What sounds now, large and in its colour, and a log of what was heard.

import { replayButton, standing } from "./alerts.js";
import { tone } from "./colours.js";
import { byId, make } from "./dom.js";
import { hour, number, t } from "./i18n.js";

const stage = byId("live-stage");
const box = byId("live-captions");
const log = byId("live-log");
const LINGER = 2500; // ms that a caption stays after its sound has ended: short sounds must be read too
const LONGEST_LOG = 500;
const HEARD_AGAIN = 3000; // ms after its beginning, a sound is kept to be heard again, with what went before
const REPLAYS = 50; // kept

/** The title of the page: what alerts, or else what is an alarm just now. */
function entitle(sounding) {
  const text = standing() || sounding;
  if (!byId("live").hidden) document.title = text ? `⚠ ${text} – Earmark` : `${t("nav.live")} – Earmark`;
}
byId("alerts").addEventListener("change", () => entitle(""));

export class LiveCaptions {
  #cards = new Map();
  #rows = new Map();

  #recent;
  #alert;

  /** `began` is when the first sample was taken, ms since the epoch; `recent` keeps sound; `alert` hears of each sound. */
  constructor(began, recent, alert) {
    this.began = began;
    this.#recent = recent;
    this.#alert = alert;
  }

  begin({ id, label, text, onset, alarm }) {
    const kind = `live-caption ${tone(label)}${alarm ? " alarm" : ""}`;
    const card = make("p", { class: kind, text, data: { label } });
    if (alarm) card.prepend(make("span", { class: "warning", text: t("live.alarm") }));
    for (const past of box.querySelectorAll(".past")) if (past.dataset.label === label) past.remove();
    box.append(card);
    this.#cards.set(id, { card, alarm });
    this.#enter({ id, label, text, onset, alarm });
    if (alarm) byId("live-alarm").textContent = `${t("live.alarm")}: ${text}`;
    this.#alert({ label, text }, new Date(this.began + onset * 1000));
    this.#alarm();
  }

  change({ id, label, text }) {
    const held = this.#cards.get(id);
    if (!held) return;
    held.card.lastChild.textContent = text;
    held.card.className = `live-caption ${tone(label)}${held.alarm ? " alarm" : ""}`;
    this.#rows.get(id)?.querySelector(".what").replaceChildren(text);
  }

  end({ id, offset }) {
    const held = this.#cards.get(id);
    if (!held) return;
    this.#cards.delete(id);
    held.card.classList.add("past");
    setTimeout(() => held.card.remove(), LINGER);
    const row = this.#rows.get(id);
    if (row) row.querySelector(".length").textContent = t("seconds", { seconds: number(offset - row.onset, 1) });
    this.#rows.delete(id);
    this.#alarm();
  }

  /** Ends all that still sounds: nobody listens any more. */
  close() {
    for (const { card } of this.#cards.values()) card.remove();
    this.#cards.clear();
    for (const row of this.#rows.values()) row.querySelector(".length").textContent = ""; // how long it went on is not known
    this.#rows.clear();
    this.#alarm();
  }

  #alarm() {
    const any = [...this.#cards.values()].find(({ alarm }) => alarm);
    stage.classList.toggle("alarm", Boolean(any));
    entitle(any ? any.card.lastChild.textContent : "");
    if (!any) byId("live-alarm").textContent = "";
  }

  #enter({ id, label, text, onset, alarm }) {
    const when = new Date(this.began + onset * 1000);
    const cells = [make("time", { class: "at", datetime: when.toISOString(), text: hour(when) }), make("i", { class: "dot" })];
    cells.push(make("span", { class: "what", text }), make("span", { class: "length", text: "…" }));
    const row = make("li", { class: `${tone(label)}${alarm ? " alarm" : ""}` }, ...cells);
    row.onset = onset;
    log.prepend(row);
    this.#rows.set(id, row);
    while (log.children.length > LONGEST_LOG) log.lastChild.remove();
    byId("live-empty").hidden = true;
    setTimeout(() => row.append(replayButton(text, this.#recent.wav())), HEARD_AGAIN);
    for (const old of [...log.querySelectorAll(".hear")].slice(REPLAYS)) old.remove();
  }
}

export function clearLog() {
  log.replaceChildren();
  byId("live-empty").hidden = false;
}
