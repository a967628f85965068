// The microphone as blocks of PCM, the last seconds of them, and the socket that takes them to the service.

import { t } from "./i18n.js";

// What makes a voice clear on the telephone would take out the very sounds that are looked for.
const PLAIN = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };

const REFUSED = { NotAllowedError: "live.refused", NotFoundError: "live.no_microphone" };

/** Opens the microphone; `onblock({pcm, peak})` hears each tenth of a second. Gives its rate, Hz, and how to close it. */
export async function openMicrophone(onblock) {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error(t("live.insecure"));
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: PLAIN });
  } catch (error) {
    throw new Error(t(REFUSED[error.name] ?? "live.no_microphone"), { cause: error });
  }
  const audio = new AudioContext({ latencyHint: "interactive" });
  const close = () => {
    for (const track of stream.getTracks()) track.stop();
    return audio.state === "closed" ? undefined : audio.close();
  };
  try {
    await audio.audioWorklet.addModule("/static/live_worklet.js");
    const worklet = new AudioWorkletNode(audio, "pcm", { channelCount: 1, channelCountMode: "explicit" });
    worklet.port.onmessage = ({ data }) => onblock(data);
    // Only what leads to the loudspeakers is computed; the worklet hands on silence.
    audio.createMediaStreamSource(stream).connect(worklet).connect(audio.destination);
    await audio.resume();
    return { rate: audio.sampleRate, close, tracks: stream.getAudioTracks() };
  } catch (error) {
    close();
    throw error;
  }
}

const SECONDS = 5; // kept
const HEAD = 44; // bytes of a WAV file's header

/** The last seconds that the microphone heard, to be heard again. */
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

const FAR_BEHIND = 2_000_000; // bytes not yet sent; about twenty seconds

/** Tells each message of the service as an event of its type, and "lost" when the connection ends unasked. */
export class LiveSocket extends EventTarget {
  #socket;
  #left = false;

  constructor(options) {
    super();
    const address = new URL("/v1/live", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    this.#socket = new WebSocket(address);
    this.#socket.onopen = () => this.#socket.send(JSON.stringify({ format: "s16", ...options }));
    this.#socket.onmessage = ({ data }) => this.#said(JSON.parse(data));
    this.#socket.onclose = () => this.#left || this.#tell("lost", {});
  }

  send(pcm) {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    if (this.#socket.bufferedAmount > FAR_BEHIND) this.#socket.close(); // captions would come too late to be of use
    else this.#socket.send(pcm);
  }

  close() {
    this.#left = true;
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ type: "end" }));
    this.#socket.close();
  }

  #said(message) {
    if (message.type === "error") this.#left = true; // the service says why, and closes
    this.#tell(message.type, message);
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
