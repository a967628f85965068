"""Pretrained weights that training starts from: as published, found here or fetched once, never part of Earmark."""

from __future__ import annotations

import hashlib
import os
import sys
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from earmark.errors import DatasetError, EarmarkWarning, MissingExtraError, ModelError
from earmark.util.atomic import atomic_write
from earmark.util.cache import PRETRAINED as KIND
from earmark.util.cache import cache_folder
from earmark.util.locks import alone
from earmark.util.text import visible

if TYPE_CHECKING:
    from earmark.util.types import Progress

Ask = Callable[[str], bool]
"""Puts a question to whoever sits there: yes or no."""

Bar = Callable[[str], "AbstractContextManager[Progress]"]
"""Shows how a download of that name gets on, as long as the block lasts."""

ENVIRONMENT = "EARMARK_PRETRAINED"
"""Names a publisher's file, or a folder of such, which is then taken instead of one in the cache."""

_RELEASE = "https://github.com/fschmid56/EfficientAT/releases/download/v0.0.1"


@dataclass(frozen=True)
class PretrainedWeights:
    """Weights of a network that somebody else has trained and published."""

    name: str  # what recipes and commands call them
    url: str  # the publisher's
    width: float  # of the network, as a multiple of MobileNetV3-Large's channels
    precision: float  # mean average precision on AudioSet's evaluation set, as published
    bytes: int | None = None  # None where they are not known
    sha256: str | None = None  # None where it is not known, so that the file cannot be checked
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
    def what(self) -> str:
        """What they are, in a line."""
        return (
            f"MobileNetV3 at width {self.width:g}, taught AudioSet's 527 classes by transformers; "
            f"mean average precision {self.precision:.3f}, as published"
        )

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
    """The weights of that name."""
    try:
        return PRETRAINED[str(name)]
    except KeyError:
        reason = "is neither a file nor the name of pretrained weights"
        raise ModelError(name, reason, f"choose {', '.join(PRETRAINED)}") from None


def credit(name: str | Path) -> str:
    """Whose weights these are and what they may be used under, for the card of a model that started from them."""
    named = [w for w in PRETRAINED.values() if str(name) == w.name or Path(name).name == w.file]
    if not named:
        return f"{Path(name).name}, of unknown source and licence"
    return f"{named[0].name}. {named[0].citation}. {named[0].source}, {named[0].licence} licence"


def find(name: str | Path) -> Path:
    """The file of some weights, checked; nothing is fetched.

    A file is taken as it is; of a name such as `mn04_as` the copy that `EARMARK_PRETRAINED` names, or else the one in
    the cache. ModelError where it is not here, cannot be read, or is another file than was published.
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
    """Where the file lies, unchecked; None if nowhere."""
    return named(weights) or _cached(weights)


def named(weights: PretrainedWeights) -> Path | None:
    """The copy that the environment names, unchecked, if it is of these weights; ModelError where it names nothing."""
    text = os.environ.get(ENVIRONMENT)
    if not text:
        return None
    place = Path(text).expanduser()
    if not place.exists():
        raise ModelError(f"{ENVIRONMENT}={text}", "no such file or folder", "correct or unset it")
    path = place / weights.file if place.is_dir() else place
    return path if path.name == weights.file and path.is_file() else None


def verify(path: Path, weights: PretrainedWeights) -> None:
    """Compare a file with the published checksum, or with that which was noted when it came; ModelError if another.

    Warns where neither is known.
    """
    expected = weights.sha256 or _noted(path)
    came = sha256(path)
    if expected is None:
        message = f"{path}: cannot be checked, as the checksum of {weights.name} is not known; its SHA-256 is {came}"
        warnings.warn(message, EarmarkWarning, stacklevel=2)
    elif came != expected:
        reason = f"is damaged, or is not {weights.name}: its SHA-256 is {came} instead of {expected}"
        raise ModelError(path, reason, weights.remedy)


def get(name: str, url: str = "", folder: Path | None = None, on_progress: Progress | None = None) -> Path:
    """Fetch the file of some weights, from its publisher or a mirror, unless it is there.

    What broke off goes on where it stopped, and the file gets its name when it is whole and checked. Where no checksum
    is known, the one that came is told in a warning and noted beside the file, which is held to it from then on. Only
    in the cache, the usual folder, are damaged files replaced. `on_progress` is told the bytes done and in all.

    Raises
    ------
    ModelError
        It cannot be fetched or written, other bytes came, or something else lies in the folder.
    MissingExtraError
        httpx is not installed.
    """
    from earmark.util.download import Download, no_progress

    weights = known(name)
    target = (cache_folder(KIND) if folder is None else folder) / weights.file
    address = url or weights.url
    download = Download(
        address, target, on_progress=on_progress or no_progress, accept=partial(_accept, weights, address, target)
    )
    used = ModelError(target, "is being fetched by another process", "wait until it is there")
    lock = target.with_name(f".{target.name}.lock")
    with alone(lock, used, "be written", "choose another folder"):
        try:
            if not _is_there(target, weights, ours=folder is None):
                download.run()
        except DatasetError as error:
            raise ModelError(error.subject, error.reason, error.remedy) from error
        except OSError as error:
            raise ModelError(target, f"cannot be written ({error.strerror})", "choose another folder") from error
        finally:
            lock.unlink(missing_ok=True)
    return target


def ask_at_terminal(question: str) -> bool:
    """Put a question on standard error, where somebody sits at a terminal; nobody else agrees to anything.

    Enter is a yes.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"{visible(question)} [Y/n] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    return answer.endswith("\n") and answer.strip().lower() in {"", "y", "yes"}


