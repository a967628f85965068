import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phrases_making import instrument, part

from earmark.errors import DatasetError, EarmarkWarning
from earmark.synthesis.music import instruments, midi
from earmark.synthesis.music.instruments import Note, Part
from earmark.synthesis.music.midi import Music
from earmark.synthesis.music.plan import Companion, Plan, draw_phrase, warn_of_music
from earmark.synthesis.music.soundfonts import SoundFont

FONT = SoundFont(Path("all.sf2"), frozenset(one.preset for one in instruments.INSTRUMENTS))


def steady(name, first=0.0):
    return part(name, *((first + n, first + n + 0.9, 60) for n in range(60)))


BAND = (steady("violin"), steady("grand piano"), steady("standard kit"), steady("flute"))
SPARSE = (part("violin", *((30.0 * n, 30.0 * n + 0.4, 60) for n in range(20))),)


def clips(scores, count=200, **options):
    plan = Plan([FONT], instruments.DEFAULT_LABELS, count, 3.0, scores=scores, **options)
    return [draw_phrase(plan, number).players for number in range(count)]


def named(players):
    return {label for player in players for label in player.labels}


def test_shares_are_kept():
    made = clips({"band": BAND}, together=0.3, nothing=0.2, accompaniment=0.25)
    kinds = Counter(min(len(named(players)), 2) for players in made)
    assert kinds[0] / 200 == pytest.approx(0.2, abs=0.08)
    assert kinds[2] / 200 == pytest.approx(0.3, abs=0.09)
    along = [any(not player.labels for player in players) for players in made if named(players)]
    assert np.mean(along) == pytest.approx(0.25, abs=0.1)
    solos = Counter(*[[label for players in made if len(named(players)) == 1 for label in named(players)]])
    assert min(solos[label] for label in ("violin", "piano", "drum_kit")) > 20


@pytest.mark.parametrize(("share", "least", "most"), [("nothing", 0, 0), ("together", 2, 3)])
def test_a_share_of_all(share, least, most):
    others = {"together": 0.0, "nothing": 0.0} | {share: 1.0}
    scores = {"band": BAND, "tune": (steady("violin"),), "flute": (steady("flute"),)}
    for players in clips(scores, 60, **others):
        assert players
        assert least <= len(named(players)) <= most


def test_something_always_plays_in_music_that_is_mostly_silent():
    for players in clips({"sparse": SPARSE}, 100):
        assert named(players) == {"violin"}
        (player,) = players
        assert any(0 <= note.onset < 3 for note in player.part.notes)


@given(
    st.lists(st.tuples(st.floats(0, 500), st.floats(0.02, 20), st.integers(0, 127)), min_size=1, max_size=5), st.data()
)
def test_something_plays_whatever_the_music(notes, data):
    tune = Part(instrument("violin"), [Note(on, on + length, pitch) for on, length, pitch in notes])
    music = Music.of({"a": (tune,)}, FONT.presets, lambda one: one.label)
    rng = np.random.default_rng(data.draw(st.integers(0, 9999)))
    parts, kept = midi.draw_excerpt(music, 3.0, data.draw(st.integers(0, 3)), rng)
    assert kept == {"violin"}
    assert any(0 <= note.onset < 3 and 0 <= note.pitch <= 127 for note in parts[0].notes)


def test_what_music_cannot_keep_is_said():
    plan = Plan(
        [FONT], instruments.DEFAULT_LABELS, 1, scores={"sparse": SPARSE}, companions=[Companion("violin", "piano", 0.5)]
    )
    with pytest.warns(EarmarkWarning) as said:
        warn_of_music(plan)
    (message,) = (str(one.message) for one in said)
    for words in ("--nothing and --accompaniment are not kept", "--together is not kept", "no piano plays in it"):
        assert words in message
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_music(Plan([FONT], instruments.DEFAULT_LABELS, 1, scores={"band": BAND}))
        warn_of_music(Plan([FONT], instruments.DEFAULT_LABELS, 1))


def test_music_that_cannot_be_used_is_refused():
    flute = {"flute": (steady("flute"),)}
    with pytest.raises(DatasetError, match=r"none of .* plays in the files"):
        Plan([FONT], instruments.DEFAULT_LABELS, 1, scores=flute)
    assert clips(flute, 5, nothing=1.0, together=0.0)[0][0].labels == ()
    small = SoundFont(Path("small.sf2"), frozenset({instrument("violin").preset}))
    with pytest.raises(DatasetError, match="has no instrument that plays in the MIDI files"):
        Plan([small], ["violin"], 1, scores=flute)
