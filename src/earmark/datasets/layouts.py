"""The layouts datasets come in, by name."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from earmark.datasets import catalogue, layout_readers, tables
from earmark.datasets.clips import Dataset
from earmark.errors import DatasetError, EarmarkWarning

Reader = Callable[..., Dataset]
CLIPS_TABLE = "clips.csv"  # the table in folders that `earmark data phrases` and its like made

_TABLES: dict[str, str | Path] = {
    "esc": layout_readers.ESC_TABLE,
    "urbansound8k": layout_readers.URBANSOUND8K_TABLE,
    "common_voice": layout_readers.COMMON_VOICE_TABLE,
    "table": CLIPS_TABLE,
}

LAYOUTS: Mapping[str, Reader] = {
    "esc": layout_readers.read_esc,
    "urbansound8k": layout_readers.read_urbansound8k,
    "common_voice": layout_readers.read_common_voice,
    "folder": layout_readers.read_folder,
    "table": tables.read_clips,
    "files": layout_readers.read_files,
}
"""What reads each layout."""


def load(layout: str | None, path: str | Path, **options: object) -> Dataset:
    """Read a dataset in a layout of `LAYOUTS`, or None to tell by what is there.

    The path is that of a folder or file, or the name of a known dataset, such as `esc50`, that lies in the data folder;
    `options` are what the layout's reader takes.

    Raises DatasetError: nothing is there, the layout is another, an option is unknown, or the data does not fit.
    """
    if layout is not None and layout not in LAYOUTS:
        raise DatasetError(layout, "is no layout", f"choose {', '.join(LAYOUTS)}")
    root = catalogue.find(path)
    layout = layout or guess_layout(root)
    root = root / CLIPS_TABLE if layout == "table" and root.is_dir() else root
    _check_kind(root, layout)
    reader = LAYOUTS[layout]
    _check_options(root, layout, reader, options)
    return reader(root, **options)


def guess_layout(path: Path) -> str:
    """The layout of what lies at a path."""
    if path.is_file():
        if path.suffix.lower() == ".csv":
            return "table"
        raise DatasetError(path, "is no dataset", "give a folder, or a table (CSV)")
    for layout, table in _TABLES.items():
        if (path / table).is_file():
            return layout
    if path.is_dir() and any(inner.is_dir() and not inner.name.startswith(".") for inner in path.iterdir()):
        return "folder"
    remedy = "put each class in a folder named after it, or list the clips in a table (CSV)"
    raise DatasetError(path, "is laid out in no way that is known", remedy)


def accepts(layout: str, option: str) -> bool:
    """Whether a layout's reader takes an option of that name."""
    return layout in LAYOUTS and option in _parameters(LAYOUTS[layout])


def _parameters(reader: Reader) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(reader).parameters.values()
    return {one.name: one for one in parameters if one.kind is one.KEYWORD_ONLY}


def _check_kind(root: Path, layout: str) -> None:
    wants_file = layout == "table"
    if wants_file and not root.is_file():
        raise DatasetError(root, "is no table", "give the path of a CSV file")
    if not wants_file and not root.is_dir():
        raise DatasetError(root, f"is a file, where the layout {layout} is a folder", "give the folder")


def _check_options(root: Path, layout: str, reader: Reader, options: dict[str, object]) -> None:
    known = _parameters(reader)
    for name in options:
        if name not in known:
            raise DatasetError(root, f"the layout {layout} has no option {name}", f"it has {', '.join(known)}")
    for name, parameter in known.items():
        if parameter.default is parameter.empty and name not in options:
            raise DatasetError(root, f"the layout {layout} needs the option {name}")


def local_datasets(data_dir: Path | None = None) -> list[dict[str, Any]]:
    """What lies in the data folder, as far as it is a dataset."""
    folder = catalogue.data_folder(data_dir)
    if not folder.is_dir():
        return []
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    return [_describe(path) for path in entries if path.is_dir() or path.suffix.lower() == ".csv"]


def _describe(path: Path) -> dict[str, Any]:
    described: dict[str, Any] = {"path": str(path), "layout": None, "clips": 0, "labels": 0, "problem": ""}
    try:
        layout = described["layout"] = guess_layout(path)
        options = {"missing": "skip"} if accepts(layout, "missing") else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EarmarkWarning)
            dataset = load(layout, path, **options)
    except DatasetError as error:
        return described | {"problem": error.reason}
    return described | {"clips": len(dataset.clips), "labels": len(dataset.labels)}
