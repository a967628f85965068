// Earmark's page: which part of it shows, and what leads from one to another.

import { videoAddress } from "./api.js";
import { byId, calm, complain } from "./dom.js";
import { takeSubtitles } from "./exports.js";
import { language, languageOptions, onLanguage, preferred, speak, t } from "./i18n.js";
import { startKeys } from "./keys.js";
import { leaveLive, startLive } from "./live.js";
import { leave, send, watch } from "./progress.js";
import { startQueue } from "./queue.js";
import { fields, limited, showRecent, startStart } from "./start.js";
import { startTheme } from "./theme.js";
import { acts, attach, closeJob, isOpen, openJob, retell, startWorkspace } from "./workspace.js";

const SECTIONS = ["start", "progress", "workspace", "live"];
const media = new Map(); // of each job of this visit: its file, or an example's address
let shown = null;

function show(section, title = "") {
  for (const name of SECTIONS) byId(name).hidden = name !== section;
  const here = section === "live" ? "nav-live" : "nav-recordings";
  for (const id of ["nav-live", "nav-recordings"]) {
    if (id === here) byId(id).setAttribute("aria-current", "page");
    else byId(id).removeAttribute("aria-current");
  }
  document.title = title ? `${title} – Earmark` : "Earmark";
  if (shown !== null && shown !== section) {
    byId("main").focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  shown = section;
}

async function follow(id) {
  show("progress", t("progress.label"));
  const job = await watch(id);
  if (job.state === "failed") throw new Error(`${job.name}: ${job.error?.detail ?? t("error.failed")}`);
  if (job.task === "burn_in") return location.replace(videoAddress(id));
  show("workspace", job.name);
  await openJob(job, media.get(id) ?? null);
}

/** Shows what the address says: #/, #/live, #/jobs/ID. */
async function route() {
  const [, place, id] = location.hash.split("/");
  leave();
  closeJob();
  leaveLive();
  calm();
  if (place === "live") return show("live", t("nav.live"));
  if (place !== "jobs" || !id) {
    show("start");
    return showRecent();
  }
  try {
    await follow(decodeURIComponent(id));
  } catch (error) {
    if (error.name === "AbortError") return undefined;
    show("start");
    history.replaceState(null, "", "#/");
    complain(error);
    return showRecent();
  }
}

async function begin(file, source) {
  show("progress", t("progress.label"));
  try {
    const job = await send(file, fields(language()));
    media.set(job.id, source);
    location.hash = `#/jobs/${job.id}`;
  } catch (error) {
    show("start");
    if (error.status) limited(error);
    complain(error);
  }
}

/** A file dropped on an opened recording is its media, if that is missing. */
function dropped(file) {
  if (isOpen() && takeSubtitles(file)) return true;
  if (!isOpen() || byId("attach").hidden) {
    if (shown !== "start") location.hash = "#/";
    return false;
  }
  attach(file);
  return true;
}

/** So that the page opens without a network, and notifications reach a phone. */
function keepPage() {
  navigator.serviceWorker?.register("/service_worker.js").catch(() => {}); // some browsers forbid it, in private windows
}

async function start() {
  startTheme();
  keepPage();
  const select = byId("language");
  select.append(...languageOptions());
  select.addEventListener("change", () => speak(select.value, true).catch(complain));
  select.value = preferred();
  byId("banner-close").addEventListener("click", calm);
  startKeys(acts);
  startWorkspace();
  await speak(preferred());
  onLanguage(retell);
  retell();
  onLanguage(() => shown === "start" && showRecent());
  startQueue(() => fields(language(), true));
  await startStart(begin, dropped);
  startLive();
  byId("another").addEventListener("click", () => (location.hash = "#/"));
  globalThis.addEventListener("hashchange", route);
  document.body.dataset.ready = "";
  await route();
}

start().catch(complain);
