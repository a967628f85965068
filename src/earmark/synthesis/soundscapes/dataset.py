"""Soundscapes as a dataset on disk: see `batches`, and besides

    out/parts.csv                       the clips that they are made of, and the fold that each is in: a dataset table
    out/batches/000000-000310.json      what is done: soundscapes of one fold
    out/earmark-scenes.json             with which options

Those of one fold are made together, as many share clips.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path

from earmark.datasets import tables
from earmark.datasets.clips import Clip, Dataset
from earmark.events.timeline import Timeline
from earmark.formats.base import Format
from earmark.media.writing import write_samples
from earmark.synthesis import batches
from earmark.synthesis.batches import Batch, Note
from earmark.synthesis.soundscapes.layers import SoundCache
from earmark.synthesis.soundscapes.plan import Plan, draw_scene
from earmark.synthesis.soundscapes.pools import Group
from earmark.synthesis.soundscapes.rendering import render
from earmark.util.atomic import write_text
from earmark.util.workspace import Workspace

PARTS, OPTIONS = "parts.csv", "earmark-scenes.json"
BATCH = 32  # scenes that are made one after the other: many share clips


def make_batch(plan: Plan, out: Path, batch: Batch, made: Mapping[int, Note]) -> list[Note]:
    """Write those of a batch's scenes below a folder that are not `made`; what is noted of each.

    Raises EarmarkError: a clip cannot be read, or the disk does not take the scenes.
    """
    sounds = SoundCache(plan.rate)
    notes = []
    for number in batch.numbers:
        if number not in made:
            scene = draw_scene(plan, number)
            samples, events = render(plan, scene, sounds)
            write_samples(out / scene.name, [samples], plan.rate)
            fold = scene.fold
            notes.append(batches.note(number, f"scenes/fold-{fold + 1}", fold, events, split=plan.split(fold)))
    return notes


def build(plan: Plan, out: Path, jobs: int = 1, beside: Collection[Format[Timeline]] = ()) -> Iterator[int]:
    """Make all scenes that are not there yet, then the tables; gives how many scenes have come, as they come.

    The events of each scene are also written in the formats `beside` its audio.

    Raises EarmarkError: a clip cannot be read, the folder holds other scenes, or the disk does not take them.
    """
    work = Workspace(out, OPTIONS, "scenes", "audio/*")
    with work.alone():
        work.claim(options(plan))
        work.refuse_fewer(batches.CLIPS, plan.count, "scenes")
        dealt = batched(plan)
        yield from batches.make_missing(work, dealt, partial(make_batch, plan, out), jobs)
        notes = batches.all_notes(work, dealt)
        for one in notes:
            timeline = Timeline(one["path"], plan.seconds, "scenes", tuple(batches.events_of(one)))
            for form in beside:
                write_text((out / one["path"]).with_suffix(form.suffix), form.text(timeline))
        tables.write_clips(Dataset("parts", tuple(_parts(plan))), out / PARTS)
        batches.write_tables("scenes", out, notes)


def batched(plan: Plan) -> list[Batch]:
    """All scenes in batches, each fold's by themselves."""
    dealt = batches.deal(plan.count, len(plan.groups), BATCH)
    return [Batch(f"{numbers[0]:06}-{numbers[-1]:06}.json", numbers) for numbers in dealt]


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


def _parts(plan: Plan) -> Iterator[Clip]:
    """Each clip once, with all that it is in scenes, by fold."""
    for fold, group in enumerate(plan.groups):
        labels: dict[tuple[Path, float, float | None, str], set[str]] = defaultdict(set)
        for clip in (clip for pool in group.values() for clip in pool.all):
            labels[clip.path, clip.start, clip.end, clip.source].update(clip.labels)
        for (path, start, end, source), own in labels.items():
            yield Clip(path, start, end, tuple(sorted(own)), fold + 1, source, plan.split(fold))
