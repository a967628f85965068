"""Teaches the two networks of `earmark.speech.boundaries`, on the sentences that the frame classifiers are taught with.

    python -m earmark.training.words.boundaries recipes/words/gru.yaml --out src/earmark/speech/boundaries.npz

Sentences are joined of real words, whose true edges and pauses are known, over real background. The bundled frame
classifiers score them, so the networks see what they will see. Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earmark.events.hysteresis import joined, runs, stretches
from earmark.models.model import Model
from earmark.speech.boundaries import BEYOND, LONGEST_GAP, WITHIN, Evidence, edge_features, gap_features
from earmark.speech.energy import BandMeter, LevelMeter, Span
from earmark.speech.segmentation import SHORTEST_GAP, SHORTEST_SPAN
from earmark.speech.words import classifiers, loaded_classifier
from earmark.training.words import corpus
from earmark.training.words.sentences import BACKGROUND, UNSURE, Cutting, FrameLabels, Mixing, sentence
from earmark.util.atomic import atomic_write
from earmark.util.types import Samples

SENTENCES = ((7, 1200, ("gru",)), (8, 1400, None))
"""Seed, how many, and which classifiers score them; None: all of the bundled ones."""
MIXING = {"room": 0.25, "empty": 0.02, "band": 0.4}  # fewer rooms than for classifiers, as echoes blur true edges
SHORTEST_WORD = 6  # frames
HIGHER_OFF = (0.65, 0.8)
GAP_UNITS, EDGE_UNITS = 16, 40
EXACT_DECIMALS = np.float16  # of the weights in the file


@dataclass(frozen=True)
class Lesson:
    """A sentence as one frame classifier sees it, and its true marks [frames]."""

    known: Evidence
    spans: tuple[list[Span], ...]
    """What reaches the classifier's thresholds; then what is left with a higher lower one, for more gaps."""
    labels: FrameLabels


def lessons(plan: corpus.WordsRecipe, share: float = 1.0) -> Iterator[Lesson]:
    """Sentences of the speakers who train, as classifiers see them; a share of `SENTENCES`."""
    material = corpus.read_material(corpus.divide(plan)[0], plan.front_end.rate, Cutting())  # as a listener hears it
    mixing = plan.mixing.model_copy(update=MIXING)
    for seed, count, names in SENTENCES:
        models = [loaded_classifier(name) for name in names or classifiers()]
        work = partial(_lessons, material, mixing, plan.front_end.rate, models, seed)
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # NumPy and ONNX Runtime let the others work meanwhile
            yield from itertools.chain.from_iterable(pool.map(work, range(round(count * share))))


def _lessons(
    material: corpus.Material, mixing: Mixing, rate: int, models: Sequence[Model], seed: int, number: int
) -> list[Lesson]:
    samples, labels = sentence(
        material.speakers, material.backgrounds, mixing, rate, np.random.default_rng([seed, number])
    )
    return list(scored(samples, labels, rate, models))


def scored(samples: Samples, labels: FrameLabels, rate: int, models: Sequence[Model]) -> Iterator[Lesson]:
    """One sentence as each classifier sees it."""
    loudness, bands = LevelMeter(rate), BandMeter(rate)
    for meter in (loudness, bands):
        meter.add(samples)
    levels, in_bands = loudness.finish(), bands.finish()
    for model in models:
        scores = np.concatenate(list(model.score([samples])))[:, 0]
        yield lesson(model, Evidence(scores, levels, np.asarray(in_bands, np.float32)), labels)


def lesson(model: Model, known: Evidence, labels: FrameLabels) -> Lesson:
    """What a classifier's scores make of a sentence."""
    threshold = model.description.threshold(model.description.labels[0])
    spans = []
    for off in (threshold.off, *(off for off in HIGHER_OFF if off > threshold.off)):
        found = joined(stretches(known.scores, max(threshold.on, off), off), SHORTEST_GAP - 1).tolist()
        spans.append([(a, b) for a, b in found if b - a >= SHORTEST_SPAN])
    return Lesson(known, tuple(spans), labels[: len(known.scores)])


