"""AudioSet's own tables: which segments of which videos carry which labels, and where the tables are published.

Layout: https://research.google.com/audioset/download.html. Lines that begin with `#` are comments; a comma and perhaps
a blank separate; the labels come last, in quotes where there are several.
"""

from __future__ import annotations

import hashlib
import math
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from earmark.datasets.audioset.ontology import Ontology
from earmark.datasets.tables import read_rows
from earmark.errors import DatasetError, EarmarkWarning
from earmark.util.download import Download, no_progress
from earmark.util.types import Progress

SHARES = (("train", 0.8), ("validation", 0.1), ("test", 0.1))

COLUMNS = ("YTID", "start_seconds", "end_seconds", "positive_labels")

_VIDEO = re.compile(r"[\w-]{11}", re.ASCII)
_LABEL = re.compile(r'[^\s",]+')

AUDIOSET_FOLDER = "audioset"
"""In the data folder."""
ONTOLOGY = "ontology.json"
CLASSES = "class_labels_indices.csv"
PARTS: Mapping[str, str] = MappingProxyType(
    {
        "balanced": "balanced_train_segments.csv",
        "unbalanced": "unbalanced_train_segments.csv",
        "eval": "eval_segments.csv",
    }
)
"""Tables of segments. No video is in two of them; `eval` is what others' figures on AudioSet are measured on."""

LICENCE = "the tables are CC BY 4.0, the ontology is CC BY-SA 4.0; each video is under its owner's terms"
CITE = (
    "J. F. Gemmeke et al. Audio Set: An ontology and human-labeled dataset for audio events. ICASSP, 2017. "
    "doi:10.1109/ICASSP.2017.7952261"
)
HOME = "https://research.google.com/audioset/"

_TABLES = "http://storage.googleapis.com/us_audioset/youtube_corpus/v1/csv/"
_ONTOLOGY = "https://raw.githubusercontent.com/audioset/ontology/master/"
_MEGABYTES = {PARTS["balanced"]: 1.3, PARTS["unbalanced"]: 106.0, PARTS["eval"]: 1.2, ONTOLOGY: 0.4, CLASSES: 0.1}


@dataclass(frozen=True, slots=True)
class Segment:
    """Ten seconds, or fewer at the end of a video."""

    video: str
    """YouTube's identifier, of eleven characters; may start with `-` and hold `_`."""
    start: float
    """Seconds into the video."""
    end: float
    labels: tuple[str, ...] = ()
    """AudioSet's identifiers of classes, such as `/m/0342h`."""

    @property
    def name(self) -> str:
        """Video and start in milliseconds, as published lists name segments: no two have the same."""
        return f"{self.video}_{round(self.start * 1000)}"


