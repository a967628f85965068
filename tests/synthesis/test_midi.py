"""MIDI files written, read, and excerpts of them."""

import contextlib
import warnings
from collections import Counter
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phrases_making import instrument, part

from earmark.errors import DatasetError, EarmarkWarning
from earmark.synthesis.music import instruments, midi
from earmark.synthesis.music.instruments import Bend, Control, Note, Part
from earmark.synthesis.music.midi import Music
from earmark.synthesis.music.plan import Companion, Plan, draw_phrase, warn_of_music
from earmark.synthesis.music.soundfonts import SoundFont


def file_of(path, *messages, ticks=480):
    """A MIDI file of messages with their delays in ticks."""
    file = mido.MidiFile(ticks_per_beat=ticks)
    file.tracks.append(mido.MidiTrack([message.copy(time=delay) for delay, message in messages]))
    file.save(path)
    return path


def on(key, velocity=90, channel=0):
    return mido.Message("note_on", note=key, velocity=velocity, channel=channel)


def off(key, channel=0):
    return mido.Message("note_off", note=key, channel=channel)


def program(number, channel=0):
    return mido.Message("program_change", program=number, channel=channel)


note = st.tuples(st.integers(0, 3000), st.integers(20, 500), st.integers(0, 127))
notes = st.lists(note, min_size=1, max_size=8, unique_by=lambda drawn: drawn[2])


@given(notes)
def test_what_is_written_is_read_back(tmp_path_factory, drawn):
    path = tmp_path_factory.mktemp("midi") / "a.mid"
    played = [(on / 1000, (on + length) / 1000, key) for on, length, key in sorted(drawn, key=lambda n: (n[0], n[2]))]
    midi.write_midi([part("violin", *played)], 0.5, 5.0, path)
    (back,) = midi.read_midi(path)
    assert back.instrument.name == "violin"
    found = [(note.onset - 0.5, note.offset - 0.5, note.pitch) for note in back.notes]
    assert found == [pytest.approx(one, abs=0.0011) for one in played]


def test_parts_stand_one_after_the_other(tmp_path):
    first = part("violin", (0.0, 9.0, 60), (-2.0, 1.0, 61), (4.0, 5.0, 62), bends=[Bend(-10, 50.0)])
    second = part("standard kit", (0.25, 0.3, 36), controls=[Control(0.1, 11, 64)])
    midi.write_midi([first, second], 1.0, 3.0, tmp_path / "a.mid")
    time, said = 0.0, []
    for message in mido.MidiFile(tmp_path / "a.mid"):
        time += message.time
        if message.type in ("note_on", "note_off", "pitchwheel"):
            said.append((round(time, 3), message.type, message.channel))
        if message.type == "control_change" and message.control in (11, 120):
            said.append((round(time, 3), message.control, message.channel))
    assert said == [
        (0.0, "pitchwheel", 0),
        (1.0, "note_on", 0),
        (2.999, "note_off", 0),
        (2.999, 120, 0),
        (4.1, 11, 9),
        (4.25, "note_on", 9),
        (4.3, "note_off", 9),
        (5.999, 120, 9),
    ]


def test_a_given_file_is_read_by_instrument(tmp_path):
    tempo = mido.MetaMessage("set_tempo", tempo=1_000_000)
    path = file_of(
        tmp_path / "song.mid",
        (0, program(40)), (0, on(60)), (480, tempo), (480, off(60)), (0, on(36, channel=9)), (48, off(36, channel=9)),
        (0, program(46 - 1)), (0, on(70)), (480, off(70)),
    )  # fmt: skip
    parts = {one.instrument.name: [(n.onset, n.offset, n.pitch) for n in one.notes] for one in midi.read_midi(path)}
    assert parts == {
        "violin": [(0.0, pytest.approx(1.5), 60)],
        "standard kit": [(pytest.approx(1.5), pytest.approx(1.6), 36)],
    }  # pizzicato strings are left out


def test_the_pedal_holds_notes(tmp_path):
    down, up = (mido.Message("control_change", control=64, value=value) for value in (127, 0))
    path = file_of(tmp_path / "a.mid", (0, down), (0, on(60)), (480, off(60)), (480, up), (0, on(62)), (960, on(62, 0)))
    (piano,) = midi.read_midi(path)
    assert [(note.onset, note.offset) for note in piano.notes] == [(0.0, 1.0), (1.0, 2.0)]


def test_a_note_that_never_ends_sounds_to_the_end(tmp_path):
    path = file_of(tmp_path / "a.mid", (0, on(60)), (960, on(62)), (480, off(62)))
    assert midi.read_midi(path)[0].notes[0].offset == pytest.approx(1.5)


def test_damaged_files_are_refused(tmp_path):
    path = file_of(tmp_path / "a.mid", (0, on(60)), (480, off(60)))
    whole = path.read_bytes()
    for content in (b"", b"RIFFxxxx", whole[:10], whole[:-6], b"MThd" + whole[4:14] + b"nonsense" * 9):
        path.write_bytes(content)
        with pytest.raises(DatasetError, match=r"a\.mid"):
            midi.read_midi(path)
    with pytest.raises(DatasetError, match="No such file"):
        midi.read_midi(tmp_path / "none.mid")


@given(st.data())
def test_any_damage_is_an_error_of_ours_or_none(tmp_path_factory, data):
    path = file_of(tmp_path_factory.mktemp("midi") / "a.mid", (0, program(40)), (0, on(60)), (480, off(60)))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(DatasetError):
        midi.read_midi(path)


def test_a_file_without_known_instruments(tmp_path):
    path = file_of(tmp_path / "a.mid", (0, program(120)), (0, on(60)), (480, off(60)))
    with pytest.raises(DatasetError, match="has no notes of an instrument that is known"):
        midi.read_midi(path)


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
