// Runs on the audio thread: the microphone's samples as 16-bit PCM, a tenth of a second at a time.

const EACH = 0.1; // s

class Pcm extends AudioWorkletProcessor {
  constructor() {
    super();
    this.size = Math.round(sampleRate * EACH);
    this.block = new Int16Array(this.size);
    this.filled = 0;
    this.peak = 0;
  }

  process([channels]) {
    const samples = channels?.[0];
    if (!samples) return true; // no input yet
    for (let i = 0; i < samples.length; i++) {
      const value = Math.max(-1, Math.min(1, samples[i]));
      this.peak = Math.max(this.peak, Math.abs(value));
      this.block[this.filled++] = value < 0 ? value * 32768 : value * 32767;
      if (this.filled === this.size) this.send();
    }
    return true;
  }

  send() {
    const { block, peak } = this;
    this.port.postMessage({ pcm: block.buffer, peak }, [block.buffer]); // it is empty from then on
    this.block = new Int16Array(this.size);
    this.filled = 0;
    this.peak = 0;
  }
}

registerProcessor("pcm", Pcm);
