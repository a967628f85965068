"""Run folders: made, found again, filled and finished; and what every run notes of its machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import Any

import torch

from earmark.errors import EarmarkError
from earmark.util import machine as computer
from earmark.util.atomic import atomic_write
from earmark.util.locks import alone

UNFINISHED = ".partial"
LOCK = "lock"


@dataclass(frozen=True)
class Outcome:
    """What a run left behind."""

    folder: Path
    model: Path
    metrics: dict[str, Any]


@contextmanager
def opened(home: Path, recipe: str) -> Iterator[Path]:
    """The folder of an unfinished run of the same recipe below `home`, or a new one that holds the recipe.

    Raises:
        EarmarkError: another process is at that run, or the folder cannot be made.
    """
    folder = find(home, recipe, finished=False) or _new_folder(home, recipe)
    used = EarmarkError(folder, "is being filled by another `earmark train`", "wait for it, or choose another out=")
    with alone(folder / LOCK, used, "be written", "choose another out="):
        yield folder


def find(home: Path, recipe: str, finished: bool) -> Path | None:
    """The folder of the latest run of the same recipe below `home`, among the finished or the unfinished ones."""
    for folder in sorted(home.glob("*"), reverse=True):
        noted = folder / "recipe.yaml"
        if folder.name.endswith(UNFINISHED) != finished and noted.exists() and noted.read_text("utf-8") == recipe:
            return folder
    return None


def finished(folder: Path) -> Path:
    """The folder of a run under the name that it has once all is done."""
    (folder / LOCK).unlink(missing_ok=True)
    return folder.rename(folder.with_name(folder.name.removesuffix(UNFINISHED)))


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write it whole or not at all."""
    with atomic_write(path) as part:
        part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """What the figures of time were measured on."""
    return {
        **computer.machine(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
    }


def _new_folder(home: Path, recipe: str) -> Path:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
    for name in chain([now], (f"{now}-{number}" for number in count(2))):  # several may start in one second
        folder = home / (name + UNFINISHED)
        if (home / name).exists():
            continue
        try:
            folder.mkdir(parents=True)
            break
        except FileExistsError:
            continue
        except OSError as error:
            raise EarmarkError(folder, f"cannot be made ({error.strerror})", "choose another out=") from error
    (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
    return folder
