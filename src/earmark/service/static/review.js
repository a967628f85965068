// The page of `earmark find --review`: candidates in a grid, answered by keys or buttons.

import { byId, bytesOf, make } from "./dom.js";
import { clock } from "./i18n.js";

const ANSWERS = { y: "yes", n: "no", s: "skip" };
const grid = byId("grid");
const player = byId("player");
let state = null;
let busy = false;

async function asked(path, content) {
  const options = content === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(content) };
  const answer = await fetch(`/v1/review${path}`, options);
  if (answer.status === 204) return null;
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail ?? answer.statusText);
  byId("message").textContent = "";
  return body;
}

/** Does something that may fail, and says so on the page. */
async function trying(action) {
  try {
    await action();
  } catch (error) {
    byId("message").textContent = error.message;
  }
}

const place = (candidate) => `/rounds/${state.round}/${candidate}`;

function showNumbers() {
  const { answers, precision, label } = state;
  document.title = `Review: ${label}`;
  byId("label").textContent = label.replaceAll("_", " ");
  byId("counts").textContent = `${answers.yes} yes, ${answers.no} no, ${answers.skip} skipped`;
  const percent = (share) => `${Math.round(100 * share)} %`;
  byId("precision").textContent = precision
    ? `Of what it marks, ${percent(precision.value)} are right (${percent(precision.low)} to ${percent(precision.high)}, by a random sample of ${precision.sample})`
    : state.sample ? "A random sample of what it marks: answer all of it" : "How often it is right is not estimated yet";
}

function showRound() {
  showNumbers();
  grid.replaceChildren(...state.candidates.map(card));
  byId("message").textContent = state.candidates.length ? "" : "Nothing is left to ask about.";
  grid.firstElementChild?.focus();
}

function card({ recording, second, answer }, candidate) {
  const canvas = make("canvas", { width: 240, height: 112, onclick: () => play(candidate) });
  const choices = Object.entries(ANSWERS).map(([key, word]) =>
    make("button", { type: "button", text: word, title: key, onclick: () => say(candidate, word) }));
  const element = make("li", { class: "review-card", tabindex: "0", "aria-label": `${recording}, ${clock(second)}` },
    canvas, make("p", { class: "faint", text: `${recording} · ${clock(second, 0)}` }), make("div", { class: "review-choices" }, ...choices));
  if (answer) element.dataset.answer = answer;
  element.addEventListener("focus", () => play(candidate));
  trying(async () => draw(canvas, await asked(`${place(candidate)}/spectrogram`)));
  return element;
}

/** Brighter is louder; low frequencies at the bottom; the second that is asked about between two lines. */
function draw(canvas, { bands, values, begin, duration }) {
  const bytes = bytesOf(values);
  const columns = Math.floor(bytes.length / bands);
  if (!columns) return;
  const picture = new ImageData(columns, bands);
  for (let x = 0; x < columns; x++) {
    for (let band = 0; band < bands; band++) {
      const level = bytes[x * bands + band];
      picture.data.set([level, level * 0.85, 60 + level * 0.4, 255], ((bands - 1 - band) * columns + x) * 4);
    }
  }
  const small = new OffscreenCanvas(columns, bands);
  small.getContext("2d").putImageData(picture, 0, 0);
  const pen = canvas.getContext("2d");
  pen.drawImage(small, 0, 0, canvas.width, canvas.height);
  pen.fillStyle = "#ffffff";
  for (const edge of [begin, begin + 1]) pen.fillRect((edge / duration) * canvas.width, 0, 1.5, canvas.height);
}

function play(candidate) {
  player.src = `/v1/review${place(candidate)}/sound`;
  player.play().catch(() => {}); // before the first click or key a browser plays nothing
}

async function say(candidate, answer) {
  await trying(async () => {
    const { round } = state;
    const answered = await asked("/answers", { round, candidate, answer });
    if (round !== state.round) return;
    state = answered;
    grid.children[candidate].dataset.answer = answer;
    showNumbers();
    const left = state.candidates.findIndex((one, i) => i > candidate && !one.answer);
    const next = left >= 0 ? left : state.candidates.findIndex((one) => !one.answer);
    if (next >= 0) grid.children[next].focus();
    else await goOn(false);
  });
}

async function goOn(sample) {
  if (busy) return;
  busy = true;
  await trying(async () => {
    state = await asked("/rounds", { sample });
    showRound();
  });
  busy = false;
}

document.addEventListener("keydown", (event) => {
  const current = [...grid.children].indexOf(document.activeElement);
  if (current < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  const answer = ANSWERS[event.key.toLowerCase()];
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (answer) say(current, answer);
  else if (event.key === " ") play(current);
  else if (step) grid.children[current + step]?.focus();
  else return;
  event.preventDefault();
});

byId("next").addEventListener("click", () => goOn(false));
byId("sample").addEventListener("click", () => goOn(true));
byId("done").addEventListener("click", () => trying(async () => {
  await asked("/end", {});
  document.querySelector("main").replaceChildren(make("p", { class: "review-head", text: "Done. What was learned is in the terminal." }));
  byId("next").disabled = byId("sample").disabled = byId("done").disabled = true;
}));

await trying(async () => {
  state = await asked("");
  showRound();
});
