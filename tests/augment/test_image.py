import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.augment.image import IMAGE, Brightness, Flip, ImageStyle, Rotation, Shear, Shift, Zoom, transformed

HEIGHT, WIDTH = 40, 60


class Drawn:
    """A generator that draws the highest there is, or the lowest."""

    def __init__(self, highest=True):
        self.highest = highest

    def uniform(self, low, high, size=None):
        value = high if self.highest else low
        return value if size is None else np.full(size, value)

    def random(self):
        return 1.0 if self.highest else 0.0


def dot(row, column):
    """A bright spot in the dark, not smaller than what interpolation may blur."""
    picture = np.zeros((HEIGHT, WIDTH), np.float32)
    picture[row - 1 : row + 2, column - 1 : column + 2] = 1
    return picture


def place(picture):
    """The centre of what is bright."""
    rows, columns = np.indices(picture.shape)
    return (rows * picture).sum() / picture.sum(), (columns * picture).sum() / picture.sum()


def around_centre(row, column):
    return row - (HEIGHT - 1) / 2, column - (WIDTH - 1) / 2


def test_shift_moves_by_its_share():
    moved = Shift(0.2)(dot(20, 30), Drawn())
    assert place(moved) == pytest.approx((20 - 0.2 * HEIGHT, 30 - 0.2 * WIDTH), abs=1e-4)


def test_zoom_is_about_the_centre():
    row, column = around_centre(*place(Zoom(0.25)(dot(25, 40), Drawn(highest=False))))
    before = around_centre(25, 40)
    assert (row, column) == pytest.approx((before[0] / 0.75, before[1] / 0.75), abs=0.1)


def test_rotation_keeps_the_distance_and_turns_by_its_angle():
    before, after = around_centre(25, 40), around_centre(*place(Rotation(30)(dot(25, 40), Drawn())))
    assert np.hypot(*after) == pytest.approx(np.hypot(*before), abs=0.1)
    turned = np.degrees(np.arctan2(*after) - np.arctan2(*before))
    assert abs(turned) == pytest.approx(30, abs=0.7)


def test_shear_slants_by_its_angle():
    """Rows move by their distance from the middle column; columns hardly do."""
    near, far = (place(Shear(17)(dot(20, column), Drawn())) for column in (30, 45))
    slope = (far[0] - near[0]) / (far[1] - near[1])
    assert abs(slope) == pytest.approx(np.tan(np.radians(17)), abs=0.02)


def test_brightness_is_a_factor_and_stays_white():
    picture = np.full((2, 2), 0.4, np.float32)
    assert Brightness(0.5, 1.5)(picture, Drawn()) == pytest.approx(0.6)
    assert Brightness(0.5, 1.5)(picture, Drawn(highest=False)) == pytest.approx(0.2)
    assert Brightness(3, 3)(picture, Drawn()).max() == 1


def test_a_flip_is_sound_backwards_and_twice_nothing():
    picture = np.random.default_rng(0).random((5, 7)).astype(np.float32)
    flipped = Flip(1.0)(picture, Drawn(highest=False))
    np.testing.assert_array_equal(flipped, picture[:, ::-1])
    np.testing.assert_array_equal(Flip(1.0)(flipped, Drawn(highest=False)), picture)
    assert Flip()(picture, Drawn()) is picture


@pytest.mark.parametrize("change", [Zoom(0), Shift(0), Shear(0), Rotation(0), Brightness(1, 1)])
def test_no_strength_no_change(change):
    picture = np.random.default_rng(0).random((9, 12)).astype(np.float32)
    np.testing.assert_allclose(change(picture, np.random.default_rng(1)), picture, atol=1e-6)


@pytest.mark.parametrize("name", ["zoom", "shift", "shear", "rotation", "image_style"])
def test_what_comes_in_repeats_the_border(name):
    bright = np.full((20, 20), 0.7, np.float32)
    changed = [IMAGE[name](bright, np.random.default_rng(seed)) for seed in range(20)]
    for picture in changed:
        assert picture.max() - picture.min() < 1e-5  # no dark corners


def test_image_style_is_the_product_of_its_parts():
    style = ImageStyle(
        rotation=Rotation(0), shear=Shear(0), shift=Shift(0.2), zoom=Zoom(0.25), brightness=Brightness(1, 1)
    )
    matrix = Shift(0.2).draw((HEIGHT, WIDTH), Drawn()) @ Zoom(0.25).draw((HEIGHT, WIDTH), Drawn())
    np.testing.assert_allclose(style(dot(20, 30), Drawn()), transformed(dot(20, 30), matrix), atol=1e-6)


def by_keras(picture, theta, tx, ty, shear, zx, zy):
    """Keras' apply_affine_transform: which pixel each new one comes from, worked out one by one."""
    theta, shear, middle = np.radians(theta), np.radians(shear), (np.array(picture.shape) - 1) / 2
    made = np.empty_like(picture)
    for row, column in np.ndindex(picture.shape):
        y, x = np.array([row, column]) - middle
        y, x = zx * y, zy * x
        y, x = y - np.sin(shear) * x, np.cos(shear) * x
        y, x = y + tx, x + ty
        y, x = np.cos(theta) * y - np.sin(theta) * x, np.sin(theta) * y + np.cos(theta) * x
        y, x = np.clip(np.array([y, x]) + middle, 0, np.array(picture.shape) - 1)
        top, left = int(min(y, picture.shape[0] - 2)), int(min(x, picture.shape[1] - 2))
        weights = np.outer([top + 1 - y, y - top], [left + 1 - x, x - left])
        made[row, column] = (weights * picture[top : top + 2, left : left + 2]).sum()
    return made


@pytest.mark.parametrize("seed", range(5))
def test_image_style_is_what_keras_does(seed):
    picture = np.random.default_rng(99).random((24, 31)).astype(np.float32)
    drawn = np.random.default_rng(seed)
    theta, tx, ty = drawn.uniform(-30, 30), *(drawn.uniform(-0.2, 0.2, 2) * picture.shape)
    shear, (zx, zy) = drawn.uniform(-17, 17), drawn.uniform(0.75, 1.25, 2)
    expected = by_keras(picture, theta, tx, ty, shear, zx, zy)
    expected = expected[:, ::-1] if drawn.random() < 0.5 else expected
    expected = np.minimum(1, expected * drawn.uniform(0.5, 1.5))
    style = ImageStyle(shear=Shear(17))
    np.testing.assert_allclose(style(picture, np.random.default_rng(seed)), expected, atol=1e-5)


def test_shear_as_keras_has_it_in_degrees_is_hardly_any():
    """What the docstring says of 0.30: as degrees a third of a pixel, as radians (the default) 17.2 degrees."""
    edge = (128 - 1) / 2
    assert abs(Shear(0.30).draw((128, 128), Drawn())[0, 1]) * edge == pytest.approx(1 / 3, abs=0.01)
    assert Shear().degrees == pytest.approx(17.2, abs=0.02)


@given(st.sampled_from(sorted(IMAGE)), st.integers(1, 30), st.integers(1, 30), st.integers(0, 99))
def test_pictures_stay_pictures_and_the_generator_decides(name, height, width, seed):
    picture = np.random.default_rng(seed).random((height, width)).astype(np.float32)
    before = picture.copy()
    one, same = (IMAGE[name](picture, np.random.default_rng(seed)) for _ in range(2))
    assert one.shape == picture.shape
    assert one.dtype == np.float32
    assert one.min() >= 0
    assert one.max() <= 1
    np.testing.assert_array_equal(one, same)
    np.testing.assert_array_equal(picture, before)
