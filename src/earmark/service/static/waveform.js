// The waveform, by wavesurfer.js from levels that the service measured: nothing is decoded here.

import { byId, colour } from "./dom.js";
import { bytesOf } from "./format.js";
import WaveSurfer from "./vendor/wavesurfer/wavesurfer.esm.js";

const container = byId("wave");
const nonce = document.querySelector("meta[name=csp-nonce]").content;

const colours = () => ({ waveColor: colour("--wave"), progressColor: colour("--wave-played") });

/** Draws peaks {step, peaks: base64 of 0..255}; follows the axis and the element's time. */
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
