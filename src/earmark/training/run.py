"""A whole training run: data, divisions, networks, figures, pictures, model file; resumable at any moment."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray

from earmark._version import __version__
from earmark.evaluation import report
from earmark.evaluation.protocol import Division, by_fold, by_source
from earmark.model import Description
from earmark.training import data as training_data
from earmark.training import networks, parallel
from earmark.training.data import TrainingData
from earmark.training.export import export, round_weights
from earmark.training.fit import EpochReport, TrainingSet, fit
from earmark.training.folders import finished_name, machine, open_folder, write_json
from earmark.training.history import append_history, read_history
from earmark.training.measure import Answers, answer, summary, thresholds, total_confusion
from earmark.training.networks import Network
from earmark.training.recipe import Recipe


class Listener(Protocol):
    """Hears how a run goes on: the command line draws progress bars with it."""

    def preparing(self, done: int, total: int) -> None:
        """Some features have been prepared."""

    def epoch(self, part: str, report: EpochReport) -> None:
        """An epoch of one division is over."""


@dataclass(frozen=True)
class Part:
    """One network of a run: which clips train it and which test it; none test the final one."""

    name: str
    train: NDArray[np.int64]
    test: NDArray[np.int64]


@dataclass(frozen=True)
class Outcome:
    """What a run left behind."""

    folder: Path
    model: Path
    metrics: dict[str, Any]


def run(
    recipe: Recipe, out: Path, fabric: Fabric, listener: Listener, cache: Path | None = None, jobs: int = 1
) -> Outcome:
    """Carry out a recipe; take up an unfinished run of the same recipe where there is one.

    Files are in `<out>/<recipe>/<time>/` once all is done, in a folder ending in `.partial` before. With several
    `jobs`, so many networks are trained at a time, each on its share of the processor's cores.
    """
    data = training_data.load(recipe, cache, listener.preparing)
    parts = divide(recipe, data)
    folder = _open_folder(recipe, out, fabric)
    if not (folder / "metrics.json").exists():  # which is written last
        if jobs > 1:
            parallel.train_parts(recipe, [part.name for part in parts], folder, cache, jobs, listener)
        histories = [train_part(recipe, data, part, folder, fabric, listener) for part in parts]
        if fabric.is_global_zero:
            _finish(recipe, data, parts, histories, folder)
    fabric.barrier()
    done = finished_name(folder)
    if fabric.is_global_zero:
        for part in parts:
            shutil.rmtree(folder / part.name, ignore_errors=True)
        folder.rename(done)
    fabric.barrier()
    return Outcome(done, done / "model.onnx", json.loads((done / "metrics.json").read_text()))


def divide(recipe: Recipe, data: TrainingData) -> list[Part]:
    """The networks that the recipe asks for."""
    split = recipe.split
    divisions: list[Division] = []
    if split.protocol == "folds":
        divisions = by_fold(data.clips, split.folds)
    elif split.protocol == "grouped":
        divisions = [by_source(data.clips, split.held_out, np.random.default_rng(recipe.training.seed))]
    parts = [Part(d.name, d.train, d.test) for d in divisions]
    if split.protocol == "none" or recipe.export.final == "all":
        everything = np.arange(len(data.clips))
        parts.append(Part("final", everything, everything[:0]))
    return parts


def _open_folder(recipe: Recipe, out: Path, fabric: Fabric) -> Path:
    """An unfinished run of the same recipe, or a new folder; the same for all processes."""
    home = out / recipe.name
    folder = open_folder(home, recipe.dump()) if fabric.is_global_zero else None
    chosen = fabric.broadcast(folder)
    assert chosen is not None  # process zero has made it
    return chosen


def train_part(
    recipe: Recipe, data: TrainingData, part: Part, folder: Path, fabric: Fabric, listener: Listener
) -> list[EpochReport]:
    """Train and test one network, unless an earlier try did; how its epochs went."""
    home = folder / part.name
    if (home / "answers.npz").exists():
        return read_history(home)
    training = TrainingSet(data.features.take(part.train), data.targets[part.train], data.exclusive)

    def hear(epoch: EpochReport) -> None:
        append_history(home, epoch)
        listener.epoch(part.name, epoch)

    home.mkdir(exist_ok=True)
    network = round_weights(fit(recipe, training, fabric, home / "checkpoint.pt", hear))
    if fabric.is_global_zero:
        torch.save(network.state_dict(), home / "network.pt")
        _save_answers(home, _answer(recipe, data, part, network))
        (home / "checkpoint.pt").unlink(missing_ok=True)
    fabric.barrier()
    return read_history(home)


def _answer(recipe: Recipe, data: TrainingData, part: Part, network: Network) -> Answers:
    description = _describe(recipe, data, network)
    return answer(network, data.features, part.test, data.exclusive, description.window_steps)


def _describe(recipe: Recipe, data: TrainingData, network: Network) -> Description:
    return Description(
        name=recipe.export.name or recipe.name,
        labels=data.labels,
        exclusive=data.exclusive,
        front_end=recipe.front_end,
        stride=network.stride,
        context=network.context,
        window=recipe.export.window_seconds,
    )


def _finish(
    recipe: Recipe, data: TrainingData, parts: list[Part], histories: list[list[EpochReport]], folder: Path
) -> None:
    """Figures, pictures and the model file, from what the parts left in the folder."""
    tested = [part for part in parts if len(part.test)]
    answers = [_load_answers(folder / part.name, part) for part in tested]
    metrics: dict[str, Any] = {
        "recipe": recipe.name,
        "protocol": _protocol(recipe, len(tested)),
        "date": datetime.now(UTC).date().isoformat(),
        "earmark": __version__,
        "machine": machine(),
        "clips": len(data.clips),
    }
    if answers:
        metrics |= summary(answers, [part.name for part in tested], data.targets, data.labels)
        _write_predictions(folder / "predictions.csv", data, tested, answers)
        report.draw_confusion(total_confusion(answers, data.targets), data.labels, folder / "confusion.png")
    for part, history in zip(parts, histories, strict=True):
        metrics.setdefault("times", {})[part.name] = _times(history)
    curves = {part.name: [e.loss for e in history] for part, history in zip(parts, histories, strict=True)}
    report.draw_curves(curves, folder / "curves.png")
    _export(recipe, data, parts[-1], answers, metrics, folder)
    write_json(folder / "metrics.json", metrics)


def _export(
    recipe: Recipe,
    data: TrainingData,
    part: Part,
    answers: list[Answers],
    metrics: dict[str, Any],
    folder: Path,
) -> None:
    """The last part's network as the model file; its thresholds come from all that was held out."""
    network = networks.build(recipe.model.network, recipe.front_end.size, len(data.labels), recipe.model.options)
    network.load_state_dict(torch.load(folder / part.name / "network.pt", weights_only=True))
    metrics["parameters"] = sum(p.numel() for p in network.parameters())
    chosen = thresholds(answers, data.targets, data.labels) if answers else {}
    description = replace(_describe(recipe, data, network), thresholds=chosen, card=_card(recipe, data, part, metrics))
    export(network, description, folder / "model.onnx")


