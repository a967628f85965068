"""AudioSet's tables and ontology: which segments of which videos carry which labels, and how classes are related.

Layout of the tables, and where they are published: https://research.google.com/audioset/download.html. Lines that begin
with `#` are comments; a comma and perhaps a blank separate; the labels come last, in quotes where there are several.
The ontology is 632 classes of sounds in a graph, where a class may stand below several others.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from earmark.datasets.tables import read_rows
from earmark.errors import DatasetError, EarmarkWarning
from earmark.labels import normalise
from earmark.labels.audioset import alone, parts, reached
from earmark.util.download import Download, no_progress
from earmark.util.types import Progress

CANONICAL: Mapping[str, str] = {"brass": "Brass instrument"}
"""Canonical label names that cannot be told from the class's own name."""


@dataclass(frozen=True, slots=True)
class Sound:
    """One class of the ontology."""

    id: str  # such as `/m/0342h`
    name: str  # as displayed, such as `Guitar`
    children: tuple[str, ...] = ()  # identifiers of the classes right below

    @property
    def label(self) -> str:
        """The name in canonical style: the first of several, without what stands in parentheses.

        >>> Sound("/m/07y_7", "Violin, fiddle").label
        'violin'
        """
        own = next((label for label, name in CANONICAL.items() if name == self.name), None)
        return own or normalise(re.sub(r"\(.*?\)", "", self.name).split(",")[0])


@dataclass(frozen=True)
class Ontology:
    """The graph of classes, by their identifiers."""

    sounds: Mapping[str, Sound]

    @classmethod
    def read(cls, path: Path) -> Ontology:
        """Read `ontology.json`. Raises DatasetError: it cannot be read, is no JSON, or is laid out differently."""
        try:
            entries = json.loads(path.read_bytes())
        except OSError as error:
            raise DatasetError(path, f"cannot be read ({error.strerror})") from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise DatasetError(path, "is not JSON", "fetch it again") from error
        try:
            listed = [Sound(str(one["id"]), str(one["name"]), tuple(one["child_ids"])) for one in entries]
        except (KeyError, TypeError) as error:
            reason = "is not AudioSet's ontology: a list of classes with id, name and child_ids"
            raise DatasetError(path, reason, "fetch it again") from error
        sounds = {sound.id: sound for sound in listed}
        for sound in listed:
            for child in sound.children:
                if child not in sounds:
                    raise DatasetError(path, f"{sound.name} has a child that is not there, {child}", "fetch it again")
        return cls(sounds)

    def name(self, identifier: str) -> str:
        """How a class is displayed; a class that the ontology lacks is called by its identifier."""
        sound = self.sounds.get(identifier)
        return identifier if sound is None else sound.name

    def find(self, name: str) -> Sound:
        """The class of that name: as displayed, in any case, as a canonical label (`drum_kit`), or its identifier.

        A part of a name (`fiddle`, `keyboard`) will do where it is a part of that one only.

        Raises DatasetError: there is none, or several; the remedy names those that are close.
        """
        found = self.lookup(name)
        if found is None:
            close = self._close(name)
            remedy = f"did you mean {' or '.join(close)}?" if close else "names are those of ontology.json"
            raise DatasetError(name, "is no class of AudioSet", remedy)
        return found

    def lookup(self, name: str) -> Sound | None:
        """The same, or None where there is none or several."""
        if name.strip() in self.sounds:
            return self.sounds[name.strip()]
        return self._named.get(normalise(name))

    def descendants(self, roots: Iterable[str]) -> frozenset[str]:
        """The classes with these identifiers and all below them, each once, whatever ways lead to it."""
        return reached(roots, lambda identifier: self.sounds[identifier].children)

    def ancestors(self, roots: Iterable[str]) -> frozenset[str]:
        """The classes with these identifiers and all above them."""
        return reached(roots, lambda identifier: self._parents.get(identifier, []))

    @cached_property
    def _parents(self) -> dict[str, list[str]]:
        parents: dict[str, list[str]] = {}
        for sound in self.sounds.values():
            for child in sound.children:
                parents.setdefault(child, []).append(sound.id)
        return parents

    @cached_property
    def _named(self) -> dict[str, Sound]:
        """Classes by every name they can be told by; whole names go before parts of names."""
        by_name = {normalise(sound.name): sound for sound in self.sounds.values()}
        canonical = {label: by_name[normalise(name)] for label, name in CANONICAL.items() if normalise(name) in by_name}
        named = alone((sound.id, sound.name) for sound in self.sounds.values())
        return {part: self.sounds[identifier] for part, identifier in named.items()} | canonical | by_name

    def _close(self, name: str) -> list[str]:
        """At most four displayed names that share a part with this one, hold it, or are spelt like it."""
        wanted = normalise(name)
        same = [sound.name for sound in self.sounds.values() if wanted in parts(sound.name)]
        holding = [sound.name for sound in self.sounds.values() if wanted and wanted in normalise(sound.name)]
        spelt = [self._named[near].name for near in difflib.get_close_matches(wanted, self._named, 3)]
        return list(dict.fromkeys(same + spelt + holding))[:4]


SHARES = (("train", 0.8), ("validation", 0.1), ("test", 0.1))

COLUMNS = ("YTID", "start_seconds", "end_seconds", "positive_labels")

_VIDEO = re.compile(r"[\w-]{11}", re.ASCII)
_LABEL = re.compile(r'[^\s",]+')

AUDIOSET_FOLDER = "audioset"  # in the data folder
ONTOLOGY = "ontology.json"
CLASSES = "class_labels_indices.csv"
PARTS: Mapping[str, str] = {
    "balanced": "balanced_train_segments.csv",
    "unbalanced": "unbalanced_train_segments.csv",
    "eval": "eval_segments.csv",
}
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

    video: str  # YouTube's identifier, of eleven characters; may start with `-` and hold `_`
    start: float  # seconds into the video
    end: float
    labels: tuple[str, ...] = ()  # AudioSet's identifiers of classes, such as `/m/0342h`

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

    With `carrying`, only those that carry one of these classes (identifiers). The others cost less than half the time,
    and no memory.

    Raises DatasetError: the file cannot be read or is no such table; the error names the line.
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

        Raises DatasetError: it cannot be fetched, or what came is something else.
        Raises MissingExtraError: httpx is not installed.
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

    `classes` is `class_labels_indices.csv`; nothing is said where it is not there.
    """
    names = read_class_names(classes) if classes.is_file() else {}
    unknown = [name for identifier, name in names.items() if identifier not in ontology.sounds]
    if unknown:
        message = f"{classes} has {len(unknown)} classes that the ontology lacks, such as {unknown[0]}"
        warnings.warn(message, EarmarkWarning, stacklevel=2)


def _url(name: str, mirror: str) -> str:
    return (f"{mirror.rstrip('/')}/" if mirror else _ONTOLOGY if name == ONTOLOGY else _TABLES) + name
