"""A phrase for an instrument: which kinds it can play, and how often each is drawn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from earmark.datasets.phrases import drumming, harmonic, melodic
from earmark.datasets.phrases.notes import Note, Part
from earmark.datasets.phrases.performing import perform
from earmark.datasets.phrases.programs import Instrument
from earmark.datasets.phrases.setting import Setting

Kind = Callable[[Setting, Instrument, np.random.Generator], list[Note]]

KINDS: dict[str, tuple[tuple[Kind, float], ...]] = {
    "plucked": (
        (melodic.single, 2.0),
        (melodic.scale, 1.0),
        (melodic.melody, 2.0),
        (harmonic.picked, 3.0),
        (harmonic.strummed, 3.5),
    ),
    "bass": ((melodic.single, 1.0), (melodic.melody, 3.0), (melodic.repeated, 2.0), (melodic.arpeggio, 2.0)),
    "keyboard": (
        (melodic.single, 1.5),
        (melodic.scale, 1.0),
        (melodic.melody, 1.5),
        (melodic.arpeggio, 2.0),
        (harmonic.chords, 2.5),
        (harmonic.two_hands, 3.0),
    ),
    "bowed": (
        (melodic.single, 2.0),
        (melodic.scale, 1.0),
        (melodic.melody, 3.5),
        (melodic.arpeggio, 1.0),
        (melodic.long_notes, 2.5),
        (melodic.repeated, 0.5),
        (harmonic.double_stops, 0.7),
    ),
    "blown": (
        (melodic.single, 2.0),
        (melodic.scale, 1.0),
        (melodic.melody, 3.5),
        (melodic.arpeggio, 1.0),
        (melodic.long_notes, 2.0),
        (melodic.repeated, 1.0),
    ),
    "struck": (
        (melodic.single, 1.5),
        (melodic.scale, 1.0),
        (melodic.melody, 2.5),
        (melodic.arpeggio, 2.0),
        (harmonic.chords, 1.0),
    ),
    "held": (
        (melodic.single, 1.0),
        (melodic.melody, 1.5),
        (melodic.long_notes, 1.5),
        (melodic.arpeggio, 0.7),
        (harmonic.chords, 3.0),
    ),
    "drums": ((drumming.groove, 4.5), (drumming.hits, 4.0), (drumming.roll, 1.0), (drumming.solo, 0.8)),
}
"""What each manner of playing can do, and how often."""
SECTION = 61  # the brass section, which plays chords too


def compose(instrument: Instrument, setting: Setting, rng: np.random.Generator) -> Part:
    """A phrase of an instrument, played in a setting."""
    kinds = KINDS[instrument.manner]
    if instrument.preset == (0, SECTION):
        kinds = (*kinds, (harmonic.chords, 4.0))
    weights = np.array([weight for _, weight in kinds])
    kind = kinds[rng.choice(len(kinds), p=weights / weights.sum())][0]
    return perform(kind(setting, instrument, rng), instrument, rng)
