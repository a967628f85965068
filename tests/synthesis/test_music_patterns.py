"""Instruments: which there are, what they play, and that it is playable."""

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from phrases_making import SOUNDFONT, instrument, make_phrases, needs_fluidsynth, part

from earmark import datasets
from earmark.errors import DatasetError
from earmark.evaluation import clip_evaluation
from earmark.evaluation.clip_evaluation import predict
from earmark.models.model import bundled_models, load_model
from earmark.synthesis.music import instruments, midi, patterns, performance
from earmark.synthesis.music import plan as music_plan
from earmark.synthesis.music.instruments import Part
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
    monkeypatch.setattr(patterns, "GROOVES", (("x...............", "........x.......", "................"),))
    found = {}
    for seed in range(40):
        for note in patterns.groove(C_MAJOR, instrument("standard kit"), np.random.default_rng(seed)):
            if note.velocity == patterns.ACCENT:
                found.setdefault(note.pitch, set()).add(round(note.onset % 2.0, 6))
    assert (found[patterns.KICK], found[patterns.SNARE]) == ({0.0}, {1.0})


def test_a_roll_is_fast_and_a_hit_is_alone():
    roll = patterns.roll(C_MAJOR, instrument("standard kit"), np.random.default_rng(1))
    assert np.diff([note.onset for note in roll]).max() < 0.1
    hits = [patterns.hits(C_MAJOR, instrument("standard kit"), np.random.default_rng(seed)) for seed in range(40)]
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


@pytest.fixture
def unwritten(monkeypatch):
    """Who plays is drawn, and not what."""
    monkeypatch.setattr(music_plan, "compose", lambda chosen, setting, rng: Part(chosen, []))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seeds)
@pytest.mark.usefixtures("unwritten")
def test_shares_are_kept(seed):
    wanted = plan(seed=seed, together=0.0, nothing=0.0, accompaniment=0.0)
    assert all(len(draw_phrase(wanted, number).players) == 1 for number in range(5))
    assert all(player.labels == () for player in draw_phrase(plan(seed=seed, nothing=1.0, together=0.0), 0).players)
    both = draw_phrase(plan(seed=seed, together=1.0, nothing=0.0), 0)
    assert len({player.labels for player in both.players} - {()}) >= 2


@pytest.mark.usefixtures("unwritten")
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


def test_the_model_is_small_and_says_what_it_is():
    assert bundled_models()["instruments"].stat().st_size <= 6_000_000
    about = load_model("instruments").description
    assert about.labels == tuple(sorted(instruments.LABELS))
    assert not about.exclusive
    assert {"data", "protocol", "recipe", "date"} <= set(about.card)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    place = tmp_path_factory.mktemp("rendered")
    words = ["--count", 15, "--seconds", 3, "--together", 0, "--nothing", 0, "--accompaniment", 0, "--seed", 11]
    make_phrases("--soundfont", SOUNDFONT, *words, "--out", place)
    return place


@needs_fluidsynth
def test_solos_of_a_soundfont_that_taught_nothing(rendered):
    said = predict(load_model("instruments"), datasets.load(None, rendered / "clips.csv"))
    columns = [said.labels.index(label) for label in FIVE]
    asked = replace(said, labels=FIVE, scores=said.scores[:, columns], truth=said.truth[:, columns])
    found = clip_evaluation.summary(asked)
    assert found["one_label"]["clips"] == 15
    assert found["one_label"]["accuracy"] >= 0.7


