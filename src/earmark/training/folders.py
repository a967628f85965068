"""Run folders: made, found again, filled and finished; and what every run notes of its machine."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from earmark.errors import EarmarkError

UNFINISHED = ".partial"


@dataclass(frozen=True)
class Outcome:
    """What a run left behind."""

    folder: Path
    model: Path
    metrics: dict[str, Any]


def open_folder(home: Path, recipe: str) -> Path:
    """The folder of an unfinished run of the same recipe below `home`, or a new one that holds the recipe."""
    return find(home, recipe, finished=False) or _new_folder(home, recipe)


def find(home: Path, recipe: str, finished: bool) -> Path | None:
    """The folder of the latest run of the same recipe below `home`, among the finished or the unfinished ones."""
    for folder in sorted(home.glob("*"), reverse=True):
        noted = folder / "recipe.yaml"
        if folder.name.endswith(UNFINISHED) != finished and noted.exists() and noted.read_text("utf-8") == recipe:
            return folder
    return None


def finished_name(folder: Path) -> Path:
    """What the folder of a run is called once all is done."""
    return folder.with_name(folder.name.removesuffix(UNFINISHED))


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write under a temporary name, then rename."""
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(path)


def machine() -> dict[str, Any]:
    """What the figures of time were measured on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _new_folder(home: Path, recipe: str) -> Path:
    folder = home / (datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S") + UNFINISHED)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise EarmarkError(folder, f"cannot be made ({error.strerror})", "choose another --out") from error
    (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
    return folder


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
