// What every part of the page uses: its document, what is told to its reader, what is remembered of their choices.

export const byId = (id) => document.getElementById(id);

/** A new element: `make("p", { class: "faint", text: "…", onclick }, child, …)`; other keys are attributes. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") element.textContent = value;
    else if (key === "data") Object.assign(element.dataset, value);
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key === "class" ? "class" : key, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** One of the icons of index.html. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** A button with an icon and a name for those who do not see it. */
export function iconButton(name, label, onclick, kind = "") {
  return make("button", { type: "button", class: `icon ${kind}`, "aria-label": label, title: label, onclick }, icon(name));
}

/** Has a button and Escape close a panel, which is hidden now; a reader who was within goes back to `opener`. */
export function closable(panel, button, opener) {
  const close = () => {
    if (panel.hidden) return;
    const within = panel.contains(document.activeElement);
    panel.hidden = true;
    if (within) opener.focus();
  };
  button.onclick = close;
  panel.onkeydown = ({ key }) => {
    if (key === "Escape") close(); // no value: false would keep all other keys from what they do
  };
  panel.hidden = true;
}

/** Calls `action` once it has not been asked for `wait` milliseconds. */
export function debounced(action, wait) {
  let timer = 0;
  const later = (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), wait);
  };
  later.cancel = () => clearTimeout(timer);
  return later;
}

/** Calls `action` at most once in a frame. */
export function eachFrame(action) {
  let asked = 0;
  return () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      action();
    });
  };
}

/** A canvas made as large as it is shown, in device pixels; a pen that draws in CSS pixels, and its size in them. */
export function penOf(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { pen, width, height };
}

/** What a CSS custom property of colour is just now, in the theme that holds. */
export function colour(name) {
  const probe = make("i", { hidden: true });
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

/** Bytes of base64 text. */
export const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

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

/** What this browser remembers of the reader's choices. It may forbid it; then nothing is remembered. */
export function recall(key, otherwise) {
  try {
    return localStorage.getItem(`earmark-${key}`) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(`earmark-${key}`, value);
  } catch {
    // nothing to be done
  }
}
