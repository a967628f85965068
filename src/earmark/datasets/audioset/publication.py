"""Where AudioSet is published, and how its tables come into the data folder."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from earmark.datasets.audioset import tables
from earmark.datasets.audioset.ontology import Ontology
from earmark.datasets.download import Download, OnProgress, nothing
from earmark.errors import DatasetError, EarmarkWarning

FOLDER = "audioset"
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
class Published:
    """One file."""

    name: str
    target: Path
    url: str

    @property
    def megabytes(self) -> float:
        """Roughly, for the user to see."""
        return _MEGABYTES[self.name]

    def fetch(self, on_progress: OnProgress = nothing) -> None:
        """Fetch the file, and see that it is what it should be.

        Raises:
            DatasetError: it cannot be fetched, or what came is something else.
            MissingExtraError: httpx is not installed.
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
            tables.read_names(self.target)
        else:
            next(tables.read(self.target))


def lacking(names: Iterable[str], folder: Path, mirror: str = "") -> list[Published]:
    """Those of the published files that are not in a folder; a mirror holds all of them in one place."""
    return [Published(name, folder / name, _url(name, mirror)) for name in names if not (folder / name).is_file()]


def warn_of_others(ontology: Ontology, classes: Path) -> None:
    """Warn where segments are labelled with classes that the ontology lacks: it is of another release, perhaps.

    Args:
        ontology: The ontology.
        classes: `class_labels_indices.csv`; nothing is said where it is not there.
    """
    names = tables.read_names(classes) if classes.is_file() else {}
    unknown = [name for identifier, name in names.items() if identifier not in ontology.sounds]
    if unknown:
        message = f"{classes} has {len(unknown)} classes that the ontology lacks, such as {unknown[0]}"
        warnings.warn(message, EarmarkWarning, stacklevel=2)


def _url(name: str, mirror: str) -> str:
    return (f"{mirror.rstrip('/')}/" if mirror else _ONTOLOGY if name == ONTOLOGY else _TABLES) + name
