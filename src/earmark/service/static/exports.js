// What is taken away: captions in a look, among a dialogue's subtitles, burned into a video; and every other format.

import * as api from "./api.js";
import { announce, byId, complain, make, recall, remember } from "./dom.js";
import { language, percent, t } from "./i18n.js";

const CHOICES = ["preset", "density", "music", "position"];
const LOOK_EVERY = 1000; // ms between looks at a video in the making
/** How subtitles of a language were encoded before UTF-8. */
const ENCODINGS = { cs: "cp1250", pl: "cp1250", ru: "cp1251", el: "cp1253", ko: "cp949" };
const FORMATS = { vtt: "WebVTT", srt: "SubRip", ass: "ASS", ttml: "TTML", json: "JSON", csv: "CSV", textgrid: "Praat TextGrid", audacity: "Audacity", rttm: "RTTM", ctm: "CTM" };
const CAPTIONS = new Set(["vtt", "srt", "ass", "ttml"]); // those of `FORMATS` that can go among subtitles
const OF_WORDS = ["json", "csv", "textgrid", "audacity", "vtt", "srt"];
const OF_WHOLE = ["json", "csv"];

let open = null; // {session, changed, ready}
let turn = 0;

/** How captions look, by what was chosen here before. */
export function look() {
  return Object.fromEntries(CHOICES.map((name) => [name, byId(`look-${name}`).value]));
}

async function encodingOf(file) {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(await file.slice(0, 1_000_000 & ~3).arrayBuffer());
    return null;
  } catch {
    const start = new Uint8Array(await file.slice(0, 2).arrayBuffer());
    const marked = (start[0] === 0xff && start[1] === 0xfe) || (start[0] === 0xfe && start[1] === 0xff);
    return marked ? null : (ENCODINGS[language()] ?? "cp1252");
  }
}

async function choose(file) {
  if (!file || !open) return;
  try {
    const subtitles = { file, encoding: await encodingOf(file) };
    await api.merged(open.session.job.id, subtitles, { to: "vtt", language: language(), look: look() }); // it can be read
    open.session.subtitles = subtitles;
    open.changed();
  } catch (error) {
    complain(error);
  }
  drawChosen();
}

function drawChosen() {
  const { file, encoding } = open?.session.subtitles ?? {};
  byId("merge-name").textContent = file ? [file.name, encoding].filter(Boolean).join(" · ") : "";
  byId("merge-drop").hidden = !file;
}

function forget() {
  open.session.subtitles = null;
  drawChosen();
  open.changed();
  byId("merge-choose").focus();
}

/** Saves a text that the service wrote as a file. */
export function save(text, name) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = document.createElement("a");
  Object.assign(link, { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

async function burn() {
  const mine = turn;
  const { session, asked, ready } = open;
  const [button, bar, link] = ["burn", "burn-progress", "burn-link"].map(byId);
  button.disabled = true;
  link.hidden = true;
  try {
    await ready();
    let job = await api.burnIn(session.job.id, session.subtitles, asked());
    while (mine === turn && ["queued", "running"].includes(job.state)) {
      bar.hidden = false;
      if (job.progress === null) bar.removeAttribute("value");
      else bar.value = job.progress;
      byId("burn-text").textContent = job.state === "queued" ? t("state.queued") : percent(job.progress ?? 0);
      await new Promise((later) => setTimeout(later, LOOK_EVERY));
      job = await api.jobOf(job.id);
    }
    if (mine !== turn) return;
    if (job.state === "failed") throw new Error(job.error?.detail ?? t("error.failed"));
    link.href = api.videoAddress(job.id);
    link.hidden = false;
    byId("burn-text").textContent = "";
    announce(t("burn.done"));
  } catch (error) {
    byId("burn-text").textContent = "";
    complain(error);
  } finally {
    if (mine === turn) {
      bar.hidden = true;
      button.disabled = false;
    }
  }
}

/** An opened recording; `changed` asks anew for captions, `asked` says with what, `ready` waits for corrections. */
export function openExports(session, changed, asked, ready) {
  turn++;
  open = { session, changed, asked, ready };
  session.subtitles = null;
  byId("look-block").hidden = !session.editable;
  byId("burn-block").hidden = !session.editable || !session.view.media?.pictures;
  byId("burn-link").hidden = byId("burn-progress").hidden = true;
  byId("burn-text").textContent = "";
  byId("burn").disabled = false;
  drawChosen();
}

export function startExports() {
  for (const name of CHOICES) {
    const select = byId(`look-${name}`);
    select.value = recall(`look-${name}`, select.value) || select.options[0].value;
    select.addEventListener("change", () => {
      remember(`look-${name}`, select.value);
      open?.changed();
    });
  }
  byId("merge-choose").addEventListener("click", () => byId("merge-file").click());
  byId("merge-file").addEventListener("change", ({ target }) => {
    const [file] = target.files;
    choose(file).catch(complain);
    target.value = "";
  });
  byId("merge-drop").addEventListener("click", forget);
  byId("burn").addEventListener("click", burn);
}

/** A subtitle file that is dropped on an opened recording goes among its captions. */
export function takeSubtitles(file) {
  if (!open || !/\.(srt|vtt|ass|ssa)$/i.test(file.name)) return false;
  choose(file).catch(complain);
  return true;
}

function formatsOf(session) {
  if (session.ofWhole) return OF_WHOLE;
  if (!session.ofWords) return Object.keys(FORMATS).filter((to) => to !== "ctm");
  return session.events.length && session.events.every(({ text }) => text) ? [...OF_WORDS, "ctm"] : OF_WORDS;
}

/** Links that ask with the settings that hold; `ready` is waited for before each download. */
export function drawDownloads(session, asked, ready) {
  const links = formatsOf(session).map((to) => {
    const about = { format: FORMATS[to], what: t(`format.${to}`) };
    const link = make("a", { class: "button", download: true, href: api.resultAddress(session.job.id, { ...asked, to, download: true }), "aria-label": t("take.as", about) });
    link.append(make("b", { text: FORMATS[to] }), make("small", { text: about.what }));
    const among = session.subtitles && CAPTIONS.has(to);
    link.onclick = (event) => (among ? saveMerged(event, session, { ...asked, to }, ready) : waited(event, link, ready));
    return link;
  });
  byId("downloads").replaceChildren(...links);
  const dataset = byId("dataset");
  byId("dataset-block").hidden = !session.editable;
  byId("speech-line").hidden = session.job.task !== "label" && session.job.task !== "caption";
  dataset.href = api.datasetAddress(session.job.id);
  dataset.onclick = (event) => waited(event, dataset, ready);
}

/** Captions among the dialogue's subtitles: the service is sent those, so a link does not do. */
async function saveMerged(event, session, asked, ready) {
  event.preventDefault();
  try {
    await ready();
    const name = session.job.name.replace(/\.[^.]*$/, "");
    save(await api.merged(session.job.id, session.subtitles, asked), `${name}.sdh.${asked.to}`);
  } catch (error) {
    complain(error);
  }
}

/** What is downloaded has all corrections in it: those on their way to the service are waited for. */
function waited(event, link, ready) {
  if (!event.isTrusted) return; // our own click, below
  event.preventDefault();
  ready().then(() => link.click());
}
