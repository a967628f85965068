// The spectrogram on a canvas as wide as what is in sight, from the service's values.

import { byId, context2d } from "./dom.js";
import { bytesOf } from "./format.js";

const canvas = byId("spectrogram");
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
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width) return;
    const pen = context2d(canvas, width, height);
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
