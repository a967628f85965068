// The media element, with one thing added: it plays a span and stops at its end.

import { setMode } from "./captions.js";
import { byId, complain } from "./dom.js";
import { clock, t } from "./i18n.js";

const media = byId("media");

/**
 * Tells "time" when the place changes, "state" when it starts or stops, "source" when it
 * gets other media, "loaded" when their length is known, "silent" and "unplayable" when there is nothing to play.
 */
export class Player extends EventTarget {
  element = media;
  duration = 0;
  #end = null; // where the span that plays ends, s
  #place = 0; // where a recording without media stands, s
  #made = null; // the address of a local file

  constructor() {
    super();
    for (const name of ["timeupdate", "seeking", "seeked"]) media.addEventListener(name, () => this.#watch());
    for (const name of ["play", "pause", "ended"]) media.addEventListener(name, () => this.#turned());
    media.addEventListener("error", () => this.ready && this.#tell("unplayable"));
    media.addEventListener("loadedmetadata", () => this.#tell("loaded"));
  }

  get ready() {
    return media.hasAttribute("src");
  }

  get pictured() {
    return this.ready && media.videoWidth > 0;
  }

  get playing() {
    return this.ready && !media.paused;
  }

  get time() {
    return this.ready ? media.currentTime : this.#place;
  }

  /** Takes a local file, the address of one, or nothing. */
  load(source, duration) {
    this.#end = null;
    this.#place = 0;
    this.duration = duration;
    media.pause();
    if (this.#made) URL.revokeObjectURL(this.#made);
    this.#made = source instanceof Blob ? URL.createObjectURL(source) : null;
    if (source) media.src = this.#made ?? source;
    else {
      media.removeAttribute("src");
      media.load();
    }
    this.#tell("source");
    this.#tell("state");
    this.#tell("time");
  }

  seek(time) {
    this.#end = null;
    this.#go(time);
  }

  play() {
    if (!this.ready) return this.#tell("silent");
    media.play().catch(() => this.#tell("state"));
  }

  toggle() {
    this.#end = null;
    if (this.playing) media.pause();
    else this.play();
  }

  /** Plays from onset to offset, s. */
  playSpan(onset, offset) {
    this.#go(onset);
    this.#end = offset;
    this.play();
  }

  #go(time) {
    this.#place = Math.min(Math.max(time, 0), this.duration);
    if (this.ready) media.currentTime = this.#place;
    this.#tell("time");
  }

  #turned() {
    if (media.paused && !media.seeking) this.#place = media.currentTime;
    this.#tell("state");
    if (this.playing) requestAnimationFrame(() => this.#follow());
  }

  #follow() {
    if (!this.playing) return;
    this.#watch();
    requestAnimationFrame(() => this.#follow());
  }

  #watch() {
    if (this.#end !== null && !media.seeking && this.playing && media.currentTime >= this.#end) {
      const end = this.#end;
      media.pause();
      this.seek(end); // a page that is busy notices late
      return;
    }
    this.#tell("time");
  }

  #tell(name) {
    this.dispatchEvent(new Event(name));
  }
}

/** Play button, time, speed and volume. */
export function transport(player) {
  const button = byId("play");
  const showState = () => {
    byId("play-icon").setAttribute("href", player.playing ? "#i-pause" : "#i-play");
    button.setAttribute("aria-label", t(player.playing ? "pause" : "play"));
  };
  const showTime = () => {
    byId("time").textContent = `${clock(player.time)} / ${clock(player.duration)}`;
  };
  button.addEventListener("click", () => player.toggle());
  byId("speed").addEventListener("change", (event) => {
    media.defaultPlaybackRate = media.playbackRate = Number(event.target.value);
  });
  byId("volume").addEventListener("input", (event) => {
    media.volume = Number(event.target.value);
    media.muted = media.volume === 0;
  });
  player.addEventListener("state", showState);
  player.addEventListener("time", showTime);
  return showState;
}

const ANOTHER = 2; // s; a file whose length differs by more is not the one that was analysed

/**
 * Shows what can be played. Where that is not at hand, a reader can choose the file again: the function that this gives
 * back takes it. `durationOf` gives seconds, or null.
 */
export function attaching(player, durationOf) {
  const show = () => {
    byId("attach").hidden = player.ready;
    byId("screen").classList.toggle("pictured", player.pictured);
    byId("media").controls = player.pictured;
    byId("play").disabled = !player.ready;
    setMode();
  };

  const attach = (file) => {
    if (!file || durationOf() === null) return;
    player.load(file, durationOf());
  };

  const compare = () => {
    const [{ duration }, wanted] = [player.element, durationOf()];
    if (wanted !== null && Number.isFinite(duration) && Math.abs(duration - wanted) > ANOTHER) complain(t("attach.other"));
  };

  player.addEventListener("source", show);
  player.addEventListener("loaded", show);
  player.addEventListener("loaded", compare);
  player.addEventListener("silent", () => complain(t("attach.first")));
  player.addEventListener("unplayable", () => complain(t("error.unplayable")));
  byId("attach-button").addEventListener("click", () => byId("attach-file").click());
  byId("attach-file").addEventListener("change", (event) => attach(event.target.files[0]));
  return attach;
}
