"""How well `earmark find --like` finds by example: precision at 10 and average precision, beside labels alone.

    earmark index recordings/ --out my.index --model sounds.onnx
    python benchmarks/archive_alike.py my.index --data data/ --names '{"urbansound8k": "us8k"}' \\
        --out results/archive/alike.json

The index is of a folder that holds the datasets' audio in folders of their names, or of others by `--names`. For each
class, examples are drawn (ten times one, five times five) from its clips; the recordings of the dataset are put in
order by their best second, without the examples. Labels alone put them in order by the highest score in a second of the
label of that name, or of AudioSet's classes that stand for it. Sounds beside a clip's class count as wrong.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from earmark.archive.database import SECONDS, Index
from earmark.archive.embeddings import Store
from earmark.archive.similarity import direction, scores
from earmark.archive.vectors import Vectors
from earmark.labels import audioset, canonical, normalise
from earmark.util.types import Array

DRAWS = {1: 10, 5: 5}
"""How often so many examples are drawn for each class."""

LEAST = 10  # clips of a class that is measured


class Part:
    """The recordings of one dataset in an index, in memory: names, what each is, and their vectors."""

    def __init__(self, store: Store, truth: dict[str, str]) -> None:
        self.names: list[str] = []
        rows: list[Vectors] = []
        for batch in store.batches:
            places = store.places(batch)
            vectors = np.concatenate(list(store.vectors(batch)))
            for code, name in enumerate(places.names):
                if name in truth and (mine := vectors[places.recording == code]).size:
                    self.names.append(name)
                    rows.append(mine)
        self.rows = rows
        self.first = np.cumsum([0, *map(len, rows)])[:-1]
        self.vectors = np.concatenate(rows)
        self.truth = np.array([truth[name] for name in self.names])
        self.centre = store.centre

    def by(self, wanted: Array) -> Array:
        """The best score of each recording."""
        return np.maximum.reduceat(scores(self.vectors, wanted, self.centre), self.first)


def ranked(score: Array, right: Array) -> tuple[float, float]:
    """Precision at ten and average precision."""
    hits = right[np.argsort(-score, kind="stable")]
    places = np.flatnonzero(hits)
    return float(hits[:10].mean()), float(np.mean((np.arange(len(places)) + 1) / (places + 1)))


def by_example(part: Part, classes: list[str], number: int) -> dict[str, tuple[float, float]]:
    """The mean over draws, by class."""
    rng = np.random.default_rng(number)
    found = {}
    for label in classes:
        clips = np.flatnonzero(part.truth == label)
        figures = []
        for _ in range(DRAWS[number]):
            examples = rng.choice(clips, number, replace=False)
            others = np.setdiff1d(np.arange(len(part.names)), examples)
            score = part.by(direction([part.rows[one] for one in examples], [], part.centre))
            figures.append(ranked(score[others], part.truth[others] == label))
        precision, average = np.mean(figures, axis=0).tolist()
        found[label] = (precision, average)
    return found


def by_label(index: Index, part: Part, classes: list[str]) -> dict[str, tuple[float, float]]:
    """For the classes that the model knows; recordings without a score are last, in an order drawn at random."""
    rng = np.random.default_rng(0)
    found = {}
    for label in classes:
        names = ({label} | _standing_for(label)) & set(index.options.labels)
        if not names:
            continue
        sql = f"SELECT recording, max(score) FROM {SECONDS} WHERE list_contains($labels, label) GROUP BY 1"
        highest = dict(index.rows(sql, {"labels": sorted(names)}))
        score = np.array([highest.get(name, -rng.random()) for name in part.names], np.float32)
        found[label] = ranked(score, part.truth == label)
    return found


def _standing_for(label: str) -> set[str]:
    wanted = audioset.canonical_classes().get(label, ())
    names = {one.name for one in audioset.classes() if one.id in wanted}
    return names | {normalise(name) for name in names}


def summary(found: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """Means of all classes alike, and each."""
    if not found:
        return {"classes": 0, "mean": None, "by_class": {}}
    precision, average = np.mean(list(found.values()), axis=0)
    each = {label: _named(*figures) for label, figures in found.items()}
    return {"classes": len(found), "mean": _named(float(precision), float(average)), "by_class": each}


def _named(precision: float, average: float) -> dict[str, float]:
    return {"precision_at_10": round(precision, 3), "average_precision": round(average, 3)}


def measured(index: Index, part: Part) -> dict[str, Any]:
    """All of one dataset."""
    labels, counts = np.unique(part.truth, return_counts=True)
    classes = [str(label) for label, count in zip(labels, counts, strict=True) if count >= LEAST]
    return {
        "recordings": len(part.names),
        "seconds": len(part.vectors),
        "labels": summary(by_label(index, part, classes)),
        **{f"like_{number}": summary(by_example(part, classes, number)) for number in DRAWS},
    }


def esc50(folder: Path, name: str) -> dict[str, str]:
    """What each recording is."""
    rows = csv.DictReader((folder / "meta" / "esc50.csv").open())
    return {f"{name}/{row['filename']}": canonical("esc50", row["category"]) for row in rows}


def urbansound8k(folder: Path, name: str) -> dict[str, str]:
    """Likewise."""
    rows = csv.DictReader((folder / "metadata" / "UrbanSound8K.csv").open())
    return {
        f"{name}/fold{row['fold']}/{Path(row['slice_file_name']).stem}.opus": canonical("urbansound8k", row["class"])
        for row in rows
    }


def foreign(folder: Path, name: str) -> dict[str, str]:
    """Likewise: recordings of other origins, a table of clips for each."""
    return {
        f"{name}/{table.parent.name}/{row['path']}": row["labels"].split(";")[0]
        for table in sorted(folder.glob("*/clips.csv"))
        for row in csv.DictReader(table.open())
    }


DATASETS = {"esc50": esc50, "urbansound8k": urbansound8k, "foreign": foreign}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("index", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the datasets")
    parser.add_argument("--names", type=json.loads, default={}, help="of the folders in the index, by dataset, as JSON")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    index = Index(options.index)
    store = Store(options.index, index.options)
    results: dict[str, Any] = {
        "labels_by": {"model": Path(index.options.model).stem, "version": index.options.version},
        "embeddings_by": {"model": Path(index.options.embedder).stem, "version": index.options.embedder_version},
    }
    for dataset, read in DATASETS.items():
        part = Part(store, read(options.data / dataset, options.names.get(dataset, dataset)))
        results[dataset] = measured(index, part)
        for name, row in results[dataset].items():
            if isinstance(row, dict):
                print(dataset, name, row["classes"], row["mean"], flush=True)
    if options.out:
        options.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
