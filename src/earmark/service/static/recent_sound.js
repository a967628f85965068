// The last seconds that the microphone heard, to be heard again.

const SECONDS = 5;
const HEAD = 44; // bytes of a WAV file's header

export class RecentSound {
  #blocks = [];
  #size = 0;

  constructor(rate) {
    this.rate = rate;
    this.most = rate * SECONDS * 2; // bytes
  }

  /** Takes 16-bit PCM. */
  add(pcm) {
    this.#blocks.push(pcm.slice(0));
    this.#size += pcm.byteLength;
    while (this.#size - this.#blocks[0].byteLength >= this.most) this.#size -= this.#blocks.shift().byteLength;
  }

  /** A WAV file of them. */
  wav() {
    const head = new DataView(new ArrayBuffer(HEAD));
    const text = (at, letters) => [...letters].forEach((letter, i) => head.setUint8(at + i, letter.charCodeAt(0)));
    text(0, "RIFF");
    head.setUint32(4, HEAD - 8 + this.#size, true);
    text(8, "WAVEfmt ");
    head.setUint32(16, 16, true); // bytes of the format: PCM, mono, rate, bytes a second, bytes a sample, bits
    head.setUint16(20, 1, true);
    head.setUint16(22, 1, true);
    head.setUint32(24, this.rate, true);
    head.setUint32(28, this.rate * 2, true);
    head.setUint16(32, 2, true);
    head.setUint16(34, 16, true);
    text(36, "data");
    head.setUint32(40, this.#size, true);
    return new Blob([head, ...this.#blocks], { type: "audio/wav" });
  }
}
