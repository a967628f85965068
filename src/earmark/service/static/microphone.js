// The microphone as blocks of little-endian 16-bit PCM.

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
