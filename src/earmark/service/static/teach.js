// Teach this sound: what is marked with a label becomes a label of a new model.

import * as api from "./api.js";
import { announce, byId, closable, complain } from "./dom.js";
import { labelOf, named, percent, t } from "./i18n.js";
import { loadModels } from "./start.js";

const block = byId("teach");
const form = byId("teach-form");
const name = byId("teach-name");
const result = byId("teach-result");

export class Teach {
  #session;
  #flush; // waits until the corrections are saved
  #label = null; // of the events that teach

  constructor(session, flush) {
    this.#session = session;
    this.#flush = flush;
    closable(block, byId("teach-close"), byId("edit-teach"));
    form.onsubmit = (event) => {
      event.preventDefault();
      this.#teach();
    };
  }

  /** Offers to teach the label of the selected event. */
  ask() {
    const { event, alike, view } = this.#session;
    if (!event || !alike) return;
    this.#label = event.label;
    const known = view.labels.some(({ label }) => label === event.label);
    name.value = known ? t("teach.mine", { label: named(event.label) }) : named(event.label);
    result.textContent = "";
    form.hidden = block.hidden = false;
    this.draw();
    name.focus({ preventScroll: true });
    name.select();
    block.scrollIntoView({ block: "nearest" });
  }

  /** Says how many events teach by now. */
  draw() {
    if (block.hidden) return;
    const count = this.#session.events.filter(({ label }) => label === this.#label).length;
    byId("teach-about").textContent = t("teach.about", { label: named(this.#label), count });
  }

  async #teach() {
    if (form.ariaBusy === "true") return;
    const session = this.#session;
    this.#busy(true);
    announce(t("teach.busy"));
    try {
      await this.#flush();
      const called = labelOf(name.value, session.view.labels.map(({ label }) => label));
      const made = await api.teach(session.job.id, this.#label, called);
      await loadModels(made.name);
      result.textContent = told(made);
      form.hidden = true;
      byId("teach-title").focus({ preventScroll: true });
    } catch (error) {
      complain(error);
    } finally {
      this.#busy(false);
    }
  }

  #busy(now) {
    form.ariaBusy = String(now);
    byId("teach-go").disabled = now;
    byId("teach-busy").hidden = !now;
  }
}

/** What was learned, how sure it is, and what to do with it. */
function told({ name: model, taught }) {
  const { label, examples, found, false: wrong } = taught;
  const sure = found === null ? t("teach.one") : t("teach.sure", { found, examples, wrong: percent(wrong, 1) });
  return `${t("teach.done", { label: named(label) })} ${sure} ${t("teach.use", { model })}`;
}
