"""Image-style augmentation of spectrogram pictures: what is done to photographs, done to sounds.

Pictures are float32 [height, width] in 0..1, low frequencies at the bottom. Parameters mean what they mean in Keras'
ImageDataGenerator, whose settings many have used on spectrograms; what comes in from outside repeats the border, and
values between pixels are interpolated linearly (Keras' `fill_mode="nearest"` and `interpolation_order=1`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Picture = NDArray[np.float32]
Image = Callable[[Picture, np.random.Generator], Picture]  # (picture, generator) -> picture

Matrix = NDArray[np.float64]


class Transform(ABC):
    """A picture moved as a whole."""

    @abstractmethod
    def draw(self, shape: tuple[int, int], rng: np.random.Generator) -> Matrix:
        """Where each pixel comes from: a matrix [3, 3] on (row, column, 1) about the centre."""

    def __call__(self, picture: Picture, rng: np.random.Generator) -> Picture:
        """Draw and apply."""
        return transformed(picture, self.draw(picture.shape, rng))


@dataclass(frozen=True)
class Zoom(Transform):
    """A part of the picture between 1 - `range` and 1 + `range` of its height fills it, and so for its width.

    Drawn apart for both, about the centre; a part below 1 magnifies. Keras' `zoom_range`.
    """

    range: float = 0.25

    def draw(self, shape: tuple[int, int], rng: np.random.Generator) -> Matrix:
        """As for `Transform`."""
        rows, columns = rng.uniform(1 - self.range, 1 + self.range, 2)
        return np.diag([rows, columns, 1.0])


@dataclass(frozen=True)
class Shift(Transform):
    """Moved up or down by up to `share` of the height, and left or right by up to `share` of the width.

    Keras' `height_shift_range` and `width_shift_range`.
    """

    share: float = 0.20

    def draw(self, shape: tuple[int, int], rng: np.random.Generator) -> Matrix:
        """As for `Transform`."""
        matrix = np.eye(3)
        matrix[:2, 2] = rng.uniform(-self.share, self.share, 2) * shape
        return matrix


@dataclass(frozen=True)
class Shear(Transform):
    """Slanted by up to `degrees` either way: time steps move up or down the further they are from the centre.

    Keras' `shear_range`, an angle in radians until the end of 2017 and in degrees since (keras-team/keras#8868). The
    default is the usual setting of 0.30 as the former, 17.2 degrees. As degrees it would move the outermost pixels of
    a picture of 128 by a third of a pixel: that is `Shear(0.30)`.
    """

    degrees: float = float(np.degrees(0.30))

    def draw(self, shape: tuple[int, int], rng: np.random.Generator) -> Matrix:
        """As for `Transform`."""
        angle = np.radians(rng.uniform(-self.degrees, self.degrees))
        return np.array([[1.0, -np.sin(angle), 0.0], [0.0, np.cos(angle), 0.0], [0.0, 0.0, 1.0]])


@dataclass(frozen=True)
class Rotation(Transform):
    """Turned about the centre by up to `degrees` either way; Keras' `rotation_range`."""

    degrees: float = 30.0

    def draw(self, shape: tuple[int, int], rng: np.random.Generator) -> Matrix:
        """As for `Transform`."""
        angle = np.radians(rng.uniform(-self.degrees, self.degrees))
        return np.array([[np.cos(angle), -np.sin(angle), 0.0], [np.sin(angle), np.cos(angle), 0.0], [0.0, 0.0, 1.0]])


@dataclass(frozen=True)
class Brightness:
    """Every value times a factor between `low` and `high`, cut off at white; Keras' `brightness_range`."""

    low: float = 0.5
    high: float = 1.5

    def __call__(self, picture: Picture, rng: np.random.Generator) -> Picture:
        """Draw and apply."""
        return np.asarray(np.clip(picture * rng.uniform(self.low, self.high), 0, 1), np.float32)


@dataclass(frozen=True)
class Flip:
    """Left for right, in `share` of the draws: the sound runs backwards. Keras' `horizontal_flip` does so in half."""

    share: float = 0.5

    def __call__(self, picture: Picture, rng: np.random.Generator) -> Picture:
        """Draw and apply."""
        return picture[:, ::-1].copy() if rng.random() < self.share else picture


@dataclass(frozen=True)
class ImageStyle:
    """All of them, as Keras composes them: one transform of rotation, shift, shear and zoom; then flip, brightness."""

    rotation: Rotation = Rotation()
    shift: Shift = Shift()
    shear: Shear = Shear()
    zoom: Zoom = Zoom()
    flip: Flip = Flip()
    brightness: Brightness = Brightness()

    def __call__(self, picture: Picture, rng: np.random.Generator) -> Picture:
        """Draw and apply."""
        shape = picture.shape
        parts = [part.draw(shape, rng) for part in (self.rotation, self.shift, self.shear, self.zoom)]
        return self.brightness(self.flip(transformed(picture, np.linalg.multi_dot(parts)), rng), rng)


IMAGE: dict[str, Image] = {
    "zoom": Zoom(),
    "shift": Shift(),
    "shear": Shear(),
    "rotation": Rotation(),
    "brightness": Brightness(),
    "flip": Flip(),
    "image_style": ImageStyle(),
}
"""By name, each with its usual strength."""


def transformed(picture: Picture, matrix: Matrix) -> Picture:
    """The picture whose pixel at p is the old one's at `matrix` p, both seen from the centre; bilinear."""
    centre = (np.array(picture.shape) - 1) / 2
    offset = centre + matrix[:2, 2] - matrix[:2, :2] @ centre
    moved = ndimage.affine_transform(picture, matrix[:2, :2], offset, order=1, mode="nearest")
    return np.asarray(np.clip(moved, 0, 1), np.float32)
