"""Recordings cut into pieces whose edges are known."""

import numpy as np
import pytest

from earmark.training.words.sentences import BACKGROUND, SPEECH, UNSURE, Cutting, cut

RATE = 16000
HOP = RATE // 100


def recording(*stretches, hiss=0.0):
    """(seconds, amplitude) of a tone one after the other, with hiss throughout."""
    envelope = np.concatenate([np.full(round(seconds * RATE), amplitude) for seconds, amplitude in stretches])
    tone = np.sin(2 * np.pi * 440 * np.arange(len(envelope)) / RATE)
    return (envelope * tone + hiss * np.random.default_rng(0).normal(size=len(envelope))).astype(np.float32)


def spoken(piece):
    frames = np.flatnonzero(piece.labels != BACKGROUND)
    return frames[0], frames[-1] + 1


def test_a_word_is_marked_where_it_sounds():
    (piece,) = cut(recording((0.5, 0), (0.4, 0.3), (0.5, 0)), RATE)
    first, last = spoken(piece)
    assert last - first == 40
    assert (piece.labels[first:last] == SPEECH).all()
    assert len(piece.samples) == len(piece.labels) * HOP
    assert np.abs(piece.samples[: first * HOP]).max() < 1e-6
    assert np.abs(piece.samples[first * HOP : last * HOP]).max() == pytest.approx(0.3, abs=0.01)


def test_words_with_a_pause_between_are_two_pieces():
    first, second = cut(recording((0.3, 0), (0.3, 0.3), (0.25, 0), (0.2, 0.05), (0.3, 0)), RATE)
    assert [b - a for a, b in (spoken(first), spoken(second))] == [30, 20]


@pytest.mark.parametrize(("one_word", "mark"), [(True, SPEECH), (False, UNSURE)])
def test_a_short_silence_is_part_of_a_word_or_unsure(one_word, mark):
    (piece,) = cut(recording((0.3, 0), (0.2, 0.3), (0.12, 0), (0.18, 0.3), (0.3, 0)), RATE, one_word)
    first, last = spoken(piece)
    assert last - first == 50
    assert (piece.labels[first + 21 : first + 31] == mark).all()
    assert (piece.labels[first : first + 19] == SPEECH).all()


def test_a_very_short_silence_is_a_stop_consonant():
    (piece,) = cut(recording((0.3, 0), (0.2, 0.3), (0.08, 0), (0.2, 0.3), (0.3, 0)), RATE)
    first, last = spoken(piece)
    assert (piece.labels[first:last] == SPEECH).all()


@pytest.mark.parametrize(("edge_db", "frames"), [(25.0, 25), (35.0, 35)])
def test_a_word_dies_away_as_far_as_asked(edge_db, frames):
    """It falls by a decibel a frame."""
    fall = 0.3 * 10 ** (-np.arange(50) / 20)
    dying = recording((0.3, 0), *((0.01, amplitude) for amplitude in fall), (0.3, 0))
    (piece,) = cut(dying, RATE, cutting=Cutting(edge_db=edge_db))
    first, last = spoken(piece)
    assert last - first == pytest.approx(frames, abs=1)


def test_how_loud_a_background_may_be():
    noisy = recording((0.5, 0), (0.4, 0.3), (0.5, 0), hiss=0.005)  # 33 dB below the word's peak
    assert cut(noisy, RATE) == []
    assert len(cut(noisy, RATE, cutting=Cutting(edge_db=25, quiet_db=30))) == 1


def test_each_piece_ends_far_below_its_own_peak():
    """The second is quiet, and so is its end: with the first one's peak for both it would be cut short."""
    quiet = 0.3 * 10 ** (-20 / 20)
    pieces = cut(recording((0.3, 0), (0.3, 0.3), (0.3, 0), (0.2, quiet), (0.1, quiet / 2), (0.3, 0)), RATE)
    assert [b - a for a, b in map(spoken, pieces)] == [30, 30]


def test_recordings_that_tell_no_edges_are_left_out():
    assert cut(np.zeros(RATE, np.float32), RATE) == []
    assert cut(recording((0.5, 0), (0.4, 0.3), (0.5, 0), hiss=0.01), RATE) == []
    assert cut(recording((0.5, 0), (0.4, 0.3), (0.5, 0), hiss=0.03), RATE) == []
    assert len(cut(recording((0.5, 0), (0.4, 0.3), (0.5, 0), hiss=0.002), RATE)) == 1
    assert cut(recording((0.3, 0), (0.03, 0.3), (0.3, 0)), RATE) == []


def test_the_background_of_a_recording_fades_out_beside_its_words():
    (piece,) = cut(recording((0.5, 0), (0.4, 0.3), (0.5, 0), hiss=0.002), RATE)
    assert abs(piece.samples[0]) < 1e-6
    assert abs(piece.samples[-1]) < 1e-6
