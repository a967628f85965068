import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.features.frontend import FrontEnd
from earmark.features.patches import centred, covering
from earmark.util.streams import concatenate


def numbered(frames):
    """Frames that say which they are."""
    return np.arange(frames, dtype=np.float32)[:, None]


def first_frames(patches):
    return [int(patch[0, 0]) for patch in patches]


def test_each_step_gets_the_patch_around_it():
    patches = list(centred([numbered(20)], 6, 4, 1))
    assert [len(patch) for patch in patches] == [6] * 5
    assert first_frames(patches) == [0, 1, 5, 9, 13]  # around frames 0 (moved in), 4, 8, 12, 16
    assert first_frames(centred([numbered(20)], 10, 4, 1)) == [0, 0, 3, 7, 10]  # the last is moved in as well


def test_a_clip_as_long_as_a_patch_is_one_patch():
    assert first_frames(centred([numbered(6)], 6, 2, 1)) == [0, 0, 0]
    assert first_frames(covering(numbered(6), 6, 2)) == [0]


def test_a_short_recording_is_repeated():
    (patch,) = centred([numbered(3)], 7, 5, 1)
    assert patch[:, 0].tolist() == [0, 1, 2, 0, 1, 2, 0]
    (patch,) = covering(numbered(3), 7, 5)
    assert patch[:, 0].tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_nothing_has_no_patches():
    assert list(centred([], 4, 2, 1)) == []
    assert covering(numbered(0), 4, 2) == []


def test_patches_cover_a_clip_with_its_end():
    assert first_frames(covering(numbered(11), 4, 3)) == [0, 3, 6, 7]
    assert first_frames(covering(numbered(10), 4, 3)) == [0, 3, 6]


@given(st.integers(1, 60), st.integers(1, 12), st.integers(1, 12), st.lists(st.integers(0, 60), max_size=6))
def test_a_stream_gives_the_same_patches(frames, patch, hop, places):
    whole = np.stack(list(centred([numbered(frames)], patch, hop, 1)))
    cuts = np.split(numbered(frames), sorted(min(place, frames) for place in places))
    streamed = np.stack(list(centred(cuts, patch, hop, 1)))
    np.testing.assert_array_equal(streamed, whole)
    assert len(whole) == -(-frames // hop)


PICTURES = FrontEnd(rate=8000, n_fft=256, hop=80, bands=20, patch=1.0, patch_hop=0.5, image=(16, 24))


@pytest.mark.parametrize(
    ("front_end", "rows", "size"),
    [
        (PICTURES, 16, 24),
        (FrontEnd(rate=8000, n_fft=256, hop=80, bands=20, patch=1.0, patch_hop=0.5), 101, 20),
        (FrontEnd(kind="summary", rate=8000, n_fft=256, hop=80, bands=20, coefficients=13, patch=1.0), 1, None),
    ],
)
def test_rows_of_patches(front_end, rows, size):
    samples = np.random.default_rng(0).normal(0, 0.1, 20_000).astype(np.float32)
    features = front_end.features(samples)
    steps = -(-front_end.frames(len(samples)) // round(front_end.patch_hop * 100))
    assert front_end.rows == rows
    assert features.shape == (steps * rows, front_end.size)
    assert size is None or front_end.size == size
    assert front_end.seconds * rows == pytest.approx(front_end.patch_hop)
    np.testing.assert_allclose(
        concatenate(front_end.stream(np.split(samples, [7, 9000])), front_end.size), features, rtol=1e-4, atol=1e-4
    )


def test_a_patch_is_the_picture_of_its_frames():
    samples = np.random.default_rng(1).normal(0, 0.1, 8000).astype(np.float32)
    plain = FrontEnd(rate=8000, n_fft=256, hop=80, bands=20)
    picture = PICTURES.picture(plain.features(samples))
    np.testing.assert_allclose(PICTURES.clip_features(samples), picture)
    assert picture.shape == (16, 24)


def test_clip_features_have_each_patch_once():
    samples = np.random.default_rng(2).normal(0, 0.1, 16_000).astype(np.float32)
    assert len(PICTURES.clip_features(samples)) == 3 * 16  # from 0, 0.5 and 1 s
    assert len(PICTURES.features(samples)) == 5 * 16  # a step each half second


@pytest.mark.parametrize(
    "wrong", [{"kind": "summary"}, {"patch": 0.0}, {"patch": 1.0, "patch_hop": 0.0}, {"kind": "mfcc", "image": (8, 8)}]
)
def test_front_ends_that_cannot_be(wrong):
    with pytest.raises(ValueError, match=r"patch|picture"):
        FrontEnd(**wrong)