def _card(recipe: Recipe, data: TrainingData, part: Part, metrics: dict[str, Any]) -> dict[str, Any]:
    figures = {key: metrics[key] for key in ("accuracy", "macro_f1", "mean_average_precision") if key in metrics}
    return {
        "description": recipe.description,
        "data": [f"{d.options.get('name') or Path(d.path).name}" for d in recipe.dataset],
        "licence": data.licence,
        "clips": len(part.train),
        "protocol": metrics["protocol"] + ("; trained on all clips afterwards" if part.name == "final" else ""),
        "figures": figures,
        "recipe": recipe.name,
        "date": metrics["date"],
        "earmark": __version__,
    }


def _protocol(recipe: Recipe, tested: int) -> str:
    if recipe.split.protocol == "folds":
        return f"the dataset's own folds, {tested} tested, each by a network that never saw it"
    if recipe.split.protocol == "grouped":
        return f"{recipe.split.held_out:.0%} of each label's sources held out"
    return "nothing held out"


def _times(history: list[EpochReport]) -> dict[str, float]:
    seconds = [epoch.seconds for epoch in history]
    return {
        "epochs": len(seconds),
        "median_epoch_seconds": round(float(np.median(seconds)), 2),
        "total_seconds": round(float(np.sum(seconds)), 1),
    }


def _write_predictions(path: Path, data: TrainingData, parts: list[Part], answers: list[Answers]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", "fold", "label", "predicted", "score"])
        for part, given in zip(parts, answers, strict=True):
            for clip, scores in zip(given.clips, given.whole, strict=True):
                best = int(scores.argmax())
                labels = ";".join(data.clips[clip].labels)
                fold = data.clips[clip].fold if part.name.startswith("fold-") else ""
                writer.writerow([data.names[clip], fold, labels, data.labels[best], f"{scores[best]:.4f}"])


def _save_answers(home: Path, answers: Answers) -> None:
    temporary = home / "answers.part.npz"
    np.savez(temporary, clips=answers.clips, whole=answers.whole, peak=answers.peak)
    temporary.replace(home / "answers.npz")


def _load_answers(home: Path, part: Part) -> Answers:
    with np.load(home / "answers.npz") as stored:
        return Answers(stored["clips"], stored["whole"], stored["peak"])
