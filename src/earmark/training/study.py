"""Studies: one recipe run in several variants, with one table and one picture of all.

A variant may show a common mistake, `split.protocol=random_after_augmentation`: clips and their copies are shuffled
together and cut into folds, whatever their source. No other recipe can.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from lightning_fabric import Fabric
from pydantic import model_validator

from earmark.errors import RecipeError
from earmark.evaluation.protocol import random_after_augmentation
from earmark.plots.metrics import draw_study
from earmark.training.data import Part, TrainingData, described, divide, final, part_of
from earmark.training.recipe import Recipe, Section, Split
from earmark.training.recipe_files import check_as, read
from earmark.training.run import run
from earmark.training.run_folder import Listener, find, write_json
from earmark.util.text import SheetWriter

LEAK = "random_after_augmentation"
COLUMNS = ("variant", "series", "accuracy", "low", "high", "macro_f1", "divisions", "clips", "copies", "epoch_seconds")


class LeakySplit(Split):
    """A mistake, kept under its own name so that what it does to figures can be shown."""

    protocol: Literal["random_after_augmentation"]  # type: ignore[assignment]


class LeakyRecipe(Recipe):
    """A run whose networks are tested on copies of what trained them."""

    split: LeakySplit

    @model_validator(mode="after")
    def _has_copies(self) -> LeakyRecipe:
        if not self.augment.copies:
            raise ValueError(f"split.protocol: {LEAK} needs augment.copies")
        return self


@divide.register
def _divide_leaky(recipe: LeakyRecipe, data: TrainingData) -> list[Part]:
    labels = [clip.labels[0] if clip.labels else "" for clip in data.clips[: data.originals]]
    rng = np.random.default_rng(recipe.training.seed)
    none = np.empty((0, 2), np.int64)
    mixed = random_after_augmentation(labels, data.copies, recipe.split.parts, rng)
    parts = [part_of(data, division, none) for division in mixed]
    return parts + ([final(data)] if recipe.export.final == "all" else [])


@described.register
def _described_leaky(recipe: LeakyRecipe, tested: int) -> str:
    return f"{LEAK}: clips and copies shuffled into {recipe.split.parts} folds; a mistake, shown as one"


class Variant(Section):
    """One way to run the recipe."""

    name: str
    series: str = ""
    """Variants of one series are drawn in one colour, and those of one name side by side."""
    recipe: str | None = None
    """Another recipe, its path seen from the study's."""
    changes: tuple[str, ...] = ()
    """As on the command line: `section.key=value`."""


class Study(Section):
    """What is compared with what."""

    task: Literal["study"]
    name: str
    description: str = ""
    recipe: str | None = None
    """The recipe of variants that name none."""
    changes: tuple[str, ...] = ()
    """Made to all variants, before their own."""
    variants: list[Variant]

    @model_validator(mode="after")
    def _each_once(self) -> Study:
        keys = [(variant.name, variant.series) for variant in self.variants]
        if len(set(keys)) < len(keys):
            raise ValueError("variants: two have the same name and series")
        if self.recipe is None and any(variant.recipe is None for variant in self.variants):
            raise ValueError("recipe is missing, and a variant has none of its own")
        return self


@dataclass(frozen=True)
class StudyOutcome:
    """What a study left behind: a folder with study.json, table.csv and study.png, and a row for each variant."""

    folder: Path
    rows: list[dict[str, Any]]


def load(path: Path, overrides: list[str]) -> tuple[Study, list[Recipe]]:
    """A study and the recipe of each of its variants; overrides change all of them.

    Raises
    ------
    RecipeError
        The study, or a variant's recipe, is not what it should be.
    """
    study = check_as(Study, {"name": path.stem, **read(path)}, path, [])
    return study, [_recipe(study, variant, path, overrides) for variant in study.variants]


def _recipe(study: Study, variant: Variant, path: Path, overrides: list[str]) -> Recipe:
    base = path.parent / (variant.recipe or study.recipe or "")
    name = f"{study.name}-{variant.name}" + (f"-{variant.series}" if variant.series else "")
    try:
        content = {"name": name, **read(base)}
        own = [*study.changes, *variant.changes]
        changes = [*own, *overrides, f"name={json.dumps(name)}"]
        leaks = any(change.replace(" ", "") == f"split.protocol={LEAK}" for change in own)
        return check_as(LeakyRecipe if leaks else Recipe, content, base, changes)
    except RecipeError as error:
        raise RecipeError(
            f"{path}, variant {variant.name}", f"{error.subject}: {error.reason}", error.remedy
        ) from error


def run_study(
    study: Study,
    plans: list[Recipe],
    out: Path,
    fabric: Fabric,
    listener: Callable[[str], Listener],
    cache: Path | None = None,
    jobs: int = 1,
) -> StudyOutcome:
    """Run every variant that has not been run yet, then write the table and the picture.

    Runs are below `<out>/<study>/`; a variant whose recipe has not changed since is not run again.
    """
    home = out / study.name
    rows = []
    for variant, plan in zip(study.variants, plans, strict=True):
        done = find(home / plan.name, plan.dump(), finished=True)
        if done is None:
            done = run(plan, home, fabric, listener(plan.name), cache, jobs).folder
        rows.append(_row(variant, json.loads((done / "metrics.json").read_text(encoding="utf-8"))))
    if fabric.is_global_zero:
        _write(study, rows, home)
    fabric.barrier()
    return StudyOutcome(home, rows)


def _row(variant: Variant, metrics: dict[str, Any]) -> dict[str, Any]:
    accuracy = metrics["accuracy"]
    interval = accuracy.get("interval") or (None, None)
    times = [part["median_epoch_seconds"] for part in metrics["times"].values()]
    return {
        "variant": variant.name,
        "series": variant.series,
        "accuracy": accuracy["mean"],
        "low": interval[0],
        "high": interval[1],
        "macro_f1": metrics["macro_f1"]["mean"],
        "divisions": [division["accuracy"] for division in metrics["divisions"]],
        "clips": metrics["clips"],
        "copies": metrics["copies"],
        "epoch_seconds": round(sum(times) / len(times), 2),
        "protocol": metrics["protocol"],
        "machine": metrics["machine"],
        "date": metrics["date"],
    }


def _write(study: Study, rows: list[dict[str, Any]], home: Path) -> None:
    write_json(home / "study.json", {"study": study.name, "description": study.description, "variants": rows})
    with (home / "table.csv").open("w", newline="", encoding="utf-8") as file:
        writer = SheetWriter(file)
        writer.writerow(COLUMNS)
        for row in rows:
            values = {**row, "divisions": ";".join(str(value) for value in row["divisions"])}
            writer.writerow(["" if values[column] is None else values[column] for column in COLUMNS])
    draw_study(study.description or study.name, rows, home / "study.png")
