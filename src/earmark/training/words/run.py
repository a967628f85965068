"""A whole training run of a frame classifier: sentences, training, thresholds, figures, model file; resumable."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from earmark._version import __version__
from earmark.errors import RecipeError
from earmark.evaluation import frame_metrics
from earmark.models.model import Description, Threshold
from earmark.plots.metrics import draw_training_curves
from earmark.training import networks
from earmark.training.export import export, round_weights
from earmark.training.folders import Outcome, finished, machine, opened, write_json
from earmark.training.networks.frame_classifiers import FrameClassifier, LinearFrames, StackedFrames
from earmark.training.words import corpus, linear
from earmark.training.words.corpus import Chosen, Sentences
from earmark.training.words.fit import WordsEpoch, answers, fit, local_levels
from earmark.training.words.pieces import SPEECH, UNSURE
from earmark.training.words.recipe import WordsRecipe
from earmark.training.words.thresholds import choose

LABEL = "speech"
EVEN = 0.5  # the score that divides frames where figures of single frames are given: scores are probabilities


class Listener(Protocol):
    """Hears how a run goes on."""

    def preparing(self, done: int, total: int) -> None:
        """Some sentences have been made."""

    def epoch(self, part: str, report: WordsEpoch) -> None:
        """An epoch is over."""


def run(recipe: WordsRecipe, out: Path, listener: Listener, cache: Path | None = None) -> Outcome:
    """Carry out a recipe; take up an unfinished run of the same recipe where there is one.

    Files are in `<out>/<recipe>/<time>/` once all is done, in a folder ending in `.partial` before.
    """
    training, validating = corpus.divide(recipe)
    with opened(out / recipe.name, recipe.dump()) as folder:
        network = _build(recipe)
        held_out = local_levels(network, _sentences(recipe, validating, recipe.validation.sentences, listener, cache))
        history = _train(recipe, network, training, held_out, folder, listener, cache)
        metrics = _measure(recipe, network, training, validating, held_out)
        if history:
            metrics["epochs"] = [[round(e.loss, 4), round(e.validation, 4)] for e in history]
            curves = {"training": [e.loss for e in history], "validation": [e.validation for e in history]}
            draw_training_curves(curves, folder / "curves.png")
        export(network, _describe(recipe, network, metrics), folder / "model.onnx")
        write_json(folder / "metrics.json", metrics)
        shutil.rmtree(folder / "work", ignore_errors=True)
        done = finished(folder)
    return Outcome(done, done / "model.onnx", json.loads((done / "metrics.json").read_text()))


def _build(recipe: WordsRecipe) -> FrameClassifier:
    with torch.random.fork_rng():
        torch.manual_seed(recipe.training.seed)
        network = networks.build(recipe.model.network, recipe.front_end.size, 1, recipe.model.options)
    if not isinstance(network, FrameClassifier):
        known = ", ".join(name for name, kind in networks.NETWORKS.items() if issubclass(kind, FrameClassifier))
        raise RecipeError(f"model.network: {recipe.model.network}", "classifies no frames", f"choose among {known}")
    return network


def _sentences(recipe: WordsRecipe, chosen: Chosen, count: int, listener: Listener, cache: Path | None) -> Sentences:
    return corpus.prepare(recipe, chosen, count, cache, listener.preparing)


def _train(
    recipe: WordsRecipe,
    network: FrameClassifier,
    training: Chosen,
    held_out: Sentences,
    folder: Path,
    listener: Listener,
    cache: Path | None,
) -> list[WordsEpoch]:
    """Train in place, unless an earlier try did; how its epochs went, if it has any."""
    weights = folder / "work" / "network.pt"
    if weights.exists():
        network.load_state_dict(torch.load(weights, weights_only=True))
        return []
    sentences = local_levels(network, _sentences(recipe, training, recipe.train.sentences, listener, cache))
    if isinstance(network, StackedFrames):
        linear.standardise(network, sentences)
    history = []
    if isinstance(network, LinearFrames):
        _solve(recipe, network, sentences, held_out)
    else:
        history = fit(
            network,
            recipe.training,
            sentences,
            held_out,
            folder / "work" / "checkpoint.pt",
            lambda epoch: listener.epoch(recipe.model.network, epoch),
        )
    round_weights(network)
    return history


def _solve(recipe: WordsRecipe, network: LinearFrames, sentences: Sentences, held_out: Sentences) -> None:
    if recipe.model.network == "least_squares":
        linear.fit_least_squares(network, sentences, held_out)
    else:
        linear.fit_svm(network, sentences, held_out, np.random.default_rng(recipe.training.seed))


def _measure(
    recipe: WordsRecipe, network: FrameClassifier, training: Chosen, validating: Chosen, held_out: Sentences
) -> dict[str, Any]:
    """Figures on the validation sentences, which chose the thresholds and tell nothing of how well words are found."""
    logits = answers(network, held_out)
    scores = np.asarray(1 / (1 + np.exp(-logits)), np.float32)
    threshold = choose(scores, held_out.marks)
    certain = held_out.marks != UNSURE
    measured = frame_metrics.measure(scores[certain], held_out.marks[certain] == SPEECH, EVEN)
    return {
        "recipe": recipe.name,
        "protocol": "sentences of other speakers over other backgrounds, which chose the thresholds",
        "date": datetime.now(UTC).date().isoformat(),
        "earmark": __version__,
        "machine": machine(),
        "parameters": sum(p.numel() for p in network.parameters()),
        "speakers": {"train": _speakers(training), "validation": _speakers(validating)},
        "threshold": {"on": threshold.on, "off": threshold.off},
        "validation": measured.summary(),
    }


def _speakers(chosen: Chosen) -> list[str]:
    return sorted({clip.source for clip in chosen.speech})


def _describe(recipe: WordsRecipe, network: FrameClassifier, metrics: dict[str, Any]) -> Description:
    threshold = Threshold(**metrics["threshold"])
    parts = (*recipe.train.speech, *recipe.train.background)
    names = dict.fromkeys(str(part.options.get("name") or Path(part.path).name) for part in parts)
    card = {
        "description": recipe.description,
        "data": list(names),
        "licence": recipe.export.licence,
        "clips": recipe.train.sentences,
        "protocol": metrics["protocol"],
        "figures": {key: metrics["validation"][key] for key in ("accuracy", "f1", "auc")},
        "recipe": recipe.name,
        "date": metrics["date"],
        "earmark": __version__,
    }
    return Description(
        name=recipe.export.name or recipe.name,
        labels=(LABEL,),
        exclusive=False,
        front_end=recipe.front_end,
        stride=network.stride,
        context=network.context,
        ahead=network.ahead,
        window=recipe.export.window_seconds,
        thresholds={LABEL: threshold},
        card=card,
    )
