"""Sentences made of pieces: their marks fit what is heard."""

import numpy as np
import pytest

from earmark.speech import energy
from earmark.training.words.corpus import Mixing
from earmark.training.words.sentences import BACKGROUND, SPEECH, Piece, band_limited, in_room, sentence, stretched

RATE = 16000
HOP = RATE // 100
PLAIN = {"long_pause": 0, "empty": 0, "room": 0, "band": 0, "voice": 0, "pause_seconds": (0.1, 0.5), "seconds": 6}


def piece(frames=30, frequency=300.0):
    samples = 0.3 * np.sin(2 * np.pi * frequency * np.arange(frames * HOP) / RATE)
    margin = np.zeros(5 * HOP)
    labels = np.concatenate([np.zeros(5), np.full(frames, SPEECH), np.zeros(5)]).astype(np.uint8)
    return Piece(np.concatenate([margin, samples, margin]).astype(np.float32), labels)


SPEAKERS = {"a": [piece(30), piece(20)], "b": [piece(40, 500.0)]}
NOISE = [np.random.default_rng(1).normal(0, 0.1, RATE).astype(np.float32)]


def make(seed, **changes):
    return sentence(SPEAKERS, NOISE, Mixing(**(PLAIN | changes)), RATE, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(8))
def test_clean_sentences_sound_where_they_are_marked(seed):
    samples, labels = make(seed, clean=1)
    assert len(samples) == 6 * RATE
    assert len(labels) == 601
    assert np.abs(samples).max() <= 1
    levels = energy.levels(samples, RATE)
    loud = levels > levels.max() - 25
    assert np.mean(loud[: len(labels)] == (labels == SPEECH)) > 0.97  # a frame at each edge is half of each


@pytest.mark.parametrize("seed", range(8))
def test_pauses_are_as_long_as_asked(seed):
    _, labels = make(seed, clean=1)
    edges = np.flatnonzero(np.diff(np.pad((labels != BACKGROUND).astype(int), 1))).reshape(-1, 2)
    pauses = edges[1:, 0] - edges[:-1, 1]
    assert len(edges) > 3
    assert pauses.min() >= 9
    assert pauses.max() <= 51


@pytest.mark.parametrize("snr", [-5.0, 10.0, 30.0])
def test_background_is_as_loud_as_asked(snr):
    samples, labels = make(3, clean=0, snr_db=(snr, snr))
    frames = samples.reshape(-1, HOP).astype(np.float64)
    speech = labels[:-1] == SPEECH
    noise = np.mean(frames[~speech] ** 2)
    both = np.mean(frames[speech] ** 2)
    assert 10 * np.log10(both / noise - 1) == pytest.approx(snr, abs=1.0)


def test_some_sentences_are_background_alone():
    samples, labels = make(0, empty=1)
    assert not labels.any()
    assert np.abs(samples).max() > 0


def test_the_same_generator_gives_the_same_sentence():
    first, again, other = make(5), make(5), make(6)
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_one_speaker_speaks_a_sentence():
    """The two have tones of their own: one of them alone is heard in each sentence."""
    for seed in range(6):
        samples, _ = make(seed, clean=1)
        power = np.abs(np.fft.rfft(samples)) ** 2
        shares = [power[int(f * 6) - 60 : int(f * 6) + 60].sum() for f in (300, 500)]
        assert min(shares) < 0.01 * max(shares)


def test_a_stretched_piece_keeps_its_marks_in_place():
    slow = stretched(piece(30), 1.2, HOP)
    assert len(slow.samples) == len(slow.labels) * HOP
    assert (slow.labels == SPEECH).sum() == pytest.approx(36, abs=1)
    power = np.abs(np.fft.rfft(slow.samples, 10 * RATE))
    assert np.argmax(power) / 10 == pytest.approx(300 / 1.2, abs=2)


def test_a_room_adds_what_dies_away():
    speech = np.zeros(RATE, np.float32)
    speech[1000:3000] = 0.5
    heard = in_room(speech, RATE, np.random.default_rng(0))
    assert len(heard) == RATE
    assert np.abs(heard[:1000]).max() < 1e-4
    assert np.abs(heard[3000 + RATE // 2 + 1 :]).max() < 1e-3 * np.abs(heard).max()


def test_a_telephone_is_deaf_to_highs():
    noise = np.random.default_rng(2).normal(0, 0.1, RATE).astype(np.float32)
    power = np.mean(
        [np.abs(np.fft.rfft(band_limited(noise, RATE, np.random.default_rng(s)))) ** 2 for s in range(20)], axis=0
    )
    assert power[7800:].mean() < 0.1 * power[1000:2500].mean()
