"""Phrases on disk.

    out/audio/000000.flac               each clip, mono
    out/clips.csv                       the dataset table
    out/events.csv                      when each label sounds
    out/batches/000000.json             what is done: clips of one SoundFont, up to BATCH of them from this number on
    out/earmark-phrases.json            with which options

A batch's file gets its name when all its clips are there, so the same command goes on where it was killed. Every clip
is drawn by the seed and its number alone, so a greater count adds clips and changes none: the last batch then grows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from earmark.datasets import journal, table, workers
from earmark.datasets.annotations import write as write_events
from earmark.datasets.claiming import claim
from earmark.datasets.clip import Clip, Dataset
from earmark.datasets.phrases import making, rendering
from earmark.datasets.phrases.making import Batch
from earmark.datasets.phrases.plan import Plan, clip_name
from earmark.errors import EarmarkError
from earmark.events.timeline import Event

CLIPS, EVENTS, OPTIONS = "clips.csv", "events.csv", "earmark-phrases.json"
BATCH = 24  # clips that are rendered at once


def build(plan: Plan, out: Path, jobs: int = 1) -> Iterator[int]:
    """Make all clips that are not there yet, then the tables; gives how many clips have come, as they come.

    Raises:
        EarmarkError: fluidsynth is missing or fails, the folder holds other clips, or the disk does not take them.
    """
    rendering.program()
    wanted = options(plan)
    _refuse_others(out, wanted)
    claim(out, OPTIONS, wanted, "phrases", "audio/*")
    journal.keep(out, CLIPS, plan.count, "clips")
    batches = list(batched(plan))
    lacking = {batch: len(set(batch.numbers) - set(_made(out, batch))) for batch in batches}
    yield plan.count - sum(lacking.values())
    yield from workers.each(partial(_build, plan, out), [batch for batch in batches if lacking[batch]], jobs)
    _write_tables(out, batches)


def batched(plan: Plan) -> Iterator[Batch]:
    """All clips in batches, each SoundFont's by themselves."""
    for soundfont in range(len(plan.soundfonts)):
        numbers = range(soundfont, plan.count, len(plan.soundfonts))
        for first in range(0, len(numbers), BATCH):
            yield Batch(soundfont, tuple(numbers[first : first + BATCH]))


def options(plan: Plan) -> dict[str, object]:
    """What clips depend on, as plain values; the count is not among it."""
    return {
        "soundfonts": [{"name": one.name, "sha256": one.digest} for one in plan.soundfonts],
        "labels": list(plan.labels),
        "seconds": plan.seconds,
        "rate": plan.rate,
        "together": plan.together,
        "nothing": plan.nothing,
        "accompaniment": plan.accompaniment,
        "companions": [[one.label, one.hidden, one.share] for one in plan.companions],
        "midi": {name: hashlib.sha256(repr(plan.scores[name]).encode()).hexdigest() for name in sorted(plan.scores)},
        "effects": plan.effects,
        "seed": plan.seed,
    }


def _build(plan: Plan, out: Path, batch: Batch) -> int:
    before = _made(out, batch)
    made = making.make(plan, out, batch, before)
    journal.note(out, batch.name, [*before.values(), *made])
    return len(made)


def _made(out: Path, batch: Batch) -> dict[int, dict[str, Any]]:
    """What is noted of those clips of a batch that are there, by their numbers."""
    noted = {one["path"]: one for one in journal.noted(out, batch.name)}
    return {number: noted[clip_name(number)] for number in batch.numbers if clip_name(number) in noted}


def _write_tables(out: Path, batches: Iterable[Batch]) -> None:
    made = [one for batch in batches for one in _made(out, batch).values()]
    made.sort(key=lambda one: str(one["path"]))
    clips = [
        Clip(out / one["path"], labels=tuple(one["labels"]), fold=one["fold"], source=one["source"]) for one in made
    ]
    events = {one["path"]: [Event(on, off, label, 1.0) for on, off, label in one["events"]] for one in made}
    write_events(events, out / EVENTS)
    table.write(Dataset("phrases", tuple(clips)), out / CLIPS)


def _refuse_others(out: Path, wanted: Mapping[str, Any]) -> None:
    """Refuse a folder whose SoundFonts are called the same and are not, or may not be."""
    if not (out / OPTIONS).is_file() or not any(out.glob("audio/*")):
        return
    try:
        noted = json.loads((out / OPTIONS).read_text(encoding="utf-8"))["soundfonts"]
    except (OSError, ValueError, LookupError):  # `claim` says what there is to say
        return
    remedy = "choose another --out, or empty it"
    if any(isinstance(one, str) for one in noted):
        raise EarmarkError(out, "holds phrases of an earlier Earmark, which knew SoundFonts by name alone", remedy)
    for before, now in zip(noted, wanted["soundfonts"], strict=False):
        if before["name"] == now["name"] and before["sha256"] != now["sha256"]:
            raise EarmarkError(out, f"holds phrases of another SoundFont that is called {now['name']} too", remedy)
