"""Phrases on paper and as they are played: within the instrument's range, the key, the time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phrases_making import instrument, part

from earmark.errors import DatasetError
from earmark.synthesis.music import drums, instruments, midi, patterns, performance
from earmark.synthesis.music.patterns import Setting, draw_setting
from earmark.synthesis.music.plan import Companion, Plan, draw_phrase
from earmark.synthesis.music.soundfonts import SoundFont

C_MAJOR = Setting(0.0, 4.0, 0.5, 0, (0, 2, 4, 5, 7, 9, 11), (0, 3, 4, 0))
seeds = st.integers(0, 2**32)
everything = frozenset(one.preset for one in instruments.INSTRUMENTS)


def plan(**more):
    fonts = [SoundFont(tmp, everything) for tmp in more.pop("soundfonts", ["a.sf2"])]
    return Plan(fonts, more.pop("labels", instruments.DEFAULT_LABELS), more.pop("count", 10), **more)


@given(seeds, st.sampled_from(instruments.INSTRUMENTS))
def test_every_phrase_can_be_played(seed, chosen):
    rng = np.random.default_rng(seed)
    played = performance.compose(chosen, draw_setting(5.0, rng), rng)
    assert played.notes
    bend = played.bends[0].cents / 100 if chosen.manner != "drums" else 0.0
    for note in played.notes:
        assert note.onset < note.offset
        assert 0 <= note.pitch <= 127
        assert 1 <= note.velocity <= 127
        if chosen.low >= 36 and chosen.manner != "plucked" and chosen.manner != "keyboard":
            assert chosen.low - 1 <= note.pitch + bend <= chosen.high + 1
    assert all(abs(one.cents) <= 1200 for one in played.bends)


@given(seeds)
def test_nearly_every_setting_sounds_within_its_clip(seed):
    setting = draw_setting(5.0, np.random.default_rng(seed))
    assert -1 <= setting.start < 1.25
    assert setting.start + 1.5 <= setting.end <= 5


@pytest.mark.parametrize(
    "kind", [patterns.melody, patterns.arpeggio, patterns.repeated, patterns.single, patterns.chords]
)
def test_phrases_keep_to_the_key(kind):
    for seed in range(20):
        notes = kind(C_MAJOR, instrument("violin"), np.random.default_rng(seed))
        assert {note.pitch % 12 for note in notes} <= set(C_MAJOR.scale)


def test_a_scale_goes_by_steps_at_one_speed():
    for seed in range(20):
        notes = patterns.scale(C_MAJOR, instrument("grand piano"), np.random.default_rng(seed))
        steps = np.abs(np.diff([note.pitch for note in notes]))
        assert set(steps) <= {1, 2}
        assert np.allclose(np.diff([note.onset for note in notes]), notes[0].offset - notes[0].onset)


def test_a_guitar_has_six_strings():
    for root in range(12):
        for fret in range(8):
            keys = patterns.grip((root, (root + 4) % 12, (root + 7) % 12), fret)
            assert 3 <= len(keys) <= 6
            assert keys[0] % 12 == root
            assert keys == sorted(keys)


def test_a_strummed_chord_spreads():
    notes = patterns.strummed(C_MAJOR, instrument("steel guitar"), np.random.default_rng(0))
    first = [note.onset for note in notes if note.onset < 0.1]
    assert len(set(first)) == len(first) >= 3
    assert max(first) - min(first) < 0.07


def test_drums_come_where_the_pattern_says(monkeypatch):
    monkeypatch.setattr(drums, "GROOVES", (("x...............", "........x.......", "................"),))
    found = {}
    for seed in range(40):
        for note in drums.groove(C_MAJOR, instrument("standard kit"), np.random.default_rng(seed)):
            if note.velocity == drums.ACCENT:
                found.setdefault(note.pitch, set()).add(round(note.onset % 2.0, 6))
    assert (found[drums.KICK], found[drums.SNARE]) == ({0.0}, {1.0})


def test_a_roll_is_fast_and_a_hit_is_alone():
    roll = drums.roll(C_MAJOR, instrument("standard kit"), np.random.default_rng(1))
    assert np.diff([note.onset for note in roll]).max() < 0.1
    hits = [drums.hits(C_MAJOR, instrument("standard kit"), np.random.default_rng(seed)) for seed in range(40)]
    assert min(map(len, hits)) == 1
    assert sum(len({note.pitch for note in one}) == 1 for one in hits) > 20


def test_playing_changes_notes_but_not_the_tune():
    written = patterns.melody(C_MAJOR, instrument("violin"), np.random.default_rng(3))
    played = performance.perform(written, instrument("violin"), np.random.default_rng(4))
    onsets = np.array([note.onset for note in played.notes]) - [note.onset for note in written]
    assert 0 < np.abs(onsets).max() < 0.1
    shift = round(played.bends[0].cents / 100)
    assert [note.pitch + shift for note in played.notes] == [note.pitch for note in written]
    assert len({note.velocity for note in played.notes}) > 1


def test_an_excerpt_is_moved_in_time_and_pitch():
    tune = part("violin", (0.0, 1.0, 60), (1.0, 2.0, 62), (4.0, 5.0, 64), (9.0, 9.5, 65))
    cut = midi.excerpt(tune, 1.5, 2.0, 3, 2.0)
    assert [(note.onset, note.offset, note.pitch) for note in cut.notes] == [(-0.25, 0.25, 65), (1.25, 1.75, 67)]
    kit = part("standard kit", (1.0, 1.1, 36))
    assert midi.excerpt(kit, 0.0, 5.0, 3).notes[0].pitch == 36


@given(seeds)
def test_shares_are_kept(seed):
    wanted = plan(seed=seed, together=0.0, nothing=0.0, accompaniment=0.0)
    assert all(len(draw_phrase(wanted, number).players) == 1 for number in range(5))
    assert all(player.labels == () for player in draw_phrase(plan(seed=seed, nothing=1.0, together=0.0), 0).players)
    both = draw_phrase(plan(seed=seed, together=1.0, nothing=0.0), 0)
    assert len({player.labels for player in both.players} - {()}) >= 2


def test_companions_play_unnamed():
    hiding = plan(labels=["guitar"], together=0, nothing=0, companions=[Companion("guitar", "drum_kit", 0.8)])
    drawn = [draw_phrase(hiding, number) for number in range(300)]
    share = np.mean([any(p.part.instrument.label == "drum_kit" for p in one.players) for one in drawn])
    assert 0.73 < share < 0.92  # the unasked labels also accompany by themselves
    assert {player.labels for one in drawn for player in one.players} == {("guitar",), ()}


def test_a_clip_is_the_same_whatever_is_made_besides():
    assert draw_phrase(plan(count=10), 7) == draw_phrase(plan(count=1000), 7)
    assert draw_phrase(plan(), 7) != draw_phrase(plan(seed=1), 7)


def test_labels_that_nobody_plays():
    with pytest.raises(DatasetError, match="kazoo: is no label of phrases; choose among accordion, bass_guitar, brass"):
        plan(labels=["kazoo"])
    with pytest.raises(DatasetError, match="has no violin"):
        Plan([SoundFont("a.sf2", everything - {(0, 40), (0, 110)})], ["violin"], 1)
