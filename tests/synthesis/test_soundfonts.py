from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from phrases_making import instrument, needs_fluidsynth, part

from earmark.errors import DatasetError
from earmark.synthesis.music import rendering, soundfonts
from earmark.synthesis.music.soundfonts import RecordedNote, key_ranges, open_soundfont, pitch_of, read_notes

RATE = soundfonts.FONT_RATE


def tone(pitch, seconds=1.0):
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    return 0.4 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)


@pytest.fixture
def notes(tmp_path):
    """Two instruments: pure tones, the trumpet's after half a second of silence."""
    for name, pitches, lead in (("violin", (57, 69, 81), 0.0), ("trumpet", (60, 72), 0.5)):
        for pitch in pitches:
            path = tmp_path / "notes" / name / f"{pitch}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, np.concatenate([np.zeros(round(lead * RATE)), tone(pitch)]), RATE)
    return tmp_path / "notes"


@pytest.mark.parametrize(
    ("name", "pitch"),
    [
        ("A4", 69),
        ("As4", 70),
        ("a#4", 70),
        ("Bb4", 70),
        ("C-1", 0),
        ("Cs3", 49),
        ("70", 70),
        ("4", 4),
        ("B3", 59),
        ("bb3", 58),
    ],
)
def test_pitches_by_name(name, pitch):
    assert pitch_of(Path(f"{name}.mp3")) == pitch


@pytest.mark.parametrize("name", ["H4", "F2 v2", "200", "A", "As"])
def test_names_that_are_no_pitch(name):
    with pytest.raises(DatasetError, match="not named by a note"):
        pitch_of(Path(f"{name}.mp3"))


@given(st.sets(st.integers(0, 127), min_size=1))
def test_every_key_is_played_once_by_the_nearest_note(pitches):
    rising = sorted(pitches)
    ranges = key_ranges(rising)
    keys = [key for low, high in ranges for key in range(low, high + 1)]
    assert keys == list(range(128))
    for pitch, (low, high) in zip(rising, ranges, strict=True):
        for key in range(low, high + 1):
            assert abs(key - pitch) == min(abs(key - other) for other in rising)


def test_a_folder_of_notes_becomes_a_soundfont(notes, tmp_path):
    found = read_notes(notes)
    assert {one.name: [note.pitch for note in recorded] for one, recorded in found.items()} == {
        "trumpet": [60, 72],
        "violin": [57, 69, 81],
    }
    trumpet = found[instrument("trumpet")][0].samples
    assert len(trumpet) == pytest.approx(RATE, abs=RATE / 50)  # the silence before it is gone
    assert np.abs(trumpet).max() == pytest.approx(30_000, abs=2)
    soundfonts.write_soundfont(found, tmp_path / "notes.sf2")
    assert open_soundfont(tmp_path / "notes.sf2").presets == {(0, 40), (0, 56)}
    assert list(tmp_path.glob("*.part")) == []


@needs_fluidsynth
@pytest.mark.parametrize("pitch", [57, 66, 69, 74])
def test_fluidsynth_plays_it_at_the_right_pitch(notes, tmp_path, pitch):
    soundfonts.write_soundfont(read_notes(notes), tmp_path / "notes.sf2")
    played = part("violin", (0.2, 0.8, pitch))
    (sound,) = rendering.render([played], 1.0, tmp_path / "notes.sf2")
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 8 * len(sound)))
    frequency = spectrum.argmax() * RATE / (8 * len(sound))
    assert 69 + 12 * np.log2(frequency / 440) == pytest.approx(pitch, abs=0.1)
    before = np.abs(sound[: round(0.15 * RATE)]).max()
    assert before < 0.01 * np.abs(sound).max()


@needs_fluidsynth
@pytest.mark.parametrize("name", ["odd", "even", "é", "n" * 300])
def test_fluidsynth_takes_a_font_of_any_name(notes, tmp_path, name):
    font = tmp_path / f"{name[:200]}.sf2"
    soundfonts.write_soundfont(read_notes(notes), font)
    (heard,) = rendering.render([part("violin", (0.0, 0.5, 69))], 1.0, font)
    assert np.abs(heard).max() > 0.01


def test_instruments_of_other_names_are_refused(notes):
    (notes / "theremin").mkdir()
    with pytest.raises(DatasetError, match=r"theremin.*no instrument.*--list"):
        read_notes(notes)


def test_folders_without_notes_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="gone: is not there"):
        read_notes(tmp_path / "gone")
    (tmp_path / "violin").mkdir()
    with pytest.raises(DatasetError, match="no recorded note"):
        read_notes(tmp_path)


def test_a_note_of_silence_does_no_harm(tmp_path):
    silent = RecordedNote(60, np.zeros(100, np.int16))
    soundfonts.write_soundfont({instrument("violin"): [silent]}, tmp_path / "silent.sf2")
    assert open_soundfont(tmp_path / "silent.sf2").presets == {(0, 40)}


def test_as_a_command(command, notes, tmp_path):
    done = command("data", "soundfont", notes, "--out", tmp_path / "mine.sf2")
    assert done.returncode == 0
    assert done.stdout.strip() == str(tmp_path / "mine.sf2")
    counts = {line[:24].strip(): line[42:].strip() for line in done.stderr.splitlines()}
    files = {"violin": len(list((notes / "violin").iterdir())), "trumpet": len(list((notes / "trumpet").iterdir()))}
    assert counts == {name: f"{count} note" + "s" * (count > 1) for name, count in files.items()}
    done = command("data", "soundfont", notes, "--out", tmp_path / "mine.wav")
    assert (done.returncode, "end it in .sf2" in done.stderr) == (1, True)
