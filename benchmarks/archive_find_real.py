"""How well `earmark find` finds what is in real recordings: precision and recall of the search for each label.

    earmark index urbansound8k/ --out us8k.index
    python benchmarks/archive_find_real.py us8k.index urbansound8k/ --parts scenes/parts.csv \\
        --out results/archive/urbansound8k.json

A clip of UrbanSound8K counts as found if `find LABEL` gives an event in it; it is right if the clip is of that class.
The dataset tells one class a clip, so other sounds that are really there count as wrong.

Most of these clips taught the bundled model. Those that `--parts` lists in the split `test` did not, nor any other of
their sources, and chose no threshold either: they are counted by themselves.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from earmark import datasets
from earmark.archive.database import Index
from earmark.archive.search import Query, find
from earmark.datasets import tables

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


def of_search(index: Index, truth: dict[str, set[str]], among: set[str], least: float | None = None) -> dict[str, Any]:
    """What the search for each label finds among some clips."""
    return {
        label: figures({one.recording for one in find(index, Query((label,), min_score=least))} & among, clips & among)
        for label, clips in sorted(truth.items())
    }


def mean(by_label: dict[str, Any]) -> dict[str, Any]:
    """Of all labels alike."""
    kept = {key: [one[key] for one in by_label.values() if one[key] is not None] for key in ("precision", "recall")}
    return {key: round(sum(values) / len(values), 3) for key, values in kept.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("index", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--parts", type=Path, required=True, help="the table of the clips that scenes were made of")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    index = Index(options.index)
    truth = defaultdict(set)
    for clip in datasets.load("urbansound8k", options.dataset).clips:
        (label,) = clip.labels
        truth[label].add(clip.path.relative_to(options.dataset).as_posix())
    everything = set().union(*truth.values())
    tested = {clip.path.name for clip in tables.read_clips(options.parts, split="test", exclusive=False).clips}
    unseen = {name for name in everything if Path(name).name in tested}
    searches = {str(least or "all"): of_search(index, truth, everything, least) for least in BOUNDS}
    alone = of_search(index, truth, unseen)
    measured = {
        "clips": len(everything),
        "model": {"name": index.options.model, "version": index.options.version},
        "by_least_score": {least: {"mean": mean(found), "labels": found} for least, found in searches.items()},
        "unseen": {"clips": len(unseen), "mean": mean(alone), "labels": alone},
    }
    if options.out:
        options.out.write_text(json.dumps(measured, indent=1) + "\n")
    for label in sorted(truth):
        seen, other = measured["by_least_score"]["all"]["labels"][label], measured["unseen"]["labels"][label]
        cells = [*seen.values(), *other.values()]
        print(f"| {label} | {' | '.join(map(str, cells))} |")
    for least, found in measured["by_least_score"].items():
        print(least, found["mean"])
    print("unseen", measured["unseen"]["mean"])


if __name__ == "__main__":
    main()
