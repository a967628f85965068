"""How well `earmark find` finds what is in real recordings: precision and recall of the search for each label.

    earmark index urbansound8k/ --out us8k.index
    python benchmarks/archive_find_real.py us8k.index urbansound8k/ --out results/archive/urbansound8k.json

A clip of UrbanSound8K counts as found if `find LABEL` gives an event in it; it is right if the clip is of that class.
The dataset tells one class a clip, so other sounds that are really there count as wrong.

The bundled model was trained on these very clips. What that means is shown by networks that never saw the clip that
they are asked of: the runs of the official folds, whose answers lie in results/environment/urbansound8k/earmark. They
are other networks, and answer with the one likeliest label of a clip: how far figures fall is what to look at.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from earmark import datasets
from earmark.archive.querying import Query
from earmark.archive.reading import Index
from earmark.archive.searching import find

ROOT = Path(__file__).parents[1]
UNSEEN = ROOT / "results" / "environment" / "urbansound8k" / "earmark" / "predictions.csv"
BOUNDS = (None, 0.5, 0.8, 0.95)
"""The least scores that are tried; None: all events."""


def figures(found: set[str], wanted: set[str]) -> dict[str, Any]:
    """Counts and shares; None where there is nothing to divide by."""
    right = len(found & wanted)
    return {
        "clips": len(wanted),
        "found": len(found),
        "right": right,
        "precision": round(right / len(found), 3) if found else None,
        "recall": round(right / len(wanted), 3) if wanted else None,
    }


def of_search(index: Index, truth: dict[str, set[str]], least: float | None) -> dict[str, Any]:
    """What the search for each label finds."""
    return {
        label: figures({one.recording for one in find(index, Query((label,), min_score=least))}, clips)
        for label, clips in sorted(truth.items())
    }


def of_unseen(truth: dict[str, set[str]]) -> dict[str, Any]:
    """What networks say of clips that they never saw."""
    predicted = defaultdict(set)
    with UNSEEN.open() as file:
        for row in csv.DictReader(file):
            predicted[row["predicted"]].add(row["path"])
    return {label: figures(predicted[label], clips) for label, clips in sorted(truth.items())}


def mean(by_label: dict[str, Any]) -> dict[str, Any]:
    """Of all labels alike."""
    kept = {key: [one[key] for one in by_label.values() if one[key] is not None] for key in ("precision", "recall")}
    return {key: round(sum(values) / len(values), 3) for key, values in kept.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("index", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    index = Index(options.index)
    truth = defaultdict(set)
    for clip in datasets.load("urbansound8k", options.dataset).clips:
        (label,) = clip.labels
        truth[label].add(clip.path.relative_to(options.dataset).as_posix())
    searches = {str(least or "all"): of_search(index, truth, least) for least in BOUNDS}
    measured = {
        "clips": sum(map(len, truth.values())),
        "model": {"name": index.options.model, "version": index.options.version, "trained_on_these_clips": True},
        "by_least_score": {least: {"mean": mean(found), "labels": found} for least, found in searches.items()},
        "unseen": {"mean": mean(unseen := of_unseen(truth)), "labels": unseen, "from": str(UNSEEN.relative_to(ROOT))},
    }
    if options.out:
        options.out.write_text(json.dumps(measured, indent=1) + "\n")
    for label in sorted(truth):
        seen, other = measured["by_least_score"]["all"]["labels"][label], measured["unseen"]["labels"][label]
        cells = [seen["clips"], seen["found"], seen["precision"], seen["recall"], other["precision"], other["recall"]]
        print(f"| {label} | {' | '.join(map(str, cells))} |")
    for least, found in measured["by_least_score"].items():
        print(least, found["mean"])
    print("unseen", measured["unseen"]["mean"])


if __name__ == "__main__":
    main()
