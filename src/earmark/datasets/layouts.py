"""The layouts datasets come in, by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from earmark.datasets import common_voice, esc, files, folder, folders, table, urbansound8k
from earmark.datasets.clip import Dataset
from earmark.errors import DatasetError

Reader = Callable[..., Dataset]
CLIPS = "clips.csv"
"""The table in folders that `earmark data phrases` and its like made."""

LAYOUTS: Mapping[str, Reader] = MappingProxyType(
    {
        "esc": esc.read,
        "urbansound8k": urbansound8k.read,
        "common_voice": common_voice.read,
        "folder": folder.read,
        "table": table.read,
        "files": files.read,
    }
)
"""What reads each layout."""


def load(layout: str | None, path: str | Path, **options: object) -> Dataset:
    """Read a dataset.

    Args:
        layout: A name of `LAYOUTS`, or None to tell by what is there.
        path: A folder or file, or a known dataset's name, such as `esc50`, that lies in the data folder.
        options: What the layout's reader takes.

    Raises:
        DatasetError: nothing is there, the layout is another, an option is unknown, or the data does not fit.
    """
    if layout is not None and layout not in LAYOUTS:
        raise DatasetError(layout, "is no layout", f"choose {', '.join(LAYOUTS)}")
    root = folders.find(path)
    layout = layout or guess_layout(root)
    root = root / CLIPS if layout == "table" and root.is_dir() else root
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
    if (path / esc.TABLE).is_file():
        return "esc"
    if (path / urbansound8k.TABLE).is_file():
        return "urbansound8k"
    if (path / common_voice.TABLE).is_file():
        return "common_voice"
    if (path / CLIPS).is_file():
        return "table"
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
