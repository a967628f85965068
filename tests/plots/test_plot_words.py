from itertools import pairwise

import numpy as np
import pytest
from voice_making import WORDS, write_voice

from earmark import media
from earmark.errors import EarmarkError, MediaError
from earmark.plots import words as word_plot
from earmark.plots.words import draw_words
from earmark.speech.f0 import SpeakerF0
from earmark.speech.segmentation import Word, Words


def words_of(duration, *spans, **about):
    return Words("some/$where^{.wav", duration, "gru", **about).with_words(Word(a, b, 100.0) for a, b in spans)


def read_png(path):
    from matplotlib.image import imread

    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    return imread(path)[..., :3]


def tint(image, colour):
    """How many pixels have about this colour."""
    return int((np.abs(image - np.array(colour)).max(axis=2) < 0.02).sum())


SHADE = (0.777, 0.863, 0.926)  # tab:blue, a quarter of it on white
VOICE = (0.839, 0.153, 0.157)  # tab:red
TRUTH = (0.711, 0.869, 0.711)  # tab:green, a third of it on white


def test_words_truth_and_pitch_are_in_the_picture(tmp_path):
    path = write_voice(tmp_path / "a.wav", *WORDS)
    spans = [word[:2] for word in WORDS]
    found = words_of(3.0, *spans, speaker_f0=SpeakerF0(117.0, 110.0, 20.0, 1.3))
    draw_words(path, found, tmp_path / "with.png", words_of(3.0, *spans))
    draw_words(path, words_of(3.0), tmp_path / "without.png")
    with_words, without = read_png(tmp_path / "with.png"), read_png(tmp_path / "without.png")
    assert tint(with_words, SHADE) > 20_000
    assert tint(with_words, TRUTH) > 5_000
    assert tint(with_words, VOICE) > 500
    assert tint(without, SHADE) < 1_000  # in the legend
    assert tint(without, TRUTH) == 0
    assert with_words.shape[1] == without.shape[1] == 1540


def test_what_is_seen_is_what_sounds(tmp_path):
    path = write_voice(tmp_path / "a.wav", *WORDS)
    seen = word_plot._see(media.Sound(path), 3.0, 1)
    loud = np.ptp(seen.envelope, axis=1) > 0.05
    times = (np.arange(len(loud)) + 0.5) / len(loud) * 3.0
    inside = np.any([(times > a + 0.02) & (times < b - 0.02) for a, b, _ in WORDS], axis=0)
    outside = np.all([(times < a - 0.02) | (times > b + 0.02) for a, b, _ in WORDS], axis=0)
    assert loud[inside].mean() > 0.95
    assert not loud[outside].any()
    for onset, offset, f0 in WORDS:
        assert np.median(seen.pitch.within(onset + 0.05, offset - 0.05)) == pytest.approx(f0, rel=0.02)


@pytest.mark.parametrize(("seconds", "rows"), [(0.0001, 1), (3, 1), (30, 1), (31, 2), (600, 20), (36_000, 20)])
def test_long_recordings_get_rows_that_hold_all_of_them(seconds, rows):
    got = word_plot._rows(seconds)
    assert len(got) == rows
    assert got[0].onset == 0
    assert got[-1].offset >= seconds
    assert all(a.offset == b.onset for a, b in pairwise(got))


def test_columns_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(word_plot.spectrograms, "COLUMNS", 400)
    path = write_voice(tmp_path / "a.wav", seconds=25.0)
    seen = word_plot._see(media.Sound(path), 25.0, 1)
    assert 200 <= len(seen.envelope) <= 401
    assert 200 <= len(seen.image) <= 800


def test_a_word_across_two_rows_and_a_picture_of_several(tmp_path, monkeypatch):
    monkeypatch.setattr(word_plot, "ROW_SECONDS", 10.0)
    path = write_voice(tmp_path / "a.wav", (9.0, 11.0, 120.0), seconds=21.0)
    draw_words(path, words_of(21.0, (9.0, 11.0)), tmp_path / "a.png")
    image = read_png(tmp_path / "a.png")
    thirds = np.array_split(image[60:], 3)
    assert [tint(third, VOICE) > 50 for third in thirds] == [True, True, False]
    assert [tint(third, SHADE) > 500 for third in thirds] == [True, True, False]


@pytest.mark.parametrize("samples", [1, 100])
def test_shortest_recordings(tmp_path, samples):
    path = write_voice(tmp_path / "a.wav", seconds=samples / 22_050, rate=22_050)
    draw_words(path, words_of(samples / 22_050), tmp_path / "a.png", words_of(samples / 22_050))
    assert read_png(tmp_path / "a.png").shape[1] == 1540


def test_memory_does_not_hold_the_recording(tmp_path, monkeypatch):
    path = write_voice(tmp_path / "a.wav", seconds=15.0)
    monkeypatch.setattr(media.Recording, "span", None)  # blocks only
    seen = word_plot._see(media.Sound(path), 15.0, 1)
    assert len(seen.envelope) <= word_plot.spectrograms.COLUMNS + 1


def test_mistakes(tmp_path):
    path = write_voice(tmp_path / "a.wav", *WORDS)
    with pytest.raises(EarmarkError, match="cannot be written"):
        draw_words(path, words_of(3.0), tmp_path / "none" / "a.png")
    with pytest.raises(MediaError, match="gone"):
        draw_words(tmp_path / "gone.wav", words_of(3.0), tmp_path / "a.png")
