"""Run folders: made, found again, filled and finished; and who is told how a run goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning_fabric import Fabric

from earmark._version import __version__
from earmark.errors import EarmarkError
from earmark.training.trainer import EpochReport
from earmark.util import machine as computer
from earmark.util.atomic import atomic_write
from earmark.util.locks import alone

UNFINISHED = ".partial"
LOCK = "lock"
HISTORY = "history.jsonl"
MEMBER = "member-"  # begins the folder, inside a part's, of a network that the part's own learns from


@dataclass(frozen=True)
class Outcome:
    """What a run left behind."""

    folder: Path
    model: Path
    metrics: dict[str, Any]


class Listener(Protocol):
    """Hears how a run goes on: the command line draws progress bars with it."""

    def preparing(self, done: int, total: int) -> None:
        """Some features have been prepared."""

    def starting(self, networks: int, at_once: int) -> None:
        """So many networks are to be trained, so many at a time."""

    def epoch(self, part: str, report: EpochReport) -> None:
        """An epoch of one division is over."""


@contextmanager
def opened(home: Path, recipe: str) -> Iterator[Path]:
    """The folder of an unfinished run of the same recipe below `home`, or a new one that holds the recipe.

    Raises
    ------
    EarmarkError
        Another process is at that run, or the folder cannot be made.
    """
    folder = find(home, recipe, finished=False) or _new_folder(home, recipe)
    used = EarmarkError(folder, "is being filled by another `earmark train`", "wait for it, or choose another out=")
    with alone(folder / LOCK, used, "be written", "choose another out="):
        yield folder


@contextmanager
def opened_by_first(home: Path, recipe: str, fabric: Fabric) -> Iterator[Path]:
    """The folder that process zero has `opened`, for all processes."""
    with ExitStack() as stack:
        folder = stack.enter_context(opened(home, recipe)) if fabric.is_global_zero else None
        yield from_first(folder, fabric)


def from_first(folder: Path | None, fabric: Fabric) -> Path:
    """What process zero has, for all processes, which wait for it."""
    known = fabric.broadcast(folder)
    assert known is not None
    return known


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


def figures_of(recipe: str, protocol: str, precision: str) -> dict[str, Any]:
    """What every run's figures begin with: which recipe, how it was tested, when, where and in which precision."""
    return {
        "recipe": recipe,
        "protocol": protocol,
        "date": datetime.now(UTC).date().isoformat(),
        "earmark": __version__,
        "machine": machine(),
        "precision": precision,
    }


def card_of(
    metrics: Mapping[str, Any],
    description: str,
    data: Sequence[str],
    licence: str,
    clips: int,
    figures: Mapping[str, Any],
    protocol: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """What a model file says of how it came to be; `protocol` is that of the figures unless it says more."""
    return {
        "description": description,
        **more,
        "data": list(data),
        "licence": licence,
        "clips": clips,
        "protocol": protocol or metrics["protocol"],
        "figures": dict(figures),
        "recipe": metrics["recipe"],
        "date": metrics["date"],
        "earmark": metrics["earmark"],
    }


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


def append_history(home: Path, report: EpochReport) -> None:
    """Add an epoch."""
    line = [report.epoch, report.epochs, round(report.loss, 4), round(report.seconds, 2)]
    if report.validation is not None:
        line.append(round(report.validation, 4))
    with (home / HISTORY).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def read_history(home: Path) -> list[EpochReport]:
    """The epochs in order; of one that a killed run began to do again, the latest."""
    path = home / HISTORY
    epochs: dict[int, EpochReport] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            number, of, loss, seconds, *validation = json.loads(line)
        except ValueError:  # the line that a killed run was writing
            continue
        epochs[number] = EpochReport(number, of, loss, seconds, *validation)
    return [epochs[number] for number in sorted(epochs)]


def read_histories(folder: Path, part: str) -> dict[str, list[EpochReport]]:
    """Those of a part's network and of the members of the ensemble that it learns from, by name."""
    homes = [*sorted((folder / part).glob(MEMBER + "*")), folder / part]
    return {home.relative_to(folder).as_posix(): read_history(home) for home in homes}
