// Many files at once: each is sent, waited for and opened by itself, and none is left without a word.

import * as api from "./api.js";
import { byId, complain, eachFrame, icon, iconButton, make } from "./dom.js";
import { language, named, onLanguage, percent, t } from "./i18n.js";

const SENT_AT_ONCE = 2;
const TOLD = 3; // labels of a file as a whole
const BUSY = 5000; // ms before another try where the service is full
const MEDIA = /\.(3g[2p]|aac|ac3|aiff?|amr|ape|asf|au|avi|caf|dts|eac3|flac|flv|m2ts|m4[av]|mka|mkv|mov|mp[234aceg]+|mts|mxf|og[agvx]|opus|ra|rm|ts|voc|vob|w64|wav|web[am]|wma|wmv|wv)$/i;
const ENDED = new Set(["done", "failed", "cancelled", "left_out"]);

const list = byId("queue");
let items = [];
let fieldsOf = () => ({});
let timer = 0;
let waiting = api.SOONEST; // ms between looks at the jobs, growing while nothing happens

const among = (...states) => items.filter(({ state }) => states.includes(state));
const redraw = eachFrame(draw);

/** By its type or its name; others are kept in the list, and sent where a person says so. */
const isMedia = (file) => /^(audio|video)\//.test(file.type) || MEDIA.test(file.name);

/** Puts files into the queue. */
export function enqueue(files) {
  const fields = fieldsOf(); // what is looked for is what was chosen now
  const added = files.map((file) => ({
    file, fields, name: file.webkitRelativePath || file.name, state: isMedia(file) ? "waiting" : "left_out", part: 0, job: null, reason: "", stop: null,
  }));
  items = [...items, ...added.sort((a, b) => a.name.localeCompare(b.name))];
  draw();
  byId("queue-block").scrollIntoView({ block: "nearest" });
  pump();
}

function pump() {
  for (const item of among("waiting").slice(0, Math.max(0, SENT_AT_ONCE - among("sending").length))) send(item);
  if (!timer && among("queued", "running").length) timer = setTimeout(look, waiting);
  redraw();
}

async function send(item) {
  Object.assign(item, { state: "sending", part: 0, reason: "", stop: new AbortController() });
  const progress = (part) => {
    item.part = part;
    redraw();
  };
  try {
    item.job = await api.upload(item.file, item.fields, progress, item.stop.signal);
    item.state = "queued";
  } catch (error) {
    if (error.name === "AbortError") item.state = "cancelled";
    else if ([429, 503, 507].includes(error.status)) later(item, error);
    else Object.assign(item, { state: "failed", reason: error.message });
  }
  pump();
}

/** The service is full: the file waits, and says why. */
function later(item, error) {
  Object.assign(item, { state: "held", reason: error.message });
  setTimeout(() => {
    if (item.state !== "held") return; // somebody cancelled it
    item.state = "waiting";
    pump();
  }, BUSY);
}

async function look() {
  timer = 0;
  waiting = api.slower(waiting);
  const asked = among("queued", "running").map((item) => [item, item.job.id]); // the answer knows no later ones
  try {
    const known = new Map((await api.jobs(1000)).map((job) => [job.id, job]));
    for (const [item, id] of asked) {
      const before = item.state;
      if (item.job?.id === id) follow(item, known.get(id)); // others were cancelled meanwhile
      if (item.state !== before) waiting = api.SOONEST;
    }
  } catch (error) {
    complain(error);
  }
  pump();
}

function follow(item, job) {
  if (!job) return Object.assign(item, { state: "failed", reason: t("error.failed") });
  const part = job.progress ?? 0;
  if (job.state === "done" && job.task === "classify") tellWhole(item, job);
  return Object.assign(item, { job, state: job.state, part, reason: job.error?.detail ?? "" });
}

/** What a file is as a whole stands in the list itself. */
async function tellWhole(item, { id }) {
  try {
    item.labels = (await api.result(id, {})).labels.slice(0, TOLD);
    redraw();
  } catch (error) {
    complain(error);
  }
}

function cancel(item) {
  if (ENDED.has(item.state)) return;
  item.stop?.abort();
  if (item.job) api.remove(item.job.id).catch((error) => error.status !== 404 && complain(error));
  Object.assign(item, { state: "cancelled", job: null });
  pump();
}

