"""What has been made in a folder that is filled in batches, so that the same command goes on where it was killed.

out/batches/000000.json             what is noted of the files of one batch, once all of them are there
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from earmark.errors import EarmarkError
from earmark.util.atomic import atomic_write

BATCHES = "batches"

Noted = list[dict[str, Any]]
"""Of each file its path and whatever tables say of it."""


def is_noted(out: Path, name: str) -> bool:
    """Whether a batch is done."""
    return (out / BATCHES / name).is_file()


def noted(out: Path, name: str) -> Noted:
    """What is noted of a batch; nothing of one that is not done."""
    file = out / BATCHES / name
    content: Noted = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    return content


def note(out: Path, name: str, made: Noted) -> None:
    """Note that a batch is done; the note is there whole or not at all.

    Raises:
        EarmarkError: it cannot be written.
    """
    file = out / BATCHES / name
    try:
        file.parent.mkdir(exist_ok=True)
        with atomic_write(file) as part:
            part.write_text(json.dumps(made, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise EarmarkError(file, f"cannot be written ({error.strerror})") from error


def keep(out: Path, table: str, count: int, what: str) -> None:
    """Refuse to write a table of fewer files than it lists already.

    Raises:
        EarmarkError: it lists more than `count`.
    """
    file = out / table
    there = len(file.read_text(encoding="utf-8").splitlines()) - 1 if file.is_file() else 0
    if there > count:
        raise EarmarkError(out, f"holds {there} {what} already", f"ask for at least {there}, or choose another --out")
