// What the service answers under the settings that hold; an older question that is still open is dropped.

import * as api from "./api.js";
import { putCaptions } from "./captions.js";
import { complain } from "./dom.js";
import { look } from "./exports.js";
import { language } from "./i18n.js";

export class Results {
  #session;
  #asking = new AbortController();
  #closed = false;

  constructor(session) {
    this.#session = session;
    session.addEventListener("edited", () => this.#asking.abort()); // an answer on its way is of before
  }

  /** What a result is asked with: corrected events do not depend on thresholds. */
  asked() {
    const { settings, editable, corrected } = this.#session;
    const { first, sensitivity, thresholds, includeSpeech } = settings;
    const spoken = { language: language(), includeSpeech, look: editable ? look() : {} };
    if (!editable || corrected) return spoken;
    return { ...spoken, sensitivity: sensitivity === first ? null : sensitivity, thresholds };
  }

  /** Gives the session what holds; the first time also what the model found, to see whether it was corrected. */
  async load(first = false) {
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const { id } = this.#session.job;
    try {
      const editable = first && this.#session.editable;
      const [answer, found, changes] = await Promise.all([
        api.result(id, this.asked(), signal),
        editable ? api.result(id, { ...this.asked(), original: true }, signal) : null,
        editable ? api.corrections(id, signal) : undefined,
      ]);
      if (this.#closed) return;
      if (changes) this.#session.revision = changes.revision;
      this.#session.take(answer, found, changes);
      await this.loadCaptions(signal);
    } catch (error) {
      complain(error);
    }
  }

  async loadCaptions(signal) {
    if (!this.#session.editable) return; // a list shows words better
    try {
      const { job, subtitles } = this.#session;
      const text = await (subtitles ? api.merged(job.id, subtitles, { ...this.asked(), to: "vtt" }) : api.captions(job.id, this.asked(), signal));
      if (!this.#closed) putCaptions(text);
    } catch (error) {
      complain(error);
    }
  }

  close() {
    this.#closed = true;
    this.#asking.abort();
  }
}
