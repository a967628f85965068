"""Phrases as a dataset on disk.

    out/audio/000000.flac               each clip, mono
    out/clips.csv                       the dataset table
    out/events.csv                      when each label sounds
    out/batches/000000.json             what is done: clips of one SoundFont, up to BATCH of them from this number on
    out/earmark-phrases.json            with which options

Every clip is drawn by the seed and its number alone, so a greater count adds clips and changes none: the last batch
then grows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import resample_poly

from earmark.datasets import tables
from earmark.datasets.clips import Dataset
from earmark.datasets.tables import annotated
from earmark.errors import EarmarkError
from earmark.events.timeline import Event, joined
from earmark.media.writing import write_samples
from earmark.synthesis import effects
from earmark.synthesis.music import rendering
from earmark.synthesis.music.plan import Phrase, Plan, clip_name, draw_phrase
from earmark.util.types import Samples
from earmark.util.workspace import Workspace, run_all

CLIPS, EVENTS, OPTIONS = "clips.csv", "events.csv", "earmark-phrases.json"
BATCH = 24  # clips that are rendered at once
DIGITS = 4  # of seconds in tables
TOUCHING = 0.5 * 10**-DIGITS  # seconds between events that follow each other without a gap
DRY_PEAK = 0.5  # of clips without effects


@dataclass(frozen=True)
class Batch:
    """Clips of one SoundFont that are rendered together."""

    soundfont: int
    numbers: tuple[int, ...]

    @property
    def name(self) -> str:
        """The file that notes what was made; a batch that grows keeps it."""
        return f"{self.numbers[0]:06}.json"


def make_batch(plan: Plan, out: Path, batch: Batch, made: Collection[int] = ()) -> list[dict[str, Any]]:
    """Write a batch's clips below a folder; what is noted of each: path, labels, source, fold, events.

    Parameters
    ----------
    plan
        What is to be made.
    out
        The folder.
    batch
        Whose clips.
    made
        Clips of it that are there. They are rendered with the others, because where a part stands in what fluidsynth
        plays moves it by up to a millisecond, but neither mixed nor written.

    Raises
    ------
    EarmarkError
        fluidsynth fails, or the disk does not take the clips.
    """
    phrases = [draw_phrase(plan, number) for number in batch.numbers]
    parts = [player.part for phrase in phrases for player in phrase.players]
    rendered = iter(rendering.render(parts, plan.seconds, plan.soundfonts[batch.soundfont].path))
    noted = []
    for phrase in phrases:
        stems = [next(rendered) for _ in phrase.players]
        if phrase.number not in made:
            samples, events = mix_phrase(plan, phrase, stems)
            write_samples(out / phrase.name, [samples], plan.rate)
            noted.append(_noted(plan, phrase, events))
    return noted


def mix_phrase(plan: Plan, phrase: Phrase, stems: Sequence[Samples]) -> tuple[Samples, list[Event]]:
    """A clip's samples at the plan's rate, and when its labels sound, from each part's dry sound as it was rendered."""
    stems = [_resampled(stem, plan.rate) for stem in stems]
    spans = [rendering.sounding_spans(stem, plan.rate) for stem in stems]
    levels = [rendering.level(stem, plan.rate, found) for stem, found in zip(stems, spans, strict=True)]
    length = round(plan.seconds * plan.rate)
    total = rendering.mix(stems, levels, [player.decibels for player in phrase.players], length)
    if plan.effects:
        rng = plan.generator(phrase.number, 1)
        total = effects.apply_effects(total, plan.rate, effects.draw_effects(plan.rate, rng), rng)
    else:
        total = total * np.float32(DRY_PEAK / max(float(np.abs(total).max()), 1e-9))
    events = [
        Event(round(onset, DIGITS), round(offset, DIGITS), label, 1.0)
        for player, found in zip(phrase.players, spans, strict=True)
        for label in player.labels
        for onset, offset in found
    ]
    together = joined(events, TOUCHING)  # two guitars are guitar
    return total, sorted(together, key=lambda event: (event.onset, event.offset, event.label))


def _resampled(samples: Samples, rate: int) -> Samples:
    divisor = int(np.gcd(rate, rendering.RENDERING_RATE))
    up, down = rate // divisor, rendering.RENDERING_RATE // divisor
    return samples if up == down else np.asarray(resample_poly(samples, up, down), np.float32)


def _noted(plan: Plan, phrase: Phrase, events: Sequence[Event]) -> dict[str, Any]:
    soundfont = plan.soundfont(phrase.number)
    presets = sorted({player.part.instrument.preset for player in phrase.players})
    played = "+".join(f"{'drums' if bank else ''}{program}" for bank, program in presets) or "silence"
    return {
        "path": phrase.name,
        "labels": sorted({event.label for event in events}),
        "source": f"{plan.soundfonts[soundfont].name}/{played}",
        "fold": soundfont + 1,
        "events": [[event.onset, event.offset, event.label] for event in events],
    }


def build(plan: Plan, out: Path, jobs: int = 1) -> Iterator[int]:
    """Make all clips that are not there yet, then the tables; gives how many clips have come, as they come.

    Raises
    ------
    EarmarkError
        fluidsynth is missing or fails, the folder holds other clips, or the disk does not take them.
    """
    rendering.fluidsynth_path()
    wanted = options(plan)
    work = Workspace(out, OPTIONS, "phrases", "audio/*")
    with work.alone():
        _refuse_others(out, wanted)
        work.claim(wanted)
        work.refuse_fewer(CLIPS, plan.count, "clips")
        batches = list(batched(plan))
        lacking = {batch: len(set(batch.numbers) - set(_made(work, batch))) for batch in batches}
        yield plan.count - sum(lacking.values())
        yield from run_all(partial(_build, plan, work), [batch for batch in batches if lacking[batch]], jobs)
        clips, events = annotated(out, [one for batch in batches for one in _made(work, batch).values()])
        tables.write_events(events, out / EVENTS)
        tables.write_clips(Dataset("phrases", clips), out / CLIPS)


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


def _build(plan: Plan, work: Workspace, batch: Batch) -> int:
    before = _made(work, batch)
    made = make_batch(plan, work.folder, batch, before)
    work.done(batch.name, [*before.values(), *made])
    return len(made)


def _made(work: Workspace, batch: Batch) -> dict[int, dict[str, Any]]:
    """What is noted of those clips of a batch that are there, by their numbers."""
    noted = {one["path"]: one for one in work.notes(batch.name)}
    return {number: noted[clip_name(number)] for number in batch.numbers if clip_name(number) in noted}


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
