// The way of a recording: sent, waiting, worked on. It can be stopped at any time.

import * as api from "./api.js";
import { byId } from "./dom.js";
import { percent, t } from "./i18n.js";

const bar = byId("progress-bar");

let stopping = new AbortController();

function show(name, text, part) {
  byId("progress-name").textContent = name;
  const line = byId("progress-text");
  if (line.textContent !== text) line.textContent = text;
  if (part === null) bar.removeAttribute("value"); // for how long nobody knows
  else bar.value = part;
}

function stoppable() {
  stopping.abort(); // what was watched before
  stopping = new AbortController();
  return stopping.signal;
}

const pause = (milliseconds, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("stopped", "AbortError"));
    });
  });

/** Sends a file; the accepted job. */
export async function send(file, fields) {
  const signal = stoppable();
  byId("cancel").onclick = () => stopping.abort();
  show(file.name, t("progress.sending", { part: percent(0) }), 0);
  const progress = (part) => show(file.name, part < 1 ? t("progress.sending", { part: percent(part) }) : t("progress.sent"), part < 1 ? part : null);
  return api.upload(file, fields, progress, signal);
}

/** Watches a job until it is done or failed; the job as it then is. */
export async function watch(id) {
  const signal = stoppable();
  byId("cancel").onclick = () => {
    stopping.abort();
    api.remove(id).catch(() => {});
    location.hash = "#/";
  };
  let waiting = api.SOONEST;
  for (;;) {
    const job = await api.jobOf(id, signal);
    if (job.state === "done" || job.state === "failed") return job;
    const queued = job.position ? t("progress.position", { position: job.position }) : t("progress.queued");
    const running = job.progress === null ? t("progress.starting") : t("progress.running", { part: percent(job.progress) });
    show(job.name, job.state === "queued" ? queued : running, job.state === "queued" ? null : job.progress);
    await pause(waiting, signal);
    waiting = api.slower(waiting);
  }
}

/** Stops watching; what the service works on goes on. */
export function leave() {
  stopping.abort();
}
