// One axis of time for all rows: pixels a second, scrolled by the browser itself.

import { byId, colour, penOf, eachFrame } from "./dom.js";
import { clock } from "./i18n.js";

const tracks = byId("tracks");
const content = byId("content");
const FACTOR = 1.6;
const WIDEST = 8_000_000; // px; browsers cannot scroll much further
const CLOSEST = 1200; // px a second
const STEPS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];

/** Tells "change" once a frame when scale, place or width changed. */
export class Axis extends EventTarget {
  duration = 1;
  scale = 1; // px a second
  #fitted = true;

  constructor() {
    super();
    const tell = eachFrame(() => this.dispatchEvent(new Event("change")));
    this.redraw = tell;
    tracks.addEventListener("scroll", tell, { passive: true });
    tracks.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    new ResizeObserver(() => (this.#fitted ? this.fit() : this.#set(this.scale))).observe(tracks);
  }

  get width() {
    return tracks.clientWidth;
  }

  get left() {
    return tracks.scrollLeft;
  }

  get start() {
    return this.left / this.scale;
  }

  get end() {
    return (this.left + this.width) / this.scale;
  }

  x(time) {
    return time * this.scale;
  }

  /** The time under a place of the window, px. */
  timeAt(clientX) {
    const time = (clientX - content.getBoundingClientRect().left) / this.scale;
    return Math.min(Math.max(time, 0), this.duration);
  }

  of(duration) {
    this.duration = Math.max(duration, 0.05);
    tracks.scrollLeft = 0;
    this.fit();
  }

  fit() {
    this.#fitted = true;
    this.#set(this.width / this.duration);
  }

  /** Closer for by > 0, about a time that stays where it is. */
  zoom(by, about = (this.start + this.end) / 2) {
    const offset = this.x(about) - this.left;
    const least = this.width / this.duration;
    const most = Math.max(least, Math.min(CLOSEST, WIDEST / this.duration));
    const scale = Math.min(Math.max(this.scale * FACTOR ** by, least), most);
    this.#fitted = scale === least;
    this.#set(scale);
    tracks.scrollLeft = this.x(about) - offset;
  }

  /** Scrolls until a time is in sight. */
  show(time, margin = 0.1) {
    if (time >= this.start && time <= this.end) return;
    tracks.scrollLeft = this.x(time) - this.width * margin;
  }

  #set(scale) {
    this.scale = scale || 1;
    const wide = this.#fitted ? this.width : Math.ceil(this.x(this.duration));
    content.style.width = `${wide}px`;
    content.style.setProperty("--sight", `${this.width}px`);
    this.redraw();
  }

  #wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.zoom(event.deltaY < 0 ? 0.5 : -0.5, this.timeAt(event.clientX));
  }
}

/** Draws the ruler's ticks and times. */
export function drawRuler(axis) {
  const { pen, height } = penOf(byId("ruler"));
  const step = STEPS.find((seconds) => seconds * axis.scale >= 72) ?? 7200;
  const digits = step < 0.1 ? 2 : step < 1 ? 1 : 0;
  pen.fillStyle = colour("--faint");
  pen.strokeStyle = colour("--line");
  pen.font = `${0.75 * parseFloat(getComputedStyle(document.documentElement).fontSize)}px system-ui, sans-serif`;
  pen.beginPath();
  for (let tick = Math.floor(axis.start / step); tick * step <= axis.end; tick++) {
    const x = Math.round(axis.x(tick * step) - axis.left) + 0.5;
    pen.moveTo(x, height - 7);
    pen.lineTo(x, height);
    if (tick * step <= axis.duration) pen.fillText(clock(tick * step, digits), x + 4, height - 9);
  }
  pen.stroke();
}
