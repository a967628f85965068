// What was found, in every format that other programs read.

import * as api from "./api.js";
import { complain } from "./banner.js";
import { byId, make } from "./dom.js";
import { save } from "./exports.js";
import { t } from "./i18n.js";

const FORMATS = { vtt: "WebVTT", srt: "SubRip", ass: "ASS", ttml: "TTML", json: "JSON", csv: "CSV", textgrid: "Praat TextGrid", audacity: "Audacity", rttm: "RTTM", ctm: "CTM" };
const CAPTIONS = new Set(["vtt", "srt", "ass", "ttml"]);
const OF_WORDS = ["json", "csv", "textgrid", "audacity", "vtt", "srt"];
const OF_WHOLE = ["json", "csv"];

function formatsOf(session) {
  if (session.ofWhole) return OF_WHOLE;
  if (!session.ofWords) return Object.keys(FORMATS).filter((to) => to !== "ctm");
  return session.events.length && session.events.every(({ text }) => text) ? [...OF_WORDS, "ctm"] : OF_WORDS;
}

/** Links that ask with the settings that hold; `ready` is waited for before each download. */
export function drawDownloads(session, asked, ready) {
  const links = formatsOf(session).map((to) => {
    const about = { format: FORMATS[to], what: t(`format.${to}`) };
    const link = make("a", { class: "button", download: true, href: api.resultAddress(session.job.id, { ...asked, to, download: true }), "aria-label": t("take.as", about) });
    link.append(make("b", { text: FORMATS[to] }), make("small", { text: about.what }));
    const among = session.subtitles && CAPTIONS.has(to);
    link.onclick = (event) => (among ? saveMerged(event, session, { ...asked, to }, ready) : waited(event, link, ready));
    return link;
  });
  byId("downloads").replaceChildren(...links);
  const dataset = byId("dataset");
  byId("dataset-block").hidden = !session.editable;
  byId("speech-line").hidden = session.job.task !== "label" && session.job.task !== "caption";
  dataset.href = api.datasetAddress(session.job.id);
  dataset.onclick = (event) => waited(event, dataset, ready);
}

/** Captions among the dialogue's subtitles: the service is sent those, so a link does not do. */
async function saveMerged(event, session, asked, ready) {
  event.preventDefault();
  try {
    await ready();
    const name = session.job.name.replace(/\.[^.]*$/, "");
    save(await api.merged(session.job.id, session.subtitles, asked), `${name}.sdh.${asked.to}`);
  } catch (error) {
    complain(error);
  }
}

/** What is downloaded has all corrections in it: those on their way to the service are waited for. */
function waited(event, link, ready) {
  if (!event.isTrusted) return; // our own click, below
  event.preventDefault();
  ready().then(() => link.click());
}
