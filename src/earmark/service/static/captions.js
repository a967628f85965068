// The captions that the service made, as a track of the media, and in large print where there is no picture.

import { byId } from "./dom.js";
import { language, t } from "./i18n.js";

const media = byId("media");
const area = byId("caption-area");
const line = byId("caption-text");

let address = null;
let track = null;

const written = (cue) => cue.getCueAsHTML().textContent;

/** Says something in large print. */
export function say(text) {
  if (line.textContent !== text) line.textContent = text;
  area.classList.toggle("quiet", !text);
}

function show() {
  say(track ? [...(track.track.activeCues ?? [])].map(written).join("\n") : "");
}

/** Puts WebVTT text beside the media, in place of what stood there. */
export function putCaptions(text) {
  const shown = track?.track.mode !== "disabled"; // the reader may have turned captions off in the player
  track?.remove();
  if (address) URL.revokeObjectURL(address);
  address = URL.createObjectURL(new Blob([text], { type: "text/vtt" }));
  track = document.createElement("track");
  Object.assign(track, { kind: "captions", srclang: language(), label: t("task.caption"), src: address, default: true });
  track.addEventListener("load", show);
  track.track.addEventListener("cuechange", show);
  media.append(track);
  line.lang = language();
  setMode(shown);
  show();
}

export function noCaptions() {
  track?.remove();
  track = null;
  show();
}

/** With a picture captions stand on it; without one they are read from the large area. */
export function setMode(shown = true) {
  if (!track) return;
  const pictured = media.videoWidth > 0;
  track.track.mode = pictured ? (shown ? "showing" : "disabled") : "hidden";
}
