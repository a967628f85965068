from dataclasses import replace

import numpy as np
import pytest
from model_making import RATE, tones

from earmark.augment.image import IMAGE
from earmark.augment.preview import MIXING, STYLES, Showing
from earmark.augment.waveform import WAVEFORM
from earmark.features.frontend import FrontEnd

FRONT_END = FrontEnd(rate=RATE, n_fft=1024, hop=441, bands=64)
SHOWING = Showing(tones(1.0, (0.3, 0.6, 500.0)), FRONT_END, 0, tones(0.4, (0.1, 0.3, 4000.0)))
NAMES = [name for names in STYLES.values() for name in names]


def one(showing, name):
    (version,) = showing.versions([name])
    return version


def test_all_augmentations_have_names_of_their_own():
    assert len(set(NAMES)) == len(NAMES)
    assert set(WAVEFORM) | set(IMAGE) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_draws_by_seed_and_name(name):
    version = one(SHOWING, name)
    assert version.name == name
    _, same = list(replace(SHOWING).versions([NAMES[0], name]))  # whatever is drawn before it
    assert same.note == version.note
    np.testing.assert_array_equal(same.features, version.features)
    if name not in ("slow", "fast", "trim", "flip") and "_tone_" not in name:  # nothing else to draw
        others = [one(replace(SHOWING, seed=seed), name) for seed in (1, 2)]
        assert any(not np.array_equal(other.features, version.features) for other in others)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_shown_differs_from_the_original(name, seed):
    showing = replace(SHOWING, seed=seed)
    before, after = showing.original.features, one(showing, name).features
    assert after.dtype == np.float32
    assert np.isfinite(after).all()
    if name in STYLES["image"]:
        before = FrontEnd(bands=64, image=(128, 128)).picture(before)[::-1].T * 100 - 80
    assert after.shape != before.shape or np.abs(after - before).max() > 1


def test_lengths():
    assert SHOWING.original.seconds == 1.0
    assert SHOWING.second.seconds == 0.4
    assert one(SHOWING, "slow").seconds == pytest.approx(1 / 0.7, abs=1e-4)
    assert all(one(SHOWING, name).seconds == 1.0 for name in (*STYLES["image"], *STYLES["batch"]))


@pytest.mark.parametrize("seed", range(4))
def test_notes_say_what_was_done(seed):
    showing = replace(SHOWING, seed=seed)
    before = showing.original.features

    def at(features):
        """The loudest place, as a share of the time and of the bands."""
        return np.array(np.unravel_index(features.argmax(), features.shape)) / features.shape

    gain = one(showing, "gain")
    assert np.mean(gain.features - before) == pytest.approx(float(gain.note.removesuffix(" dB")), abs=0.051)
    share, _, way = one(showing, "shift_right").note.partition(" % ")
    assert way == "later"
    heard = np.flatnonzero(np.abs(one(showing, "shift_right").samples) > 0.1)[0] / RATE
    assert heard == pytest.approx(0.3 + int(share) / 100, abs=0.01)
    shift = one(showing, "shift")
    time, frequency = (int(part.split(" %")[0]) / 100 for part in shift.note.split(", "))
    assert at(shift.features)[1] - at(before)[1] == pytest.approx(frequency, abs=0.03)
    moved = np.flatnonzero(shift.features.max(1) > before.max() - 20)[[0, -1]].mean() / len(shift.features)
    assert moved == pytest.approx(0.45 + time, abs=0.03)
    picture = FrontEnd(bands=64, image=(128, 128)).picture(before).max()
    brightness = one(showing, "brightness")
    factor = float(brightness.note.removesuffix(" x"))
    assert (brightness.features.max() + 80) / 100 == pytest.approx(min(1, picture * factor), abs=0.01)


@pytest.mark.parametrize("name", MIXING)
def test_mixing_lets_both_be_heard(name):
    note = one(SHOWING, name).note
    if name == "overlay":
        assert note == "both labels"
    else:
        own, other = (int(part.removesuffix(" %")) for part in note.split(" and "))
        assert own + other == pytest.approx(100, abs=1)
        assert other >= 5


def test_the_shortest_and_the_silent():
    for samples in (np.zeros(3000, np.float32), np.ones(1, np.float32)):
        showing = Showing(samples, FRONT_END, 0, samples)
        for version in showing.versions(NAMES):
            assert np.isfinite(version.features).all(), version.name
