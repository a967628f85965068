// The page in nine languages: texts, labels as captions name them, numbers and times as people read them.

import { make, recall, remember } from "./dom.js";

const LANGUAGES = { en: "English", el: "Ελληνικά", de: "Deutsch", fr: "Français", es: "Español", cs: "Čeština", pl: "Polski", ko: "한국어", ru: "Русский" };

/** The languages as the options of a select. */
export const languageOptions = () => Object.entries(LANGUAGES).map(([code, name]) => make("option", { value: code, text: name, lang: code }));

let texts = {};
let phrases = {};
let alerting = [];
let current = "en";
let turn = 0; // grows with each language that is asked for
const listeners = new Set();

export const language = () => current;

/** Labels of sounds that call for something to be done at once. */
export const alarms = () => alerting;

/** A text of the page, with `{names}` filled in. */
export function t(key, values = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

export const known = (key) => key in texts;

/** A label as a reader of this language reads it. */
export function named(label) {
  const text = phrases[label] ?? label.replaceAll("_", " ");
  return text.charAt(0).toLocaleUpperCase(current) + text.slice(1);
}

/** The label that a typed name means: one of the known phrases, or the text itself in the form of a label. */
export function labelOf(text, labels) {
  const wanted = text.trim().toLocaleLowerCase(current);
  const match = labels.find((label) => [named(label).toLocaleLowerCase(current), label, label.replaceAll("_", " ")].includes(wanted));
  return match ?? wanted.replace(/\s+/g, "_");
}

export const number = (value, digits = 1) =>
  new Intl.NumberFormat(current, { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value);

export const percent = (value, digits = 0) => new Intl.NumberFormat(current, { style: "percent", maximumFractionDigits: digits }).format(value);

/** The language to begin with: what was chosen here before, else the browser's first that we have. */
export function preferred() {
  const wanted = [recall("language", ""), ...(navigator.languages ?? [navigator.language])];
  return wanted.map((code) => code.slice(0, 2).toLowerCase()).find((code) => code in LANGUAGES) ?? "en";
}

export function onLanguage(listener) {
  listeners.add(listener);
}

/** Fills the texts of elements with `data-t` (and `data-t-ATTRIBUTE`) below `root`. */
export function translate(root = document) {
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const attribute of ["aria-label", "title"]) {
    for (const element of root.querySelectorAll(`[data-t-${attribute}]`)) {
      element.setAttribute(attribute, t(element.getAttribute(`data-t-${attribute}`)));
    }
  }
}

async function json(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return response.json();
}

/** Speaks another language from now on. Without phrases labels stay as the model names them. */
export async function speak(code, chosen = false) {
  const mine = ++turn;
  const noPhrases = { phrases: {}, alarms: [] };
  const asked = json(`/v1/phrases?language=${code}`).catch(() => noPhrases);
  const answers = await Promise.all([json(`/static/locale/${code}.json`), asked]);
  if (mine !== turn) return; // another was chosen meanwhile, whichever answer comes first
  [texts, { phrases, alarms: alerting = [] }] = answers;
  current = code;
  if (chosen) remember("language", code);
  document.documentElement.lang = code;
  translate();
  for (const listener of listeners) listener();
}

/** 75.5 -> "1:15.5"; hours only where there are any. */
export function clock(seconds, digits = 1) {
  const unit = 10 ** digits;
  const all = Math.max(0, Math.round(seconds * unit));
  const whole = Math.floor(all / unit);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const part = digits ? `.${String(all % unit).padStart(digits, "0")}` : "";
  const minutes = h ? `${h}:${String(m).padStart(2, "0")}` : String(m);
  return `${minutes}:${String(s).padStart(2, "0")}${part}`;
}

/** Bytes as megabytes or gigabytes. */
export function size(bytes) {
  const [unit, by] = bytes >= 1e9 ? ["gigabyte", 1e9] : ["megabyte", 1e6];
  return new Intl.NumberFormat(language(), { style: "unit", unit, maximumFractionDigits: 1 }).format(bytes / by);
}

export const day = (seconds) =>
  new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(seconds * 1000));

export const hour = (milliseconds) => new Intl.DateTimeFormat(language(), { timeStyle: "medium" }).format(new Date(milliseconds));
