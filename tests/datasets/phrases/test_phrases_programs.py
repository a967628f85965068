"""The usual five labels and the wider list: who plays for a label, who carries it, and who is left out."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest
from phrases_making import instrument, part

from earmark.errors import DatasetError
from earmark.synthesis.music import instruments, midi
from earmark.synthesis.music.plan import Companion, Plan, draw_phrase
from earmark.synthesis.music.soundfonts import SoundFont

FIVE = ("brass", "drum_kit", "guitar", "piano", "violin")
EVERY = frozenset((bank, program) for bank in (0, instruments.DRUM_BANK) for program in range(128))
MISTAKEN = ("harpsichord", "clavinet", "dulcimer", "sitar", "banjo", "shamisen", "koto")


def plan(labels, presets=EVERY, fonts=1, **more):
    return Plan([SoundFont(Path(f"{n}.sf2"), presets) for n in range(fonts)], labels, 1, **more)


def players(wanted, count=400):
    return [player for number in range(count) for player in draw_phrase(wanted, number).players]


def named(made):
    return Counter(player.part.instrument.name for player in made)


def test_the_lists_of_labels():
    assert instruments.DEFAULT_LABELS == FIVE
    beside = {"accordion", "bass_guitar", "cello", "clarinet", "flute", "harmonica", "harp", "mallets", "organ"}
    assert set(instruments.LABELS) == {*FIVE, *beside, "saxophone", "trombone", "trumpet"}
    assert instruments.is_wide(["guitar", "cello"])
    assert not instruments.is_wide(FIVE)
    assert len({one.preset for one in instruments.INSTRUMENTS}) == len(instruments.INSTRUMENTS)


@pytest.mark.parametrize(
    ("options", "digest"),
    [
        ({"labels": FIVE}, "047d1de7c8ccc5c0"),
        (
            {"labels": ("brass", "guitar", "piano", "violin"), "seed": 4}
            | {"companions": [Companion("guitar", "drum_kit", 0.8)]},
            "652644289e727db6",
        ),
    ],
)
def test_the_five_are_drawn_as_before_there_was_a_wider_list(options, digest):
    wanted = plan(fonts=2, **options)
    drawn = [
        [
            (player.part.instrument.name, [note.pitch for note in player.part.notes])
            for player in draw_phrase(wanted, n).players
        ]
        for n in range(100)
    ]
    assert hashlib.sha256(repr(drawn).encode()).hexdigest()[:16] == digest


def test_folders_of_midi_made_before_are_known_by_the_same_text():
    text = "Instrument(name='trumpet', program=56, label='brass', manner='blown', low=54, high=84, weight=2)"
    assert repr(instrument("trumpet")) == text


def test_a_trumpet_is_brass_too_where_both_are_asked_for():
    assert plan(FIVE).labels_of(instrument("trumpet")) == ("brass",)
    assert plan(instruments.LABELS).labels_of(instrument("trumpet")) == ("brass", "trumpet")
    assert plan(["trumpet"]).labels_of(instrument("trumpet")) == ("trumpet",)
    assert plan(["trumpet"]).labels_of(instrument("French horn")) == ()
    carried = {p.labels for p in players(plan(instruments.LABELS)) if "brass" in p.labels}
    assert carried == {("brass",), ("brass", "trumpet"), ("brass", "trombone")}


def test_of_the_wider_list_brass_plays_what_has_no_finer_label():
    wide = plan(instruments.LABELS)
    assert {one.name for one in wide.playing("brass", wide.soundfonts[0])} == {"French horn", "tuba", "brass section"}
    assert {one.name for one in wide.playing("trumpet", wide.soundfonts[0])} == {"trumpet", "muted trumpet"}
    five = plan(FIVE)
    assert {one.name for one in five.playing("brass", five.soundfonts[0])} > {"French horn", "trumpet", "trombone"}
    trumpets = plan(["brass", "trumpet"], frozenset([instrument("trumpet").preset]))
    assert {p.labels for p in players(trumpets, 40) if p.labels} == {("brass", "trumpet")}


def test_labels_together_are_of_different_instruments():
    wide = plan(instruments.LABELS, together=1.0, nothing=0.0)
    for number in range(200):
        finest = [player.labels[-1] for player in draw_phrase(wide, number).players if player.labels]
        assert len(finest) == len(set(finest)) >= 2


def test_each_label_is_drawn_as_often_as_the_others():
    made = Counter(p.labels[-1] for p in players(plan(instruments.LABELS, together=0.0, nothing=0.0), 1700) if p.labels)
    assert set(made) == set(instruments.LABELS)
    assert min(made.values()) > 60
    assert max(made.values()) < 150


def test_what_is_taken_for_a_label_plays_often_and_has_none():
    made = [player for player in players(plan(instruments.LABELS, nothing=1.0, together=0.0)) if not player.labels]
    found = named(made)
    assert found["harpsichord"] / found.total() > 0.15
    assert sum(found[name] for name in MISTAKEN) / found.total() > 0.45
    assert all(found[name] for name in MISTAKEN)
    assert not any(plan(instruments.LABELS).labels_of(instrument(name)) for name in MISTAKEN)


def test_what_stands_between_two_labels_plays_in_neither_list_or_in_the_narrow_one_alone():
    wide = named(players(plan(instruments.LABELS, nothing=1.0, together=0.0), 600))
    narrow = named(players(plan(FIVE, nothing=1.0, together=0.0), 600))
    for name in ("choir", "string ensemble", "recorder", "celesta"):
        assert narrow[name]
        assert not wide[name]
    for name in ("banjo", "clavinet", "shamisen", "dulcimer", "slapped bass"):
        assert not narrow[name]
    assert instruments.instrument_of(0, 41) is instruments.instrument_of(0, 41, wide=True) is None, "a viola"


def test_midi_knows_the_programs_of_its_list(tmp_path):
    midi.write_midi([part("banjo", (0.0, 0.9, 60)), part("violin", (0.0, 0.9, 70))], 0.0, 1.0, tmp_path / "duo.mid")
    assert [one.instrument.name for one in midi.read_midi(tmp_path / "duo.mid")] == ["violin"]
    assert [one.instrument.name for one in midi.read_midi(tmp_path / "duo.mid", wide=True)] == ["violin", "banjo"]


def test_a_font_without_a_label_of_the_wider_list_is_refused():
    with pytest.raises(DatasetError, match="has no harmonica"):
        plan(instruments.LABELS, EVERY - {instrument("harmonica").preset})