def split_of(video: str, seed: int = 0) -> str:
    """`train`, `validation` or `test`, of which videos get 80, 10 and 10 %: a pure function of these two.

    All clips of a video thus stand on one side, and more clips never move one that is there.

    >>> split_of("-0RWZT-miFs") == split_of("-0RWZT-miFs")
    True
    """
    digest = hashlib.sha256(f"{seed}:{video}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    below = 0.0
    for side, share in SHARES:
        below += share
        if place < below:
            return side
    return SHARES[-1][0]  # rounding: the shares may sum to a little less than 1


def read_segments(table: Path, carrying: Set[str] | None = None) -> Iterator[Segment]:
    """The segments of one table in its order, line by line: it may have millions.

    Parameters
    ----------
    table
        A CSV file such as `balanced_train_segments.csv`.
    carrying
        Only segments that carry one of these classes (identifiers); None: all. The others cost less than half the time,
        and no memory.

    Raises
    ------
    DatasetError
        The file cannot be read or is no such table; the error names the line.
    """
    try:
        with table.open(encoding="utf-8-sig") as file:
            yield from _segments(table, file, carrying)
    except OSError as error:
        raise DatasetError(table, f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DatasetError(table, "is not UTF-8 text", "fetch it again") from error


def read_all_segments(tables: Iterable[Path], carrying: Set[str] | None = None) -> Iterator[Segment]:
    """The segments of several tables, each once, though several may list it."""
    seen: set[str] = set()
    for table in tables:
        for segment in read_segments(table, carrying):
            if segment.name not in seen:
                seen.add(segment.name)
                yield segment


def read_class_names(table: Path) -> dict[str, str]:
    """What `class_labels_indices.csv` calls the 527 classes that segments are labelled with, by their identifiers."""
    return {row.required("mid"): row.required("display_name") for row in read_rows(table, ("mid", "display_name"))}


def _segments(table: Path, lines: Iterable[str], carrying: Set[str] | None) -> Iterator[Segment]:
    known: dict[str, str] = {}  # one string for each class, whatever the number of segments
    listed = False
    for number, line in enumerate(lines, 1):
        if line.startswith("#") or line.isspace():
            continue
        cells = line.split(",", 3)
        if len(cells) < 4:
            _refuse(table, number, f"is not {', '.join(COLUMNS)}")
        listed = True
        labels = cells[3].strip(' "\n').split(",")
        if carrying is not None and carrying.isdisjoint(labels):
            continue
        try:
            yield _segment(cells, tuple(known.setdefault(label, label) for label in labels))
        except ValueError as error:
            _refuse(table, number, str(error))
    if not listed:
        raise DatasetError(table, "lists no segments", "give one of AudioSet's tables of segments")


def _segment(cells: list[str], labels: tuple[str, ...]) -> Segment:
    video, start, end = cells[0].strip(), float(cells[1]), float(cells[2])
    if not _VIDEO.fullmatch(video):
        raise ValueError(f"{video!r} is no video's identifier")
    if not 0 <= start < end < math.inf:
        raise ValueError(f"{start:g} to {end:g} s is no stretch of a video")
    for label in labels:
        if not _LABEL.fullmatch(label):
            raise ValueError(f"{label!r} is no label")
    return Segment(video, start, end, labels)


def _refuse(table: Path, line: int, reason: str) -> NoReturn:
    raise DatasetError(table, f"line {line}: {reason}", "give one of AudioSet's tables of segments, or fetch it again")


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file."""

    name: str
    target: Path
    url: str

    @property
    def megabytes(self) -> float:
        """Roughly, for the user to see."""
        return _MEGABYTES[self.name]

    def fetch(self, on_progress: Progress = no_progress) -> None:
        """Fetch the file, and see that it is what it should be.

        Raises
        ------
        DatasetError
            It cannot be fetched, or what came is something else.
        MissingExtraError
            httpx is not installed.
        """
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatasetError(self.target.parent, f"cannot be made ({error.strerror})") from error
        download = Download(self.url, self.target, on_progress=on_progress)
        download.run()
        try:
            self._check()
        except DatasetError as error:
            download.discard()
            raise DatasetError(self.url, f"is not {self.name}: {error.reason}", "give a mirror with --url") from error

    def _check(self) -> None:
        """Read the file, or of tables of segments, which may be long, the first line."""
        if self.name == ONTOLOGY:
            Ontology.read(self.target)
        elif self.name == CLASSES:
            read_class_names(self.target)
        else:
            next(read_segments(self.target))


def missing_files(names: Iterable[str], folder: Path, mirror: str = "") -> list[PublishedFile]:
    """Those of the published files that are not in a folder; a mirror holds all of them in one place."""
    return [PublishedFile(name, folder / name, _url(name, mirror)) for name in names if not (folder / name).is_file()]


def warn_of_unknown_classes(ontology: Ontology, classes: Path) -> None:
    """Warn where segments are labelled with classes that the ontology lacks: it is of another release, perhaps.

    Parameters
    ----------
    ontology
        The ontology.
    classes
        `class_labels_indices.csv`; nothing is said where it is not there.
    """
    names = read_class_names(classes) if classes.is_file() else {}
    unknown = [name for identifier, name in names.items() if identifier not in ontology.sounds]
    if unknown:
        message = f"{classes} has {len(unknown)} classes that the ontology lacks, such as {unknown[0]}"
        warnings.warn(message, EarmarkWarning, stacklevel=2)


def _url(name: str, mirror: str) -> str:
    return (f"{mirror.rstrip('/')}/" if mirror else _ONTOLOGY if name == ONTOLOGY else _TABLES) + name
