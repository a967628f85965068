"""Known notes, as fluidsynth plays them: pitches, onsets, and what is heard when."""

import struct

import numpy as np
import pytest
from phrases_making import SOUNDFONT, instrument, needs_fluidsynth, part

from earmark.errors import DatasetError, EarmarkError
from earmark.synthesis.music import rendering
from earmark.synthesis.music.instruments import Bend
from earmark.synthesis.music.soundfonts import open_soundfont

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
TIMES = [0.25 + 0.4 * place for place in range(len(SCALE))]
HITS = (0.2, 0.7, 1.2, 1.45, 2.5)


@pytest.fixture(scope="module")
def stems():
    """A violin's scale; the same from keys lower and bent back; drum hits; a note cut off; nothing."""
    scale = [(on, on + 0.38, key) for on, key in zip(TIMES, SCALE, strict=True)]
    lower = [(on, off, key - 4) for on, off, key in scale]
    parts = [
        part("violin", *scale),
        part("violin", *lower, bends=[Bend(-10.0, 425.0)]),
        part("standard kit", *((hit, hit + 0.1, 38) for hit in HITS)),
        part("drawbar organ", (1.0, 30.0, 60)),
        part("flute"),
    ]
    return rendering.render(parts, 4.0, SOUNDFONT)


def pitches(samples):
    """Median F0 of each note of the scale, in MIDI notes, by Praat."""
    parselmouth = pytest.importorskip("parselmouth")
    sound = parselmouth.Sound(samples.astype(float), rendering.RENDERING_RATE)
    pitch = sound.to_pitch_ac(time_step=0.01, pitch_floor=180, pitch_ceiling=700)
    f0, time = pitch.selected_array["frequency"], pitch.xs()
    notes = [f0[(f0 > 0) & (time > on + 0.12) & (time < on + 0.33)] for on in TIMES]
    return [69 + 12 * np.log2(np.median(note) / 440) for note in notes]


@needs_fluidsynth
def test_a_scale_has_the_pitches_of_its_notes(stems):
    assert np.abs(np.subtract(pitches(stems[0]), SCALE)).max() < 0.35


@needs_fluidsynth
def test_a_borrowed_sample_sounds_at_the_pitch_of_the_note(stems):
    assert np.abs(np.subtract(pitches(stems[1]), SCALE) - 0.25).max() < 0.35
    assert not np.allclose(stems[0], stems[1], atol=1e-3)


@needs_fluidsynth
def test_drums_sound_where_they_are_struck(stems):
    levels = np.sqrt(
        np.mean(stems[2][: 4 * rendering.RENDERING_RATE].reshape(-1, rendering.RENDERING_RATE // 100) ** 2, axis=1)
    )
    for hit in HITS:
        at = round(hit * 100)
        assert levels[at : at + 3].max() > 4 * levels[at - 3 : at].max()
    onsets = [on for on, _ in rendering.sounding_spans(stems[2], rendering.RENDERING_RATE)]
    assert min(abs(onset - HITS[0]) for onset in onsets) < 0.02
    assert all(min(abs(onset - hit) for hit in HITS) < 0.05 for onset in onsets)


@needs_fluidsynth
def test_one_part_does_not_run_into_the_next(stems):
    ((onset, offset),) = rendering.sounding_spans(stems[3], rendering.RENDERING_RATE)
    assert onset == pytest.approx(1.0, abs=0.05)
    assert offset == 4.0
    assert not stems[4].any()


@needs_fluidsynth
def test_rendering_is_the_same_each_time_and_in_any_company(stems):
    again = rendering.render([part("standard kit", *((hit, hit + 0.1, 38) for hit in HITS))], 4.0, SOUNDFONT)
    assert len(again[0]) == len(stems[2]) == 4 * rendering.RENDERING_RATE
    onsets = [rendering.sounding_spans(stem, rendering.RENDERING_RATE)[0][0] for stem in (again[0], stems[2])]
    assert onsets[0] == pytest.approx(onsets[1], abs=0.011)
    assert rendering.render([], 4.0, SOUNDFONT) == []


@needs_fluidsynth
def test_fluidsynth_that_fails_is_an_error(tmp_path):
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(SOUNDFONT.read_bytes()[:2000])
    with pytest.raises(EarmarkError, match=r"broken\.sf2: fluidsynth cannot play it"):
        rendering.render([part("violin", (0, 1, 60))], 1.0, broken)


def test_without_fluidsynth(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EarmarkError, match="is not installed here; apt-get install fluidsynth"):
        rendering.fluidsynth_path()


def soundfont(path, presets, odd=False):
    """A SoundFont without sound: its header's presets (bank, program), behind a chunk of odd length."""

    def chunk(name, body):
        return name + struct.pack("<I", len(body)) + body

    records = [struct.pack("<20sHHHIII", b"a", program, bank, 0, 0, 0, 0) for bank, program in [*presets, (0, 0)]]
    samples = chunk(b"LIST", b"sdta" + chunk(b"smpl", b"abc")) + (b"" if odd else b"\0")
    body = b"sfbk" + chunk(b"LIST", b"INFO") + samples + chunk(b"LIST", b"pdta" + chunk(b"phdr", b"".join(records)))
    path.write_bytes(chunk(b"RIFF", body))
    return path


@pytest.mark.parametrize("odd", [False, True])
def test_presets_of_a_soundfont(tmp_path, odd):
    presets = {(0, program) for program in range(128)} | {(128, 0), (128, 40)}
    found = open_soundfont(soundfont(tmp_path / "a.sf2", sorted(presets), odd))
    assert found.presets == presets
    assert found.name == "a"


def test_files_that_are_no_soundfonts(tmp_path):
    with pytest.raises(DatasetError, match="is not there; apt-get install fluid-soundfont-gm"):
        open_soundfont(tmp_path / "none.sf2")
    file = soundfont(tmp_path / "kit.sf2", [(0, 0), (128, 0)])
    with pytest.raises(DatasetError, match="is no General MIDI SoundFont"):
        open_soundfont(file)
    for content in (b"", b"RIFF", b"RIFF\0\0\0\0WAVEfmt ", file.read_bytes()[:40], file.read_bytes()[:-60]):
        (tmp_path / "bad.sf2").write_bytes(content)
        with pytest.raises(DatasetError, match=r"bad\.sf2: is no SoundFont"):
            open_soundfont(tmp_path / "bad.sf2")


@needs_fluidsynth
def test_a_real_soundfont_has_all_instruments():
    assert instrument("violin").preset in open_soundfont(SOUNDFONT).presets
