"""Phrases as a dataset on disk: see `batches`, and besides

    out/batches/000000.json             what is done: clips of one SoundFont, up to BATCH of them from this number on
    out/earmark-phrases.json            with which options

With a greater count the last batch grows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import resample_poly

from earmark.errors import EarmarkError
from earmark.events.timeline import Event, joined
from earmark.media.writing import write_samples
from earmark.synthesis import batches, effects
from earmark.synthesis.batches import Batch, Note
from earmark.synthesis.music import rendering
from earmark.synthesis.music.plan import Phrase, Plan, draw_phrase
from earmark.util.types import Samples
from earmark.util.workspace import Workspace

OPTIONS = "earmark-phrases.json"
BATCH = 24  # clips that are rendered at once
DIGITS = 4  # of seconds in tables
TOUCHING = 0.5 * 10**-DIGITS  # seconds between events that follow each other without a gap
DRY_PEAK = 0.5  # of clips without effects


def make_batch(plan: Plan, out: Path, batch: Batch, made: Collection[int] = ()) -> list[Note]:
    """Write those of a batch's clips below a folder that are not `made`; what is noted of each.

    All are rendered, because where a part stands in what fluidsynth plays moves it by up to a millisecond.

    Raises EarmarkError: fluidsynth fails, or the disk does not take the clips.
    """
    soundfont = plan.soundfont(batch.numbers[0])
    phrases = [draw_phrase(plan, number) for number in batch.numbers]
    parts = [player.part for phrase in phrases for player in phrase.players]
    rendered = iter(rendering.render(parts, plan.seconds, plan.soundfonts[soundfont].path))
    notes = []
    for phrase in phrases:
        stems = [next(rendered) for _ in phrase.players]
        if phrase.number not in made:
            samples, events = mix_phrase(plan, phrase, stems)
            write_samples(out / phrase.name, [samples], plan.rate)
            source = f"{plan.soundfonts[soundfont].name}/{_played(phrase)}"
            notes.append(batches.note(phrase.number, source, soundfont, events))
    return notes


def mix_phrase(plan: Plan, phrase: Phrase, stems: Sequence[Samples]) -> tuple[Samples, list[Event]]:
    """A clip's samples at the plan's rate, and when its labels sound, from each part's dry sound as it was rendered."""
    stems = [np.asarray(resample_poly(stem, plan.rate, rendering.RENDERING_RATE), np.float32) for stem in stems]
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


def _played(phrase: Phrase) -> str:
    """Its programs, as tables name them."""
    presets = sorted({player.part.instrument.preset for player in phrase.players})
    return "+".join(f"{'drums' if bank else ''}{program}" for bank, program in presets) or "silence"


def build(plan: Plan, out: Path, jobs: int = 1) -> Iterator[int]:
    """Make all clips that are not there yet, then the tables; gives how many clips have come, as they come.

    Raises EarmarkError: fluidsynth is missing or fails, the folder holds other clips, or the disk does not take them.
    """
    rendering.fluidsynth_path()
    wanted = options(plan)
    work = Workspace(out, OPTIONS, "phrases", "audio/*")
    with work.alone():
        _refuse_others(out, wanted)
        work.claim(wanted)
        work.refuse_fewer(batches.CLIPS, plan.count, "clips")
        dealt = batched(plan)
        yield from batches.make_missing(work, dealt, partial(make_batch, plan, out), jobs)
        batches.write_tables("phrases", out, batches.all_notes(work, dealt))


def batched(plan: Plan) -> list[Batch]:
    """All clips in batches, each SoundFont's by themselves."""
    dealt = batches.deal(plan.count, len(plan.soundfonts), BATCH)
    return [Batch(f"{numbers[0]:06}.json", numbers) for numbers in dealt]


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
