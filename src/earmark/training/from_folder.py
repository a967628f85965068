"""A recipe for a user's own clips, so that `earmark train FOLDER` needs none."""

from __future__ import annotations

from pathlib import Path

from earmark import datasets
from earmark.training import recipe as recipes
from earmark.training.recipe import Recipe

START, ITS_NETWORK = "sounds", "segmenter"  # the bundled model that has heard most
FROM_NOTHING, FROM_THERE = 1500, 400  # steps that a network needs about, however few the clips
MOST_EPOCHS, FEWEST_EPOCHS = 150, 30
OTHER_NETWORK = ("model.network", "model.options", "model=", "front_end")  # overrides that ask for one


def recipe_for(path: Path, overrides: list[str]) -> Recipe:
    """Sensible settings for a folder per class, or another layout, of whatever size.

    The network starts from that of the bundled model `sounds`, so that few clips are enough, unless the overrides
    choose another network, front end or start. The dataset's own folds are left aside: one part of the sources is held
    out, and tells how good the model is; the one that is kept then learns from all clips. The labels are treated as if
    any number could hold at once, so that where none of them sounds, none is marked.
    """
    dataset = datasets.load(None, str(path))
    starts = not any(override.startswith(OTHER_NETWORK) for override in overrides)
    batch = max(2, min(32, len(dataset.clips) // 8))
    steps = max(1, len(dataset.clips) * 4 // 5 // batch)
    wanted, fewest = (FROM_THERE, FEWEST_EPOCHS // 3) if starts else (FROM_NOTHING, FEWEST_EPOCHS)
    content = {
        "name": path.resolve().stem.lower().replace(" ", "_"),
        "description": f"Trained on {path.resolve().name}.",
        "dataset": [{"path": str(path)}],
        "split": {"protocol": "grouped"},
        "augment": {"noise_floor": True, "overlay": 0.3},
        "model": {"network": ITS_NETWORK, "start": START} if starts else {},
        "training": {"batch": batch, "epochs": min(MOST_EPOCHS, max(fewest, -(-wanted // steps)))},
        "export": {"exclusive": False, "final": "all"},
    }
    return recipes.check(content, path, overrides)
