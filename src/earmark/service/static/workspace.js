// An opened recording: everything that shows it, and what ties that together.

import * as api from "./api.js";
import { Axis, drawRuler } from "./axis.js";
import { noCaptions, say } from "./captions.js";
import { announce, byId, complain, debounced } from "./dom.js";
import { EditBar } from "./editbar.js";
import { drawDownloads, openExports, startExports } from "./exports.js";
import { EventList } from "./event_list.js";
import { clock, number, t } from "./i18n.js";
import { Lanes } from "./lanes.js";
import { PitchCurve, Spectrogram, Waveform } from "./pictures.js";
import { attaching, Player, transport } from "./player.js";
import { Results } from "./results.js";
import { ComparedClassifiers, SecondScores } from "./rows.js";
import { saving } from "./saving.js";
import { Session } from "./session.js";
import { onTheme } from "./theme.js";
import { Thresholds } from "./thresholds.js";

const player = new Player();
const axis = new Axis();
const showTransport = transport(player);
let open = null; // the opened recording's parts
let turn = 0; // grows with each recording that is opened or closed

/** Takes a file as the opened recording's media. */
export const attach = attaching(player, () => open?.session.duration ?? null);

/** Opens a finished job; `media` is a file, an address or null. */
export async function openJob(job, media) {
  closeJob();
  const mine = turn;
  const view = await api.viewOf(job.id);
  if (mine !== turn) return; // the reader went elsewhere meanwhile
  const first = job.options?.sensitivity ?? 0.5;
  const settings = { first, sensitivity: first, thresholds: {}, includeSpeech: Boolean(job.options?.include_speech) };
  const session = new Session(job, view, settings);
  noCaptions();
  const { type, copy } = view.media ?? {};
  const kept = type ? api.mediaAddress(job.id) : null;
  player.load(copy ? kept : (media ?? kept), view.duration);
  open = parts(session);
  const asked = () => open.results.asked();
  openExports(session, captionsChanged, asked, () => open.saver.flush());
  heading();
  await Promise.all([open.results.load(true), open.compared.load()]);
  if (mine === turn) open.thresholds.draw(); // lanes have chosen their colours first
}

export function closeJob() {
  turn++;
  if (!open) return;
  open.saver.stop();
  open.lanes.stop();
  open.waveform.destroy();
  open.results.close();
  noCaptions();
  player.load(null, 0);
  open = null;
}

function parts(session) {
  axis.of(session.duration);
  const { view } = session;
  const results = new Results(session);
  byId("f0").hidden = byId("f0-name").hidden = !view.f0;
  const made = {
    session,
    waveform: new Waveform(axis, view.waveform, view.duration, player.element),
    spectrogram: new Spectrogram(axis, view.spectrogram),
    pitch: view.f0 && new PitchCurve(axis, view.f0),
    lanes: new Lanes(session, player, axis),
    list: new EventList(session, player),
    editbar: new EditBar(session, player, () => open.saver.flush()),
    thresholds: new Thresholds(session, debounced(moved, 150)),
    seconds: new SecondScores(session, player, axis),
    compared: new ComparedClassifiers(session, player),
    saver: saving(session, () => {
      offerDownloads(); // words that are all written have a further format
      results.loadCaptions();
    }),
    results,
  };
  byId("sensitivity-card").hidden = !session.editable;
  byId("screen").classList.toggle("plain", session.ofWhole); // without pictures there is nothing to show there
  byId("include-speech").checked = session.settings.includeSpeech;
  session.addEventListener("events", drawEvents);
  session.addEventListener("selected", drawSelected);
  return made;
}

/** Asks for what holds under moved thresholds, and says how much that is. */
async function moved() {
  const now = open;
  if (!now) return;
  await now.results.load();
  if (open === now) announce(t("events.count", { count: now.session.events.length }));
}

function heading() {
  const { job, duration } = open.session;
  byId("job-name").textContent = job.name;
  byId("job-about").textContent = [t(`task.${job.task}`), clock(duration, 0), job.model].filter(Boolean).join(" · ");
  document.title = `${job.name} – Earmark`;
  const { low_hz: low, high_hz: high } = open.session.view.spectrogram;
  byId("hertz").textContent = t("hertz.range", { low: number(low / 1000, 1), high: number(high / 1000, 1) });
  byId("f0-range").textContent = open.pitch?.range ?? "";
}

function drawEvents() {
  open.lanes.draw();
  open.list.draw();
  open.editbar.names();
  open.editbar.draw();
  open.thresholds.lock();
  offerDownloads();
  axis.redraw();
}

/** Captions look otherwise: those on the picture, and those to be downloaded. */
function captionsChanged() {
  offerDownloads();
  open.results.loadCaptions();
}

function offerDownloads() {
  drawDownloads(open.session, open.results.asked(), () => open.saver.flush().catch(complain));
}

function drawSelected() {
  open.lanes.mark();
  open.list.mark();
  open.editbar.draw();
}

function drawAxis() {
  if (!open) return;
  drawRuler(axis);
  open.waveform.draw();
  open.spectrogram.draw();
  open.pitch?.draw();
  open.seconds.paint();
  byId("playhead").style.transform = `translateX(${axis.x(player.time)}px)`;
}

function drawTime() {
  if (!open) return;
  byId("playhead").style.transform = `translateX(${axis.x(player.time)}px)`;
  if (player.playing) axis.show(player.time);
  open.list.follow();
  if (open.session.ofWords) say(open.list.said());
}

export const isOpen = () => open !== null;

function step(by) {
  const event = open.session.neighbour(by, player.time);
  if (!event) return;
  open.session.select(event.id);
  open.lanes.focus();
}

/** What keys do here, or null where nothing is open. */
export function acts() {
  if (!open) return null;
  const { acts: edits } = open.editbar;
  return {
    ...(open.session.editable ? edits : { play: edits.play, undo: edits.undo, redo: edits.redo }),
    toggle: () => player.toggle(),
    previous: () => step(-1),
    next: () => step(1),
    back: () => player.seek(player.time - 1),
    ahead: () => player.seek(player.time + 1),
    closer: () => axis.zoom(1, player.time),
    wider: () => axis.zoom(-1, player.time),
    fit: () => axis.fit(),
  };
}

export function startWorkspace() {
  startExports();
  axis.addEventListener("change", drawAxis);
  player.addEventListener("time", drawTime);
  byId("zoom-in").addEventListener("click", () => axis.zoom(1));
  byId("zoom-out").addEventListener("click", () => axis.zoom(-1));
  byId("zoom-fit").addEventListener("click", () => axis.fit());
  for (const id of ["wave", "spectrogram", "ruler", "f0"]) byId(id).addEventListener("click", (click) => player.seek(axis.timeAt(click.clientX)));
  byId("include-speech").addEventListener("change", (event) => {
    open.session.settings.includeSpeech = event.target.checked;
    captionsChanged();
  });
  byId("forget").addEventListener("click", () => open.session.forget());
  onTheme(() => {
    open?.waveform.recolour();
    axis.redraw();
  });
}

/** Says everything again, in the language that holds now. */
export function retell() {
  showTransport();
  if (!open) return;
  heading();
  open.thresholds.draw();
  open.seconds.draw();
  open.compared.draw();
  drawEvents();
  open.results.loadCaptions();
}
