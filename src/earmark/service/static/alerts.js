// Alerts: a chosen sound shows a large card that stays until it is dismissed, flashes, vibrates and notifies.

import { byId, complain, icon, make, recall, remember } from "./dom.js";
import { alarms, hour, named, onLanguage, percent, t } from "./i18n.js";

const SHAKE = [400, 200, 400]; // ms on, off, on
const SHAKE_EVERY = 2000; // ms while a card stands
const USUAL = 0.5; // sensitivity

const box = byId("alerts");
const cards = new Map(); // by label
let shaking = 0;
let settings = { notify: false, flash: true, vibrate: true, quiet: false, from: "22:00", to: "07:00", chosen: {}, sensitivities: {} };
let labels = [];
let changed = () => {};

const keep = () => remember("alerts", JSON.stringify(settings));
const isChosen = (label) => settings.chosen[label] ?? alarms().includes(label);

/** Sensitivities of single sounds, for the service. */
export const sensitivities = () => settings.sensitivities;

/** Whether it is a quiet hour; hours may reach over midnight. */
export function isQuiet(now = new Date()) {
  const time = `${String(now.getHours()).padStart(2, "0")}:${String(now.getMinutes()).padStart(2, "0")}`;
  const { quiet, from, to } = settings;
  if (!quiet) return false;
  return from <= to ? from <= time && time < to : time >= from || time < to;
}

/** A sound has begun: alerts of it if it is chosen, and says whether it is. In quiet hours nothing is shown. */
export function alertOf({ label, text }, when) {
  if (!isChosen(label) || isQuiet()) return false;
  const card = cards.get(label) ?? { label, first: when, count: 0 };
  Object.assign(card, { text, last: when, count: card.count + 1 });
  cards.set(label, card);
  draw();
  notify(card);
  return true;
}

/** What the title says while a card stands; empty otherwise. */
export const standing = () => [...cards.values()].map(({ text }) => text).join(", ");

function draw() {
  box.hidden = cards.size === 0;
  box.classList.toggle("flashing", cards.size > 0 && settings.flash);
  byId("alert-cards").replaceChildren(...[...cards.values()].map(cardOf));
  byId("alerts-dismiss").hidden = cards.size < 2;
  clearInterval(shaking);
  if (cards.size && settings.vibrate && navigator.vibrate) {
    const shake = () => navigator.userActivation?.hasBeenActive !== false && navigator.vibrate(SHAKE);
    shake();
    shaking = setInterval(shake, SHAKE_EVERY);
  }
  box.dispatchEvent(new Event("change"));
}

function cardOf({ label, text, first, last, count }) {
  const when = count > 1 ? t("alerts.times", { count, first: hour(first), last: hour(last) }) : t("alerts.at", { time: hour(first) });
  const dismiss = make("button", { type: "button", class: "primary big", text: t("alerts.dismiss"), "aria-label": `${t("alerts.dismiss")}: ${text}` });
  dismiss.addEventListener("click", () => drop(label));
  return make("li", { data: { label } }, make("p", { class: "alert-text", text }), make("p", { text: when }), dismiss);
}

function drop(...names) {
  for (const name of names) {
    cards.delete(name);
    navigator.serviceWorker?.getRegistration().then(async (worker) => {
      for (const note of (await worker?.getNotifications({ tag: name })) ?? []) note.close();
    });
  }
  if (!cards.size) navigator.vibrate?.(0);
  draw();
}

/** A notification of the system, which reaches a person who looks elsewhere. */
async function notify({ label, text, last }) {
  if (!settings.notify || globalThis.Notification?.permission !== "granted") return;
  const about = { body: hour(last), tag: label, renotify: true, requireInteraction: true, icon: "/static/icon-192.png", vibrate: SHAKE };
  try {
    const worker = await navigator.serviceWorker?.getRegistration();
    if (worker) await worker.showNotification(text, about); // phones know no other way
    else new Notification(text, about);
  } catch (error) {
    complain(error);
  }
}

async function allow(wanted) {
  settings.notify = wanted && (await globalThis.Notification?.requestPermission?.()) === "granted";
  byId("alerts-notify").checked = settings.notify;
  if (wanted && !settings.notify) complain(t("alerts.refused"));
  keep();
}

/** The sounds that the model of the live page knows. */
export function setLabels(names) {
  labels = names;
  drawChoice();
}

function drawChoice() {
  const wanted = byId("alerts-find").value.trim().toLocaleLowerCase();
  const fits = (label) => (wanted ? `${named(label)} ${label}`.toLocaleLowerCase().includes(wanted) : isChosen(label) || label in settings.sensitivities);
  const shown = labels.filter(fits).sort((a, b) => named(a).localeCompare(named(b)));
  byId("alerts-sounds").replaceChildren(...shown.map(choiceOf));
}

function choiceOf(label) {
  const tick = make("input", { type: "checkbox", data: { label } });
  tick.checked = isChosen(label);
  tick.addEventListener("change", () => {
    settings.chosen[label] = tick.checked;
    keep();
  });
  const value = settings.sensitivities[label] ?? USUAL;
  const slider = make("input", { type: "range", min: 0, max: 1, step: 0.05, "aria-label": t("alerts.sensitivity", { what: named(label) }), data: { label } });
  slider.value = value;
  const said = make("output", { text: percent(value) });
  slider.addEventListener("input", () => (said.textContent = percent(slider.valueAsNumber)));
  slider.addEventListener("change", () => {
    if (slider.valueAsNumber === USUAL) delete settings.sensitivities[label];
    else settings.sensitivities[label] = slider.valueAsNumber;
    keep();
    changed();
  });
  return make("li", {}, make("label", { class: "check" }, tick, make("span", { text: named(label) })), slider, said);
}

/** `onchange` hears that sounds are to be looked for otherwise. */
export function startAlerts(onchange) {
  changed = onchange;
  try {
    settings = { ...settings, ...JSON.parse(recall("alerts", "{}")) };
  } catch {
    // what was remembered makes no sense
  }
  for (const name of ["flash", "vibrate", "quiet", "from", "to"]) {
    const field = byId(`alerts-${name}`);
    const said = field.type === "checkbox" ? "checked" : "value";
    field[said] = settings[name];
    field.addEventListener("change", () => {
      if (field[said] !== "") settings[name] = field[said]; // no time is none
      keep();
      draw();
    });
  }
  settings.notify &&= globalThis.Notification?.permission === "granted";
  byId("alerts-notify").checked = settings.notify;
  byId("alerts-notify").addEventListener("change", ({ target }) => allow(target.checked));
  byId("alerts-find").addEventListener("input", drawChoice);
  byId("alerts-dismiss").addEventListener("click", () => drop(...cards.keys()));
  navigator.serviceWorker?.addEventListener("message", ({ data }) => data?.dismissed && drop(data.dismissed));
  onLanguage(drawChoice);
  onLanguage(draw);
}

/** A button that plays some sound again. */
export function replayButton(what, blob) {
  const button = make("button", { type: "button", class: "hear", "aria-label": t("alerts.replay", { what }), title: t("alerts.replay", { what }) }, icon("play"));
  button.addEventListener("click", () => {
    const address = URL.createObjectURL(blob);
    const sound = new Audio(address);
    sound.addEventListener("ended", () => URL.revokeObjectURL(address));
    sound.play().catch(complain);
  });
  return button;
}