def gaps(some: Iterable[Lesson]) -> Iterator[tuple[NDArray[np.float32], int]]:
    """Features of each gap that is surely one or the other, and 1 for a pause, 0 for a closure."""
    for one in some:
        for left, right in (pair for spans in one.spans for pair in itertools.pairwise(spans)):
            inside = one.labels[left[1] : right[0]]
            if right[0] - left[1] <= LONGEST_GAP and not (inside == UNSURE).any():
                yield gap_features(one.known, left, right), int((inside == BACKGROUND).any())


def edges(some: Iterable[Lesson]) -> Iterator[tuple[NDArray[np.float32], int]]:
    """Features of each edge near a true one, and how many frames further out that is, counted from `-WITHIN`."""
    for one in some:
        true = runs(one.labels != BACKGROUND)
        for span in words(one):
            for side in (0, 1):
                if not len(true):
                    continue
                off = true[:, side] - span[side]
                nearest = int(off[np.abs(off).argmin()]) * (-1 if side == 0 else 1)
                if -WITHIN <= nearest < BEYOND:
                    yield edge_features(one.known, span, side), nearest + WITHIN


def words(one: Lesson) -> list[Span]:
    """Spans, those that no true pause divides as one."""
    spans = one.spans[0]
    found = spans[:1]
    for span in spans[1:]:
        inside = one.labels[found[-1][1] : span[0]]
        if (inside == BACKGROUND).any():
            found.append(span)
        else:
            found[-1] = found[-1][0], span[1]
    return [(first, last) for first, last in found if last - first >= SHORTEST_WORD]


def taught(
    pairs: Iterable[tuple[NDArray[np.float32], int]], units: int, classes: int, balance: float
) -> dict[str, NDArray[np.floating]]:
    """Weights of a perceptron that tells the classes of some features.

    A row counts by the power `-balance` of how many there are of its class: with 1, all classes count the same.
    """
    from sklearn.neural_network import MLPClassifier

    features, answers = zip(*pairs, strict=True)
    network = MLPClassifier(
        (units,), alpha=0.01, batch_size=256, early_stopping=True, n_iter_no_change=5, max_iter=60, random_state=0
    )
    weights = np.bincount(answers, minlength=classes).astype(float)[list(answers)] ** float(-balance)
    network.fit(np.stack(features), np.array(answers), weights / weights.mean())
    (hidden, output), (hidden_bias, output_bias) = network.coefs_, network.intercepts_
    if output.shape[1] == 1:  # one logistic answer: the first of two classes has 0
        output = np.concatenate([np.zeros_like(output), output], axis=1)
        output_bias = np.concatenate([np.zeros_like(output_bias), output_bias])
    weights_of_all, bias_of_all = np.zeros((units, classes)), np.full(classes, -30.0)  # unseen: never the answer
    weights_of_all[:, network.classes_], bias_of_all[network.classes_] = output, output_bias
    kept = {"hidden": hidden, "hidden_bias": hidden_bias, "output": weights_of_all, "output_bias": bias_of_all}
    return {name: values.astype(EXACT_DECIMALS) for name, values in kept.items()}


def fitted(some: Sequence[Lesson]) -> dict[str, NDArray[np.floating]]:
    """Weights of both networks, by their names in the file."""
    both = {
        "gaps": taught(gaps(some), GAP_UNITS, 2, balance=0.5),
        "edges": taught(edges(some), EDGE_UNITS, WITHIN + BEYOND, balance=0.0),
    }
    return {f"{name}_{part}": values for name, weights in both.items() for part, values in weights.items()}


def save(weights: dict[str, NDArray[np.floating]], path: Path) -> None:
    """Write the file that `earmark.speech.boundaries.weights` reads."""
    with atomic_write(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **weights)  # type: ignore[arg-type]


def main() -> None:
    """Make the file anew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--share", type=float, default=1.0, help="of the sentences, to try it")
    options = parser.parse_args()
    some = list(lessons(corpus.load(options.recipe), options.share))
    save(fitted(some), options.out)
    print(f"{options.out}: {options.out.stat().st_size:,} bytes, of {len(some):,} lessons", file=sys.stderr)


if __name__ == "__main__":
    main()
