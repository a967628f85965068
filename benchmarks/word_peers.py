"""How well words are found, beside silero-vad, webrtcvad, auditok and an energy threshold, on the same recordings.

    earmark data sentences --from asterisk --data-dir ../shared/data --out data/words_test
    python benchmarks/word_peers.py data/words_test --pauses ../shared/data/speech_pauses --data-dir ../shared/data

Needs `pip install silero-vad webrtcvad auditok` beside Earmark; what is not there is left out with a warning. Writes
`results/words/peers.json`, `peers.csv`, `table.md` and `peers.png`. What a detector found in a recording is kept in the
folder `runs/word_peers` until either changes, so that a second run measures only what is new.

The energy threshold's margins are chosen on other sentences, made of the speakers of `spoken_digits` and the noise
of other folds: an adaptive threshold as good as it gets.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import track
from word_detectors import Detector, EnergyThreshold, Span, energy, levels_of, ours, peers

from earmark.datasets.ground_truth import find_truths, truth_beside
from earmark.evaluation.frame_metrics import Confusion, confusion
from earmark.evaluation.word_metrics import TOLERANCES, WordCounts, count, frames_of
from earmark.speech.segmentation import Word, Words
from earmark.synthesis.speech import sentences
from earmark.synthesis.speech.voices import RecordedWord, Voice

RESULTS = Path(__file__).parent.parent / "results" / "words"
PAUSES = "speech_pauses"
GROUPS = ("speaker", "language", "sex")
GRID = ((3, 6, 9, 12), (20, 30, 40, 50), (20, 25, 30), (0.15, 0.3))
"""Margins that the energy threshold is chosen among: above the floor, below the peak, below what is near, how near."""
TUNING_SENTENCES = 10
TUNING_NOISE = ("esc50:1,2,3",)

Thing = TypeVar("Thing")
Found = Mapping[str, Sequence[Span]]
"""The words found, by recording."""


@dataclass(frozen=True)
class Tested:
    """A recording with its truth, and what is known of it."""

    path: Path
    truth: Words
    about: Mapping[str, str]

    @property
    def condition(self) -> str:
        return self.about["condition"]


@dataclass(frozen=True)
class Score:
    """Counts of some recordings: frames, and words at each tolerance."""

    frames: Confusion
    words: tuple[WordCounts, ...]

    def __add__(self, other: Score) -> Score:
        return Score(self.frames + other.frames, tuple(map(add, self.words, other.words)))

    def summary(self) -> dict[str, Any]:
        near, far = self.words
        return {
            "frame_accuracy": self.frames.accuracy,
            "frame_f1": self.frames.f1,
            "boundary_f1_20ms": near.boundary_f1,
            "boundary_f1_50ms": far.boundary_f1,
            "boundary_precision_50ms": far.boundary_precision,
            "boundary_recall_50ms": far.boundary_recall,
            "r_value_20ms": near.r_value,
            "r_value_50ms": far.r_value,
            "token_f1_50ms": far.token_f1,
            "words_found": far.found,
            "words_true": far.true,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sentences", type=Path, help="what `earmark data sentences` made")
    parser.add_argument("--pauses", type=Path, help="the folder speech_pauses")
    parser.add_argument("--data-dir", type=Path, help="where spoken_digits and esc50 are, to tune the energy threshold")
    parser.add_argument("--cache", type=Path, default=Path("runs/word_peers"))
    parser.add_argument(
        "--only", nargs="+", help="names of detectors; the rows of others stay, where `--out` has them of the same data"
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    tested = [*sentences_in(arguments.sentences), *(pauses_in(arguments.pauses) if arguments.pauses else [])]
    wanted = detectors(arguments.data_dir, arguments.cache)
    chosen = [d for d in wanted if not arguments.only or d.name in arguments.only]
    rows = [row for detector in chosen for row in measured(detector, tested, arguments.cache)]
    if not rows:
        raise SystemExit("nothing was measured: no such detector, or no recording")
    write(report_of(rows, chosen, tested, arguments.out), arguments.out)
    print((arguments.out / "table.md").read_text())


def detectors(data_dir: Path | None, cache: Path) -> Iterator[Detector]:
    """All of them, ours first; what cannot be loaded is left out."""
    yield from ours()
    yield from peers()
    if data_dir is not None:
        tuning = tuning_set(data_dir, cache / "tuning")
        clean = [one for one in tuning if one.condition == sentences.CLEAN]
        for name, some in ((sentences.CLEAN, clean), ("all", tuning)):
            yield from energy(name, tuned(some, cache / f"threshold-{name}.json"))


def sentences_in(folder: Path) -> list[Tested]:
    """The recordings that a conditions.csv lists."""
    with (folder / sentences.CONDITIONS).open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    tested = []
    for about in listed:
        truth = truth_beside(folder / about["file"])
        if truth is None:
            raise SystemExit(f"{folder / about['file']} has no truth: make the sentences to the end")
        tested.append(Tested(folder / about["file"], truth, about))
    return tested


def pauses_in(folder: Path) -> list[Tested]:
    return [
        Tested(path, truth, {"file": str(path.relative_to(folder)), "condition": PAUSES})
        for path, truth in find_truths(folder)
    ]


def measured(detector: Detector, tested: Sequence[Tested], cache: Path) -> Iterator[dict[str, Any]]:
    """A row for each condition, and for each speaker, language and sex in it."""
    grouped: dict[tuple[str, str, str], list[Score]] = defaultdict(list)
    for condition, recordings in itertools.groupby(tested, lambda one: one.condition):
        listed = list(recordings)
        found = found_by(detector, listed, cache / f"{detector.name}.json")
        for one in listed:
            score = compare(found[one.about["file"]], one.truth)
            grouped[condition, "", ""].append(score)
            for group in GROUPS:
                if one.about.get(group):
                    grouped[condition, group, one.about[group]].append(score)
    for (condition, group, value), scores in grouped.items():
        head = {"detector": detector.name, "condition": condition, "group": group, "value": value}
        yield head | reduce(add, scores).summary()


def compare(found: Sequence[Span], truth: Words) -> Score:
    """Counts of one recording."""
    words = [Word(*span) for span in found]
    frames = [frames_of(some, truth.duration) for some in (words, truth.words)]
    marked, true = (one[: len(frames_of([], truth.duration))] for one in frames)
    return Score(confusion(marked, true), tuple(count(words, truth.words, limit) for limit in TOLERANCES))


def found_by(detector: Detector, tested: Sequence[Tested], file: Path) -> Found:
    """What a detector finds; from the file where neither it nor the recording has changed."""
    kept = json.loads(file.read_text()) if file.is_file() else {}
    known = kept["found"] if kept.get("identity") == detector.identity else {}
    stamps = {one.about["file"]: _digest(one.path) for one in tested}
    new = [one for one in tested if stamps[one.about["file"]] not in known]
    for one in shown(new, f"{detector.name}, {tested[0].condition}"):
        known[stamps[one.about["file"]]] = [[round(t, 4) for t in span] for span in detector.find(one.path)]
    if new:
        write_whole(file, {"identity": detector.identity, "found": known})
    return {name: known[stamp] for name, stamp in stamps.items()}


def shown(things: Sequence[Thing], what: str) -> Iterable[Thing]:
    """Things, with a bar on standard error where a terminal shows it."""
    console = Console(stderr=True)
    return track(things, what, console=console, transient=True, disable=not console.is_terminal)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:24]


def write_whole(file: Path, content: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name + ".part")
    part.write_text(json.dumps(content))
    part.replace(file)


def tuning_set(data_dir: Path, folder: Path) -> list[Tested]:
    """Sentences of the speakers of spoken_digits, in the noise of folds that test nothing."""
    files = sorted((data_dir / "spoken_digits").glob("*.opus"))
    speakers: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        speakers[file.stem.split("_")[1]].append(file)
    voices = [Voice(name, "en", "", tuple(RecordedWord(f, f.stem) for f in some)) for name, some in speakers.items()]
    backgrounds = sentences.find_backgrounds(TUNING_NOISE, data_dir)
    plan = sentences.SentencePlan(voices, TUNING_SENTENCES, (20, 10, 0), backgrounds)
    for _ in sentences.build(plan, folder):
        pass
    return sentences_in(folder)


def tuned(tested: Sequence[Tested], file: Path) -> EnergyThreshold:
    """The margins with the best mean, over the conditions, of boundary F1 and token F1 at 50 ms."""
    stamp = hashlib.sha256(repr([GRID, [_digest(one.path) for one in tested]]).encode()).hexdigest()
    kept = json.loads(file.read_text()) if file.is_file() else {}
    if kept.get("stamp") == stamp:
        return EnergyThreshold(**kept["threshold"])
    contours = [(one, levels_of(one.path)) for one in tested]

    def value(threshold: EnergyThreshold) -> float:
        totals: dict[str, WordCounts] = defaultdict(WordCounts)
        for one, levels in contours:
            words = [Word(*span) for span in threshold.spans(levels)]
            totals[one.condition] += count(words, one.truth.words, TOLERANCES[-1])
        return float(np.mean([total.boundary_f1 + total.token_f1 for total in totals.values()]))

    grid = list(itertools.starmap(EnergyThreshold, itertools.product(*GRID)))
    best = max(shown(grid, "tuning the energy threshold"), key=value)
    write_whole(file, {"stamp": stamp, "threshold": asdict(best)})
    return best


def report_of(
    rows: list[dict[str, Any]], used: Sequence[Detector], tested: Sequence[Tested], out: Path
) -> dict[str, Any]:
    """What was measured, and what an earlier report in `out` has of other detectors on the same data."""
    rows = [{k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    conditions = list(dict.fromkeys(one.condition for one in tested))
    today = datetime.now(UTC).date().isoformat()
    report: dict[str, Any] = {
        "date": today,
        "command": "python benchmarks/word_peers.py",
        "recordings": {c: sum(one.condition == c for one in tested) for c in conditions},
        "minutes": {c: round(sum(o.truth.duration for o in tested if o.condition == c) / 60, 1) for c in conditions},
        "words": {c: sum(len(o.truth.words) for o in tested if o.condition == c) for c in conditions},
        "detectors": {d.name: d.title for d in used},
        "identities": {d.name: d.identity for d in used},
        "dates": dict.fromkeys((d.name for d in used), today),
        "rows": rows,
    }
    file = out / "peers.json"
    before = json.loads(file.read_text()) if file.is_file() else {}
    if any(before.get(key) != report[key] for key in ("recordings", "minutes", "words")):
        return report
    dates = before.get("dates") or dict.fromkeys(before["detectors"], before["date"])
    kept = [row for row in before["rows"] if row["detector"] not in report["detectors"]]
    for key, values in (("detectors", before["detectors"]), ("identities", before["identities"]), ("dates", dates)):
        report[key] = values | report[key]  # in the order of before
    order = list(report["detectors"])
    report["rows"] = sorted(kept + rows, key=lambda row: order.index(row["detector"]))
    return report


def write(report: dict[str, Any], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    rows = report["rows"]
    (out / "peers.json").write_text(json.dumps(report, indent=1) + "\n")
    with (out / "peers.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    (out / "table.md").write_text(tables(report))
    draw(report, out / "peers.png")


def tables(report: dict[str, Any]) -> str:
    """One table for each condition, then ours by speaker, language and sex."""
    dates = ", ".join(sorted(set(report["dates"].values())))
    parts = [f"Date: {dates}. Made by `{report['command']}`. Boundaries and words at 50 ms unless said otherwise."]
    for condition, recordings in report["recordings"].items():
        about = f"{recordings} recordings, {report['minutes'][condition]} minutes, {report['words'][condition]:,} words"
        parts.append(f"### {condition}: {about}\n\n" + _table(report, condition))
    first = next(iter(report["detectors"]))
    parts.append(f"### By speaker, language and sex: {report['detectors'][first]}\n\n" + _by_group(report, first))
    return "\n\n".join(parts) + "\n"


def _of(report: dict[str, Any], name: str) -> Iterable[dict[str, Any]]:
    return (row for row in report["rows"] if row["detector"] == name)


def _table(report: dict[str, Any], condition: str) -> str:
    columns = {
        "frame accuracy": "frame_accuracy",
        "frame F1": "frame_f1",
        "boundary F1, 20 ms": "boundary_f1_20ms",
        "boundary F1": "boundary_f1_50ms",
        "R-value": "r_value_50ms",
        "token F1": "token_f1_50ms",
        "words found": "words_found",
    }
    if condition == PAUSES:  # its truth marks stretches of voice, not words
        columns = {k: v for k, v in columns.items() if v.startswith("frame")}
    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for row in report["rows"]:
        if row["condition"] == condition and not row["group"]:
            cells = (f"{row[k]:.3f}" if isinstance(row[k], float) else f"{row[k]:,}" for k in columns.values())
            lines.append(f"| {report['detectors'][row['detector']]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _by_group(report: dict[str, Any], name: str) -> str:
    conditions = [c for c in report["recordings"] if c != PAUSES]
    lines = [
        "| boundary F1 / token F1 | " + " | ".join(conditions) + " |",
        "|---|" + "---|" * len(conditions),
    ]
    cells = {(r["group"], r["value"], r["condition"]): r for r in _of(report, name) if r["group"]}
    for group, value in dict.fromkeys((group, value) for group, value, _ in sorted(cells)):
        found = [cells[group, value, c] for c in conditions]
        figures = (f"{r['boundary_f1_50ms']:.3f} / {r['token_f1_50ms']:.3f}" for r in found)
        lines.append(f"| {group} {value} | " + " | ".join(figures) + " |")
    return "\n".join(lines)


def draw(report: dict[str, Any], path: Path) -> None:
    """Boundary and token F1 by condition, a line for each detector; ours are drawn through."""
    figure = Figure(figsize=(12, 5.2), layout="constrained")
    conditions = [c for c in report["recordings"] if c != PAUSES]
    for axes, key in zip(figure.subplots(1, 2, sharey=True), ("boundary_f1_50ms", "token_f1_50ms"), strict=True):
        for number, (name, title) in enumerate(report["detectors"].items()):
            rows = {row["condition"]: row for row in _of(report, name) if not row["group"]}
            style = {"linewidth": 2.2} if title.startswith("Earmark") else {"linestyle": "--", "linewidth": 1.2}
            colour = colormaps["tab20"].colors[number % 20]  # type: ignore[attr-defined]
            axes.plot(conditions, [rows[c][key] for c in conditions], "o", markersize=4, color=colour)
            axes.plot(conditions, [rows[c][key] for c in conditions], color=colour, label=title, **style)
        axes.set_title(key.replace("_f1_50ms", " F1 at 50 ms"))
        axes.set_ylim(0, 1.01)
        axes.grid(alpha=0.3)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
