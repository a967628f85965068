"""Nuclei of syllables: peaks between dips, voiced, loud, within speech; in speech whose vowels are known."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from voice_making import RATE, voice

import earmark
from earmark.speech import espeak
from earmark.speech.syllables import SyllableRules, intensity, nuclei, peaks

PLAIN = SyllableRules(smoothing=1, bands=(0, 1))


def bands(*levels):
    return np.repeat(np.array(levels, np.float16)[:, None], 4, axis=1)


def test_a_peak_stands_above_the_dips_beside_it():
    level = np.array([-40, -10, -11, -9, -12, -30, -8, -8, -9.5, -8.5, -40], np.float32)
    assert peaks(level, 2.0) == [3, 6]
    assert peaks(level, 1.0) == [1, 3, 6, 9]
    assert peaks(level, 35.0) == [6]
    assert peaks(np.empty(0, np.float32), 2.0) == []


@given(st.lists(st.integers(-60, 0), max_size=60), st.integers(1, 12))
def test_between_two_peaks_lies_a_dip(values, dip):
    level = np.array(values, np.float32)
    found = peaks(level, dip)
    assert found == sorted(set(found))
    assert bool(found) == bool(values)
    for one, other in pairwise(found):
        assert min(level[one], level[other]) - level[one:other].min() >= dip
    assert not values or level.max() == level[found].max()


def test_what_is_unvoiced_faint_or_outside_of_speech_is_no_nucleus():
    level = bands(-60, -10, -60, -10, -60, -35, -60, -10, -60)
    f0 = np.full(9, 100, np.float32)
    spans = [(0.0, 0.06)]
    assert nuclei(level, f0, spans, PLAIN) == (0.01, 0.03)
    assert nuclei(level, f0, [(0.0, 0.2)], PLAIN) == (0.01, 0.03, 0.07)
    assert nuclei(level, f0 * [1, 1, 0, 0, 0, 1, 1, 1, 1], spans, PLAIN) == (0.01,)
    assert nuclei(level, f0, spans, SyllableRules(quiet=30, smoothing=1, bands=(0, 1))) == (0.01, 0.03, 0.05)
    assert nuclei(level, f0, [], PLAIN) == ()
    assert nuclei(level[:0], f0[:0], spans) == ()


def test_intensity_is_the_power_of_its_bands():
    level = bands(-20, -20, -20, -20, -20)
    assert intensity(level, SyllableRules(smoothing=3, bands=(0, 2)))[1:-1] == pytest.approx(-20 + 3.01, abs=0.01)


@pytest.mark.parametrize("wrong", [{"dip": 0}, {"quiet": -1}, {"smoothing": 4}, {"bands": (2, 2)}, {"bands": (0, 9)}])
def test_rules_that_are_none(wrong):
    with pytest.raises(ValueError, match="no"):
        SyllableRules(**wrong)


def test_a_voice_that_swells_and_fades():
    time = np.arange(3 * RATE) / RATE
    swelling = voice(3.0, (0.5, 2.5, 120.0)) * (0.55 - 0.45 * np.cos(2 * np.pi * 4 * (time - 0.5)))
    found = earmark.words(swelling.astype(np.float32), sample_rate=RATE, syllables=True)
    assert found.syllables == pytest.approx(np.arange(0.625, 2.5, 0.25), abs=0.03)
    assert found.to_dict()["syllables"] == list(found.syllables)
    assert earmark.words(swelling.astype(np.float32), sample_rate=RATE).syllables is None


def test_vowels_of_a_sentence():
    (said,) = espeak.utter(["My mother's money may be missing today."], espeak.Voice("en-us"))
    found = earmark.words(said.samples, sample_rate=said.rate, syllables=True)
    vowels = [at for name, at in said.phonemes if name.strip("',%")[:1] in set("aeiouAEIOUV03@")]
    assert len(vowels) == 11
    assert len(found.syllables) == pytest.approx(11, abs=1)
    ends = [at for _, at in said.phonemes]
    inside = [any(at - 0.02 <= time <= ends[ends.index(at) + 1] + 0.02 for at in vowels) for time in found.syllables]
    assert np.mean(inside) > 0.85