@needs_fluidsynth
@pytest.mark.usefixtures("rough_pictures")
def test_a_recording_gets_a_picture_with_its_instruments(command, rendered, tmp_path):
    clip = sorted((rendered / "audio").iterdir())[0]
    done = command("label", clip, "--model", "instruments", "--to", "csv", "--plot", tmp_path / "clip.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "clip.png").read_bytes().startswith(b"\x89PNG")
    words = ["--top", len(instruments.LABELS), "--to", "csv", "--plot", tmp_path / "bars.png"]
    done = command("classify", clip, "--model", "instruments", *words)
    assert done.returncode == 0, done.stderr
    assert {line.split(",")[1] for line in done.stdout.splitlines()[1:]} == set(instruments.LABELS)


FIVE = ("brass", "drum_kit", "guitar", "piano", "violin")
EVERY = frozenset((bank, program) for bank in (0, instruments.DRUM_BANK) for program in range(128))
MISTAKEN = ("harpsichord", "clavinet", "dulcimer", "sitar", "banjo", "shamisen", "koto")


def program_plan(labels, presets=EVERY, fonts=1, **more):
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
    wanted = program_plan(fonts=2, **options)
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


@pytest.mark.usefixtures("unwritten")
def test_a_trumpet_is_brass_too_where_both_are_asked_for():
    assert program_plan(FIVE).labels_of(instrument("trumpet")) == ("brass",)
    assert program_plan(instruments.LABELS).labels_of(instrument("trumpet")) == ("brass", "trumpet")
    assert program_plan(["trumpet"]).labels_of(instrument("trumpet")) == ("trumpet",)
    assert program_plan(["trumpet"]).labels_of(instrument("French horn")) == ()
    carried = {p.labels for p in players(program_plan(instruments.LABELS)) if "brass" in p.labels}
    assert carried == {("brass",), ("brass", "trumpet"), ("brass", "trombone")}


@pytest.mark.usefixtures("unwritten")
def test_of_the_wider_list_brass_plays_what_has_no_finer_label():
    wide = program_plan(instruments.LABELS)
    assert {one.name for one in wide.playing("brass", wide.soundfonts[0])} == {"French horn", "tuba", "brass section"}
    assert {one.name for one in wide.playing("trumpet", wide.soundfonts[0])} == {"trumpet", "muted trumpet"}
    five = program_plan(FIVE)
    assert {one.name for one in five.playing("brass", five.soundfonts[0])} > {"French horn", "trumpet", "trombone"}
    trumpets = program_plan(["brass", "trumpet"], frozenset([instrument("trumpet").preset]))
    assert {p.labels for p in players(trumpets, 40) if p.labels} == {("brass", "trumpet")}


@pytest.mark.usefixtures("unwritten")
def test_labels_together_are_of_different_instruments():
    wide = program_plan(instruments.LABELS, together=1.0, nothing=0.0)
    for number in range(200):
        finest = [player.labels[-1] for player in draw_phrase(wide, number).players if player.labels]
        assert len(finest) == len(set(finest)) >= 2


@pytest.mark.usefixtures("unwritten")
def test_each_label_is_drawn_as_often_as_the_others():
    made = Counter(
        p.labels[-1] for p in players(program_plan(instruments.LABELS, together=0.0, nothing=0.0), 1700) if p.labels
    )
    assert set(made) == set(instruments.LABELS)
    assert min(made.values()) > 60
    assert max(made.values()) < 150


@pytest.mark.usefixtures("unwritten")
def test_what_is_taken_for_a_label_plays_often_and_has_none():
    made = [
        player for player in players(program_plan(instruments.LABELS, nothing=1.0, together=0.0)) if not player.labels
    ]
    found = named(made)
    assert found["harpsichord"] / found.total() > 0.15
    assert sum(found[name] for name in MISTAKEN) / found.total() > 0.45
    assert all(found[name] for name in MISTAKEN)
    assert not any(program_plan(instruments.LABELS).labels_of(instrument(name)) for name in MISTAKEN)


@pytest.mark.usefixtures("unwritten")
def test_what_stands_between_two_labels_plays_in_neither_list_or_in_the_narrow_one_alone():
    wide = named(players(program_plan(instruments.LABELS, nothing=1.0, together=0.0), 600))
    narrow = named(players(program_plan(FIVE, nothing=1.0, together=0.0), 600))
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
        program_plan(instruments.LABELS, EVERY - {instrument("harmonica").preset})
