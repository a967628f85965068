"""A whole training run of a frame classifier: sentences, training, thresholds, figures, model file; resumable."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from lightning_fabric import Fabric

from earmark.errors import RecipeError
from earmark.evaluation import frame_metrics
from earmark.models.model import Description, Threshold
from earmark.plots.metrics import draw_training_curves
from earmark.training import networks
from earmark.training.export import export, round_weights
from earmark.training.networks.frames import FrameClassifier, LinearFrames, StackedFrames
from earmark.training.recipe import TrainingLoop
from earmark.training.run_folder import (
    Listener,
    Outcome,
    append_history,
    card_of,
    figures_of,
    finished,
    from_first,
    opened_by_first,
    read_history,
    write_json,
)
from earmark.training.thresholds import word_thresholds
from earmark.training.trainer import EpochReport, fit, start_fabric
from earmark.training.words import classifiers, corpus
from earmark.training.words.classifiers import FrameTask, answers, local_levels
from earmark.training.words.corpus import Chosen, Sentences, WordsRecipe
from earmark.training.words.sentences import SPEECH, UNSURE

LABEL = "speech"
PRECISION: Literal["32-true"] = "32-true"  # that classifiers of frames are trained in
PROTOCOL = "sentences of other speakers over other backgrounds, which chose the thresholds"
WORK = "work"  # the folder, in the run's, of a checkpoint and a history
EVEN = 0.5  # the score that divides frames where figures of single frames are given: scores are probabilities


def start(recipe: WordsRecipe, accelerator: str = "auto", devices: str = "auto") -> Fabric:
    """The devices to train on, in single precision; one alone where `devices` is `auto`."""
    return start_fabric(
        recipe.model_copy(update={"training": _settings(recipe)}), accelerator, "1" if devices == "auto" else devices
    )


def run(recipe: WordsRecipe, out: Path, fabric: Fabric, listener: Listener, cache: Path | None = None) -> Outcome:
    """Carry out a recipe; take up an unfinished run of the same recipe where there is one.

    Files are in `<out>/<recipe>/<time>/` once all is done, in a folder ending in `.partial` before.
    """
    training, validating = corpus.divide(recipe)
    with opened_by_first(out / recipe.name, recipe.dump(), fabric) as folder:
        network = _build(recipe)
        made = corpus.prepare(recipe, validating, recipe.validation.sentences, cache, listener.preparing)
        held_out = local_levels(network, made)
        network = _train(recipe, network, training, held_out, folder, fabric, listener, cache)
        if fabric.is_global_zero:
            round_weights(network)
            _write(recipe, network, _measure(recipe, network, training, validating, held_out), folder)
        done = from_first(finished(folder) if fabric.is_global_zero else None, fabric)
    return Outcome(done, done / "model.onnx", json.loads((done / "metrics.json").read_text()))


def _build(recipe: WordsRecipe) -> FrameClassifier:
    with torch.random.fork_rng():
        torch.manual_seed(recipe.training.seed)
        network = networks.build(recipe.model.network, recipe.front_end.size, 1, recipe.model.options)
    if not isinstance(network, FrameClassifier):
        known = ", ".join(name for name, kind in networks.NETWORKS.items() if issubclass(kind, FrameClassifier))
        raise RecipeError(f"model.network: {recipe.model.network}", "classifies no frames", f"choose among {known}")
    return network


def _train(
    recipe: WordsRecipe,
    network: FrameClassifier,
    training: Chosen,
    held_out: Sentences,
    folder: Path,
    fabric: Fabric,
    listener: Listener,
    cache: Path | None,
) -> FrameClassifier:
    """The network, trained; how its epochs went stands in its history."""
    made = corpus.prepare(recipe, training, recipe.train.sentences, cache, listener.preparing)
    sentences = local_levels(network, made)
    if isinstance(network, StackedFrames):
        classifiers.standardise(network, sentences)
    rng = np.random.default_rng(recipe.training.seed)
    if isinstance(network, LinearFrames):
        if recipe.model.network == "linear_svm":
            classifiers.fit_svm(network, sentences, held_out, rng)
        else:
            classifiers.fit_least_squares(network, sentences, held_out)
        return network

    (folder / WORK).mkdir(exist_ok=True)

    def hear(epoch: EpochReport) -> None:
        append_history(folder / WORK, epoch)
        listener.epoch(recipe.model.network, epoch)

    settings = _settings(recipe)
    task = FrameTask(settings, sentences, held_out, fabric)
    checkpoint = folder / WORK / "checkpoint.pt"
    trained = fit(network, task, settings, fabric, rng, checkpoint, hear)
    assert isinstance(trained, FrameClassifier)
    return trained


def _write(recipe: WordsRecipe, network: FrameClassifier, metrics: dict[str, Any], folder: Path) -> None:
    """The model file, its figures and the curves of its training, whose work is cleared away."""
    history = read_history(folder / WORK)
    if history:
        losses = [e.loss for e in history]
        held = [e.validation for e in history if e.validation is not None]
        metrics = metrics | {"epochs": [list(pair) for pair in zip(losses, held, strict=True)]}
        draw_training_curves({"training": losses, "validation": held}, folder / "curves.png")
    export(network, _describe(recipe, network, metrics), folder / "model.onnx")
    write_json(folder / "metrics.json", metrics)
    shutil.rmtree(folder / WORK, ignore_errors=True)


def _settings(recipe: WordsRecipe) -> TrainingLoop:
    """Frame classifiers learn in single precision, and are kept as the best epoch left them, not as a running mean."""
    return recipe.training.model_copy(update={"ema": 0.0, "precision": PRECISION})


def _measure(
    recipe: WordsRecipe, network: FrameClassifier, training: Chosen, validating: Chosen, held_out: Sentences
) -> dict[str, Any]:
    """Figures on the validation sentences, which chose the thresholds and tell nothing of how well words are found."""
    logits = answers(network, held_out)
    scores = np.asarray(1 / (1 + np.exp(-logits)), np.float32)
    threshold = word_thresholds(scores, held_out.labels)
    certain = held_out.labels != UNSURE
    measured = frame_metrics.measure(scores[certain], held_out.labels[certain] == SPEECH, EVEN)
    return {
        **figures_of(recipe.name, PROTOCOL, PRECISION),
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
    figures = {key: metrics["validation"][key] for key in ("accuracy", "f1", "auc")}
    licence, count = recipe.export.licence, recipe.train.sentences
    card = card_of(metrics, recipe.description, list(names), licence, count, figures)
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
