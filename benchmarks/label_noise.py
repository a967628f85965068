"""How many wrong labels `earmark data label-issues` finds: some of ESC-50's are made wrong, and its ranking is checked.

    python benchmarks/label_noise.py --data-dir DATA --out results/environment/suspects

With 8 % of the labels replaced by others, drawn by a seeded generator, networks are trained and tested on the official
folds by the labels as they then are: nothing in training or ranking knows which are wrong. Only what this file counts
at the end does. Some ten minutes on one core; a run that was interrupted is taken up. With `--run FOLDER` a finished
run of this file is counted again.

Beside the ranking in use, by self-confidence, those that confident learning knows as well are counted: by normalised
margin, and the labels that the confident joint takes for wrong first. Self-confidence was chosen after a look at the
first fold of this experiment with a larger network, which held 29 of the 160 wrong labels.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from earmark import __version__, datasets
from earmark.cli.progress import TrainingProgress
from earmark.datasets import Dataset, tables
from earmark.evaluation import held_out_scores
from earmark.evaluation.label_issues import Ranking, rank
from earmark.training import recipe as recipes
from earmark.training import run
from earmark.training.recipe import Recipe
from earmark.training.trainer import start_fabric
from earmark.util.machine import in_words, machine

SHARE, SEED = 0.08, 0
LOOKED_AT = (0.05, 0.10, 0.15, 0.20)
NETWORK = (
    "split.protocol=folds",
    "model.options={width: 16}",
    "training={epochs: 12, learning_rate: 0.005, optimizer: muon, ema: 0.99}",
)

Positions = NDArray[np.int64]
Flags = NDArray[np.bool_]


def flip(dataset: Dataset, share: float, rng: np.random.Generator) -> tuple[Dataset, Positions]:
    """The dataset with a share of its labels replaced by another label each; which clips these are, sorted."""
    count = round(share * len(dataset.clips))
    chosen = np.sort(rng.choice(len(dataset.clips), count, replace=False))
    clips = list(dataset.clips)
    for i in chosen:
        others = [label for label in dataset.labels if label not in clips[i].labels]
        clips[i] = replace(clips[i], labels=(str(rng.choice(others)),))
    return dataset.with_clips(clips), chosen


def train(flipped: Path, runs: Path, cache: Path | None) -> Path:
    """Networks for the five folds of a table; the run's folder."""
    plan = recipe_for(flipped)
    with TrainingProgress() as progress:
        return run.run(plan, runs, start_fabric(plan, "cpu", "1"), progress, cache).folder


def recipe_for(flipped: Path) -> Recipe:
    content = {"name": "label_noise", "dataset": [{"path": str(flipped)}]}
    return recipes.check(content, flipped, list(NETWORK))


def measure(flipped: Dataset, true: Dataset, wrong: Positions, listed: Path, folder: Path) -> dict[str, Any]:
    """The figures of a run, and the curve of each ranking."""
    held_out = held_out_scores.load(folder)
    scores = held_out.scores[held_out.find(flipped.clips, listed)]
    column = {label: i for i, label in enumerate(held_out.labels)}
    label, truth = (np.array([column[clip.labels[0]] for clip in one.clips]) for one in (flipped, true))
    is_wrong = np.zeros(len(label), bool)
    is_wrong[wrong] = True
    ranking = rank(scores, np.eye(len(column), dtype=bool)[label], exclusive=True)
    return {
        "clips": len(label),
        "wrong": len(wrong),
        "seed": SEED,
        "accuracy": {
            "by_the_labels_given": round(float((scores.argmax(1) == label).mean()), 4),
            "by_the_true_labels": round(float((scores.argmax(1) == truth).mean()), 4),
        },
        "rankings": {name: figures(order, is_wrong) for name, order in orders(ranking, scores, label).items()},
        "confident_joint": taken_for_wrong(ranking, is_wrong),
        "wrong_labels_whose_guess_is_right": round(float((ranking.suggested.argmax(1) == truth)[wrong].mean()), 4),
    }


