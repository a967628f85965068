// Light, dark, or as the system has it.

import { byId, recall, remember } from "./dom.js";

const select = byId("theme");
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();

/** Called when colours change: canvases do not follow CSS by themselves. */
export const onTheme = (listener) => listeners.add(listener);

const tell = () => listeners.forEach((listener) => listener());

function use(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  tell();
}

export function startTheme() {
  select.value = recall("theme", "auto");
  if (!select.value) select.value = "auto";
  use(select.value);
  system.addEventListener("change", tell);
  select.addEventListener("change", () => {
    remember("theme", select.value);
    use(select.value);
  });
}
