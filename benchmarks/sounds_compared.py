"""Models of sounds beside each other on recordings that come from elsewhere than what taught them.

    python benchmarks/sounds_compared.py sounds before=old_sounds.onnx audioset=mn04_as \\
        --scenes DATA/sounds/foreign/scenes_test --clips DATA/sounds/foreign/test.csv --out results/sounds/foreign.json

Recordings are made by `recipes/sounds/scenes.sh`. Scenes: F1 of segments of a second and of events within half a
second, over the labels that the scenes have; one that the model does not know is missed. What a model marks is also
marked as its parents are called (a dog is an animal), and AudioSet's classes are called as our labels that they stand
for. Clips: the share of which the best score, among the labels that the clips have, is that of what they are.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from earmark import classify, label, load_model
from earmark.datasets import table
from earmark.evaluation.events import annotated
from earmark.evaluation.events.collars import event_based
from earmark.evaluation.events.segments import segment_based
from earmark.evaluation.intervals import wilson
from earmark.labels import SOUNDS, audioset
from earmark.labels.groups import ancestors
from earmark.machine import machine
from earmark.model import Model
from earmark.timeline import Event, joined

COLLAR, SHARE = 0.5, 0.2  # seconds; of an event's length


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="bundled names, files, or NAME=either")
    parser.add_argument("--scenes", type=Path, action="append", default=[], help="a folder of scenes")
    parser.add_argument("--split", help="of the scenes, where they have several")
    parser.add_argument("--clips", type=Path, action="append", default=[], help="a dataset table")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    found: dict[str, Any] = {}
    for one in given.models:
        name, _, place = one.rpartition("=")
        model = load_model(place, threads=1)
        found[name or place] = {
            **{folder.name: of_scenes(model, folder, given.split) for folder in given.scenes},
            **{path.stem: of_clips(model, path) for path in given.clips},
        }
        for key, figures in found[name or place].items():
            print(f"{name or place:<12} {key:<14} {told(figures)}")
    content = {"date": datetime.now(UTC).date().isoformat(), "machine": machine(), "models": found}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def told(figures: Mapping[str, Any]) -> str:
    if "clips" in figures:
        return f"{figures['clips']} clips, best label right {figures['accuracy']:.3f}"
    return f"segments {figures['segments']['f1']:.3f}, events {figures['events']['f1']:.3f}"


def of_scenes(model: Model, folder: Path, split: str | None) -> dict[str, Any]:
    """Figures of what a model marks in scenes."""
    recordings = annotated.load(folder, split=split).only(sorted(SOUNDS))
    truth: dict[str, Sequence[Event]] = {}
    found: dict[str, Sequence[Event]] = {}
    durations = {}
    for clip in recordings.clips:
        name, timeline = recordings.name(clip), label(clip.path, model)
        truth[name], durations[name] = recordings.inside(clip, timeline.duration), timeline.duration
        found[name] = joined(as_ours(timeline.events, recordings.labels))
    segments = segment_based(truth, found, durations, labels=recordings.labels)
    events = event_based(truth, found, COLLAR, SHARE, labels=recordings.labels)
    return {
        "minutes": round(sum(durations.values()) / 60, 1),
        "labels": len(recordings.labels),
        "segments": numbers(segments.micro),
        "events": numbers(events.micro),
        "each": {
            one: {"segments": numbers(segments.labels[one])["f1"], "events": numbers(events.labels[one])["f1"]}
            for one in recordings.labels
        },
    }


def as_ours(events: Iterable[Event], labels: Sequence[str]) -> Iterable[Event]:
    """Events by our labels and their parents, of those that are asked for."""
    for event in events:
        for name in ours(event.label):
            yield from (replace(event, label=one) for one in (name, *ancestors(name)) if one in labels)


def ours(name: str) -> tuple[str, ...]:
    """Our labels for a model's."""
    return (name,) if name in SOUNDS else _of_audioset().get(name, ())


@cache
def _of_audioset() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    ids = {one: audioset.standing_for(one) for one in sorted(SOUNDS)}
    for own, places in audioset.answering(ids).items():
        for place in places:
            found[audioset.classes()[place].name].append(own)
    return {name: tuple(own) for name, own in found.items()}


def of_clips(model: Model, path: Path) -> dict[str, Any]:
    """Of how many clips the best label is right, each label as well."""
    clips = [clip for clip in table.read(path, exclusive=False).clips if len(clip.labels) == 1]
    wanted = sorted({clip.labels[0] for clip in clips} & SOUNDS)
    right: dict[str, list[bool]] = defaultdict(list)
    for clip in clips:
        if clip.labels[0] not in wanted:
            continue
        best: dict[str, float] = defaultdict(float)
        for name, score in classify(clip.path, model):
            for own in ours(name):
                for one in (own, *ancestors(own)):
                    best[one] = max(best[one], score)
        guess = max(wanted, key=lambda one: best[one])
        right[clip.labels[0]].append(guess == clip.labels[0])
    every = [one for own in right.values() for one in own]
    low, high = wilson(sum(every), len(every))
    return {
        "clips": len(every),
        "labels": len(wanted),
        "accuracy": round(float(np.mean(every)), 4),
        "interval": [round(low, 4), round(high, 4)],
        "macro": round(float(np.mean([np.mean(own) for own in right.values()])), 4),
        "each": {one: round(float(np.mean(own)), 3) for one, own in sorted(right.items())},
    }


def numbers(counts: Any) -> dict[str, float]:
    return {key: round(float(np.nan_to_num(getattr(counts, key))), 4) for key in ("precision", "recall", "f1")}


if __name__ == "__main__":
    main()
