"""Teaching the classes of phonemes: eSpeak NG's names, frames, and a network taught for a moment."""

import numpy as np
import pytest

pytest.importorskip("torch")

from earmark.training.words import phonemes


@pytest.mark.parametrize(("name", "letters"), [
    ("'i:", ["iIy"]), ("aI@", ["aA&V", "iIy"]), ("@2", ["@3"]), ("tS", ["ptkcq?", "sSC"]), ("n^", ["mnN"]),
    ("_:", [""]), ("(en)", []), (";", []), ("", []),
])  # fmt: skip
def test_classes_by_the_name(name, letters):
    assert [phonemes.CLASSES[place] for place in phonemes.classes_of(name)] == letters


def test_frames_have_the_class_of_their_phoneme():
    nasal, close, silence = (phonemes.CLASSES.index(letters) for letters in ("mnN", "iIy", ""))
    said = [("m", 0.0), ("'i:", 0.03), (";", 0.05), ("_:", 0.07)]
    assert phonemes.frame_classes(said, 9).tolist() == [nasal] * 3 + [close] * 4 + [silence] * 2
    assert (phonemes.frame_classes(said, 18, slower=2.0) == nasal).sum() == 6
    assert phonemes.frame_classes([], 3).tolist() == [silence] * 3


def test_a_moment_of_teaching(tmp_path, monkeypatch):
    monkeypatch.setitem(phonemes.CALLS, "train", (1, 2, 2))
    known = list(phonemes.lessons("train"))
    again = list(phonemes.lessons("train"))
    assert all(np.array_equal(a[0], b[0]) and np.array_equal(a[1], b[1]) for a, b in zip(known, again, strict=True))
    monkeypatch.setattr(phonemes, "BATCH", 2)
    little, more = phonemes.taught(known, 1), phonemes.taught(known, 4)
    assert phonemes.accuracy(more, known) > phonemes.accuracy(little, known)
    weights = more.weights()
    assert set(weights) == set(little.weights())
    assert weights["output"].shape == (len(phonemes.CLASSES), 2 * phonemes.UNITS)
