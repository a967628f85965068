"""Models of sounds beside each other on recordings that come from elsewhere than what taught them.

    python benchmarks/sounds_compared.py sounds before=old_sounds.onnx audioset=mn04_as \\
        --scenes DATA/sounds/foreign/scenes_test --clips DATA/sounds/foreign/test.csv --out results/sounds/foreign.json

Recordings are made by `recipes/sounds/scenes.sh`. Scenes: F1 of segments of a second and of events within half a
second, over the labels that the scenes have; one that the model does not know is missed. What sounds, and
what a model marks, is also what its parents are called (a dog is an animal), and AudioSet's classes are called as our
labels that they stand for. Clips: the share of which the best score, among the labels that the clips have, is that of
what they are.

With `--yamnet FOLDER`, YAMNet is compared as well, by scores in that folder. What has none yet is laid out there for
`yamnet_scores.py`; run that, and this again. Its threshold, one for all classes, and whether a clip's score is the mean
or the maximum are what does best on other recordings, `--choose-scenes` and `--choose-clips`.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from yamnet_answers import POOLINGS, Yamnet, lay_out

from earmark import classify, label, load_model
from earmark.datasets import Clip, tables
from earmark.evaluation import annotated
from earmark.evaluation.clip_metrics import confidences, reliability, wilson
from earmark.evaluation.event_metrics import event_based, segment_based
from earmark.evaluation.thresholds import ON
from earmark.events.timeline import Event, Timeline, joined
from earmark.labels import SOUNDS, audioset
from earmark.labels.groups import ancestors
from earmark.plots.metrics import draw_reliability
from earmark.util.machine import machine

COLLAR, SHARE = 0.5, 0.2  # seconds; of an event's length


@dataclass(frozen=True)
class Listener:
    """Something that is compared.

    Attributes:
        name: in the results.
        label: makes a recording's timeline.
        classify: tells what a recording is: (label, score).
        about: what else the results say of it.
    """

    name: str
    label: Callable[[Path], Timeline]
    classify: Callable[[Path], list[tuple[str, float]]]
    about: Mapping[str, Any] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", help="bundled names, files, or NAME=either")
    parser.add_argument("--scenes", type=Path, action="append", default=[], help="a folder of scenes")
    parser.add_argument("--split", help="of the scenes, where they have several")
    parser.add_argument("--clips", type=Path, action="append", default=[], help="a dataset table")
    parser.add_argument("--yamnet", type=Path, metavar="FOLDER", help="of YAMNet's scores: compare it, too")
    parser.add_argument("--choose-scenes", type=Path, help="a folder of scenes that choose YAMNet's threshold")
    parser.add_argument("--choose-clips", type=Path, help="a dataset table that chooses its mean or maximum")
    parser.add_argument("--pictures", type=Path, help="a folder: how often events of each score are right")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    if given.yamnet and not (given.choose_scenes and given.choose_clips):
        parser.error("--yamnet needs --choose-scenes and --choose-clips")
    if given.yamnet and (missing := lay_out(given.yamnet, recordings(given))):
        raise SystemExit(
            f"{given.yamnet}: {missing} recordings have no scores yet; run yamnet_scores.py on it, then this"
        )
    found: dict[str, Any] = {}
    for one in listeners(given):
        picture = given.pictures and given.pictures / f"{one.name}_reliability.png"
        figures = {
            **{folder.name: of_scenes(one, folder, given.split, picture) for folder in given.scenes},
            **{path.stem: of_clips(one, path) for path in given.clips},
        }
        found[one.name] = {**one.about, **figures}
        for key, value in figures.items():
            print(f"{one.name:<12} {key:<14} {told(value)}")
    content = {"date": datetime.now(UTC).date().isoformat(), "machine": machine(), "models": found}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def listeners(given: argparse.Namespace) -> Iterator[Listener]:
    for one in given.models:
        name, _, place = one.rpartition("=")
        model = load_model(place, threads=1)
        yield Listener(name or place, partial(label, model=model), partial(classify, model=model))
    if given.yamnet:
        yield chosen_yamnet(given.yamnet, given.choose_scenes, given.choose_clips)


def chosen_yamnet(folder: Path, scenes: Path, clips: Path) -> Listener:
    """YAMNet at the threshold with the best mean of both F1 on some scenes, and what is better on some clips."""

    def listener(**settings: Any) -> Listener:
        yamnet = Yamnet(folder, **settings)
        return Listener("yamnet", yamnet.label, yamnet.classify, settings)

    def value(on: float) -> float:
        figures = of_scenes(listener(on=on), scenes)
        return fmean(figures[kind]["f1"] for kind in ("segments", "events"))

    pooling = max(POOLINGS, key=lambda one: of_clips(listener(pooling=one), clips)["accuracy"])
    return listener(on=max(ON, key=value), pooling=pooling)


def recordings(given: argparse.Namespace) -> Iterator[Path]:
    """All that are listened to."""
    for folder, split in (*((one, given.split) for one in given.scenes), (given.choose_scenes, None)):
        yield from (clip.path for clip in annotated.load(folder, split=split).clips)
    for path in (*given.clips, given.choose_clips):
        yield from (clip.path for clip in measured(path))


def told(figures: Mapping[str, Any]) -> str:
    if "clips" in figures:
        return f"{figures['clips']} clips, best label right {figures['accuracy']:.3f}"
    return f"segments {figures['segments']['f1']:.3f}, events {figures['events']['f1']:.3f}"


def of_scenes(
    listener: Listener, folder: Path, split: str | None = None, picture: Path | None = None
) -> dict[str, Any]:
    """Figures of what is marked in scenes."""
    scenes = annotated.load(folder, split=split).only(sorted(SOUNDS))
    truth: dict[str, Sequence[Event]] = {}
    found: dict[str, Sequence[Event]] = {}
    durations = {}
    for clip in scenes.clips:
        name, timeline = scenes.name(clip), listener.label(clip.path)
        durations[name] = timeline.duration
        truth[name] = joined(as_ours(scenes.inside(clip, timeline.duration), scenes.labels))
        found[name] = joined(as_ours(timeline.events, scenes.labels))
    segments = segment_based(truth, found, durations, labels=scenes.labels)
    events = event_based(truth, found, COLLAR, SHARE, labels=scenes.labels)
    reliable = reliability(*confidences(found, truth), bins=10)
    if picture:
        draw_reliability(reliable, picture)
    return {
        "minutes": round(sum(durations.values()) / 60, 1),
        "labels": len(scenes.labels),
        "calibration": reliable.summary(),
        "segments": numbers(segments.micro),
        "events": numbers(events.micro),
        "each": {
            one: {"segments": numbers(segments.labels[one])["f1"], "events": numbers(events.labels[one])["f1"]}
            for one in scenes.labels
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


def measured(path: Path) -> list[Clip]:
    """The clips of one sound that is among ours."""
    clips = tables.read_clips(path, exclusive=False).clips
    return [clip for clip in clips if len(clip.labels) == 1 and clip.labels[0] in SOUNDS]


def of_clips(listener: Listener, path: Path) -> dict[str, Any]:
    """Of how many clips the best label is right, each label as well."""
    clips = measured(path)
    wanted = sorted({clip.labels[0] for clip in clips})
    right: dict[str, list[bool]] = defaultdict(list)
    for clip in clips:
        best: dict[str, float] = defaultdict(float)
        for name, score in listener.classify(clip.path):
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
