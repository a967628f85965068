"""A batch of clips: composed, rendered together, mixed, written."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from earmark.datasets.phrases import effects, mixing, rendering
from earmark.datasets.phrases.plan import Phrase, Plan, draw
from earmark.events.timeline import Event, joined
from earmark.media.writing import write_samples

DIGITS = 4  # of seconds in tables
TOUCHING = 0.5 * 10**-DIGITS  # seconds between events that follow each other without a gap
DRY_PEAK = 0.5  # of clips without effects

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Batch:
    """Clips of one SoundFont that are rendered together."""

    soundfont: int
    numbers: tuple[int, ...]

    @property
    def name(self) -> str:
        """The file that notes what was made; a batch that grows keeps it."""
        return f"{self.numbers[0]:06}.json"


def make(plan: Plan, out: Path, batch: Batch, made: Collection[int] = ()) -> list[dict[str, Any]]:
    """Write a batch's clips below a folder; what is noted of each: path, labels, source, fold, events.

    Args:
        plan: what is to be made.
        out: the folder.
        batch: whose clips.
        made: clips of it that are there. They are rendered with the others, because where a part stands in what
            fluidsynth plays moves it by up to a millisecond, but neither mixed nor written.

    Raises:
        EarmarkError: fluidsynth fails, or the disk does not take the clips.
    """
    phrases = [draw(plan, number) for number in batch.numbers]
    parts = [player.part for phrase in phrases for player in phrase.players]
    rendered = iter(rendering.render(parts, plan.seconds, plan.soundfonts[batch.soundfont].path))
    noted = []
    for phrase in phrases:
        stems = [next(rendered) for _ in phrase.players]
        if phrase.number not in made:
            samples, events = mixed(plan, phrase, stems)
            write_samples(out / phrase.name, [samples], plan.rate)
            noted.append(_noted(plan, phrase, events))
    return noted


def mixed(plan: Plan, phrase: Phrase, stems: Sequence[Samples]) -> tuple[Samples, list[Event]]:
    """A clip's samples at the plan's rate, and when its labels sound, from each part's dry sound as it was rendered."""
    stems = [_resampled(stem, plan.rate) for stem in stems]
    spans = [mixing.heard(stem, plan.rate) for stem in stems]
    levels = [mixing.level(stem, plan.rate, found) for stem, found in zip(stems, spans, strict=True)]
    length = round(plan.seconds * plan.rate)
    total = mixing.mix(stems, levels, [player.decibels for player in phrase.players], length)
    if plan.effects:
        rng = plan.generator(phrase.number, 1)
        total = effects.apply(total, plan.rate, effects.draw_effects(plan.rate, rng), rng)
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
    divisor = int(np.gcd(rate, rendering.RATE))
    up, down = rate // divisor, rendering.RATE // divisor
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