def orders(ranking: Ranking, scores: NDArray[np.float32], label: Positions) -> dict[str, Positions]:
    """Clips from the most doubtful down, by several rankings; the first is the one in use."""
    margin = normalised_margin(scores, label)
    return {
        "self_confidence": ranking.order,
        "normalised_margin": np.argsort(margin, kind="stable"),
        "confident_joint_first": np.lexsort((margin, ~ranking.is_issue)),
    }


def normalised_margin(scores: NDArray[np.float32], label: Positions) -> NDArray[np.float64]:
    """How far a label's probability lies above the best other one's, from 0 (below by 1) to 1 (above by 1) [clips]."""
    rows = np.arange(len(label))
    others = scores.astype(float).copy()
    own = others[rows, label]
    others[rows, label] = -np.inf
    best = others.max(1) if others.shape[1] > 1 else np.zeros(len(label))
    return np.asarray((own - best + 1) / 2, np.float64)


def figures(order: Positions, is_wrong: Flags) -> dict[str, Any]:
    """Recall and precision where some share of all clips is looked at."""
    found = np.cumsum(is_wrong[order])
    seen = {f"{share:.0%}": round(share * len(order)) for share in LOOKED_AT}
    return {
        "recall": {share: round(float(found[n - 1] / is_wrong.sum()), 4) for share, n in seen.items()},
        "precision": {share: round(float(found[n - 1] / n), 4) for share, n in seen.items()},
        "curve": [int(found[n - 1]) for n in range(len(order) // 100, len(order) + 1, len(order) // 100)],
    }


def taken_for_wrong(ranking: Ranking, is_wrong: Flags) -> dict[str, float | int]:
    hits = int((ranking.is_issue & is_wrong).sum())
    return {
        "clips": int(ranking.is_issue.sum()),
        "precision": round(hits / max(1, int(ranking.is_issue.sum())), 4),
        "recall": round(hits / int(is_wrong.sum()), 4),
        "estimated_share_of_wrong_labels": round(ranking.wrong, 4),
    }


def draw(content: dict[str, Any], path: Path) -> None:
    """Wrong labels found over clips looked at."""
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for name, one in content["rankings"].items():
        share = [0, *(100 * n / content["wrong"] for n in one["curve"])]
        axes.plot(range(len(share)), share, label=name.replace("_", " "))
    axes.plot([0, 100], [0, 100], color="0.6", linestyle=":", label="at random")
    axes.plot([15], [60], marker="+", color="k", markersize=12, linestyle="none", label="asked: 60 % in the top 15 %")
    axes.set_xlim(0, 50)
    axes.set_ylim(0, 101)
    axes.set_xlabel("% of the clips looked at, the most doubtful first")
    axes.set_ylabel("% of the wrong labels found")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=110)


def asked_for(description: str | None) -> argparse.Namespace:
    """What the command line says; datasets are then looked for where it says."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--run", type=Path)
    parser.add_argument("--cache", type=Path)
    asked = parser.parse_args()
    os.environ["EARMARK_DATA"] = str(asked.data_dir.resolve())
    torch.set_num_threads(1)
    return asked


def flipped_esc50(runs: Path) -> tuple[Dataset, Dataset, Any, Path]:
    """ESC-50 as it is, with wrong labels among its own, which are wrong, and the table of these, written to `runs`."""
    true = datasets.load("esc", "esc50")
    flipped, wrong = flip(true, SHARE, np.random.default_rng(SEED))
    runs.mkdir(parents=True, exist_ok=True)
    listed = runs / "esc50_flipped.csv"
    tables.write_clips(flipped, listed)
    return true, flipped, wrong, listed


def main() -> None:
    asked = asked_for(__doc__)
    true, flipped, wrong, listed = flipped_esc50(asked.runs)
    folder = asked.run or train(listed, asked.runs, asked.cache)
    content = {
        "command": "python benchmarks/label_noise.py --data-dir DATA --out results/environment/suspects",
        "date": datetime.now(UTC).date().isoformat(),
        "earmark": __version__,
        "machine": in_words(machine()),
        "network": ["compact_cnn", *NETWORK],
        **measure(flipped, true, wrong, listed, folder),
    }
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "label_noise.json").write_text(json.dumps(content, indent=1) + "\n")
    draw(content, asked.out / "label_noise.png")
    print(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
