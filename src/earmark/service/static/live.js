// The Live part: the microphone goes to the service, captions come back.

import { alertOf, sensitivities, setLabels, startAlerts } from "./alerts.js";
import { byId, complain, make } from "./dom.js";
import { language, onLanguage, percent, t } from "./i18n.js";
import { LiveSocket, openMicrophone, RecentSound } from "./live_audio.js";
import { clearLog, LiveCaptions } from "./live_captions.js";
import { onModels, soundModels } from "./start.js";

const button = byId("live-start");
const reconnect = byId("live-reconnect");
let state = "idle"; // idle, opening, connecting, listening, lost
let microphone = null;
let socket = null;
let captions = null;
let lock = null; // keeps the screen on
let visit = 0;

function show(next = state) {
  state = next;
  const running = state !== "idle";
  byId("live-start-text").textContent = t(running ? "live.stop" : "live.start");
  button.classList.toggle("running", running);
  byId("live-state").textContent = t(`live.state.${state}`);
  reconnect.hidden = state !== "lost";
  byId("live-stage").dataset.state = state;
}

function options(rate) {
  const model = byId("live-model").value || "sounds";
  const sensitivity = byId("live-sensitivity").valueAsNumber;
  return { rate, model, sensitivity, sensitivities: sensitivities(), language: language(), include_speech: byId("live-speech").checked };
}

function connect() {
  show("connecting");
  captions?.close();
  socket?.close();
  const mine = new LiveSocket(options(microphone.rate));
  const recent = new RecentSound(microphone.rate);
  const board = new LiveCaptions(Date.now(), recent, alertOf);
  socket = mine;
  captions = board;
  let sent = false;
  const block = (pcm) => {
    if (!sent) board.began = Date.now(); // the service counts from the first sample
    sent = true;
    recent.add(pcm);
    mine.send(pcm);
  };
  mine.addEventListener("ready", () => {
    show("listening");
    microphone.onpcm = block;
  });
  for (const name of ["begin", "change", "end"]) mine.addEventListener(name, ({ detail }) => board[name](detail));
  mine.addEventListener("error", ({ detail }) => lost(mine, detail.detail));
  mine.addEventListener("lost", () => lost(mine, null));
}

function lost(which, reason) {
  if (which !== socket) return;
  microphone.onpcm = null;
  captions.close();
  show("lost");
  if (reason) complain(reason);
  reconnect.focus();
}

async function start() {
  show("opening");
  const mine = ++visit;
  try {
    const opened = await openMicrophone(({ pcm, peak }) => {
      byId("live-level").value = peak;
      microphone?.onpcm?.(pcm);
    });
    if (mine !== visit) return opened.close(); // stopped while the browser asked
    microphone = { ...opened, onpcm: null };
    for (const track of opened.tracks) {
      track.onended = () => {
        if (mine === visit) stop(); // it was taken away: nothing is heard any more
        complain(t("live.no_microphone"));
      };
    }
    await stayAwake();
    if (mine === visit) connect();
  } catch (error) {
    stop();
    complain(error);
  }
}

const isAwake = () => !(lock?.released ?? true);

/** Keeps the screen on while this visit lasts; a browser forgets it where the page was hidden meanwhile. */
async function stayAwake() {
  const mine = visit;
  const got = await navigator.wakeLock?.request("screen").catch(() => null);
  if (mine === visit && !isAwake()) lock = got;
  else got?.release().catch(() => {});
}

function stop() {
  visit++;
  socket?.close();
  captions?.close();
  microphone?.close();
  lock?.release?.().catch(() => {});
  socket = captions = microphone = lock = null;
  byId("live-level").value = 0;
  show("idle");
}

/** The page shows something else: the microphone is closed. */
export function leaveLive() {
  if (state !== "idle") stop();
}

const known = () => setLabels(soundModels().find(({ name }) => name === byId("live-model").value)?.labels ?? []);

function showModels() {
  const [models, chosen] = [soundModels(), byId("live-model").value];
  byId("live-model").replaceChildren(...models.map(({ name }) => make("option", { value: name, text: name })));
  const usual = models.find((model) => model.default_for?.some((task) => ["live", "caption", "label"].includes(task)));
  const first = models.find(({ name }) => name === chosen) ?? usual;
  if (first) byId("live-model").value = first.name;
  known();
}

export function startLive() {
  const slider = byId("live-sensitivity");
  const said = () => (byId("live-sensitivity-value").textContent = percent(slider.valueAsNumber));
  slider.addEventListener("input", said);
  const again = () => ["listening", "lost"].includes(state) && connect();
  for (const id of ["live-model", "live-sensitivity", "live-speech"]) byId(id).addEventListener("change", again);
  startAlerts(again);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && microphone && !isAwake()) stayAwake();
  });
  byId("live-model").addEventListener("change", known);
  showModels();
  onModels(showModels);
  button.addEventListener("click", () => (state === "idle" ? start() : stop()));
  reconnect.addEventListener("click", connect);
  byId("live-clear").addEventListener("click", clearLog);
  onLanguage(() => {
    show();
    said();
    again();
  });
  said();
  show("idle");
}
