"""How fast `earmark find --review` learns a sound: average precision by answers, with truth in place of a person.

    python benchmarks/archive_review.py my.index --data data/ --names '{"urbansound8k": "us8k"}' \\
        --out results/archive/review.json

The index is that of `archive_alike.py`. A class is begun with one example from one half of the recordings (ESC-50's
folds 1 to 3, UrbanSound8K's fold 1), and asked about in that half alone, ten seconds a round; the other half, of which
nothing was asked, is put in order by each recording's best second. The mean of all classes, one run of each. The
precision that a random sample of 30 tells is compared with that of all that the head marks in the half that was asked.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from archive_alike import DATASETS, LEAST, Part, ranked

from earmark.archive.database import Index
from earmark.archive.embeddings import Store
from earmark.archive.review import Answer, Answers, Pool, Review, Second
from earmark.archive.similarity import direction

ANSWERS = (0, 10, 20, 50, 100)
ROUND = 10
SAMPLE = 30


def asked_half(dataset: str, folder: Path, name: str) -> set[str]:
    """The recordings that are asked about."""
    if dataset == "esc50":
        rows = csv.DictReader((folder / "meta" / "esc50.csv").open())
        return {f"{name}/{row['filename']}" for row in rows if int(row["fold"]) <= 3}
    rows = csv.DictReader((folder / "metadata" / "UrbanSound8K.csv").open())
    return {f"{name}/fold1/{Path(row['slice_file_name']).stem}.opus" for row in rows if row["fold"] == "1"}


def learned(
    store: Store, part: Part, pool: Pool, label: str, asked: np.ndarray, seed: int
) -> tuple[list[tuple[float, float]], tuple[float, float] | None]:
    """Precision at ten and average precision after each number of answers; sampled and true precision."""
    rng = np.random.default_rng(seed)
    truth = dict(zip(part.names, part.truth.tolist(), strict=True))
    example = rng.choice(np.flatnonzero((part.truth == label) & asked))
    figures, mine = [], part.truth[~asked] == label
    with tempfile.TemporaryDirectory() as folder:
        wanted = direction([part.rows[example]], [], part.centre)
        review = Review(store, pool, wanted, Answers(Path(folder) / "answers.jsonl"), rng)

        def answer(seconds: list[Second], sample: int | None = None) -> None:
            said = [
                Answer(one.recording, one.second, "yes" if truth[one.recording] == label else "no", sample)
                for one in seconds
            ]
            review.add(said)

        for number in ANSWERS:
            while len(review.answers) < number:
                answer(review.candidates(min(ROUND, number - len(review.answers))))
            figures.append(ranked(part.by(review.head.weights)[~asked], mine))
        marked = np.flatnonzero(pool.log_odds(review.head) >= 0)
        names = [pool.names[pool.recording[row]] for row in marked if pool.at(int(row)) not in review.answers]
        answer(review.sample(SAMPLE), review.fitted_to)
        told = review.answers.precision
    if told is None:
        return figures, None
    return figures, (told.value, float(np.mean([truth[name] == label for name in names])))


def measured(store: Store, part: Part, asked_names: set[str], limit: int | None) -> dict[str, Any]:
    """All classes of one dataset."""
    asked = np.array([name in asked_names for name in part.names], bool)
    pool = Pool(store, np.random.default_rng(0))
    kept = np.array([name in asked_names for name in pool.names], bool)[pool.recording]
    pool.recording, pool.second, pool.rows = pool.recording[kept], pool.second[kept], pool.rows[kept]
    labels, counts = np.unique(part.truth[asked], return_counts=True)
    classes = [str(label) for label, count in zip(labels, counts, strict=True) if count >= LEAST]
    found = {label: learned(store, part, pool, label, asked, 7) for label in classes[:limit]}
    samples = [precision for _, precision in found.values() if precision is not None]
    return {
        "classes": len(found),
        "recordings_asked": int(asked.sum()),
        "recordings_measured": int((~asked).sum()),
        "after_answers": {
            str(number): dict(
                zip(
                    ("precision_at_10", "average_precision"),
                    np.round(np.mean([figures[place] for figures, _ in found.values()], axis=0), 3).tolist(),
                    strict=True,
                )
            )
            for place, number in enumerate(ANSWERS)
        },
        "sampled_precision": {
            "classes": len(samples),
            "told": round(float(np.mean([told for told, _ in samples])), 3),
            "true": round(float(np.mean([true for _, true in samples])), 3),
            "mean_difference": round(float(np.mean([abs(told - true) for told, true in samples])), 3),
        },
        "by_class": {
            label: [round(average, 3) for _, average in figures] for label, (figures, _) in sorted(found.items())
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("index", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the datasets")
    parser.add_argument("--names", type=json.loads, default={}, help="of the folders in the index, by dataset, as JSON")
    parser.add_argument("--classes", type=int, help="so many of each dataset alone")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    index = Index(options.index)
    store = Store(options.index, index.options)
    results: dict[str, Any] = {
        "embeddings_by": {"model": Path(index.options.embedder).stem, "version": index.options.embedder_version}
    }
    for dataset in ("esc50", "urbansound8k"):
        read = DATASETS[dataset]
        name = options.names.get(dataset, dataset)
        part = Part(store, read(options.data / dataset, name))
        half = asked_half(dataset, options.data / dataset, name)
        results[dataset] = measured(store, part, half, options.classes)
        print(dataset, json.dumps(results[dataset]["after_answers"]), results[dataset]["sampled_precision"], flush=True)
    if options.out:
        options.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