def ensure(name: str | Path, ask: Ask | None = ask_at_terminal, bar: Bar | None = None) -> Path:
    """The file of some weights, as `find` has it; where it is missing, it is fetched if whoever is asked agrees.

    `ask` is asked once; None: nobody, and nothing is fetched. `bar` shows how that gets on. Raises as both do.
    """
    if ask is not None and not Path(name).is_file():
        weights = known(name)
        if located(weights) is None and ask(f"{weights.name} ({weights.terms}) is needed; download it now?"):
            with bar(weights.name) if bar else nullcontext() as on_progress:
                get(weights.name, on_progress=on_progress)
    return find(name)


def sha256(path: Path) -> str:
    """A file's checksum, in hexadecimal."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(path, f"cannot be read ({error.strerror})") from error


def _is_there(target: Path, weights: PretrainedWeights, ours: bool) -> bool:
    """Whether the file has come before. Another in its place is replaced if it lies where only we write."""
    if not target.exists():
        return False
    try:
        verify(target, weights)
    except ModelError as error:
        if not ours:
            raise ModelError(target, error.reason, "remove it, or choose another folder") from error
        warnings.warn(f"{target}: {error.reason}; it is fetched again", EarmarkWarning, stacklevel=3)
        return False
    return True


def _accept(weights: PretrainedWeights, address: str, target: Path, came: Path) -> None:
    """Check bytes that came, and note their checksum where none is published."""
    digest = sha256(came)
    if weights.sha256 is None:
        message = (
            f"{address}: could not be checked, as the checksum of {weights.name} is not known; "
            f"the file that came has SHA-256 {digest}"
        )
        warnings.warn(message, EarmarkWarning, stacklevel=2)
        with atomic_write(_note(target)) as note:
            note.write_text(f"{digest}  {target.name}\n", encoding="utf-8")
    elif digest != weights.sha256:
        reason = f"what came is not {weights.name}: its SHA-256 is {digest} instead of {weights.sha256}"
        remedy = "it was removed; try again, or give another address with --url"
        raise ModelError(address, f"{reason} ({came.stat().st_size:,} bytes)", remedy)


def _cached(weights: PretrainedWeights) -> Path | None:
    try:
        path = cache_folder(KIND) / weights.file
    except MissingExtraError:  # without that extra nothing was fetched
        return None
    return path if path.is_file() else None


def _note(path: Path) -> Path:
    """Beside a file whose checksum nobody published: that which it came with, as `sha256sum` writes it."""
    return path.with_name(path.name + ".sha256")


def _noted(path: Path) -> str | None:
    note = _note(path)
    return note.read_text(encoding="utf-8").partition(" ")[0] if note.is_file() else None
