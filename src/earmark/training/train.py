"""`earmark.train`: from labelled clips, or a recipe, to a model."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earmark.errors import ArgumentError, MissingExtraError
from earmark.models.model import Model, load_model

if TYPE_CHECKING:
    from earmark.training.recipe import Recipe
    from earmark.training.run_folder import Listener, Outcome

NEEDED = ("torch", "lightning_fabric", "onnx", "pydantic", "yaml", "matplotlib")
"""Packages that training imports."""


@dataclass(frozen=True)
class Trained:
    """What a training run left behind.

    Attributes
    ----------
    folder
        The run's: recipe, figures, predictions, pictures, model file.
    model
        The model file.
    metrics
        The figures, as `metrics.json` in the folder has them.
    """

    folder: Path
    model: Path
    metrics: Mapping[str, Any]

    def load(self) -> Model:
        """The model, to be used."""
        return load_model(self.model)


def train(
    what: str | os.PathLike[str],
    changes: Mapping[str, object] | None = None,
    *,
    out: str | os.PathLike[str] = "runs",
    thorough: bool = False,
    download: bool = False,
    cache: str | os.PathLike[str] | None = None,
    progress: Listener | bool = False,
) -> Trained:
    """Teach a model sounds from labelled clips.

    A run that was interrupted is taken up by the same call.

    Parameters
    ----------
    what
        A folder that holds a folder of examples for each class, a table of clips (CSV), or a recipe (YAML).
    changes
        Of the recipe: values by `section.key`, such as `{"training.epochs": 20}`. Default none.
    out
        Where run folders are made. Default `"runs"`.
    thorough
        Of a folder or a table: teach the backbone on, too, which takes minutes in place of seconds. Default False.
    download
        Fetch pretrained weights that are needed and not here. Default False: that is an error.
    cache
        Where prepared features are kept. Default the user's cache folder.
    progress
        True for lines on standard error, or a listener of one's own. Default False.

    Returns
    -------
    Trained
        The model file, the figures, and the folder with all of it.

    Raises
    ------
    DatasetError
        The clips are missing, or too few.
    RecipeError
        The recipe has an unknown key or a value that does not fit.
    ModelError
        Pretrained weights are not here.
    MissingExtraError
        What training needs is not installed.
    ArgumentError
        `thorough` is asked of a recipe, or the recipe is a study of several runs.

    Examples
    --------
    >>> import earmark
    >>> trained = earmark.train("my_sounds", {"model.network": "compact_cnn", "training.epochs": 1})
    >>> trained.load().labels
    ('high', 'low')
    """
    check_installed()
    path, overrides = Path(what), [f"{key}={json.dumps(value)}" for key, value in (changes or {}).items()]
    listener = Lines(progress) if isinstance(progress, bool) else progress
    kept = None if cache is None else Path(cache)
    task = task_of(path)
    if task is not None and thorough:
        raise ArgumentError("thorough", thorough, f"is for folders and tables, and {path} is a recipe", "leave it out")
    if task == "study":
        raise ArgumentError("what", str(what), "is a study of several runs", "run it by `earmark train`")
    done = (
        _words(path, overrides, Path(out), listener, kept)
        if task == "words"
        else _sounds(_recipe(path, overrides, thorough), Path(out), listener, kept, download)
    )
    return Trained(done.folder, done.model, done.metrics)


def check_installed() -> None:
    """Refuse to begin where something is missing.

    Raises
    ------
    MissingExtraError
        What training needs is not installed.
    """
    for module in NEEDED:
        if find_spec(module) is None:
            raise MissingExtraError("training", "train")


def task_of(path: Path) -> str | None:
    """What a recipe says that it is for, sounds if nothing; None for what is no recipe."""
    from earmark.training import recipe_files

    return recipe_files.read(path).get("task", "sounds") if path.suffix.lower() in (".yaml", ".yml") else None


def _recipe(path: Path, overrides: list[str], thorough: bool) -> Recipe:
    from earmark.training import presets, recipe

    if path.suffix.lower() in (".yaml", ".yml"):
        return recipe.load(path, overrides)
    return presets.recipe_for(path, overrides, thorough)


def _sounds(plan: Recipe, out: Path, listener: Listener, cache: Path | None, download: bool) -> Outcome:
    from earmark.models import pretrained
    from earmark.training import run, trainer
    from earmark.training.stages import needs_weights

    if plan.weights and needs_weights(plan):
        pretrained.ensure(plan.weights, ask=lambda _: download)
    return run.run(plan, out, trainer.start_fabric(plan), listener, cache)


def _words(path: Path, overrides: list[str], out: Path, listener: Any, cache: Path | None) -> Outcome:
    from earmark.training.words import corpus, run

    plan = corpus.load(path, overrides)
    return run.run(plan, out, run.start(plan), listener, cache)


class Lines:
    """Progress as lines on standard error, or not at all."""

    def __init__(self, shown: bool) -> None:
        self.shown = shown

    def preparing(self, done: int, total: int) -> None:
        """Some features have been prepared."""
        if done == total:
            self._say(f"features of {total} clips prepared")

    def starting(self, networks: int, at_once: int) -> None:
        """So many networks are to be trained."""
        self._say(f"{networks} to train")

    def epoch(self, part: str, report: Any) -> None:
        """An epoch of one network is over."""
        self._say(f"{part}: epoch {report.epoch} of {report.epochs}, loss {report.loss:.3f}")

    def _say(self, line: str) -> None:
        if self.shown:
            print(line, file=sys.stderr, flush=True)
