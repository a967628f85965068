"""Pauses and edges by the networks that come with the package, on energy made by hand."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.models.model import Threshold
from earmark.speech.boundaries import (
    BEYOND,
    WITHIN,
    Evidence,
    Perceptron,
    background,
    boundaries,
    edge_features,
    gap_features,
)
from earmark.speech.segmentation import WordRules, find_words


def evidence(*stretches, seed=0):
    """(frames, score, level) one after the other, with the level's own flutter."""
    flutter = np.random.default_rng(seed).normal(0, 1, sum(frames for frames, *_ in stretches))
    scores = np.concatenate([np.full(frames, score, np.float32) for frames, score, _ in stretches])
    level = np.concatenate([np.full(frames, level, np.float32) for frames, _, level in stretches]) + flutter
    bands = level[:, None] + np.array([-3.0, -6.0, -15.0, -25.0])
    return Evidence(scores, level.astype(np.float32), bands.astype(np.float32))


def test_the_background_is_what_is_quiet_around():
    levels = np.full((1000, 2), -60.0, np.float32)
    levels[100:200] = -20
    levels[500] = -100  # a moment of digital silence is none
    assert background(levels) == pytest.approx(-60, abs=9)
    assert background(levels)[150] == pytest.approx(-60)
    assert background(np.empty((0, 2), np.float32)).shape == (0, 2)


def test_features_of_an_onset_are_those_of_an_offset_backwards():
    known = evidence((50, 0.0, -70), (30, 1.0, -20), (50, 0.0, -70))
    mirrored = Evidence(known.scores[::-1], known.levels[::-1], known.bands[::-1])
    onset, offset = edge_features(known, (50, 80), 0), edge_features(mirrored, (50, 80), 1)
    assert len(onset) == (WITHIN + BEYOND) * (2 + 1 + 4 + 4) + 2
    assert onset == pytest.approx(offset, abs=0.1)


def test_features_at_the_ends_of_a_recording():
    known = evidence((3, 1.0, -20), (4, 0.0, -70), (3, 1.0, -20))
    assert np.isfinite(edge_features(known, (0, 3), 0)).all()
    assert np.isfinite(edge_features(known, (7, 10), 1)).all()
    assert np.isfinite(gap_features(known, (0, 3), (7, 10))).all()


def test_a_perceptron_answers_probabilities():
    rng = np.random.default_rng(1)
    network = Perceptron(*(rng.normal(size=size).astype(np.float32) for size in ((6, 5), 5, (5, 3), 3)))
    answers = network(rng.normal(size=(7, 6)).astype(np.float32))
    assert answers.shape == (7, 3)
    assert answers.sum(axis=1) == pytest.approx(1)


def test_a_long_gap_divides_and_a_closure_does_not():
    long = evidence((50, 0.0, -75), (40, 1.0, -20), (35, 0.0, -75), (40, 1.0, -20), (50, 0.0, -75))
    assert boundaries().words(long, [(50, 90), (125, 165)]) == [(50, 90), (125, 165)]
    closure = evidence((50, 0.0, -75), (40, 1.0, -20), (4, 0.45, -60), (20, 1.0, -25), (50, 0.0, -75))
    assert boundaries().words(closure, [(50, 90), (94, 114)]) == [(50, 114)]


def test_a_weak_end_belongs_to_the_word():
    known = evidence((80, 0.0, -80), (30, 1.0, -20), (8, 0.2, -48), (80, 0.0, -80))
    (word,) = find_words(known.scores, known.levels, Threshold(0.6, 0.4), WordRules(), 1.98, known.bands)
    assert word == pytest.approx((0.8, 1.18), abs=0.03)


@given(st.integers(0, 2**32 - 1), st.integers(1, 400), st.sampled_from([None, 0.0, 0.1]))
def test_words_are_in_order_whatever_the_evidence(seed, count, pause):
    rng = np.random.default_rng(seed)
    scores = np.repeat(rng.uniform(0, 1, count // 5 + 1), 5)[:count].astype(np.float32)
    levels = rng.uniform(-100, 0, count).astype(np.float32)
    bands = rng.uniform(-100, 0, (count, 4)).astype(np.float16)
    words = find_words(scores, levels, Threshold(0.6, 0.4), WordRules(pause), count / 100, bands)
    times = [time for word in words for time in word]
    assert times == sorted(times)
    assert all(0 <= onset < offset <= count / 100 + 1e-9 for onset, offset in words)


@given(st.integers(0, 2**32 - 1), st.integers(300, 3000), st.sampled_from([None, 0.1]))
def test_a_part_at_a_time_finds_the_same(seed, count, pause):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 90, count)
    scores = np.repeat(rng.choice([0.05, 0.9], count), lengths)[:count].astype(np.float32)
    levels = rng.uniform(-100, 0, count).astype(np.float32)
    bands = rng.uniform(-100, 0, (count, 4)).astype(np.float16)

    def found(part):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("earmark.speech.boundaries.PART", part)
            return find_words(scores, levels, Threshold(0.6, 0.4), WordRules(pause), count / 100, bands)

    assert found(200) == found(10**9)


def test_memory_does_not_grow_with_the_recording(monkeypatch):
    monkeypatch.setattr("earmark.speech.boundaries.PART", 1000)  # a thirtieth of it, as of the recordings

    def needed(seconds):
        rng = np.random.default_rng(0)
        scores = np.repeat(rng.choice([0.05, 0.9], seconds * 10 // 3), 30).astype(np.float32)
        levels = rng.uniform(-100, 0, len(scores)).astype(np.float32)
        bands = rng.uniform(-100, 0, (len(scores), 4)).astype(np.float16)
        tracemalloc.start()
        find_words(scores, levels, Threshold(0.6, 0.4), WordRules(), len(scores) / 100, bands)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    needed(6)  # what is loaded once for all
    assert needed(120) < needed(60) + 7.5e4  # bytes
