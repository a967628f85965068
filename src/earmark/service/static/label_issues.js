// The page of label issues: choices are kept in this browser until the table is downloaded.
"use strict";

const about = JSON.parse(document.getElementById("about").textContent);
const cards = [...document.querySelectorAll("article")];
const status = document.getElementById("status");
const keys = document.getElementById("keys");
const place = `earmark-suspects:${about.dataset}`;

function key(card) {
  return [card.dataset.path, card.dataset.start, card.dataset.end].join("\n");
}

function chosen(card) {
  const radio = card.querySelector("input[type=radio]:checked");
  const decision = radio ? radio.value : "";
  const labels = [...card.querySelector("select").selectedOptions].map((option) => option.value).filter(Boolean);
  return { decision, relabel: decision === "relabel" ? labels.join(";") : "" };
}

function choose(card, decision) {
  for (const radio of card.querySelectorAll("input[type=radio]")) radio.checked = radio.value === decision;
}

function relabelled(card, labels) {
  for (const option of card.querySelector("select").options) option.selected = labels.includes(option.value);
}

// Where labels exclude each other, to relabel without a label says nothing.
function complete(choice) {
  return Boolean(choice.decision) && (choice.decision !== "relabel" || !about.exclusive || Boolean(choice.relabel));
}

function show() {
  for (const card of cards) card.dataset.decision = chosen(card).decision;
  const done = cards.filter((card) => complete(chosen(card))).length;
  const open = cards.filter((card) => chosen(card).decision && !complete(chosen(card))).length;
  status.textContent = `${done} of ${cards.length} decided` + (open ? `, ${open} to relabel without a label` : "");
}

function remember() {
  show();
  const all = Object.fromEntries(cards.map((card) => [key(card), chosen(card)]));
  try {
    localStorage.setItem(place, JSON.stringify({ made: about.made, all }));
  } catch {
    // A browser may forbid it; the table can be downloaded all the same.
  }
}

function recall() {
  let kept = null;
  try {
    kept = JSON.parse(localStorage.getItem(place));
  } catch {
    return;
  }
  if (!kept || kept.made !== about.made) return; // the table on disk is newer than what this browser knows
  for (const card of cards) {
    const choice = kept.all[key(card)];
    if (!choice) continue;
    choose(card, choice.decision);
    if (choice.relabel) relabelled(card, choice.relabel.split(";"));
  }
}

// What a spreadsheet would take for a formula gets an apostrophe, as `guarded` in util/text.py has it.
function guarded(text) {
  const formula = /^'*(?:[\t\r]|[=@+-][^])/.test(text);
  return formula && !/^'*[+-](?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? `'${text}` : text;
}

function field(cell) {
  const text = guarded(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function table() {
  const rows = [about.columns];
  for (const card of cards) {
    const choice = chosen(card);
    const data = card.dataset;
    if (!complete(choice)) continue;
    rows.push([data.path, data.start, data.end, data.label, data.guess, data.score, data.rank, choice.decision, choice.relabel]);
  }
  rows.push(...about.others);
  return rows.map((row) => row.map(field).join(",") + "\n").join("");
}

function download() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([table()], { type: "text/csv" }));
  link.download = "marks.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function current() {
  const card = document.activeElement?.closest?.("article");
  return card ? cards.indexOf(card) : -1;
}

function go(to) {
  const card = cards[Math.min(Math.max(to, 0), cards.length - 1)];
  if (!card) return;
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
}

function play(card) {
  const audio = card.querySelector("audio");
  if (!audio) return;
  if (audio.paused) audio.play().catch(() => {});
  else audio.pause();
}

const DECISIONS = { 0: "", 1: "keep", 2: "drop", 3: "relabel" };

function press(event) {
  if (!keys.checked || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.target.closest("select")) return; // where letters choose a label
  const at = current();
  if (event.key === "n") go(at + 1);
  else if (event.key === "b") go(at - 1);
  else if (event.key === "p" && at >= 0) play(cards[at]);
  else if (event.key in DECISIONS && at >= 0) {
    choose(cards[at], DECISIONS[event.key]);
    remember();
    if (event.key === "3") cards[at].querySelector("select").focus();
  } else return;
  event.preventDefault();
}

const labels = document.getElementById("labels");
for (const card of cards) {
  const select = card.querySelector("select");
  select.append(labels.content.cloneNode(true));
  relabelled(card, select.dataset.labels.split(";"));
  select.addEventListener("change", () => {
    choose(card, "relabel");
    remember();
  });
  card.addEventListener("change", remember);
  card.querySelector("audio")?.addEventListener("play", (event) => {
    for (const other of document.querySelectorAll("audio")) if (other !== event.target) other.pause();
  });
}
document.addEventListener("keydown", press);
document.getElementById("download").addEventListener("click", download);
recall();
show();
