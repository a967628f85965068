"""Recipes that need no file: for a folder of one's own clips, and for finding doubtful labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from earmark import datasets
from earmark.datasets import Dataset
from earmark.datasets.clips import source_of
from earmark.features.frontend import FrontEnd
from earmark.models import negatives
from earmark.training import recipe as recipes
from earmark.training.recipe import BACKBONE, Recipe
from earmark.training.recipe_files import read

START = "sounds"  # the bundled model to go on from where there is no backbone
ITS_OPTIONS = {"width": 0.4, "step": 16, "window": 3, "means": [0, 0.8, 2.4], "hidden": 256, "prior": 1.0}
WITHOUT_BACKBONE = f"model.start={START}"  # the override that asks for it
FROM_NOTHING, FROM_THERE = 1500, 400  # steps that a network needs about, however few the clips
MOST_EPOCHS, FEWEST_EPOCHS = 150, 30
OTHER_NETWORK = ("model.network", "model.options", "model=", "model.start", "front_end")  # overrides that ask for one
PARTS = 5  # of a cross-validation, where each label has as many sources
PENALTY = 3.0  # of the head's weights; chosen, with what else decides, as benchmarks/open_set.py says
SOLVED = {"freeze": True, "optimizer": "ridge", "weight_decay": PENALTY, "negatives": True, "epochs": 1}


def recipe_for(path: Path, overrides: list[str], thorough: bool = False) -> Recipe:
    """Sensible settings for a folder per class, or another layout, of whatever size.

    The backbone `mn04_as`, which has heard AudioSet, stays as it is, and a head for the labels is solved on its
    embeddings, which takes seconds; where it is `thorough`, the backbone is then taught on, and the head solved again.
    Overrides that name another network, front end or start have that trained instead. The dataset's own folds are left
    aside: parts of the sources are held out, and tell how good the model is; the one that is kept then learns from all
    clips. The labels are treated as if any number could hold at once, so that where none of them sounds, none is
    marked.
    """
    dataset = datasets.load(None, str(path))
    content: dict[str, Any] = {
        "name": path.resolve().stem.lower().replace(" ", "_"),
        "description": f"Trained on {path.resolve().name}.",
        "dataset": [{"path": str(path)}],
        "split": {"protocol": "grouped"},
        "export": {"exclusive": False, "final": "all"},
    }
    if any(override.startswith(OTHER_NETWORK) for override in overrides):
        content |= _trained(dataset, overrides)
    else:
        content |= _on_backbone(dataset, thorough)
        if fewest_sources(dataset) >= PARTS:
            content["split"] = {"protocol": "stratified", "parts": PARTS}
    return recipes.check(content, path, overrides)


def _on_backbone(dataset: Dataset, thorough: bool) -> dict[str, Any]:
    """A head on the frozen backbone; or that, the whole taught on, and the head solved again."""
    model = {"network": BACKBONE, "options": dict(negatives.OPTIONS)}
    content: dict[str, Any] = {"front_end": FrontEnd.audioset().to_dict(), "model": model}
    training = {"precision": "32-true"}
    if not thorough:
        return content | {"training": training | SOLVED}
    batch = max(2, min(32, len(dataset.clips) // 4))
    gradual = {
        "batch": batch,
        "epochs": 10,
        "learning_rate": 3e-5,  # at ten times that it marks more of what is nobody's: the negatives are the original's
        "layer_decay": 0.7,
        "batch_norm": "frozen",
        "keep": "audioset",
    }
    augment = {"crop_seconds": 5, "response_db": 6, "mask_frames": 40, "mask_bands": 16, "noise_floor": True}
    return content | {
        "augment": augment,
        "training": training,
        "stages": [{"training": SOLVED}, {"training": gradual}, {"training": SOLVED}],
    }


def _trained(dataset: Dataset, overrides: Sequence[str]) -> dict[str, Any]:
    """The network that the overrides ask for, trained for as long as so many clips need."""
    batch = max(2, min(32, len(dataset.clips) // 8))
    steps = max(1, len(dataset.clips) * 4 // 5 // batch)
    starts = any(override.startswith("model.start") for override in overrides)
    wanted, fewest = (FROM_THERE, FEWEST_EPOCHS // 3) if starts else (FROM_NOTHING, FEWEST_EPOCHS)
    named = any(override.startswith(("model.network", "model=")) for override in overrides)
    training = {"batch": batch, "epochs": min(MOST_EPOCHS, max(fewest, -(-wanted // steps)))}
    if starts and not named:
        return {
            "front_end": FrontEnd.audioset().to_dict(),
            "model": {"network": BACKBONE, "options": ITS_OPTIONS},
            "training": training | {"freeze": True, "precision": "32-true"},
        }
    return {"augment": {"noise_floor": True, "overlay": 0.3}, "training": training}


def fewest_sources(dataset: Dataset) -> int:
    """How many sources the label with the fewest has."""
    named = [(label, source_of(clip)) for clip in dataset.clips for label in clip.labels]
    return min((len({source for own, source in named if own == label}) for label in dataset.labels), default=0)


DOUBT_STEPS = 600  # of each network: enough to tell most labels, and few enough to learn no wrong one by heart
MOST_DOUBT_EPOCHS, FEWEST_DOUBT_EPOCHS = 60, 8
CROSS_VALIDATED = ("folds", "stratified")


def quick(dataset: Dataset, part: dict[str, Any], folds: int, overrides: list[str]) -> Recipe:
    """Settings for a dataset of whatever size; `part` says what it is, as in a recipe.

    Raises
    ------
    RecipeError
        An override does not fit.
    """
    batch = max(2, min(32, len(dataset.clips) // 8))
    steps = max(1, len(dataset.clips) * (folds - 1) // folds // batch)
    epochs = min(MOST_DOUBT_EPOCHS, max(FEWEST_DOUBT_EPOCHS, DOUBT_STEPS // steps))
    training = {"batch": batch, "epochs": epochs, "optimizer": "muon", "learning_rate": 0.005, "ema": 0.99}
    content = {"description": "Tells doubtful labels.", "training": training, **_common(dataset, part, folds)}
    return recipes.check(content, dataset.name, overrides)


def of_file(path: Path, dataset: Dataset, part: dict[str, Any], folds: int, overrides: list[str]) -> Recipe:
    """The networks of a recipe, for this dataset. Its split stays if it tests every clip; no other network is trained.

    Raises
    ------
    RecipeError
        The recipe cannot be read, or an override does not fit.
    """
    content = read(path)
    common = _common(dataset, part, folds)
    split = content.get("split")
    if isinstance(split, dict) and split.get("protocol") in CROSS_VALIDATED:
        common["split"] = {key: value for key, value in split.items() if key != "folds"}
    given = content.get("export")
    export = {**(given if isinstance(given, dict) else {}), **common.pop("export")}
    return recipes.check({**content, **common, "export": export}, path, overrides)


def _common(dataset: Dataset, part: dict[str, Any], folds: int) -> dict[str, Any]:
    return {
        "name": f"suspects_{dataset.name}",
        "dataset": [part],
        "split": {"protocol": "stratified", "parts": folds},
        "export": {"final": "measured"},
    }
