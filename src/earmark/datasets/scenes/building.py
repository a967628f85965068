"""Scenes on disk.

    out/audio/000000.flac               each scene, mono
    out/clips.csv                       the dataset table
    out/events.csv                      when each label is heard
    out/parts.csv                       the clips that scenes are made of, and the fold that each is in: a dataset table
    out/batches/000000-000310.json      what is done: scenes of one fold

A batch's file gets its name when all its scenes are there, so the same command goes on where it was killed. Every
scene is drawn by the seed and its number alone, so a greater count adds scenes and changes none.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from earmark.datasets import journal, table, workers
from earmark.datasets.annotations import write as write_events
from earmark.datasets.claiming import claim
from earmark.datasets.clip import Clip, Dataset
from earmark.datasets.scenes import making
from earmark.datasets.scenes.making import Batch
from earmark.datasets.scenes.plan import Plan
from earmark.datasets.scenes.pools import Group
from earmark.errors import EarmarkError
from earmark.events.timeline import Event, Timeline
from earmark.formats.base import Format
from earmark.util.atomic import atomic_write

CLIPS, EVENTS, PARTS = "clips.csv", "events.csv", "parts.csv"
OPTIONS = "earmark-scenes.json"
BATCH = 32  # scenes that are made one after the other: many share clips


def build(plan: Plan, out: Path, jobs: int = 1, beside: Collection[Format[Timeline]] = ()) -> Iterator[int]:
    """Make all scenes that are not there yet, then the tables; gives how many scenes have come, as they come.

    Args:
        plan: what to make.
        out: the folder.
        jobs: batches at once.
        beside: formats in which each scene's events are written beside its audio, too.

    Raises:
        EarmarkError: a clip cannot be read, the folder holds other scenes, or the disk does not take them.
    """
    claim(out, OPTIONS, options(plan), "scenes", "audio/*")
    journal.keep(out, CLIPS, plan.count, "scenes")
    batches = list(batched(plan))
    todo = [batch for batch in batches if not journal.is_noted(out, batch.name)]
    yield plan.count - sum(len(batch.numbers) for batch in todo)
    yield from workers.each(partial(_build, plan, out), todo, jobs)
    _write_tables(plan, out, batches, beside)


def batched(plan: Plan) -> Iterator[Batch]:
    """All scenes in batches, each fold's by themselves."""
    for fold in range(len(plan.groups)):
        numbers = range(fold, plan.count, len(plan.groups))
        for first in range(0, len(numbers), BATCH):
            yield Batch(tuple(numbers[first : first + BATCH]))


def options(plan: Plan) -> dict[str, object]:
    """What scenes depend on, as plain values; the count is not among it."""
    left_out = {"groups", "count"} | (set() if plan.speed else {"speed"})  # as in folders from before there was one
    plain = {one.name: getattr(plan, one.name) for one in fields(plan) if one.name not in left_out}
    return {**plain, "levels": list(plan.levels), "clips": [_fingerprint(group) for group in plan.groups]}


def _fingerprint(group: Group) -> str:
    """Of all clips of a group and their roles; the folder that a dataset lies in is not part of it."""
    digest = hashlib.blake2b(digest_size=8)
    for role, pool in group.items():
        for label, by_source in pool.clips.items():
            for source, clips in by_source.items():
                for clip in clips:
                    digest.update(repr((role, label, source, clip.path.name, clip.start, clip.end)).encode())
    return digest.hexdigest()


def _build(plan: Plan, out: Path, batch: Batch) -> int:
    journal.note(out, batch.name, making.make(plan, out, batch))
    return len(batch.numbers)


def _write_tables(plan: Plan, out: Path, batches: Iterable[Batch], beside: Collection[Format[Timeline]]) -> None:
    made = [one for batch in batches for one in journal.noted(out, batch.name)]
    made.sort(key=lambda one: str(one["path"]))
    events = {one["path"]: _events(one) for one in made}
    for name, found in events.items():
        for form in beside:
            _write_beside(form, out / name, Timeline(name, plan.seconds, "scenes", tuple(found)))
    table.write(Dataset("parts", tuple(_parts(plan))), out / PARTS)
    write_events(events, out / EVENTS)
    table.write(Dataset("scenes", tuple(_clip(out, one) for one in made)), out / CLIPS)


def _clip(out: Path, one: dict[str, Any]) -> Clip:
    labels = tuple(one["labels"])
    return Clip(out / one["path"], labels=labels, fold=one["fold"], source=one["source"], split=one["split"])


def _events(one: dict[str, Any]) -> Sequence[Event]:
    return [Event(onset, offset, label, 1.0) for onset, offset, label in one["events"]]


def _parts(plan: Plan) -> Iterator[Clip]:
    """Each clip once, with all that it is in scenes, by fold."""
    for fold, group in enumerate(plan.groups):
        labels: dict[tuple[Path, float, float | None, str], set[str]] = defaultdict(set)
        for clip in (clip for pool in group.values() for clip in pool.all):
            labels[clip.path, clip.start, clip.end, clip.source].update(clip.labels)
        for (path, start, end, source), own in labels.items():
            yield Clip(path, start, end, tuple(sorted(own)), fold + 1, source, plan.split(fold))


def _write_beside(form: Format[Timeline], audio: Path, timeline: Timeline) -> None:
    file = audio.with_suffix(form.suffix)
    try:
        with atomic_write(file) as part, part.open("w", encoding="utf-8", newline="") as opened:
            form.write(timeline, opened)
    except OSError as error:
        raise EarmarkError(file, f"cannot be written ({error.strerror})") from error
