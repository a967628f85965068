"""What makes a frame classifier right? One change after the other, from the system that Earmark's words go back to.

    python benchmarks/words_ablation.py TEST_FOLDER --out results/words

TEST_FOLDER holds recordings with their words' times beside them (see docs/words.md). Two classifiers, least squares and
a perceptron of three hidden layers, are trained on the corpus of recipes/words/corpus.yaml, smaller, and in six ways.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from earmark import media
from earmark.datasets.ground_truth import find_truths
from earmark.evaluation.frame_metrics import Confusion, confusion
from earmark.evaluation.words import frames_of
from earmark.training.folders import machine
from earmark.training.networks.frame_classifiers import LocalLevels, stacked
from earmark.training.words import corpus, recipe
from earmark.training.words.pieces import SPEECH, UNSURE
from earmark.training.words.recipe import Mixing
from earmark.training.words.sentences import sentence

SENTENCES = 400
FRAMES = 300_000  # drawn for the perceptron
CLEAN = {"clean": 1.0, "empty": 0.0, "room": 0.0, "band": 0.0, "voice": 0.0, "long_pause": 0.0}

Matrix = NDArray[np.float32]
View = Callable[[torch.Tensor], torch.Tensor]
"""What a classifier sees of log-mel [1, frames, bands]: [1, frames, inputs]."""


def raw(features: torch.Tensor) -> torch.Tensor:
    """One frame, decibels as they are."""
    return features / 20


def local(features: torch.Tensor) -> torch.Tensor:
    """One frame, relative to what is around."""
    return LocalLevels()(features)


def around(features: torch.Tensor) -> torch.Tensor:
    """Eleven frames, relative to what is around."""
    return stacked(LocalLevels()(features))


STEPS: list[tuple[str, bool, bool, bool, View]] = [
    # what changes; pauses are background; mixed; intercept; view
    ("every frame of a speech file is speech, nothing is mixed, no intercept", False, False, False, raw),
    ("with an intercept", False, False, True, raw),
    ("pauses in speech are background", True, False, True, raw),
    ("speech is mixed with background, in rooms and bands", True, True, True, raw),
    ("levels are relative to what is around", True, True, True, local),
    ("eleven frames are seen at once", True, True, True, around),
]


def training_sentences(
    material: corpus.Material, front_end: recipe.FrontEnd, pauses: bool, mixed: bool
) -> list[tuple[Matrix, NDArray[np.uint8]]]:
    """Features and marks of sentences; unmixed, every other one is background alone."""
    made = []
    for number in range(SENTENCES):
        silent = number % 2 == 1
        mixing = Mixing() if mixed else Mixing(**(CLEAN | {"empty": 1.0 if silent else 0.0}))
        rng = np.random.default_rng([7, number])
        samples, marks = sentence(material.speakers, material.backgrounds, mixing, front_end.rate, rng)
        if not (pauses or mixed or silent):
            marks = np.full_like(marks, SPEECH)
        made.append((front_end.features(samples), marks))
    return made


@torch.no_grad()
def frames(made: list[tuple[Matrix, NDArray[np.uint8]]], view: View) -> tuple[Matrix, Matrix]:
    """Inputs [frames, inputs] and targets [frames] of all certain frames."""
    inputs, targets = [], []
    for features, marks in made:
        seen = view(torch.from_numpy(features)[None])[0].numpy()[: len(marks)]
        certain = marks[: len(seen)] != UNSURE
        inputs.append(seen[certain])
        targets.append((marks[: len(seen)][certain] == SPEECH).astype(np.float32))
    return np.concatenate(inputs), np.concatenate(targets)


def least_squares(inputs: Matrix, targets: Matrix, intercept: bool) -> Callable[[Matrix], NDArray[np.bool_]]:
    """Speech where the answer nearest to 1 for speech and 0 for background is at least 0.5."""

    def design(some: Matrix) -> NDArray[np.float64]:
        return np.hstack([some, np.full((len(some), 1), float(intercept))]).astype(np.float64)

    gram = design(inputs).T @ design(inputs)
    gram[np.diag_indices(len(gram))] += 1e-6 * np.trace(gram) / len(gram)
    weights = np.linalg.solve(gram, design(inputs).T @ targets)
    return lambda some: design(some) @ weights >= 0.5


def perceptron(inputs: Matrix, targets: Matrix, intercept: bool) -> Callable[[Matrix], NDArray[np.bool_]]:
    """Three hidden layers of 128, 64 and 32 units; `intercept` standardises the inputs."""
    rng = np.random.default_rng(0)
    mean, deviation = (inputs.mean(0), inputs.std(0) + 1e-3) if intercept else (np.float32(0), np.float32(1))
    chosen = rng.permutation(len(inputs))[:FRAMES]
    x = torch.from_numpy((inputs[chosen] - mean) / deviation)
    y = torch.from_numpy(targets[chosen])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = [x.shape[1], 128, 64, 32]
        hidden = [layer for a, b in itertools.pairwise(sizes) for layer in (nn.Linear(a, b), nn.ReLU())]
        network = nn.Sequential(*hidden, nn.Linear(32, 1))
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    for _ in range(4):
        for batch in np.array_split(rng.permutation(len(x)), len(x) // 512):
            loss = nn.functional.binary_cross_entropy_with_logits(network(x[batch])[:, 0], y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return lambda some: network(torch.from_numpy((some - mean) / deviation)).detach().numpy()[:, 0] >= 0


def test_recordings(folder: Path, front_end: recipe.FrontEnd) -> Iterator[tuple[str, Matrix, NDArray[np.bool_]]]:
    """Condition, features and truth of each recording."""
    for path, truth in find_truths(folder):
        features = front_end.features(media.read(path, front_end.rate))
        speech = frames_of(truth.words, truth.duration)[: len(features)]
        yield path.parent.name, features[: len(speech)], speech


@torch.no_grad()
def accuracies(
    classify: Callable[[Matrix], NDArray[np.bool_]], view: View, tests: list[tuple[str, Matrix, NDArray[np.bool_]]]
) -> dict[str, float]:
    """Frame accuracy in each condition."""
    totals: dict[str, Confusion] = {}
    for condition, features, truth in tests:
        found = classify(view(torch.from_numpy(features)[None])[0].numpy())
        totals[condition] = totals.get(condition, Confusion()) + confusion(found, truth)
    return {condition: round(total.accuracy, 4) for condition, total in sorted(totals.items())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", type=Path, default=Path("recipes/words/gru.yaml"))
    parser.add_argument("--out", type=Path, default=Path("results/words"))
    options = parser.parse_args()
    plan = recipe.load(options.recipe)
    material = corpus.read_material(corpus.divide(plan)[0], plan.front_end.rate)
    tests = list(test_recordings(options.folder, plan.front_end))
    rows = []
    for change, pauses, mixed, intercept, view in STEPS:
        made = training_sentences(material, plan.front_end, pauses, mixed)
        inputs, targets = frames(made, view)
        row: dict[str, object] = {"change": change}
        for name, fit in (("least_squares", least_squares), ("mlp", perceptron)):
            row[name] = accuracies(fit(inputs, targets, intercept), view, tests)
        rows.append(row)
        print(json.dumps(row), flush=True)
    result = {"date": datetime.now(UTC).date().isoformat(), "machine": machine(), "sentences": SENTENCES, "steps": rows}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "ablation.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
