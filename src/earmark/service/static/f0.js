// The curve of the voice's fundamental frequency, on a logarithmic scale as the ear has it.

import { byId, colour, context2d } from "./dom.js";
import { number, t } from "./i18n.js";

const canvas = byId("f0");

export class PitchCurve {
  /** Takes {step, hz: [number or null, …]}. */
  constructor(axis, { step, hz }) {
    this.axis = axis;
    this.step = step;
    this.hz = hz;
    const voiced = hz.filter(Boolean).sort((a, b) => a - b);
    const at = (part) => voiced[Math.floor(part * (voiced.length - 1))] ?? 100;
    this.low = at(0.01) / 1.1; // a stray value must not press the curve flat
    this.high = at(0.99) * 1.1;
  }

  get range() {
    return t("f0.range", { low: number(this.low, 0), high: number(this.high, 0) });
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width) return;
    const pen = context2d(canvas, width, height);
    const up = (hz) => height * (1 - Math.log(hz / this.low) / Math.log(this.high / this.low));
    const first = Math.max(0, Math.floor(this.axis.start / this.step) - 1);
    const last = Math.min(this.hz.length, Math.ceil(this.axis.end / this.step) + 1);
    pen.strokeStyle = colour("--accent");
    pen.lineWidth = 2;
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    for (let i = first, before = null; i < last; before = this.hz[i], i++) {
      if (!this.hz[i]) continue;
      const x = this.axis.x(i * this.step) - this.axis.left;
      // An octave's jump is another stretch of voice, not a glide.
      const joined = before && Math.abs(Math.log2(this.hz[i] / before)) < 0.5;
      if (!joined) pen.moveTo(x - 0.5, up(this.hz[i]));
      pen.lineTo(x, up(this.hz[i]));
    }
    pen.stroke();
  }
}
