// Where a recording's media is not at hand, its reader can choose the file again.

import { complain } from "./banner.js";
import { setMode } from "./captions.js";
import { byId } from "./dom.js";
import { t } from "./i18n.js";

const ANOTHER = 2; // s; a file whose length differs by more is not the one that was analysed

/** Shows what can be played; the function that it gives back takes a file. `durationOf` gives seconds, or null. */
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
    const { duration } = player.element;
    const wanted = durationOf();
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
