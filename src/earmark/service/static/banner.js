// What went wrong, where everyone sees it, and what changed, for those who hear the page.

import { byId } from "./dom.js";

/** Shows an error: a Problem, another error or a text. What the reader stopped is no error. */
export function complain(error) {
  if (error?.name === "AbortError") return;
  byId("banner-text").textContent = typeof error === "string" ? error : error.message;
  byId("banner").hidden = false;
}

export function calm() {
  byId("banner").hidden = true;
}

/** Tells a screen reader. */
export function announce(text) {
  byId("spoken-status").textContent = text;
}

byId("banner-close").addEventListener("click", calm);
