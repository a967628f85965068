// How sure the model must be: one slider for all labels, one for each. What is drawn follows without a new upload.

import { tone } from "./colours.js";
import { byId, make } from "./dom.js";
import { named, percent, t } from "./i18n.js";

const NEAR = 0.5; // of its threshold: a label that came so near is worth a slider
const slider = byId("sensitivity");
const box = byId("thresholds");
const all = byId("all-labels");

export class Thresholds {
  #session;
  #change;
  #everything = false;

  constructor(session, change) {
    this.#session = session;
    this.#change = change;
    slider.oninput = () => {
      session.settings.sensitivity = slider.valueAsNumber;
      this.#said();
      change();
    };
    all.onclick = () => {
      this.#everything = !this.#everything;
      all.setAttribute("aria-pressed", String(this.#everything));
      this.draw();
    };
    byId("reset").onclick = () => {
      Object.assign(session.settings, { sensitivity: session.settings.first, thresholds: {} });
      this.draw();
      change();
    };
    all.setAttribute("aria-pressed", "false");
  }

  draw() {
    const { settings, view } = this.#session;
    slider.value = settings.sensitivity;
    this.#said();
    const near = ({ label, on, best }) => this.#everything || best >= NEAR * on || label in settings.thresholds;
    const shown = view.labels.filter(near).sort((a, b) => b.best - a.best);
    all.hidden = shown.length === view.labels.length && !this.#everything;
    box.replaceChildren(...shown.map((label) => this.#line(label)));
  }

  /** Corrected events do not follow the model any more. */
  lock() {
    const locked = this.#session.corrected;
    byId("corrected-note").hidden = !locked;
    for (const control of byId("sensitivity-controls").querySelectorAll("input, #reset")) control.disabled = locked;
  }

  #line({ label, on, best }) {
    const { thresholds } = this.#session.settings;
    const value = thresholds[label] ?? on;
    const said = make("output", { text: percent(value) });
    const input = make("input", { type: "range", min: 0.01, max: 0.99, step: 0.01, "aria-describedby": "sensitivity-title", data: { label } });
    input.value = value;
    input.oninput = () => {
      thresholds[label] = input.valueAsNumber;
      said.textContent = percent(input.valueAsNumber);
      this.#change();
    };
    const mark = make("i", { class: "best", title: t("thresholds.best", { score: percent(best) }) });
    mark.style.setProperty("--best", best);
    const name = make("span", { class: tone(label) }, make("i", { class: "dot" }), named(label));
    return make("label", { class: "slider-line" }, name, make("span", { class: "with-mark" }, input, mark), said);
  }

  #said() {
    byId("sensitivity-value").textContent = percent(slider.valueAsNumber);
  }
}
