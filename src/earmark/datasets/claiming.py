"""Folders that are filled over several runs, all of them by the same options."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from earmark.errors import EarmarkError
from earmark.util.atomic import atomic_write


def claim(folder: Path, name: str, options: Mapping[str, object], what: str, pattern: str) -> None:
    """Note in a folder with which options its files are made, so that the same command can go on in it, and no other.

    Args:
        folder: made where it is not there.
        name: of the file that holds the options.
        options: plain values.
        what: is made, such as `recordings`.
        pattern: by which files made earlier are found.

    Raises:
        EarmarkError: files made with other options lie there, or the folder cannot be written.
    """
    text = json.dumps(options, ensure_ascii=False, indent=1) + "\n"
    file = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if file.is_file() and file.read_text(encoding="utf-8") != text and any(folder.glob(pattern)):
            raise EarmarkError(folder, f"holds {what} made with other options", "choose another --out, or empty it")
        with atomic_write(file) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EarmarkError(folder, f"cannot be written ({error.strerror})") from error
