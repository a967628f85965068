"""The datasets that Earmark can fetch: where they are published, under which licence, and where they lie here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earmark.errors import DatasetError

DATA_VARIABLE = "EARMARK_DATA"  # the environment variable that names the data folder


@dataclass(frozen=True, slots=True)
class PublishedDataset:
    """A published dataset."""

    name: str
    title: str
    what: str
    layout: str
    licence: str
    licence_note: str
    cite: str
    home: str
    url: str
    archive: str  # the archive's file name, which tells its format
    inside: tuple[str, ...]  # folders that the archive may hold the dataset in, also looked for in the data folder
    table: Path
    audio_files: int
    download_bytes: int  # roughly, for the user to see; the server's own word is taken where it gives one
    unpacked_bytes: int
    md5: str = ""  # of the archive, where its publisher gives one


_ESC50 = PublishedDataset(
    name="esc50",
    title="ESC-50: Environmental Sound Classification",
    what="2,000 clips of 5 s, 50 everyday sounds, 5 folds (ESC-10: 400 of the clips)",
    layout="esc",
    licence="CC BY-NC 3.0",
    licence_note="non-commercial use only; the ESC-10 subset is CC BY 3.0. LICENSE credits every recordist",
    cite="K. J. Piczak. ESC: Dataset for Environmental Sound Classification. ACM Multimedia, 2015. "
    "doi:10.1145/2733373.2806390",
    home="https://github.com/karolpiczak/ESC-50",
    url="https://github.com/karoldvl/ESC-50/archive/master.zip",
    archive="ESC-50-master.zip",
    inside=("ESC-50-master", "ESC-50"),
    table=Path("meta", "esc50.csv"),
    audio_files=2000,
    download_bytes=646_000_000,
    unpacked_bytes=900_000_000,
)

_URBANSOUND8K = PublishedDataset(
    name="urbansound8k",
    title="UrbanSound8K",
    what="8,732 slices of up to 4 s, 10 sounds of the city, 10 folds",
    layout="urbansound8k",
    licence="CC BY-NC 3.0",
    licence_note="non-commercial use only. FREESOUNDCREDITS.txt credits every recordist",
    cite="J. Salamon, C. Jacoby and J. P. Bello. A Dataset and Taxonomy for Urban Sound Research. "
    "ACM Multimedia, 2014. doi:10.1145/2647868.2655045",
    home="https://urbansounddataset.weebly.com/urbansound8k.html",
    url="https://zenodo.org/records/1203745/files/UrbanSound8K.tar.gz",
    archive="UrbanSound8K.tar.gz",
    inside=("UrbanSound8K",),
    table=Path("metadata", "UrbanSound8K.csv"),
    audio_files=8732,
    download_bytes=6_020_000_000,
    unpacked_bytes=7_100_000_000,
    md5="9aa69802bbf37fb986f71ec1483a196e",
)

PUBLISHED: Mapping[str, PublishedDataset] = {known.name: known for known in (_ESC50, _URBANSOUND8K)}


def data_folder(given: Path | None = None) -> Path:
    """The folder that datasets are kept in: as given, or else as EARMARK_DATA says, or else `data` here."""
    return given or Path(os.environ.get(DATA_VARIABLE) or "data")


def installed_folder(known: PublishedDataset, data_dir: Path | None = None) -> Path | None:
    """Where a known dataset lies in the data folder, or None."""
    folder = data_folder(data_dir)
    candidates = (folder / name for name in (known.name, *known.inside))
    return next((path for path in candidates if (path / known.table).is_file()), None)


def find(name_or_path: str | Path, data_dir: Path | None = None) -> Path:
    """A path as it is, or the place of a dataset by its name, such as `esc50`, in the data folder.

    Raises DatasetError: there is neither; the remedy names the command that fetches a known dataset.
    """
    path = Path(name_or_path).expanduser()
    if path.exists():
        return path
    name = str(name_or_path).lower()
    folder = data_folder(data_dir)
    if name in PUBLISHED:
        found = installed_folder(PUBLISHED[name], data_dir)
        if found:
            return found
        raise DatasetError(name, f"is not in {folder}", f"fetch it: earmark data get {name}")
    inside = folder / path
    if not path.is_absolute() and inside.exists():
        return inside
    called = {folder.lower(): known.name for known in PUBLISHED.values() for folder in (known.name, *known.inside)}
    apt = called.get(path.name.lower())
    remedy = f"fetch it: earmark data get {apt}" if apt else "give the path of a folder or of a table (CSV)"
    raise DatasetError(name_or_path, "there is no such dataset", remedy)


def published_datasets(data_dir: Path | None = None) -> list[dict[str, Any]]:
    """The datasets that can be fetched, and where they lie if they do."""
    found = []
    for known in PUBLISHED.values():
        path = installed_folder(known, data_dir)
        found.append(
            {
                "name": known.name,
                "what": known.what,
                "megabytes": round(known.download_bytes / 1e6),
                "licence": known.licence,
                "path": str(path) if path else None,
            }
        )
    return found
