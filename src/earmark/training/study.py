"""Studies: one recipe run in several variants, each by the same protocol, with one table and one picture of all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lightning_fabric import Fabric
from pydantic import model_validator

from earmark.errors import RecipeError
from earmark.plots.metrics import draw_study
from earmark.training import recipe as recipes
from earmark.training.folders import find, write_json
from earmark.training.recipe import Recipe, Section
from earmark.training.run import run
from earmark.training.stages import Listener
from earmark.util.text import SheetWriter

COLUMNS = ("variant", "series", "accuracy", "low", "high", "macro_f1", "divisions", "clips", "copies", "epoch_seconds")


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

    Raises:
        RecipeError: the study, or a variant's recipe, is not what it should be.
    """
    study = recipes.check_as(Study, {"name": path.stem, **recipes.read(path)}, path, [])
    return study, [_recipe(study, variant, path, overrides) for variant in study.variants]


def _recipe(study: Study, variant: Variant, path: Path, overrides: list[str]) -> Recipe:
    base = path.parent / (variant.recipe or study.recipe or "")
    name = f"{study.name}-{variant.name}" + (f"-{variant.series}" if variant.series else "")
    try:
        return recipes.load(base, [*study.changes, *variant.changes, *overrides, f"name={json.dumps(name)}"])
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
