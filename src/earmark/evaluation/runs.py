"""Finished runs, read back from their folders: what was trained, how it was tested, and the figures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from earmark.errors import EarmarkError, MissingExtraError
from earmark.evaluation import run_words
from earmark.evaluation.intervals import Interval, interval, of_accuracies, within

METRICS, RECIPE = "metrics.json", "recipe.yaml"
UNFINISHED = ".partial"


@dataclass(frozen=True)
class Run:
    """One finished run.

    Attributes:
        folder: where it lies.
        name: of the recipe.
        dataset: what it was trained on, in short.
        network: with its options.
        parameters: of the network.
        front_end: in short.
        augmentation: in short.
        protocol: as the recipe names it.
        tested: how it was tested, in short.
        divisions: figures of each: `name`, `clips`, `accuracy`, `macro_f1`.
        accuracy: mean over divisions.
        interval: of the mean accuracy, 95 %: Student's t over divisions, Wilson's where there is one.
        macro_f1: mean over divisions.
        macro_f1_interval: Student's t over divisions; None where there is one.
        multi_crop: mean accuracy by multi-crop testing, None without.
        ece: expected calibration error, None where it was not measured.
        epoch_seconds: median over networks of their median.
        date: YYYY-MM-DD.
    """

    folder: Path
    name: str
    dataset: str
    network: str
    parameters: int | None
    front_end: str
    augmentation: str
    protocol: str
    tested: str
    divisions: tuple[Mapping[str, Any], ...]
    accuracy: float
    interval: Interval | None
    macro_f1: float
    macro_f1_interval: Interval | None
    multi_crop: float | None
    ece: float | None
    epoch_seconds: float | None
    date: str

    @property
    def leaky(self) -> bool:
        """Whether copies of what trained were tested: the figures are then too good to be true."""
        return self.protocol == run_words.LEAKY


def find(place: Path) -> list[Path]:
    """The folder itself if it is a run, or all finished runs below it, sorted.

    What lies below and is something else, such as the figures of another command, is passed over.

    Raises:
        EarmarkError: there is no such folder, or no run in it.
    """
    if not place.is_dir():
        raise EarmarkError(place, "is no folder", "give folders of runs; classifiers of words need --on FOLDER")
    if (place / METRICS).exists():
        return [place]
    found = sorted(path.parent for path in place.rglob(METRICS) if _is_run(path.parent))
    if not found:
        raise EarmarkError(place, f"holds no finished run: no folder with {METRICS} and {RECIPE}", "train first")
    return found


def _is_run(folder: Path) -> bool:
    """Whether it looks like one. A damaged one does, so that it is told of when it is read."""
    if folder.name.endswith(UNFINISHED) or not (folder / RECIPE).exists():
        return False
    try:
        return {"accuracy", "divisions"} <= set(_metrics(folder))
    except EarmarkError:
        return True


def find_all(places: Iterable[Path]) -> Iterator[Path | EarmarkError]:
    """The runs below several folders, each once; an error in place of those that cannot be searched."""
    seen: set[Path] = set()
    for place in places:
        try:
            folders = find(place)
        except EarmarkError as error:
            yield error
            continue
        for folder in folders:
            if folder.resolve() not in seen:
                seen.add(folder.resolve())
                yield folder


def read_all(places: Iterable[Path]) -> tuple[list[Run], list[EarmarkError]]:
    """The runs below several folders, each once, and what was wrong with those that could not be read."""
    found: list[Run] = []
    wrong: list[EarmarkError] = []
    for folder in find_all(places):
        try:
            if isinstance(folder, EarmarkError):
                raise folder
            found.append(read(folder))
        except MissingExtraError:
            raise
        except EarmarkError as error:
            wrong.append(error)
    return found, wrong


def read(folder: Path) -> Run:
    """One run.

    Raises:
        EarmarkError: a file is missing or damaged, or there are no figures in it.
        MissingExtraError: PyYAML is not installed.
    """
    metrics, recipe = _metrics(folder), _recipe(folder)
    if "accuracy" not in metrics or not metrics.get("divisions"):
        raise EarmarkError(folder, f"has no accuracy in {METRICS}", "give a run that has tested clips")
    try:
        return _run(folder, metrics, recipe)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        reason = f"is damaged: {METRICS} or {RECIPE} holds other things than a run writes ({error})"
        raise EarmarkError(folder, reason, "train it again, or leave it out") from error


def _run(folder: Path, metrics: Mapping[str, Any], recipe: Mapping[str, Any]) -> Run:
    divisions = tuple(dict(division) for division in metrics["divisions"])
    accuracies = [float(division["accuracy"]) for division in divisions]
    f1s = [float(division["macro_f1"]) for division in divisions]
    seconds = [float(times["median_epoch_seconds"]) for times in metrics.get("times", {}).values()]
    return Run(
        folder=folder,
        name=str(metrics.get("recipe") or recipe.get("name") or folder.name),
        dataset=run_words.dataset(recipe),
        network=run_words.network(recipe),
        parameters=_number(metrics.get("parameters"), int),
        front_end=run_words.front_end(recipe),
        augmentation=run_words.augmentation(recipe),
        protocol=run_words.protocol(recipe),
        tested=run_words.tested(recipe),
        divisions=divisions,
        accuracy=float(metrics["accuracy"]["mean"]),
        interval=of_accuracies(accuracies, [int(division["clips"]) for division in divisions]),
        macro_f1=float(metrics["macro_f1"]["mean"]),
        macro_f1_interval=within(interval(f1s)),
        multi_crop=_number(metrics.get("multi_crop", {}).get("accuracy", {}).get("mean"), float),
        ece=_number(metrics.get("calibration", {}).get("ece"), float),
        epoch_seconds=round(float(np.median(seconds)), 2) if seconds else None,
        date=str(metrics.get("date", "")),
    )


def _number(value: Any, kind: Any) -> Any:
    return None if value is None else kind(value)


def _metrics(folder: Path) -> dict[str, Any]:
    path = folder / METRICS
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EarmarkError(path, f"cannot be read ({error.strerror})", "give the folder of a finished run") from error
    except ValueError as error:  # no JSON, or no UTF-8
        raise EarmarkError(path, "is damaged: it is not JSON", "train it again, or leave it out") from error
    return _sections(path, content)


def _recipe(folder: Path) -> dict[str, Any]:
    """The recipe as plain values. Keys that it was written without are those of what it did not do."""
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError("PyYAML, which reads recipes,", "train") from error
    path = folder / RECIPE
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EarmarkError(path, f"cannot be read ({error.strerror})", "give the folder of a finished run") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise EarmarkError(path, "is damaged: it is not YAML", "train it again, or leave it out") from error
    return _sections(path, content)


def _sections(path: Path, content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise EarmarkError(path, "is damaged: it holds no sections", "train it again, or leave it out")
    return content
