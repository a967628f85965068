"""A text along a recording: paths through features made by hand, and eSpeak NG's other voices."""

import numpy as np
import pytest

from earmark import errors
from earmark.media import Sound
from earmark.speech import alignment, espeak
from earmark.speech.alignment import PAUSE, AlignedWord, Reference
from earmark.speech.f0 import SpeakerF0


def reference(rng, words=12, frames=20):
    features = alignment.normalised(rng.normal(size=(words * frames, 26)), np.ones(words * frames, bool))
    return Reference(features, np.repeat(np.arange(words, dtype=np.int32), frames), np.ones((len(features), 1)))


def recording(known, slower, pauses, rng):
    """The reference said slower, with silence before each word: features, speech, and the first frame of each word."""
    parts, speech, onsets, at = [], [], [], 0
    for word, pause in enumerate(pauses):
        inside = known.features[known.words == word]
        said = inside[(np.arange(int(len(inside) * slower)) / slower).astype(int)]
        parts += [rng.normal(0, 0.3, (pause, 26)), said + rng.normal(0, 0.02, said.shape)]
        speech += [np.zeros(pause), np.ones(len(said))]
        onsets.append(at + pause)
        at += pause + len(said)
    return np.concatenate(parts).astype(np.float32), np.concatenate(speech).astype(np.float32), onsets


def same_class(features):
    return np.ones((len(features), 1), np.float32)


def onsets_in(places, words):
    of = words[places]
    return [int(np.flatnonzero(of == word)[0]) for word in range(words.max() + 1)]


@pytest.mark.parametrize("slower", [0.7, 1.0, 1.8])
def test_the_path_is_where_the_words_are(slower):
    rng = np.random.default_rng(4)
    known = reference(rng)
    features, speech, true = recording(known, slower, [15, 0, 30, 0, 0, 8, 60, 0, 5, 0, 0, 90], rng)
    places, distances = alignment.path(features, same_class(features), speech, alignment.with_pauses(known))
    found = onsets_in(places, alignment.with_pauses(known).words)
    assert np.abs(np.subtract(found, true)).max() <= 2
    assert (np.diff(places) >= 0).all()
    assert distances[speech > 0].mean() < 0.3


def test_a_band_and_settling_by_and_by_change_nothing(monkeypatch):
    rng = np.random.default_rng(5)
    known = reference(rng, words=40)
    features, speech, true = recording(known, 1.3, rng.integers(0, 40, 40).tolist(), rng)
    with_pauses = alignment.with_pauses(known)
    at_once, _ = alignment.path(features, same_class(features), speech, with_pauses)
    for name, value in (("BAND", 200), ("SETTLED", 150), ("TOGETHER", 20)):
        monkeypatch.setattr(alignment, name, value)
    by_and_by, _ = alignment.path(features, same_class(features), speech, with_pauses)
    assert np.array_equal(at_once, by_and_by)
    assert np.abs(np.subtract(onsets_in(by_and_by, with_pauses.words), true)).max() <= 2


def test_a_frame_for_each_pause():
    found = alignment.with_pauses(Reference(np.ones((5, 26), np.float32), np.int32([0, 0, 1, 2, 2]), np.eye(5, 16)))
    assert found.words.tolist() == [PAUSE, 0, 0, PAUSE, 1, PAUSE, 2, 2, PAUSE]
    assert found.features.shape == (9, 26)
    assert found.classes.argmax(axis=1)[found.words != PAUSE].tolist() == [0, 1, 2, 3, 4]


def test_words_that_are_said_together_share_the_time():
    words = ["on", "the", "23", "-", "river"]
    timed = list(alignment._timed(words, [(0, 0.0, 0.5), (7, 0.5, 0.9), (8, 0.9, 1.1), (12, 1.2, 1.5)]))
    assert [number for number, *_ in timed] == [0, 1, 2, 3, 4]
    assert timed[0][1:] == pytest.approx((0.0, 0.2))
    assert timed[1][1:] == pytest.approx((0.2, 0.5))
    assert timed[2][1] == pytest.approx(0.5)
    assert timed[4][1:] == pytest.approx((1.2, 1.5))


def test_tokens_are_what_is_spoken():
    assert alignment.tokens("Three  blue - birds,\nдом 12!") == [
        "Three",
        "blue",
        "birds,",
        "дом",
        "12!",
    ]


def test_a_womans_voice_for_a_high_one():
    low, high = (SpeakerF0(hz, hz, 10.0, 1.0) for hz in (110.0, 210.0))
    assert alignment.voice_like("en", low).name == "en"
    assert alignment.voice_like("en", high).name == "en+f2"
    assert alignment.voice_like("en+m3", high).name == "en+m3"
    assert alignment.voice_like("cs", None).name == "cs"


@pytest.mark.parametrize(("language", "text"), [
    ("en-us", "Seven old sailors carried heavy boxes across the frozen harbour before midnight."),
    ("ru", "Старый капитан купил большой корабль."),
])  # fmt: skip
def test_another_voice_says_the_same(language, text):
    (utterance,) = espeak.utter([text], espeak.Voice(f"{language}+f4", 140, 65))
    with Sound(utterance.samples, utterance.rate).open() as opened:
        samples = opened.span(alignment.FRONT_END.rate)
    features = alignment.speech_features([samples])
    levels = np.sqrt(np.convolve(samples**2, np.ones(400) / 400, "same"))[::160][: len(features)]
    speech = (levels > 0.05 * levels.max()).astype(np.float32)
    words = alignment.tokens(text)
    told = []
    found = alignment.align(words, features, speech, espeak.Voice(f"{language}+m1"), lambda *it: told.append(it))
    assert told == sorted(told)
    last = (len(features) - 1) // alignment.TOGETHER * alignment.TOGETHER
    assert told[-1] == pytest.approx((last * alignment.STEP, len(features) * alignment.STEP))
    starts = np.cumsum([0, *(len(word) + 1 for word in words)])
    said = {int(np.searchsorted(starts, place, "right")) - 1: begins for place, begins, _ in utterance.words}
    off = [abs(found[number].onset - begins) for number, begins in said.items()]
    assert [word.text for word in found] == words
    assert np.median(off) < 0.03
    assert max(off) < 0.15
    assert np.median([word.score for word in found]) > 0.5


def test_edges_at_pauses_are_those_that_were_heard():
    words = [AlignedWord("a", 0.5, 1.0, 0.9, True, False), AlignedWord("b", 1.0, 1.6, 0.9, False, True)]
    assert alignment.at_pauses(words, [(0.42, 1.7)]) == [(0.42, 1.0), (1.0, 1.7)]
    assert alignment.at_pauses(words, [(0.1, 1.9)]) == [(0.5, 1.0), (1.0, 1.6)]  # too far to be the same edge
    assert alignment.at_pauses(words, []) == [(0.5, 1.0), (1.0, 1.6)]


def test_what_cannot_be_aligned():
    features, speech = np.zeros((50, 26), np.float32), np.zeros(50, np.float32)
    with pytest.raises(errors.EarmarkError, match="has no words"):
        alignment.align([], features, speech, espeak.Voice("en"))
    with pytest.raises(errors.EarmarkError, match="has no speech"):
        alignment.align(["one"], features, speech, espeak.Voice("en"))
    with pytest.raises(errors.EarmarkError, match="is not known to eSpeak NG"):
        alignment.align(["one"], features, speech + 1, espeak.Voice("xx"))
