"""Folders as finished runs leave them behind."""

import json

import yaml

LEFT = {"recipe.yaml", "metrics.json", "predictions.csv", "confusion.png", "curves.png", "model.onnx", "scores.npz"}
"""What a run of one network on clips leaves."""

RECIPE = {
    "name": "esc50",
    "dataset": [{"layout": "esc", "path": "esc50", "options": {}}],
    "split": {"protocol": "folds", "folds": None},
    "front_end": {"kind": "log_mel", "rate": 22050, "bands": 64},
    "augment": {"crop_seconds": 2.5, "gain_db": 10.0, "mixup": 0.2, "mask_frames": 10, "mask_bands": 8, "masks": 2},
    "model": {"network": "compact_cnn", "options": {}},
}


def metrics(accuracies=(0.8, 0.82, 0.84), name="esc50", **more):
    divisions = [
        {"name": f"fold-{n + 1}", "clips": 100, "accuracy": accuracy, "macro_f1": accuracy - 0.01}
        for n, accuracy in enumerate(accuracies)
    ]
    mean = sum(accuracies) / len(accuracies)
    return {
        "recipe": name,
        "date": "2026-01-31",
        "divisions": divisions,
        "accuracy": {"mean": round(mean, 4), "std": 0.01},
        "macro_f1": {"mean": round(mean - 0.01, 4), "std": 0.01},
        "times": {f"fold-{n}": {"median_epoch_seconds": n} for n in (1, 2, 9)},
        "parameters": 1234567,
        **more,
    }


def write_run(folder, figures=None, **sections):
    """A run of `RECIPE` with other sections."""
    folder.mkdir(parents=True)
    figures = metrics() if figures is None else figures
    (folder / "metrics.json").write_text(json.dumps(figures))
    recipe = {**RECIPE, "name": figures.get("recipe", "esc50"), **sections}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    return folder
