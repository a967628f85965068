"""Several networks of a run trained at a time, each by a process of its own on its share of the cores.

On a CPU this is faster than one network after the other on all cores: threads that share one network's small layers
spend much of their time waiting for each other.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import Future, wait
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from earmark.errors import EarmarkWarning
from earmark.training import data as training_data
from earmark.training.fit import EpochReport, start_fabric
from earmark.training.history import read_histories
from earmark.training.recipe import Recipe
from earmark.util import processes

if TYPE_CHECKING:
    from earmark.training.stages import Listener

POLL_SECONDS = 1.0


class Silent:
    """A listener in a process that nobody watches."""

    def preparing(self, done: int, total: int) -> None:
        """Say nothing."""

    def starting(self, networks: int, at_once: int) -> None:
        """Say nothing."""

    def epoch(self, part: str, report: EpochReport) -> None:
        """Say nothing: it stands in the part's history."""


def train_parts(
    recipe: Recipe, names: Sequence[str], folder: Path, cache: Path | None, jobs: int, listener: Listener
) -> None:
    """Train the parts of a run that are not done; each leaves its network and answers in the run's folder."""
    pending = [name for name in names if not (folder / name / "answers.npz").exists()]
    jobs = min(jobs, len(pending))
    if jobs < 2:
        return
    threads = max(1, (os.cpu_count() or 1) // jobs)
    with processes.pool(jobs) as pool:
        futures = [pool.submit(_train_alone, recipe, name, folder, cache, threads) for name in pending]
        _follow(pending, futures, folder, listener)


def _train_alone(recipe: Recipe, name: str, folder: Path, cache: Path | None, threads: int) -> None:
    from earmark.training.division import divide
    from earmark.training.run import train_part

    warnings.simplefilter("ignore", EarmarkWarning)  # told already by the process that started this one
    torch.set_num_threads(threads)
    data = training_data.load(recipe, cache)
    part = next(part for part in divide(recipe, data) if part.name == name)
    train_part(recipe, data, part, folder, start_fabric(recipe, "cpu", "1"), Silent(), cache)


def _follow(names: Sequence[str], futures: Sequence[Future[None]], folder: Path, listener: Listener) -> None:
    """Pass on what the histories say until all are done; the first error is raised."""
    told: dict[str, int] = {}
    waiting: set[Future[None]] = set(futures)
    while waiting:
        done, waiting = wait(waiting, timeout=POLL_SECONDS)
        for part in names:
            for name, history in read_histories(folder, part).items():
                if history and history[-1].epoch != told.get(name):
                    told[name] = history[-1].epoch
                    listener.epoch(name, history[-1])
        for future in done:
            future.result()
