// Recordings that the service still has.

import * as api from "./api.js";
import { complain } from "./banner.js";
import { byId, iconButton, make } from "./dom.js";
import { clock, day } from "./format.js";
import { t } from "./i18n.js";

const list = byId("recent");

export async function showRecent() {
  try {
    const jobs = await api.jobs();
    byId("recent-block").hidden = jobs.length === 0;
    list.replaceChildren(...jobs.map(row));
  } catch (error) {
    complain(error);
  }
}

function row(job) {
  const facts = [t(`task.${job.task}`), job.duration && clock(job.duration, 0), day(job.created)];
  const state = make("span", { class: `state ${job.state}`, text: t(`state.${job.state}`) });
  const link = make("a", { href: job.task === "burn_in" && job.state === "done" ? api.videoAddress(job.id) : `#/jobs/${job.id}` }, make("b", { text: job.name }), make("small", { text: facts.filter(Boolean).join(" · ") }));
  const forget = iconButton("bin", t("recent.delete", { name: job.name }), () => drop(job), "danger");
  return make("li", {}, link, ...(job.state === "done" ? [] : [state]), forget);
}

async function drop(job) {
  if (!confirm(t("recent.sure", { name: job.name }))) return;
  try {
    await api.remove(job.id);
  } catch (error) {
    if (error.status !== 404) complain(error); // gone already
  }
  await showRecent();
  (list.querySelector("button") ?? byId("choose")).focus();
}
