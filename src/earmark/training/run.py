"""A whole training run: data, divisions, networks, figures, pictures, model file; resumable at any moment."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from earmark.errors import EarmarkWarning
from earmark.evaluation.held_out_scores import HeldOut
from earmark.labels.groups import parents
from earmark.models import pretrained
from earmark.models.model import Description, Threshold, load_model
from earmark.training import calibration
from earmark.training import data as training_data
from earmark.training.batches import crop_frames
from earmark.training.data import Part, TrainingData, described, divide
from earmark.training.export import EXCERPTS, excerpts, export, quantise, round_weights
from earmark.training.held_out import (
    Answers,
    TimedAnswers,
    answer,
    answer_crops,
    answer_in_time,
    reliability,
    summary,
    total_confusion,
)
from earmark.training.networks import Network
from earmark.training.networks.mn import MobileNet
from earmark.training.recipe import DatasetPart, Recipe
from earmark.training.ridge import THRESHOLDS
from earmark.training.run_folder import (
    MEMBER,
    Listener,
    Outcome,
    card_of,
    figures_of,
    finished,
    from_first,
    opened_by_first,
    read_histories,
    read_history,
    write_json,
)
from earmark.training.stages import build_network, clear_checkpoints, fit_stages, needs_weights, starts_of
from earmark.training.thresholds import clip_thresholds, event_thresholds, window_lengths
from earmark.training.train import Lines
from earmark.training.trainer import EpochReport, precision_of, start_fabric
from earmark.util import processes
from earmark.util.atomic import atomic_write
from earmark.util.text import SheetWriter

POLL_SECONDS = 1.0
ANSWERS, CROPS, TIMED = "answers.npz", "crops.npz", "timed.npz"
"""In a part's folder: the answers, without which it is not done; those by multi-crop; those of steps of time."""


def run(
    recipe: Recipe, out: Path, fabric: Fabric, listener: Listener, cache: Path | None = None, jobs: int = 1
) -> Outcome:
    """Carry out a recipe; take up an unfinished run of the same recipe where there is one.

    Files are in `<out>/<recipe>/<time>/` once all is done, in a folder ending in `.partial` before. With several
    `jobs`, so many networks are trained at a time, each on its share of the processor's cores.
    """
    if recipe.weights and needs_weights(recipe):
        pretrained.find(recipe.weights)  # says what is missing before anything takes time
    starts_of(recipe)  # and what does not fit
    data = training_data.load(recipe, cache, listener.preparing)
    parts = divide(recipe, data)
    with opened_by_first(out / recipe.name, recipe.dump(), fabric) as folder:
        if not (folder / "metrics.json").exists():  # which is written last
            pending = sum(not (folder / part.name / ANSWERS).exists() for part in parts)
            listener.starting(pending * (1 + members(recipe)), min(jobs, max(1, pending)))
            if jobs > 1 and not instant(recipe):
                train_side_by_side(recipe, [part.name for part in parts], folder, cache, jobs, listener)
            histories = [train_part(recipe, data, part, folder, fabric, listener, cache) for part in parts]
            if fabric.is_global_zero:
                _finish(recipe, data, parts, histories, folder, fabric.device.type)
        fabric.barrier()
        done = None
        if fabric.is_global_zero:
            for part in parts:
                shutil.rmtree(folder / part.name, ignore_errors=True)
            done = finished(folder)
        done = from_first(done, fabric)
    return Outcome(done, done / "model.onnx", json.loads((done / "metrics.json").read_text()))


def train_part(
    recipe: Recipe,
    data: TrainingData,
    part: Part,
    folder: Path,
    fabric: Fabric,
    listener: Listener,
    cache: Path | None = None,
) -> list[EpochReport]:
    """Train and test one network, unless an earlier try did; how its epochs went."""
    home = folder / part.name
    if (home / ANSWERS).exists():
        return read_history(home)
    home.mkdir(exist_ok=True)
    teachers = [
        train_member(recipe, data, part, home, fabric, listener, number, cache) for number in range(members(recipe))
    ]
    network = round_weights(fit_stages(recipe, data, part, home, part.name, fabric, listener, teachers, cache))
    if fabric.is_global_zero:
        torch.save(network.state_dict(), home / "network.pt")
        if recipe.test.crops and len(part.test):
            frames, crops = crop_frames(recipe), recipe.test.crops
            answer_crops(network, data.features, part.test, data.exclusive, frames, crops).save(home / CROPS)
        about = _describe(recipe, data, network)
        if data.timed is not None:
            answer_in_time(network, data, part.test, about).save(home / TIMED)
        said = answer(network, data.features, part.test, data.exclusive, about.widths, about.loud, about.pooling)
        said.save(home / ANSWERS)  # last: it says that the part is done
        clear_checkpoints(home)
    fabric.barrier()
    return read_history(home)


