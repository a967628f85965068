"""The recipe by which `earmark data label-issues` trains networks of its own: every clip tested once, and soon done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from earmark.datasets import Dataset
from earmark.training import recipe as recipes
from earmark.training.recipe import Recipe

STEPS = 600  # of each network: enough to tell most labels, and few enough to learn no wrong one by heart
MOST_EPOCHS, FEWEST_EPOCHS = 60, 8
CROSS_VALIDATED = ("folds", "stratified")


def quick(dataset: Dataset, part: dict[str, Any], folds: int, overrides: list[str]) -> Recipe:
    """Settings for a dataset of whatever size; `part` says what it is, as in a recipe.

    Raises:
        RecipeError: an override does not fit.
    """
    batch = max(2, min(32, len(dataset.clips) // 8))
    steps = max(1, len(dataset.clips) * (folds - 1) // folds // batch)
    epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, STEPS // steps))
    training = {"batch": batch, "epochs": epochs, "optimizer": "muon", "learning_rate": 0.005, "ema": 0.99}
    content = {"description": "Tells doubtful labels.", "training": training, **_common(dataset, part, folds)}
    return recipes.check(content, dataset.name, overrides)


def of_file(path: Path, dataset: Dataset, part: dict[str, Any], folds: int, overrides: list[str]) -> Recipe:
    """The networks of a recipe, for this dataset. Its split stays if it tests every clip; no other network is trained.

    Raises:
        RecipeError: the recipe cannot be read, or an override does not fit.
    """
    content = recipes.read(path)
    common = _common(dataset, part, folds)
    split = content.get("split")
    if isinstance(split, dict) and split.get("protocol") in CROSS_VALIDATED:
        common["split"] = {key: value for key, value in split.items() if key != "folds"}
    export = {**_section(content, "export"), **common.pop("export")}
    return recipes.check({**content, **common, "export": export}, path, overrides)


def _common(dataset: Dataset, part: dict[str, Any], folds: int) -> dict[str, Any]:
    return {
        "name": f"suspects_{dataset.name}",
        "dataset": [part],
        "split": {"protocol": "stratified", "parts": folds},
        "export": {"final": "measured"},
    }


def _section(content: dict[str, Any], name: str) -> dict[str, Any]:
    section = content.get(name)
    return section if isinstance(section, dict) else {}