function retry(item) {
  if (item.job) api.remove(item.job.id).catch(() => {}); // what failed there is of no use
  Object.assign(item, { state: "waiting", job: null, reason: "", part: 0 });
  pump();
}

function draw() {
  byId("queue-block").hidden = items.length === 0;
  const done = among("done");
  const wrong = among("failed", "left_out", "cancelled").length;
  const told = [t("queue.summary", { done: done.length, count: items.length }), wrong && t("queue.failures", { count: wrong })];
  byId("queue-summary").textContent = told.filter(Boolean).join(" · ");
  byId("queue-progress").value = items.length ? items.filter(({ state }) => ENDED.has(state)).length / items.length : 0;
  const zip = byId("queue-zip");
  zip.hidden = done.length === 0;
  if (done.length) {
    const whole = done.every(({ job }) => job.task === "classify");
    const taken = done.filter(({ job }) => whole || job.task !== "classify");
    zip.href = api.captionsAddress(taken.map(({ job }) => job.id), language(), whole ? "csv" : "vtt");
    zip.textContent = t(whole ? "queue.zip_whole" : "queue.zip", { count: taken.length });
  }
  byId("queue-cancel").hidden = items.every(({ state }) => ENDED.has(state));
  byId("queue-retry").hidden = among("failed", "cancelled").length === 0;
  byId("queue-clear").hidden = !byId("queue-cancel").hidden;
  for (const item of items) {
    const key = JSON.stringify([item.state, item.job?.id, item.reason, item.labels, language()]);
    if (item.key !== key) {
      item.key = key;
      const row = rowOf(item);
      if (item.row?.isConnected) item.row.replaceWith(row);
      item.row = row;
    }
    const bar = item.row.querySelector("progress");
    if (bar) bar.value = item.part;
  }
  if (list.children.length !== items.length) list.replaceChildren(...items.map(({ row }) => row));
}

function rowOf(item) {
  const { state, name, reason } = item;
  const said = { waiting: "queue.waiting", held: "queue.waiting", sending: "queue.sending", cancelled: "queue.cancelled", left_out: "queue.left_out" }[state] ?? `state.${state}`;
  const about = make("small", { text: [t(said), reason || item.labels?.map(({ label, score }) => `${named(label)} ${percent(score)}`).join(", ")].filter(Boolean).join(": ") });
  const going = ["sending", "running"].includes(state);
  const bar = going ? [make("progress", { max: 1, "aria-label": `${name}: ${t(said)}` })] : [];
  const text = [make("b", { text: name }), about, ...bar];
  const here = state === "done" ? make("a", { href: `#/jobs/${item.job.id}` }, ...text) : make("div", { class: "file" }, ...text);
  const again = () => iconButton("redo", t("queue.retry", { name }), () => retry(item));
  const stop = () => iconButton("close", t("queue.cancel", { name }), () => cancel(item));
  const act = state === "done" ? icon("play") : ENDED.has(state) ? again() : stop();
  return make("li", { class: state }, here, act);
}

/** `fields` gives the form's fields for what is chosen just now. */
export function startQueue(fields) {
  fieldsOf = fields;
  byId("queue-cancel").addEventListener("click", () => items.forEach(cancel));
  byId("queue-retry").addEventListener("click", () => among("failed", "cancelled").forEach(retry));
  byId("queue-clear").addEventListener("click", () => {
    items = [];
    draw();
  });
  onLanguage(redraw);
  globalThis.addEventListener("beforeunload", (event) => {
    if (among("waiting", "held", "sending").length) event.preventDefault(); // a browser forgets files that are not sent
  });
  draw();
}

/** All files of a drop, also those in folders; a browser that knows no folders gives files alone. */
export async function droppedFiles(transfer) {
  const entries = [...transfer.items].filter(({ kind }) => kind === "file").map((item) => item.webkitGetAsEntry?.());
  if (!entries.length || entries.some((entry) => !entry)) return [...transfer.files];
  return (await Promise.all(entries.map((entry) => filesOf(entry, "")))).flat();
}

async function filesOf(entry, above) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    if (above) Object.defineProperty(file, "webkitRelativePath", { value: above + file.name });
    return [file];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at a time
    if (!some.length) return (await Promise.all(found.map((one) => filesOf(one, `${above}${entry.name}/`)))).flat();
    found.push(...some);
  }
}