def train_side_by_side(
    recipe: Recipe, names: Sequence[str], folder: Path, cache: Path | None, jobs: int, listener: Listener
) -> None:
    """Train the parts of a run that are not done at a time, each in a process of its own on its share of the cores.

    On a CPU this is faster than one network after the other on all cores: threads that share one network's small
    layers spend much of their time waiting for each other. Each leaves its network and answers in the run's folder.
    """
    pending = [name for name in names if not (folder / name / ANSWERS).exists()]
    jobs = min(jobs, len(pending))
    if jobs < 2:
        return
    threads = max(1, (os.cpu_count() or 1) // jobs)
    with processes.pool(jobs) as pool:
        futures = [pool.submit(_train_alone, recipe, name, folder, cache, threads) for name in pending]
        _follow(pending, futures, folder, listener)


def _train_alone(recipe: Recipe, name: str, folder: Path, cache: Path | None, threads: int) -> None:
    warnings.simplefilter("ignore", EarmarkWarning)  # told already by the process that started this one
    torch.set_num_threads(threads)
    data = training_data.load(recipe, cache)
    part = next(part for part in divide(recipe, data) if part.name == name)
    train_part(recipe, data, part, folder, start_fabric(recipe, "cpu", "1"), Lines(shown=False), cache)


def _follow(names: Sequence[str], futures: Sequence[Future[None]], folder: Path, listener: Listener) -> None:
    """Pass on what the histories say until all are done; the first error is raised."""
    reported: dict[str, int] = {}
    waiting: set[Future[None]] = set(futures)
    while waiting:
        done, waiting = wait(waiting, timeout=POLL_SECONDS)
        for part in names:
            for name, history in read_histories(folder, part).items():
                if history and history[-1].epoch != reported.get(name):
                    reported[name] = history[-1].epoch
                    listener.epoch(name, history[-1])
        for future in done:
            future.result()


def instant(recipe: Recipe) -> bool:
    """Whether networks are solved sooner than processes for them have started."""
    return all(phase.training.optimizer == "ridge" for phase in recipe.phases())


def members(recipe: Recipe) -> int:
    """Networks whose answers the recipe's own learns from."""
    return recipe.training.distillation.members if recipe.training.distillation else 0


def train_member(
    recipe: Recipe,
    data: TrainingData,
    part: Part,
    home: Path,
    fabric: Fabric,
    listener: Listener,
    number: int,
    cache: Path | None = None,
) -> Network:
    """A member of the ensemble that a part's network learns from: it sees the same clips, and never those tested."""
    own, name = _recipe_of_member(recipe, number), f"{MEMBER}{number + 1}"
    place = home / name
    weights = place / "network.pt"
    place.mkdir(exist_ok=True)
    if not weights.exists():
        network = fit_stages(own, data, part, place, f"{part.name}/{name}", fabric, listener, (), cache)
        if fabric.is_global_zero:
            with atomic_write(weights) as begun, begun.open("wb") as file:
                torch.save(network.state_dict(), file)
            clear_checkpoints(place)
        fabric.barrier()
    network = build_network(own, data)
    network.load_state_dict(torch.load(weights, weights_only=True))
    return network


def _recipe_of_member(recipe: Recipe, number: int) -> Recipe:
    settings = recipe.training
    assert settings.distillation is not None  # only then are there members
    epochs = settings.distillation.epochs or settings.epochs
    changes = {"seed": settings.seed + 1 + number, "epochs": epochs, "distillation": None}
    return recipe.model_copy(update={"training": settings.model_copy(update=changes)})


def _describe(recipe: Recipe, data: TrainingData, network: Network) -> Description:
    by_groups = recipe.labels == "sounds"
    return Description(
        name=recipe.export.name or recipe.name,
        labels=data.labels,
        exclusive=data.exclusive,
        front_end=recipe.front_end,
        stride=network.stride,
        context=network.felt,
        ahead=network.ahead,
        window=recipe.export.window_seconds,
        windows=window_lengths(data, recipe.front_end.seconds) if recipe.export.windows == "by_length" else {},
        loud=recipe.export.loud_db,
        pooling=recipe.export.pooling,
        parents={label: parents()[label] for label in data.labels if label in parents()} if by_groups else {},
    )


def _finish(
    recipe: Recipe, data: TrainingData, parts: list[Part], histories: list[list[EpochReport]], folder: Path, device: str
) -> None:
    """Figures, pictures and the model file, from what the parts left in the folder."""
    from earmark.plots.metrics import draw_confusion, draw_reliability, draw_training_curves  # no worker needs it

    tested = [part for part in parts if len(part.test)]
    answers = [Answers.load(folder / part.name / ANSWERS) for part in tested]
    metrics: dict[str, Any] = {
        **figures_of(recipe.name, described(recipe, len(tested)), precision_of(recipe, device)),
        "clips": data.originals,
        "copies": data.copies,
    }
    if answers:
        names = [part.name for part in tested]
        metrics |= summary(answers, names, data.targets, data.labels, data.exclusive)
        if data.exclusive:
            draw_reliability(reliability(answers, data.targets), folder / "reliability.png")
        if recipe.test.crops:
            crops = [Answers.load(folder / part.name / CROPS) for part in tested]
            by_crops = summary(crops, names, data.targets, data.labels)
            metrics["multi_crop"] = {key: by_crops[key] for key in ("accuracy", "macro_f1")}
        _write_predictions(folder / "predictions.csv", data, tested, answers)
        _held_out(data, answers).save(folder)
        draw_confusion(total_confusion(answers, data.targets), data.labels, folder / "confusion.png")
    for part, history in zip(parts, histories, strict=True):
        metrics.setdefault("times", {})[part.name] = _times(history)
    curves = {part.name: [e.loss for e in history] for part, history in zip(parts, histories, strict=True)}
    draw_training_curves(curves, folder / "curves.png")
    _export(recipe, data, parts, answers, metrics, folder)
    write_json(folder / "metrics.json", metrics)


def _export(
    recipe: Recipe, data: TrainingData, parts: list[Part], answers: list[Answers], metrics: dict[str, Any], folder: Path
) -> None:
    """The last part's network as the model file; its thresholds come from all that was held out."""
    part = parts[-1]
    network = build_network(recipe, data)
    network.load_state_dict(torch.load(folder / part.name / "network.pt", weights_only=True))
    metrics["parameters"] = sum(p.numel() for p in network.parameters())
    about = _describe(recipe, data, network)
    if recipe.solved:  # its scores mean the same for every label, and few clips choose worse
        chosen = dict.fromkeys(data.labels, Threshold(*THRESHOLDS))
    else:
        chosen = clip_thresholds(answers, data.targets, data.labels) if answers else {}
    timed_answers = [] if data.timed is None else [TimedAnswers.load(folder / part.name / TIMED) for part in parts]
    if timed_answers:
        chosen |= event_thresholds(timed_answers, data, about, recipe.export.beta, recipe.export.thresholds == "common")
    description = replace(about, thresholds=chosen, card=_card(recipe, data, part, metrics))
    export(network, description, folder / "model.onnx")
    if recipe.level:
        assert isinstance(network, MobileNet)  # the recipe is checked for it
        model = load_model(folder / "model.onnx")
        known, silence = calibration.known_of(model, recipe.level), calibration.silence_of(model, recipe.level)
        floors = calibration.floors_of(model, recipe.level)
        chosen_there = calibration.thresholds(description, known, recipe.level, silence, floors)
        description = calibration.level(network, chosen_there, known)
        export(round_weights(network), description, folder / "model.onnx")
    if recipe.export.bits == 8:
        some = part.train[:: -(-len(part.train) // EXCERPTS)]
        quantise(folder / "model.onnx", excerpts((data.features[int(i)] for i in some), network.stride))


def _card(recipe: Recipe, data: TrainingData, part: Part, metrics: dict[str, Any]) -> dict[str, Any]:
    figures: dict[str, Any] = {
        key: metrics[key] for key in ("accuracy", "macro_f1", "mean_average_precision") if key in metrics
    }
    rounded = "; rounded to 8 bits afterwards" if recipe.export.bits == 8 else ""
    afterwards = "; trained on all clips afterwards" if part.name == "final" else ""
    return card_of(
        metrics,
        recipe.description,
        [_named(part) for part in recipe.dataset],
        data.licence,
        len(part.train),
        figures,
        metrics["protocol"] + afterwards + rounded,
        **({"backbone": pretrained.credit(recipe.weights)} if recipe.weights else {}),
    )


def _named(part: DatasetPart) -> str:
    """A dataset by its own name, or its path in the data folder; of one elsewhere nothing is told but its name."""
    path = Path(part.path)
    return str(part.options.get("name") or (path.name if path.is_absolute() else path.as_posix()))


def _times(history: list[EpochReport]) -> dict[str, float]:
    seconds = [epoch.seconds for epoch in history]
    return {
        "epochs": len(seconds),
        "median_epoch_seconds": round(float(np.median(seconds)), 2),
        "total_seconds": round(float(np.sum(seconds)), 1),
    }


def _write_predictions(path: Path, data: TrainingData, parts: list[Part], answers: list[Answers]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = SheetWriter(file)
        writer.writerow(["path", "fold", "label", "predicted", "score"])
        for part, given in zip(parts, answers, strict=True):
            for clip, scores in zip(given.clips, given.whole, strict=True):
                best = int(scores.argmax())
                labels = ";".join(data.clips[clip].labels)
                fold = part.name.removeprefix("fold-") if part.name.startswith("fold-") else ""
                writer.writerow([data.names[clip], fold, labels, data.labels[best], f"{scores[best]:.4f}"])


def _held_out(data: TrainingData, answers: list[Answers]) -> HeldOut:
    """All scores of the tested clips, from which `earmark data label-issues` tells whose label is doubtful."""
    tested = np.concatenate([given.clips for given in answers])
    clips, names = [data.clips[i] for i in tested], [data.names[i] for i in tested]
    return HeldOut.of(clips, names, data.labels, np.concatenate([given.whole for given in answers]))
