"""The datasets that scenes are made of."""

from __future__ import annotations

from pathlib import Path

from earmark.datasets.clip import Dataset
from earmark.datasets.layouts import guess_layout, load
from earmark.errors import DatasetError


def read(root: Path) -> Dataset:
    """A dataset in any layout, or the recordings of a folder in none, without labels.

    Raises:
        DatasetError: there is none.
    """
    try:
        layout = guess_layout(root)
    except DatasetError:
        if not root.is_dir():
            raise
        return load("files", root, labels=())
    return load(layout, root)
