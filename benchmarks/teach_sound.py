"""How well the service knows a sound that it was taught: what it finds and what it marks falsely elsewhere.

    python benchmarks/teach_sound.py DATA --embeddings embeddings.npz --out results/service/taught.json

A person is played by labelled clips: `DATA` holds `esc50`, `more/kitchen20` and, in `foreign`, `cats_dogs`,
`dcase2016_office` and `urbansound8k_fold3`. For each class a recording is made of one to ten of its clips, each of
another source, among thirty clips of other classes, all from one half of the collection (ESC-50's folds 1 to 3,
`choose` of `foreign`, every other source of a class of kitchen20 and UrbanSound8K). Its embeddings by `sounds` and the
spans of the class's clips are what `earmark.service.lesson.learn` gets. Judged are the other half's clips of other
sources: in how many of the class anything is marked, and for what share of the seconds of other classes; and the share
of seconds marked in 300 clips of other collections, without those of the same label. Clips are embedded one by one.
The thresholds' rule was chosen on kitchen20 and the office. `sounds` learned from most of ESC-50.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from earmark import datasets, embed
from earmark.archive.classifier import steps_of_second
from earmark.archive.vectors import Vectors, packed
from earmark.errors import MediaError
from earmark.events.timeline import Event
from earmark.models.model import load_model
from earmark.models.negatives import bundled
from earmark.service.alike import Embeddings, means_around
from earmark.service.lesson import Lesson, learn
from earmark.util.machine import machine
from earmark.util.types import Array

EXAMPLES = (1, 3, 5, 10)
OTHERS = 30  # clips beside the examples
FAR = 300  # clips of other collections
CHOSEN_ON = ("dcase2016_office", "kitchen20")
BY_SOURCE = ("more/kitchen20", "foreign/urbansound8k_fold3")  # halves of which: every other source of a class
COLLECTIONS = ("more/kitchen20", "foreign/cats_dogs", "foreign/dcase2016_office", "foreign/urbansound8k_fold3")


@dataclass(frozen=True)
class Clips:
    """Embeddings [steps, dimensions] of clips, their means of a second, and what they are."""

    rows: list[Vectors]
    means: list[Vectors]
    collection: np.ndarray
    label: np.ndarray
    source: np.ndarray
    teaches: np.ndarray


def listed(data: Path) -> Iterator[tuple[str, str, str, str, Path]]:
    """Collection, label, source, half and path of each clip."""
    for clip in datasets.load("esc", str(data / "esc50")).clips:
        yield "esc50", clip.labels[0], clip.source, "test" if str(clip.fold) in "45" else "choose", clip.path
    for name in COLLECTIONS:
        seen: dict[str, list[str]] = {}
        with (data / name / "clips.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                sources = seen.setdefault(row["labels"], [])
                if row["source"] not in sources:
                    sources.append(row["source"])
                half = "test" if sources.index(row["source"]) % 2 else "choose"
                half = half if name in BY_SOURCE else row["split"]
                yield name.split("/")[1], row["labels"], row["source"], half, data / name / row["path"]


def embedded(data: Path, kept: Path, width: int) -> Clips:
    """All clips by `sounds`; what was embedded before is in `kept`."""
    if not kept.is_file():
        rows, about = [], []
        for *facts, path in listed(data):
            try:
                rows.append(packed(embed(path, "sounds")))
            except MediaError:
                continue
            about.append(facts)
        np.savez(kept, rows=np.concatenate(rows), length=[len(one) for one in rows], about=np.array(about))
    with np.load(kept) as found:
        rows = np.split(found["rows"], np.cumsum(found["length"])[:-1])
        collection, label, source, half = found["about"].T
    return Clips(rows, [means_around(one, width) for one in rows], collection, label, source, half == "choose")


def lesson_of(
    clips: Clips, mine: np.ndarray, others: np.ndarray, step: float, width: int, table: Array, seed: int
) -> Lesson | None:
    """What a person's marks in a recording of these clips teach."""
    rng, at, events, parts = np.random.default_rng(seed), 0, [], []
    for clip in rng.permutation(np.concatenate([mine, others])):
        if clip in mine:
            events.append(Event(at * step, (at + len(clips.rows[clip])) * step, "taught", 1.0))
        parts.append(clips.rows[clip])
        at += len(clips.rows[clip])
    return learn(Embeddings(np.concatenate(parts), step, at * step), events, width, table, np.random.default_rng(0))


def marks(clips: Clips, lesson: Lesson, which: np.ndarray) -> list[np.ndarray]:
    """Which steps of clips are marked."""
    return [lesson.head(clips.means[clip], lesson.centre) > 0 for clip in which]


def judged(clips: Clips, collection: str, count: int, step: float, width: int, table: Array) -> dict[str, Any] | None:
    """Figures of all classes of a collection that have so many sources to teach from, and others to be found."""
    here, rows = clips.collection == collection, []
    for seed, label in enumerate(np.unique(clips.label[here])):
        rng = np.random.default_rng([count, seed])
        same = clips.label == label
        own = rng.permutation(np.flatnonzero(here & same & clips.teaches))
        own = own[np.sort(np.unique(clips.source[own], return_index=True)[1])][:count]
        others = rng.permutation(np.flatnonzero(here & ~same & clips.teaches))[:OTHERS]
        sought = np.flatnonzero(here & same & ~clips.teaches & ~np.isin(clips.source, clips.source[own]))
        if len(own) < count or not len(sought):
            continue
        lesson = lesson_of(clips, own, others, step, width, table, rng)
        if lesson is None:
            continue
        far = rng.permutation(np.flatnonzero(~here & ~same))[:FAR]
        rows.append(
            (
                np.mean([marked.any() for marked in marks(clips, lesson, sought)]),
                np.concatenate(marks(clips, lesson, np.flatnonzero(here & ~same & ~clips.teaches))).mean(),
                np.concatenate(marks(clips, lesson, far)).mean(),
                np.nan if lesson.found is None else lesson.found / lesson.examples,
            )
        )
    if not rows:
        return None
    found, same_half, far_marked, told = np.array(rows).T
    return {
        "classes": len(rows),
        "clips_found": round(float(found.mean()), 3),
        "told_before": None if np.isnan(told).all() else round(float(np.nanmean(told)), 3),
        "false_seconds_same_collection": round(float(same_half.mean()), 4),
        "false_seconds_other_collections": round(float(far_marked.mean()), 4),
        "worst_class_other_collections": round(float(far_marked.max()), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--embeddings", type=Path, required=True, help="made where it is missing")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    about = load_model("sounds").description
    width, table = steps_of_second(about), bundled("background").embeddings
    clips = embedded(args.data, args.embeddings, width)
    figures: dict[str, Any] = {}
    for name, rows in (("with_background", table), ("recording_alone", table[:0])):
        for collection in np.unique(clips.collection).tolist():
            found = {str(count): judged(clips, collection, count, about.step, width, rows) for count in EXAMPLES}
            figures.setdefault(name, {})[collection] = {count: one for count, one in found.items() if one}
            print(name, collection, json.dumps(figures[name][collection]), flush=True)
    result = {
        "command": "python benchmarks/teach_sound.py DATA --embeddings FILE --out results/service/taught.json",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "model": {"name": about.name, "date": about.card["date"]},
        "background_rows": len(table),
        "chosen_on": CHOSEN_ON,
        "by_examples": figures,
    }
    args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
