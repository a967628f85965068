// Corrections go to the service a moment after they are made, with what is needed to take them back another day.

import * as api from "./api.js";
import { byId, complain, debounced } from "./dom.js";
import { t } from "./i18n.js";

const QUIET = 500; // ms without another correction

/** Saves a session's corrections; `flush` waits until all is saved. */
export function saving(session, saved) {
  let changed = false;
  let running = null;

  const told = byId(session.ofWords ? "words-saved" : "saved");
  const show = (key) => {
    told.textContent = key ? t(key) : "";
    told.classList.toggle("wrong", key === "saved.not");
    told.classList.toggle("done", key === "saved.all");
  };

  async function run() {
    while (changed) {
      changed = false;
      show("saved.saving");
      try {
        if (session.ofWords) {
          await api.saveWords(session.job.id, session.events.map(({ text }) => text ?? null));
          continue;
        }
        const events = session.corrected ? session.events : null;
        session.revision = await api.saveEvents(session.job.id, events, session.history.kept(), session.revision);
      } catch (error) {
        changed = true;
        show("saved.not");
        throw error;
      }
    }
    show("saved.all");
    saved();
  }

  function flush() {
    later.cancel();
    running ??= run().finally(() => {
      running = null;
    });
    return running;
  }

  const later = debounced(() => flush().catch(complain), QUIET);
  const edited = () => {
    changed = true;
    show("saved.saving");
    later();
  };
  const leaving = (event) => changed && event.preventDefault();
  const opened = () => session.corrected && !changed && !running && show("saved.all");
  session.addEventListener("events", opened);
  session.addEventListener("edited", edited);
  globalThis.addEventListener("beforeunload", leaving);
  show(null);

  return {
    flush: () => (changed || running ? flush() : Promise.resolve()),
    stop() {
      globalThis.removeEventListener("beforeunload", leaving);
      if (changed) flush().catch(complain);
    },
  };
}
