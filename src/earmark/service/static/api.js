// The service as functions. Every refusal is a Problem with a text that can be shown.

import { t } from "./i18n.js";

export class Problem extends Error {
  constructor({ status = 0, title = "", detail = "", limit = null } = {}) {
    super(detail || title || t("error.unknown", { status }));
    this.status = status;
    this.limit = limit; // bytes, where an upload was too large and the service tells
  }
}

function problemOf(status, text) {
  try {
    return new Problem({ status, ...JSON.parse(text) });
  } catch {
    return new Problem({ status });
  }
}

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ detail: t("error.unreachable") });
  }
  if (!response.ok) throw problemOf(response.status, await response.text());
  return response;
}

const json = async (path, options) => (await ask(path, options)).json();
const sending = (method, value, headers = {}) => ({ method, headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(value) });
const job = (id) => `/v1/jobs/${encodeURIComponent(id)}`;

const USUAL_LOOK = { preset: "plain", position: "bottom", density: "normal", music: "words" };

/** What a result is asked with: sensitivity 0..1, thresholds {label: on}, language, speech. */
export function query({ to, sensitivity, thresholds = {}, language, includeSpeech, original, download, look = {} }) {
  const asked = new URLSearchParams({ to });
  if (sensitivity !== undefined && sensitivity !== null) asked.set("sensitivity", String(sensitivity));
  for (const [label, on] of Object.entries(thresholds)) asked.append("threshold", `${label}:${on}`);
  if (language) asked.set("language", language);
  if (includeSpeech) asked.set("include_speech", "true");
  if (original) asked.set("original", "true");
  if (download) asked.set("download", "true");
  for (const [name, value] of Object.entries(look)) if (value !== USUAL_LOOK[name]) asked.set(name, value);
  return asked;
}

export const resultAddress = (id, asked) => `${job(id)}/result?${query(asked)}`;
export const videoAddress = (id) => `${job(id)}/video`;

/** The query for captions among subtitles {file, encoding}. */
function withSubtitles(subtitles, { to, language, includeSpeech, look }) {
  const asked = query({ to, language, includeSpeech, look });
  if (!to) asked.delete("to");
  if (subtitles) asked.set("filename", subtitles.file.name);
  if (subtitles?.encoding) asked.set("encoding", subtitles.encoding);
  return asked;
}

const body = (subtitles) => ({ method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: subtitles?.file ?? "" });

/** The dialogue's subtitles with the sounds among them, as text. */
export const merged = async (id, subtitles, asked) => (await ask(`${job(id)}/merge?${withSubtitles(subtitles, asked)}`, body(subtitles))).text();

/** A job that burns captions into the video, among subtitles where there are some. */
export const burnIn = (id, subtitles, asked) => json(`${job(id)}/burn-in?${withSubtitles(subtitles, { ...asked, to: null })}`, body(subtitles));

export const datasetAddress = (id) => `${job(id)}/dataset`;

/** One zip with the captions of several jobs, or another format of all. */
export const captionsAddress = (ids, language, to = "vtt") => `/v1/captions?${new URLSearchParams([...ids.map((id) => ["job", id]), ["language", language], ["to", to]])}`;

/** The scores of labels, second by second. */
export const secondsAddress = (id, labels, to = "json") => `${job(id)}/seconds?${new URLSearchParams([...labels.map((label) => ["label", label]), ["to", to]])}`;
export const seconds = (id, labels) => json(secondsAddress(id, labels));

/** What of a recording sounds like a stretch of it, the likest first. */
export const alike = (id, { onset, offset }) => json(`${job(id)}/alike?${new URLSearchParams({ onset, offset, limit: 50 })}`);

/** Teaches a sound by the events of a label; the model that knows it. */
export const teach = (id, label, name) => json("/v1/models", sending("POST", { job: id, label, name }));
export const forget = (model) => ask(`/v1/models/${encodeURIComponent(model)}`, { method: "DELETE" });

/** The words that each classifier finds. */
export const classifiers = (id) => json(`${job(id)}/classifiers`);

export const models = async () => (await json("/v1/models")).models;
export const examples = () => json("/v1/examples");
export const jobs = async (limit = 100) => (await json(`/v1/jobs?limit=${limit}`)).jobs;
export const SOONEST = 300; // ms between questions about jobs
export const slower = (waiting) => Math.min(1.2 * waiting, 2000); // while nothing happens
export const jobOf = (id, signal) => json(job(id), { signal });
export const remove = (id) => ask(job(id), { method: "DELETE" });
export const viewOf = (id) => json(`${job(id)}/view`);
export const result = (id, asked, signal) => json(resultAddress(id, { ...asked, to: "json" }), { signal });
export const captions = async (id, asked, signal) => (await ask(resultAddress(id, { ...asked, to: "vtt" }), { signal })).text();
export const mediaAddress = (id) => `${job(id)}/media`;
export const health = () => json("/healthz");
export const fileAt = async (address) => (await ask(address)).blob();

/** The changes that were made to a job's events, and the state of the events that they lead to. */
export async function corrections(id, signal) {
  const response = await ask(`${job(id)}/events`, { signal });
  return { ...(await response.json()), revision: response.headers.get("etag") };
}

/** Saves events, or none where they are as the model found them, with the changes that led there; the new revision. */
export async function saveEvents(id, events, changes, revision) {
  const plain = events && events.map(({ onset, offset, label, score }) => ({ onset, offset, label, score }));
  const known = revision ? { "If-Match": revision } : {};
  const response = await ask(`${job(id)}/events`, sending("PUT", { events: plain, ...changes }, known));
  return response.headers.get("etag");
}

/** Saves what the words are, in their order. */
export const saveWords = (id, texts) => ask(`${job(id)}/words`, sending("PUT", { texts }));

/** Uploads a file as a new job; `progress` hears the part that is done, `signal` stops it. */
export function upload(file, fields, progress, signal) {
  const body = new FormData();
  for (const [key, value] of Object.entries(fields)) if (value !== null && value !== "") body.append(key, value);
  body.append("file", file, file.name);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch cannot tell how much was sent
    request.open("POST", "/v1/jobs");
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onload = () => {
      if (request.status < 300) resolve(JSON.parse(request.responseText));
      else reject(problemOf(request.status, request.responseText));
    };
    request.onerror = () => reject(new Problem({ detail: t("error.upload") }));
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}
