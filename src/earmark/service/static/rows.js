// Rows below the lanes: how likely labels are in each second, and the words that each classifier finds.

import * as api from "./api.js";
import { tone } from "./colours.js";
import { announce, byId, colour, complain, penOf, make } from "./dom.js";
import { clock, named, number, percent, t } from "./i18n.js";

const FIRST = 3; // labels that are shown before somebody chooses
const PAGE = 10; // seconds that Page Up and Page Down move by
const CLASSIFIERS = { least_squares: "classifier.least_squares" };

const nameRow = (kind, ...children) => make("div", { class: `name lane-row ${kind}` }, ...children);

/** The scores of chosen labels, a strip each; its seconds are walked through by keys, as a slider's values. */
export class SecondScores {
  #session;
  #player;
  #axis;
  #scores = new Map(); // of each label that was asked for: the best score of each second
  #shown = []; // labels
  #at = 0; // second

  constructor(session, player, axis) {
    this.#session = session;
    this.#player = player;
    this.#axis = axis;
    byId("seconds-show").hidden = !session.editable;
    byId("seconds-show").onclick = () => this.#open(byId("seconds-bar").hidden);
    byId("seconds-label").onchange = ({ target }) => this.#toggle(target.value);
    this.#open(false);
  }

  /** In another language, or with other labels marked. */
  draw() {
    const free = this.#session.view.labels.map(({ label }) => label).filter((label) => !this.#shown.includes(label));
    const options = free.sort((a, b) => named(a).localeCompare(named(b))).map((label) => make("option", { value: label, text: named(label) }));
    byId("seconds-label").replaceChildren(make("option", { value: "", text: t("seconds.add") }), ...options);
    byId("seconds-names").replaceChildren(...this.#shown.map((label) => nameRow(tone(label), make("i", { class: "dot" }), make("span", { text: named(label) }))));
    const chips = this.#shown.map((label) => make("button", { type: "button", class: "chip", "aria-pressed": "true", text: named(label), onclick: () => this.#toggle(label) }));
    byId("seconds-chosen").replaceChildren(...chips);
    byId("seconds-take").href = api.secondsAddress(this.#session.job.id, this.#shown, "csv");
    byId("seconds").replaceChildren(...this.#shown.map((label) => this.#row(label)));
    this.#tell();
    this.paint();
  }

  /** Draws what is in sight. */
  paint() {
    for (const canvas of byId("seconds").querySelectorAll("canvas")) this.#paint(canvas);
  }

  async #open(wanted) {
    for (const id of ["seconds", "seconds-names", "seconds-bar"]) byId(id).hidden = !wanted;
    byId("seconds-show").setAttribute("aria-pressed", String(wanted));
    if (!wanted) return;
    if (!this.#shown.length) {
      const best = [...this.#session.view.labels].sort((a, b) => b.best - a.best).map(({ label }) => label);
      const marked = best.filter((label) => this.#session.labels.includes(label));
      this.#shown = (marked.length ? marked : best).slice(0, FIRST);
    }
    await this.#fetch();
  }

  async #toggle(label) {
    if (!label) return;
    this.#shown = this.#shown.includes(label) ? this.#shown.filter((one) => one !== label) : [...this.#shown, label];
    await this.#fetch();
    (byId("seconds-chosen").lastElementChild ?? byId("seconds-label")).focus();
  }

  async #fetch() {
    const missing = this.#shown.filter((label) => !this.#scores.has(label));
    try {
      if (missing.length) {
        const { labels, scores } = await api.seconds(this.#session.job.id, missing);
        labels.forEach((label, column) => this.#scores.set(label, scores.map((row) => row[column])));
      }
    } catch (error) {
      this.#shown = this.#shown.filter((label) => this.#scores.has(label));
      complain(error);
    }
    this.draw();
  }

  #said(label) {
    const [from, to] = [this.#at, Math.min(this.#at + 1, this.#session.duration)];
    return t("seconds.now", { label: named(label), from: clock(from, 0), to: clock(to, to % 1 ? 1 : 0), score: percent(this.#scores.get(label)?.[this.#at] ?? 0) });
  }

  #tell() {
    byId("seconds-now").textContent = this.#shown.map((label) => this.#said(label)).join(" · ");
    for (const row of byId("seconds").children) {
      row.setAttribute("aria-valuenow", this.#at);
      row.setAttribute("aria-valuetext", this.#said(row.dataset.label));
    }
  }

  #row(label) {
    const last = this.#scores.get(label).length - 1;
    const name = make("span", { class: "lane-name", text: named(label), "aria-hidden": "true" });
    const about = { role: "slider", tabindex: 0, "aria-label": t("seconds.row", { label: named(label) }), "aria-valuemin": 0, "aria-valuemax": last, data: { label } };
    const row = make("div", { class: `lane second-row lane-row ${tone(label)}`, ...about }, name, make("canvas", { class: "stick", "aria-hidden": "true" }));
    const go = (second) => {
      this.#at = Math.min(Math.max(second, 0), last);
      this.#axis.show(this.#at);
      this.#tell();
      this.paint();
    };
    const play = () => this.#player.playSpan(this.#at, Math.min(this.#at + 1, this.#session.duration));
    row.addEventListener("click", (click) => {
      go(Math.floor(this.#axis.timeAt(click.clientX)));
      play();
    });
    row.addEventListener("keydown", (event) => {
      const to = { ArrowRight: this.#at + 1, ArrowUp: this.#at + 1, ArrowLeft: this.#at - 1, ArrowDown: this.#at - 1, PageUp: this.#at + PAGE, PageDown: this.#at - PAGE, Home: 0, End: last }[event.key];
      const plays = event.key === "Enter" || event.key === " ";
      if (event.ctrlKey || event.metaKey || event.altKey || (to === undefined && !plays)) return;
      event.preventDefault();
      event.stopPropagation(); // to others these keys mean events
      if (plays) play();
      else go(to);
    });
    return row;
  }

  /** Higher and fuller is likelier: colour alone tells nothing. */
  #paint(canvas) {
    const { pen, width, height } = penOf(canvas);
    if (!width) return;
    const { label } = canvas.parentElement.dataset;
    const scores = this.#scores.get(label);
    const x = (second) => this.#axis.x(second) - this.#axis.left;
    const last = Math.min(scores.length, Math.ceil(this.#axis.end));
    const each = Math.max(1, Math.floor(1 / this.#axis.scale)); // seconds that share a pixel
    pen.fillStyle = colour(`--${tone(label)}`);
    for (let second = Math.floor(this.#axis.start / each) * each; second < last; second += each) {
      const score = Math.max(...scores.slice(second, second + each));
      pen.globalAlpha = 0.35 + 0.65 * score;
      pen.fillRect(x(second), height * (1 - score), Math.max(1, x(second + each) - x(second) - (this.#axis.scale > 6 ? 1 : 0)), height * score);
    }
    pen.globalAlpha = 1;
    pen.strokeStyle = colour("--text");
    pen.strokeRect(x(this.#at) + 0.5, 0.5, Math.max(2, this.#axis.x(1) - 1), height - 1);
  }
}

/** The words that each classifier finds, a lane each, with their number and mean F0. */
export class ComparedClassifiers {
  #session;
  #player;
  #found = [];

  constructor(session, player) {
    this.#session = session;
    this.#player = player;
    this.draw();
  }

  async load() {
    if (!this.#session.job.options?.compare) return;
    try {
      this.#found = await api.classifiers(this.#session.job.id);
    } catch (error) {
      complain(error);
    }
    this.draw();
  }

  draw() {
    for (const id of ["compared", "compared-names"]) byId(id).hidden = !this.#found.length;
    byId("compared-names").replaceChildren(...this.#found.map((found) => this.#name(found)));
    byId("compared").replaceChildren(...this.#found.map((found) => this.#lane(found)));
  }

  #titled({ classifier }) {
    return CLASSIFIERS[classifier] ? t(CLASSIFIERS[classifier]) : classifier.toUpperCase();
  }

  #figures({ words, speaker_f0: speaker }) {
    return t("compared.figures", { count: words.length, hz: speaker ? t("hertz", { hz: number(speaker.mean, 0) }) : "–" });
  }

  #name(found) {
    return make("div", { class: "name lane-row stacked" }, make("span", { text: this.#titled(found) }), make("small", { text: this.#figures(found) }));
  }

  #lane(found) {
    const title = `${this.#titled(found)}: ${this.#figures(found)}`;
    const bars = found.words.map((word, place) => this.#bar(found, word, place));
    const lane = make("div", { class: "lane lane-row tone-word", role: "group", "aria-label": title, data: { classifier: found.classifier } }, make("span", { class: "lane-name", text: title, "aria-hidden": "true" }), ...bars);
    lane.addEventListener("keydown", (event) => {
      const to = bars[bars.indexOf(document.activeElement) + ({ ArrowRight: 1, ArrowLeft: -1 }[event.key] ?? NaN)];
      if (event.key === " " || event.key === "Enter") event.stopPropagation(); // the button itself is meant
      if (!to || event.shiftKey) return;
      event.preventDefault();
      event.stopPropagation();
      for (const bar of bars) bar.tabIndex = bar === to ? 0 : -1;
      to.focus();
    });
    return lane;
  }

  #bar(found, { onset, offset, f0 }, place) {
    const span = t("word.described", { label: t("word.number", { number: place + 1 }), from: clock(onset, 2), to: clock(offset, 2) });
    const about = [`${this.#titled(found)}: ${span}`, f0 && t("hertz", { hz: number(f0, 0) })].filter(Boolean).join(", ");
    const bar = make("button", { type: "button", class: "word-bar", "aria-label": about, title: about, tabindex: place ? -1 : 0 });
    bar.style.left = `${(100 * onset) / this.#session.duration}%`;
    bar.style.width = `${(100 * (offset - onset)) / this.#session.duration}%`;
    bar.addEventListener("click", () => {
      announce(about);
      this.#player.playSpan(onset, offset);
    });
    return bar;
  }
}
