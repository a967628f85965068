// Where a recording begins: what to look for, the file, an example, or one that was done before.

import * as api from "./api.js";
import { byId, calm, complain, icon, iconButton, make } from "./dom.js";
import { clock, day, known, languageOptions, named, onLanguage, preferred, size, t } from "./i18n.js";
import { droppedFiles, enqueue } from "./queue.js";

const WORDS = "words/";
const select = byId("model");
const recent = byId("recent");
let models = [];
let offered = [];
let largest = Infinity; // bytes; the service may tell

const task = () => document.querySelector("input[name=task]:checked").value;
const fits = (model, kind) => model.name.startsWith(WORDS) === (kind === "words");
const modelOf = (name) => models.find((model) => model.name === name);

/** Models that tell sounds, for the live page. */
export const soundModels = () => models.filter((model) => fits(model, "label"));

const listeners = new Set();

/** `listener` is told when there are others. */
export const onModels = (listener) => listeners.add(listener);

/** Asks which models there are; one of them may be chosen for the next recording. */
export async function loadModels(chosen = "") {
  models = await api.models();
  showModels();
  if ([...select.options].some(({ value }) => value === chosen)) select.value = chosen;
  aboutModel();
  for (const listener of listeners) listener();
}

async function forgetModel() {
  const { name, taught } = modelOf(select.value);
  if (!confirm(t("teach.forget_sure", { name }))) return;
  try {
    await api.forget(taught.id);
  } catch (error) {
    if (error.status !== 404) return complain(error); // gone already
  }
  await loadModels().catch(complain);
  select.focus();
}

function showModels() {
  const fitting = models.filter((model) => fits(model, task()));
  select.replaceChildren(...fitting.map(({ name }) => make("option", { value: name, text: name.replace(WORDS, "") })));
  const first = fitting.find((model) => model.default_for?.includes(task()));
  if (first) select.value = first.name;
  byId("words-options").hidden = task() !== "words";
  aboutModel();
}

function aboutModel() {
  byId("model-forget").hidden = !modelOf(select.value)?.taught;
  const labels = (modelOf(select.value)?.labels ?? []).map(named);
  byId("model-about").textContent = task() === "words" || !labels.length ? "" : `${t("model.knows")} ${labels.sort((a, b) => a.localeCompare(b)).join(", ")}`;
}

function showExamples() {
  const button = (example) => {
    const key = example.title_key;
    return make("button", { type: "button", class: "chip", onclick: () => pickExample(example) }, icon("play"), known(key) ? t(key) : example.name);
  };
  byId("examples").replaceChildren(...offered.map(button));
  byId("examples-block").hidden = offered.length === 0;
}

async function pickExample({ name, url, task: kind }) {
  try {
    const asked = kind === "caption" ? "label" : kind; // captions are made of what is labelled
    const radio = document.querySelector(`input[name=task][value=${CSS.escape(asked)}]`);
    if (radio) radio.checked = true;
    showModels();
    const blob = await api.fileAt(url);
    begin(new File([blob], name, { type: blob.type }), url);
  } catch (error) {
    complain(error);
  }
}

let begin = () => {};

/** The form's fields for the service. */
export function fields(language, several = false) {
  const model = select.value;
  if (task() !== "words") return { task: task(), ...(model ? { model } : {}), language };
  const text = several ? "" : byId("words-text").value.trim();
  const classifier = model && { classifier: model.replace(WORDS, "") };
  const compared = byId("words-compare").checked && { compare: true };
  return { task: task(), ...classifier, language: text ? byId("words-language").value : language, ...(text && { text }), ...compared };
}

/** Remembers a limit that the service told. */
export function limited(problem) {
  if (problem.status === 413 && problem.limit) largest = problem.limit;
}

/** One file is opened as soon as it is ready; several go into the queue. */
function take(files) {
  calm();
  if (!files.length) return;
  if (files.length > 1) {
    location.hash = "#/";
    if (task() === "words" && byId("words-text").value.trim()) complain(t("words.one_text"));
    return enqueue(files);
  }
  const [file] = files;
  if (file.size > largest) return complain(t("error.too_large", { size: size(file.size), limit: size(largest) }));
  begin(file, file);
}

/** Files may be dropped anywhere on the page while it stands here. */
function listenForDrops(welcome) {
  const drop = byId("drop");
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  let inside = 0;
  const show = (by) => {
    inside = by ? inside + by : 0;
    drop.classList.toggle("over", inside > 0);
  };
  document.addEventListener("dragenter", (event) => carries(event) && show(1));
  document.addEventListener("dragleave", (event) => carries(event) && show(-1));
  document.addEventListener("dragover", (event) => carries(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault(); // the browser would leave the page and open the file
    show(0);
    droppedFiles(event.dataTransfer).then(welcome, complain);
  });
}

/** `onfile(file, media)` hears what is to be uploaded, `ondrop(file)` says whether a dropped file is its own. */
export async function startStart(onfile, ondrop) {
  begin = onfile;
  byId("choose").addEventListener("click", () => byId("file").click());
  byId("choose-folder").addEventListener("click", () => byId("folder").click());
  for (const id of ["file", "folder"]) {
    byId(id).addEventListener("change", (event) => {
      const files = [...event.target.files]; // before they are forgotten, so that the same can be chosen again
      event.target.value = "";
      take(files);
    });
  }
  listenForDrops((files) => (files.length === 1 && ondrop(files[0])) || take(files));
  byId("tasks").addEventListener("change", showModels);
  select.addEventListener("change", aboutModel);
  byId("model-forget").addEventListener("click", forgetModel);
  byId("words-language").append(...languageOptions());
  byId("words-language").value = preferred();
  onLanguage(() => {
    aboutModel();
    showExamples();
  });
  const none = () => [];
  const [health] = await Promise.all([
    api.health().catch(() => ({})),
    loadModels().catch(complain),
    api.examples().catch(none).then((list) => (offered = list)),
  ]);
  largest = health.limits?.upload_bytes ?? Infinity;
  showExamples();
}

/** Shows the recordings that the service still has. */
export async function showRecent() {
  try {
    const jobs = await api.jobs();
    byId("recent-block").hidden = jobs.length === 0;
    recent.replaceChildren(...jobs.map(recentRow));
  } catch (error) {
    complain(error);
  }
}

function recentRow(job) {
  const facts = [t(`task.${job.task}`), job.duration && clock(job.duration, 0), day(job.created)];
  const state = make("span", { class: `state ${job.state}`, text: t(`state.${job.state}`) });
  const link = make("a", { href: job.task === "burn_in" && job.state === "done" ? api.videoAddress(job.id) : `#/jobs/${job.id}` }, make("b", { text: job.name }), make("small", { text: facts.filter(Boolean).join(" · ") }));
  const forget = iconButton("bin", t("recent.delete", { name: job.name }), () => forgetRecent(job), "danger");
  return make("li", {}, link, ...(job.state === "done" ? [] : [state]), forget);
}

async function forgetRecent(job) {
  if (!confirm(t("recent.sure", { name: job.name }))) return;
  try {
    await api.remove(job.id);
  } catch (error) {
    if (error.status !== 404) complain(error); // gone already
  }
  await showRecent();
  (recent.querySelector("button") ?? byId("choose")).focus();
}
