"""Pretrained weights that training starts from: as published, found here or fetched once, never part of Earmark."""

from __future__ import annotations

import hashlib
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

from earmark.cache import cache_folder
from earmark.errors import EarmarkWarning, MissingExtraError, ModelError

ENVIRONMENT = "EARMARK_PRETRAINED"
"""Names a publisher's file, or a folder of such, which is then taken instead of one in the cache."""

_RELEASE = "https://github.com/fschmid56/EfficientAT/releases/download/v0.0.1"


@dataclass(frozen=True)
class PretrainedWeights:
    """Weights of a network that somebody else has trained and published.

    Attributes:
        name: what recipes and commands call them.
        url: the publisher's address of the file.
        width: the network's width, as a multiple of MobileNetV3-Large's channels.
        precision: mean average precision on AudioSet's evaluation set, as published.
        bytes: the file's size; None where it is not known.
        sha256: its checksum; None where it is not known, so that the file cannot be checked.
        licence: what it may be used under, and whose it is.
        source: where it comes from.
        citation: what a publication cites.
    """

    name: str
    url: str
    width: float
    precision: float
    bytes: int | None = None
    sha256: str | None = None
    licence: str = "MIT"
    licence_note: str = "2022 Florian Schmid; by his word (issue 44) checkpoints may be used commercially, too"
    source: str = "https://github.com/fschmid56/EfficientAT"
    citation: str = (
        "Florian Schmid, Khaled Koutini, Gerhard Widmer: Efficient Large-Scale Audio Tagging Via "
        "Transformer-To-CNN Knowledge Distillation, ICASSP 2023, arXiv:2211.04772"
    )

    @property
    def file(self) -> str:
        """The publisher's name of the file, by which copies of it are known."""
        return self.url.rpartition("/")[2]

    @property
    def terms(self) -> str:
        """Size, where it is known, and licence, in a few words."""
        size = [] if self.bytes is None else [f"{self.bytes / 1e6:.0f} MB"]
        return ", ".join([*size, f"{self.licence} licence"])

    @property
    def remedy(self) -> str:
        """What to do where the file is not here."""
        return f"get it with `earmark models get {self.name}`, or name a copy of {self.file} with {ENVIRONMENT}"


PRETRAINED = {
    weights.name: weights
    for weights in (
        PretrainedWeights(
            "mn04_as",
            f"{_RELEASE}/mn04_as_mAP_432.pt",
            width=0.4,
            precision=0.432,
            bytes=4_066_513,
            sha256="899a8c6217063f6941793102a2780b3dd788ab11fce468d9cf5f0577c453321c",
        ),
        # The publisher gives no checksums: without a file at hand, none is known.
        PretrainedWeights("mn05_as", f"{_RELEASE}/mn05_as_mAP_443.pt", width=0.5, precision=0.443),
        # As several others who pinned the file have it, alike.
        PretrainedWeights(
            "mn10_as",
            f"{_RELEASE}/mn10_as_mAP_471.pt",
            width=1.0,
            precision=0.471,
            bytes=19_708_753,
            sha256="0bd7dc2443af498c289a2e739f02ebb515d6aa3fd3ab9db539c86123ae368a4e",
        ),
    )
}
"""MobileNetV3 at several widths, taught AudioSet's 527 classes by transformers."""


def known(name: str | Path) -> PretrainedWeights:
    """The weights of that name.

    Raises:
        ModelError: there are none.
    """
    try:
        return PRETRAINED[str(name)]
    except KeyError:
        reason = "is neither a file nor the name of pretrained weights"
        raise ModelError(name, reason, f"choose {', '.join(PRETRAINED)}, or give a file") from None


def find(name: str | Path) -> Path:
    """The file of some weights, checked; nothing is fetched.

    Args:
        name: A file, which is taken as it is, or a name such as `mn04_as`: then the copy that `EARMARK_PRETRAINED`
            names, or else the one in the cache.

    Raises:
        ModelError: it is not here, cannot be read, or is another file than was published.
    """
    if Path(name).is_file():
        return Path(name)
    weights = known(name)
    path = located(weights)
    if path is None:
        elsewhere = f", nor where {ENVIRONMENT} points" if os.environ.get(ENVIRONMENT) else ""
        raise ModelError(weights.name, f"is not in the cache{elsewhere} ({weights.terms})", weights.remedy)
    verify(path, weights)
    return path


def located(weights: PretrainedWeights) -> Path | None:
    """Where the file lies, unchecked; None if nowhere.

    Raises:
        ModelError: `EARMARK_PRETRAINED` names nothing that is there.
    """
    return _named(weights) or _cached(weights)


def verify(path: Path, weights: PretrainedWeights) -> None:
    """Compare a file with the published checksum, or with that which was noted when it came.

    Warns where neither is known.

    Raises:
        ModelError: it is another file, or cannot be read.
    """
    expected = weights.sha256 or _noted(path)
    came = sha256(path)
    if expected is None:
        message = f"{path}: cannot be checked, as the checksum of {weights.name} is not known; its SHA-256 is {came}"
        warnings.warn(message, EarmarkWarning, stacklevel=2)
    elif came != expected:
        reason = f"is damaged, or is not {weights.name}: its SHA-256 is {came} instead of {expected}"
        raise ModelError(path, reason, weights.remedy)


def sha256(path: Path) -> str:
    """A file's checksum, in hexadecimal.

    Raises:
        ModelError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(path, f"cannot be read ({error.strerror})") from error


def _named(weights: PretrainedWeights) -> Path | None:
    """The copy that the environment names, if it is of these weights."""
    text = os.environ.get(ENVIRONMENT)
    if not text:
        return None
    place = Path(text).expanduser()
    if not place.exists():
        raise ModelError(f"{ENVIRONMENT}={text}", "no such file or folder", "correct or unset it")
    path = place / weights.file if place.is_dir() else place
    return path if path.name == weights.file and path.is_file() else None


def _cached(weights: PretrainedWeights) -> Path | None:
    try:
        path = cache_folder("pretrained") / weights.file
    except MissingExtraError:  # without that extra nothing was fetched
        return None
    return path if path.is_file() else None


def _note(path: Path) -> Path:
    """Beside a file whose checksum nobody published: that which it came with, as `sha256sum` writes it."""
    return path.with_name(path.name + ".sha256")


def _noted(path: Path) -> str | None:
    note = _note(path)
    return note.read_text(encoding="utf-8").partition(" ")[0] if note.is_file() else None
