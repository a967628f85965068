"""Phrases on disk.

    out/audio/000000.flac               each clip, mono
    out/clips.csv                       the dataset table
    out/events.csv                      when each label sounds
    out/batches/000000-000046.json      what is done: clips of one SoundFont

A batch's file gets its name when all its clips are there, so the same command goes on where it was killed. Every clip
is drawn by the seed and its number alone, so a greater count adds clips and changes none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from earmark.datasets import table
from earmark.datasets.annotations import write as write_events
from earmark.datasets.clip import Clip, Dataset
from earmark.datasets.phrases import making, rendering, workers
from earmark.datasets.phrases.making import Batch
from earmark.datasets.phrases.plan import Plan
from earmark.errors import EarmarkError
from earmark.timeline import Event

CLIPS, EVENTS, BATCHES, OPTIONS = "clips.csv", "events.csv", "batches", "earmark-phrases.json"
BATCH = 24  # clips that are rendered at once


def build(plan: Plan, out: Path, jobs: int = 1) -> Iterator[int]:
    """Make all clips that are not there yet, then the tables; gives how many clips have come, as they come.

    Raises:
        EarmarkError: fluidsynth is missing or fails, the folder holds other clips, or the disk does not take them.
    """
    rendering.program()
    _claim(out, options(plan))
    _keep(out, plan.count)
    batches = list(batched(plan))
    todo = [batch for batch in batches if not (out / BATCHES / batch.name).is_file()]
    yield plan.count - sum(len(batch.numbers) for batch in todo)
    yield from workers.each(partial(_build, plan, out), todo, jobs)
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
        "soundfonts": [soundfont.name for soundfont in plan.soundfonts],
        "labels": list(plan.labels),
        "seconds": plan.seconds,
        "rate": plan.rate,
        "together": plan.together,
        "nothing": plan.nothing,
        "accompaniment": plan.accompaniment,
        "companions": [[one.label, one.hidden, one.share] for one in plan.companions],
        "midi": sorted(plan.scores),
        "effects": plan.effects,
        "seed": plan.seed,
    }


def _build(plan: Plan, out: Path, batch: Batch) -> int:
    made = making.make(plan, out, batch)
    file = out / BATCHES / batch.name
    try:
        _replace(file, json.dumps(made, ensure_ascii=False) + "\n")
    except OSError as error:
        raise EarmarkError(file, f"cannot be written ({error.strerror})") from error
    return len(batch.numbers)


def _write_tables(out: Path, batches: Iterable[Batch]) -> None:
    files = [out / BATCHES / batch.name for batch in batches]
    made = [one for file in files for one in json.loads(file.read_text(encoding="utf-8"))]
    made.sort(key=lambda one: str(one["path"]))
    clips = [
        Clip(out / one["path"], labels=tuple(one["labels"]), fold=one["fold"], source=one["source"]) for one in made
    ]
    events = {one["path"]: [Event(on, off, label, 1.0) for on, off, label in one["events"]] for one in made}
    write_events(events, out / EVENTS)
    table.write(Dataset("phrases", tuple(clips)), out / CLIPS)


def _keep(out: Path, count: int) -> None:
    """Refuse to write tables of fewer clips than are listed there already."""
    there = len((out / CLIPS).read_text(encoding="utf-8").splitlines()) - 1 if (out / CLIPS).is_file() else 0
    if there > count:
        raise EarmarkError(out, f"holds {there} clips already", f"ask for at least {there}, or choose another --out")


def _claim(out: Path, wanted: dict[str, object]) -> None:
    """Note in the folder how its clips are made, so that the same command can go on in it, and no other."""
    file = out / OPTIONS
    text = json.dumps(wanted, ensure_ascii=False, indent=1) + "\n"
    try:
        if file.is_file() and file.read_text(encoding="utf-8") != text and any(out.glob("audio/*")):
            raise EarmarkError(out, "holds phrases made with other options", "choose another --out, or empty it")
        (out / BATCHES).mkdir(parents=True, exist_ok=True)
        _replace(file, text)
    except OSError as error:
        raise EarmarkError(out, f"cannot be written ({error.strerror})") from error


def _replace(file: Path, text: str) -> None:
    part = file.with_name(file.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(file)
