// The page by the keyboard, and a dialog that tells how. Single keys can be turned off (WCAG 2.1.4).

import { byId, make, recall, remember } from "./dom.js";
import { onLanguage, t } from "./i18n.js";

const dialog = byId("help");
const on = byId("keys-on");
const LIST = [
  ["keys.space", "␣"],
  ["keys.arrows", "← →"],
  ["keys.shift_arrows", "Shift + ← →"],
  ["keys.enter", "Enter"],
  ["keys.brackets", "[ ]"],
  ["keys.delete", "Delete"],
  ["keys.add", "A"],
  ["keys.accept", "Y"],
  ["keys.reject", "N"],
  ["keys.nothing", "X"],
  ["keys.relabel", "R"],
  ["keys.alike", "M"],
  ["keys.teach", "T"],
  ["edit.undo", "Ctrl + Z"],
  ["edit.redo", "Ctrl + Shift + Z"],
  ["keys.zoom", "+ − 0"],
  ["keys.help", "?"],
];

const typing = (element) => element.matches("input:not([type=range], [type=checkbox], [type=radio]), textarea, [contenteditable]");
const operated = (element) => element.closest("button:not(.event), a, select, summary, input, label");

/** What each key does; `acts` are the opened recording's, or null. */
function meaning(event, acts) {
  if (event.ctrlKey || event.metaKey) {
    if (event.key.toLowerCase() !== "z" || typing(event.target)) return null;
    return event.shiftKey ? acts.redo : acts.undo;
  }
  if (event.altKey || !on.checked || typing(event.target) || event.target.matches("select")) return null;
  const free = !operated(event.target);
  const range = event.target.matches("input");
  const simple = {
    "[": acts.setOnset, "]": acts.setOffset, delete: acts.remove, backspace: acts.remove, a: acts.add,
    y: acts.accept, n: acts.reject, x: acts.nothing, r: acts.relabel, m: acts.like, t: acts.teach,
    "+": acts.closer, "=": acts.closer, "-": acts.wider, 0: acts.fit,
  };
  const moving = { ArrowLeft: event.shiftKey ? acts.back : acts.previous, ArrowRight: event.shiftKey ? acts.ahead : acts.next };
  if (event.key in moving) return range ? null : moving[event.key];
  if (event.key === " ") return free ? acts.toggle : null;
  if (event.key === "Enter") return free ? acts.play : null;
  return simple[event.key.toLowerCase()] ?? null;
}

/** Listens for keys; `current` gives the acts of the opened recording, or null. */
export function startKeys(current) {
  on.checked = recall("keys", "on") === "on";
  on.addEventListener("change", () => remember("keys", on.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    if (dialog.open) return;
    if (event.key === "?" && on.checked && !typing(event.target)) {
      event.preventDefault();
      return void help();
    }
    const acts = current();
    const act = acts && meaning(event, acts);
    if (!act) return;
    event.preventDefault();
    act();
  });
  document.addEventListener("keyup", (event) => {
    if (event.key === " " && on.checked && event.target.closest?.(".event")) event.preventDefault(); // no click by the space bar
  });
  byId("keys-button").addEventListener("click", help);
  byId("help-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  onLanguage(list);
}

function list() {
  const rows = LIST.map(([key, keys]) => {
    const name = keys === "␣" ? t("keys.space_bar") : keys;
    const caps = name.split(keys === "← →" || keys === "[ ]" || keys === "+ − 0" ? " " : "\0").map((text) => make("kbd", { text }));
    return make("div", {}, make("dt", {}, ...caps), make("dd", { text: t(key) }));
  });
  byId("help-keys").replaceChildren(...rows);
}

function help() {
  dialog.showModal();
}
