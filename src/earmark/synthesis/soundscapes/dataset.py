"""Soundscapes as a dataset on disk.

    out/audio/000000.flac               each soundscape, mono
    out/clips.csv                       the dataset table
    out/events.csv                      when each label is heard
    out/parts.csv                       the clips that they are made of, and the fold that each is in: a dataset table
    out/batches/000000-000310.json      what is done: soundscapes of one fold
    out/earmark-scenes.json             with which options

Each is drawn by the seed and its number alone, so a greater count adds soundscapes and changes none.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

from earmark.datasets import tables
from earmark.datasets.clips import Clip, Dataset
from earmark.datasets.tables import annotated
from earmark.errors import EarmarkError
from earmark.events.timeline import Event, Timeline
from earmark.formats.base import Format
from earmark.media.writing import write_samples
from earmark.synthesis.soundscapes.layers import SoundCache
from earmark.synthesis.soundscapes.plan import Plan, Scene, draw_scene
from earmark.synthesis.soundscapes.pools import Group
from earmark.synthesis.soundscapes.rendering import render
from earmark.util.atomic import atomic_write
from earmark.util.workspace import Workspace, run_all

CLIPS, EVENTS, PARTS = "clips.csv", "events.csv", "parts.csv"
OPTIONS = "earmark-scenes.json"
BATCH = 32  # scenes that are made one after the other: many share clips


@dataclass(frozen=True)
class Batch:
    """Scenes of one group that are made together."""

    numbers: tuple[int, ...]

    @property
    def name(self) -> str:
        """The file that notes what was made."""
        return f"{self.numbers[0]:06}-{self.numbers[-1]:06}.json"


def make_batch(plan: Plan, out: Path, batch: Batch) -> list[dict[str, Any]]:
    """Write a batch's scenes below a folder; what is noted of each: path, labels, source, fold, split, events.

    Raises
    ------
    EarmarkError
        A clip cannot be read, or the disk does not take the scenes.
    """
    sounds = SoundCache(plan.rate)
    made = []
    for number in batch.numbers:
        scene = draw_scene(plan, number)
        samples, events = render(plan, scene, sounds)
        write_samples(out / scene.name, [samples], plan.rate)
        made.append(_noted(plan, scene, events))
    return made


def _noted(plan: Plan, scene: Scene, events: list[Event]) -> dict[str, Any]:
    return {
        "path": scene.name,
        "labels": sorted({event.label for event in events}),
        "source": f"scenes/fold-{scene.fold + 1}",
        "fold": scene.fold + 1,
        "split": plan.split(scene.fold),
        "events": [[event.onset, event.offset, event.label] for event in events],
    }


def build(plan: Plan, out: Path, jobs: int = 1, beside: Collection[Format[Timeline]] = ()) -> Iterator[int]:
    """Make all scenes that are not there yet, then the tables; gives how many scenes have come, as they come.

    Parameters
    ----------
    plan
        What to make.
    out
        The folder.
    jobs
        Batches at once.
    beside
        Formats in which each scene's events are written beside its audio, too.

    Raises
    ------
    EarmarkError
        A clip cannot be read, the folder holds other scenes, or the disk does not take them.
    """
    work = Workspace(out, OPTIONS, "scenes", "audio/*")
    with work.alone():
        work.claim(options(plan))
        work.refuse_fewer(CLIPS, plan.count, "scenes")
        batches = list(batched(plan))
        todo = [batch for batch in batches if not work.is_done(batch.name)]
        yield plan.count - sum(len(batch.numbers) for batch in todo)
        yield from run_all(partial(_build, plan, work), todo, jobs)
        _write_tables(plan, work, batches, beside)


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


def _build(plan: Plan, work: Workspace, batch: Batch) -> int:
    work.done(batch.name, make_batch(plan, work.folder, batch))
    return len(batch.numbers)


def _write_tables(plan: Plan, work: Workspace, batches: Iterable[Batch], beside: Collection[Format[Timeline]]) -> None:
    out = work.folder
    clips, events = annotated(out, [one for batch in batches for one in work.notes(batch.name)])
    for name, found in events.items():
        for form in beside:
            _write_beside(form, out / name, Timeline(name, plan.seconds, "scenes", tuple(found)))
    tables.write_clips(Dataset("parts", tuple(_parts(plan))), out / PARTS)
    tables.write_events(events, out / EVENTS)
    tables.write_clips(Dataset("scenes", clips), out / CLIPS)


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
