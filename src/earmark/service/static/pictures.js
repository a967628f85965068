// What is drawn along the axis of time: waveform, spectrogram, and the curve of the voice.

import { byId, bytesOf, colour, penOf } from "./dom.js";
import { number, t } from "./i18n.js";
import WaveSurfer from "./vendor/wavesurfer/wavesurfer.esm.js";

const container = byId("wave");
const nonce = document.querySelector("meta[name=csp-nonce]").content;

const colours = () => ({ waveColor: colour("--wave"), progressColor: colour("--wave-played") });

/**
 * The waveform, by wavesurfer.js from peaks {step, peaks: base64 of 0..255} that the service measured: nothing is
 * decoded here. It follows the axis and the element's time.
 */
export class Waveform {
  #surfer;
  #axis;
  #drawn = "";

  constructor(axis, waveform, duration, media) {
    this.#axis = axis;
    const peaks = Float32Array.from(bytesOf(waveform.peaks), (value) => value / 255);
    this.#surfer = WaveSurfer.create({
      container,
      media,
      peaks: [peaks.length ? peaks : new Float32Array(1)],
      duration,
      cspNonce: nonce,
      height: container.clientHeight,
      minPxPerSec: axis.scale,
      hideScrollbar: true,
      autoScroll: false,
      interact: false,
      cursorWidth: 0,
      normalize: true,
      ...colours(),
    });
    this.#surfer.on("redraw", () => this.#scroll());
    this.#surfer.on("ready", () => this.draw());
    this.#surfer.on("error", () => {}); // the page's own player tells what cannot be played
  }

  draw() {
    if (!this.#surfer.getDecodedData()) return; // not loaded yet
    const drawn = `${this.#axis.scale} ${this.#axis.width}`;
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#surfer.zoom(this.#axis.scale);
    }
    this.#scroll();
  }

  recolour() {
    this.#surfer.setOptions(colours());
  }

  destroy() {
    this.#surfer.destroy();
    container.replaceChildren();
  }

  #scroll() {
    this.#surfer.setScroll(this.#axis.left);
  }
}

// From night through violet and orange to pale yellow: brighter is louder, in grey and to the colour-blind too.
const STOPS = [[8, 6, 20], [29, 17, 71], [81, 18, 124], [131, 38, 129], [183, 55, 121], [231, 82, 99], [252, 137, 97], [254, 196, 136], [252, 253, 191]];

/** 256 colours as 32-bit pixels. */
function palette() {
  const bytes = new Uint8ClampedArray(256 * 4);
  for (let level = 0; level < 256; level++) {
    const place = (level / 255) * (STOPS.length - 1);
    const at = Math.min(Math.floor(place), STOPS.length - 2);
    const mixed = STOPS[at].map((value, i) => value + (STOPS[at + 1][i] - value) * (place - at));
    bytes.set([...mixed, 255], level * 4);
  }
  return new Uint32Array(bytes.buffer);
}

/** Columns half as many, the louder of each two: what is drawn from afar costs no more than from near. */
function halved({ values, columns }, bands) {
  const half = Math.ceil(columns / 2);
  const louder = new Uint8Array(half * bands);
  for (let column = 0; column < columns; column++) {
    for (let band = 0, to = (column >> 1) * bands, from = column * bands; band < bands; band++, to++, from++) {
      if (values[from] > louder[to]) louder[to] = values[from];
    }
  }
  return { values: louder, columns: half };
}

/** The spectrogram, as wide as what is in sight, from the service's values. */
export class Spectrogram {
  #levels = [];
  #colours = palette();
  #picture = document.createElement("canvas");

  /** Takes {step, bands, values: base64 of [columns][bands], lowest band first}. */
  constructor(axis, { step, bands, values }) {
    this.axis = axis;
    this.step = step;
    this.bands = bands;
    const bytes = bytesOf(values);
    let level = { values: bytes, columns: Math.floor(bytes.length / bands) };
    this.#levels.push(level);
    while (level.columns > 512) this.#levels.push((level = halved(level, bands)));
  }

  draw() {
    const { pen, width, height } = penOf(byId("spectrogram"));
    if (!width) return;
    const columnsEach = 1 / (this.axis.scale * this.step); // columns a pixel
    const depth = Math.min(Math.max(Math.floor(Math.log2(columnsEach)), 0), this.#levels.length - 1);
    const level = this.#levels[depth];
    const seconds = this.step * 2 ** depth;
    const first = Math.max(0, Math.floor(this.axis.start / seconds));
    const last = Math.min(level.columns, Math.ceil(this.axis.end / seconds) + 1);
    if (last <= first) return;
    this.#paint(level, first, last);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.#picture, this.axis.x(first * seconds) - this.axis.left, 0, this.axis.x((last - first) * seconds), height);
  }

  #paint({ values }, first, last) {
    const { bands } = this;
    const wide = last - first;
    this.#picture.width = wide;
    this.#picture.height = bands;
    const pen = this.#picture.getContext("2d");
    const image = pen.createImageData(wide, bands);
    const pixels = new Uint32Array(image.data.buffer);
    for (let x = 0; x < wide; x++) {
      for (let band = 0, from = (first + x) * bands; band < bands; band++, from++) {
        pixels[(bands - 1 - band) * wide + x] = this.#colours[values[from]];
      }
    }
    pen.putImageData(image, 0, 0);
  }
}

/** The curve of the voice's fundamental frequency, on a logarithmic scale as the ear has it. */
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
    const { pen, width, height } = penOf(byId("f0"));
    if (!width) return;
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
