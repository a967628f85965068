// The pointer on the lanes: edges are drawn, events are added, a click elsewhere moves the playhead.

import { make } from "./dom.js";

const FAR = 4; // px; less is a click

/** Listens on the element until the function that it gives back is called. */
export function dragging(lanes, session, player, axis) {
  const listening = new AbortController();
  let held = null;
  let dragged = false; // the click that follows a drag is none

  const place = (element, from, to) => {
    element.style.left = `${(100 * Math.min(from, to)) / session.duration}%`;
    element.style.width = `${(100 * Math.abs(to - from)) / session.duration}%`;
  };

  const begin = (down) => {
    dragged = false;
    if (down.button !== 0) return;
    const edge = down.target.closest(".edge");
    const bar = down.target.closest(".event");
    const lane = down.target.closest(".lane");
    if (!lane || (bar && !edge)) return;
    const time = axis.timeAt(down.clientX);
    if (edge && !session.ofWords) {
      const event = session.events.find((one) => one.id === Number(bar.dataset.id));
      const fixed = edge.classList.contains("onset") ? event.offset : event.onset;
      held = { bar, event, fixed, x: down.clientX };
      session.select(event.id);
    } else held = { lane, fixed: time, x: down.clientX, touch: down.pointerType === "touch" };
    if (!held.touch) lanes.setPointerCapture(down.pointerId);
  };

  const move = (at) => {
    if (!held || held.touch || session.ofWords) return;
    if (!dragged && Math.abs(at.clientX - held.x) < FAR) return;
    dragged = true;
    if (!held.bar) {
      held.bar = make("i", { class: "event ghost" });
      held.lane.append(held.bar);
    }
    held.time = axis.timeAt(at.clientX);
    place(held.bar, held.fixed, held.time);
  };

  const end = (up) => {
    const done = held;
    held = null;
    if (!done) return;
    if (!dragged) {
      if (done.event) player.playSpan(done.event.onset, done.event.offset);
      else if (Math.abs(up.clientX - done.x) < FAR) player.seek(done.fixed);
      return;
    }
    const [onset, offset] = [Math.min(done.fixed, done.time), Math.max(done.fixed, done.time)];
    if (done.event) session.alter(done.event.id, { onset, offset });
    else session.add(done.lane.dataset.label, onset, offset);
  };

  const cancel = () => {
    if (held?.event) place(held.bar, held.event.onset, held.event.offset);
    else held?.bar?.remove();
    held = null;
  };

  const options = { signal: listening.signal };
  lanes.addEventListener("pointerdown", begin, options);
  lanes.addEventListener("pointermove", move, options);
  lanes.addEventListener("pointerup", end, options);
  lanes.addEventListener("pointercancel", cancel, options);
  lanes.addEventListener("click", (click) => dragged && click.stopPropagation(), { capture: true, ...options });
  return () => listening.abort();
}
