"""`earmark train`: from labelled clips to a model file."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earmark.cli import common
from earmark.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.training.recipe import Recipe
    from earmark.training.run_folder import Outcome

HELP = """Learn sounds from labelled clips.

Give a folder that holds a folder of examples for each class, or a recipe (YAML). If training is interrupted,
the same command continues it.

A folder is learned in seconds, on embeddings of the backbone mn04_as, which is fetched once (`earmark models
get mn04_as`). Sounds that belong to none of the folder's classes are left unmarked.

Examples:

    earmark train my_sounds/                         # my_sounds/doorbell/*.wav, my_sounds/kettle/*.mp4, ...

    earmark train my_sounds/ --thorough              # fine-tunes the backbone: minutes

    earmark train my_sounds/ --add-to MODEL          # MODEL's labels and those of the folder, in one file

    earmark train recipes/environment/esc50/earmark.yaml

    earmark train recipes/environment/esc50/earmark.yaml training.epochs=20 'split.folds=[1]'

    earmark train recipes/words/gru.yaml

    earmark train recipes/environment/studies/augmentation.yaml    # several runs, one table and picture
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train", help=HELP)(train)


def train(
    what: Annotated[Path, typer.Argument(help="A recipe, a folder with a folder for each class, or a table of clips.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Changes to the recipe, such as training.epochs=20.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder in which run folders are made.")] = Path("runs"),
    cache: Annotated[
        Path | None, typer.Option(help="The folder in which prepared features are kept.", show_default="the cache")
    ] = None,
    accelerator: Annotated[str, typer.Option(help="Where to train: auto, cpu or gpu.")] = "auto",
    devices: Annotated[
        str, typer.Option(help="Number of devices; auto: all GPUs, or one process on the CPU.")
    ] = "auto",
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, help="Number of networks trained at a time.", show_default="one on each core of a CPU, one on a GPU"
        ),
    ] = None,
    thorough: Annotated[bool, typer.Option("--thorough", help="For a folder: fine-tune the backbone, too.")] = False,
    add_to: Annotated[
        str | None,
        typer.Option(
            "--add-to", help="For a folder: add its labels to this model; the model's own labels score as before."
        ),
    ] = None,
) -> None:
    """Train, measure and export."""
    if not what.exists() and what.suffix.lower() not in (".yaml", ".yml"):  # before what takes seconds to import
        raise EarmarkError(
            what, "no such file or folder", "give a folder with one for each class, a table, or a recipe"
        )
    from earmark.training.train import check_installed, task_of

    check_installed()
    from earmark.cli.progress import TrainingProgress
    from earmark.training import presets, recipe, run, trainer

    if add_to is not None:
        return _add(what, add_to, overrides, thorough, out, cache)
    task = task_of(what)
    if task == "words":
        return _train_words(what, overrides, out, cache, accelerator, devices)
    if task == "study":
        return _study(what, overrides or [], out, cache, accelerator, devices, jobs)
    if what.is_dir() or what.suffix.lower() == ".csv":
        plan = presets.recipe_for(what, overrides or [], thorough)
        otherwise = f"start without it: {presets.WITHOUT_BACKBONE}"
    else:
        plan, otherwise = recipe.load(what, overrides), ""
    _ask_for_weights([plan], otherwise)
    fabric = trainer.start_fabric(plan, accelerator, devices)
    with TrainingProgress(show=fabric.is_global_zero) as progress:
        outcome = run.run(
            plan, out, fabric, progress, cache, jobs or _usual_jobs(fabric.device.type, fabric.world_size)
        )
    if fabric.is_global_zero:
        _tell(outcome)


def _add(what: Path, model: str, overrides: list[str] | None, thorough: bool, out: Path, cache: Path | None) -> None:
    """Labels added to a model, and how well they are told."""
    from earmark.cli.progress import TrainingProgress
    from earmark.training import incremental

    if overrides or thorough or what.suffix in (".yaml", ".yml"):
        raise EarmarkError(
            "--add-to", "takes a folder or a table of clips alone", "leave out recipes and changes to one"
        )
    with TrainingProgress() as progress:
        added = incremental.add(model, what, out, cache, progress.preparing)
    common.say(f"Added to {model}, whose own labels score as before: {', '.join(added.labels)} ({added.clips} clips)")
    for label, figures in added.figures.items():
        if "found" in figures:
            false = f", {figures['false']:.0%} of the others' by mistake" if "false" in figures else ""
            common.say(
                f"  {label:<20} {figures['found']:.0%} of its clips marked by columns that they did not teach{false}"
            )
    if not added.negatives:
        common.say("What other sounds are to this model is not known: expect false marks, or give a model on mn04_as.")
    common.say(f"Model: {added.model}")
    common.say("Use it:")
    common.say(f"  earmark label VIDEO --model {added.model}")


def _study(
    what: Path, overrides: list[str], out: Path, cache: Path | None, accelerator: str, devices: str, jobs: int | None
) -> None:
    from earmark.cli.progress import TrainingProgress
    from earmark.training import study, trainer

    asked, plans = study.load(what, overrides)
    _ask_for_weights(plans)
    fabric = trainer.start_fabric(plans[0], accelerator, devices)
    jobs = jobs or _usual_jobs(fabric.device.type, fabric.world_size)
    with TrainingProgress(show=fabric.is_global_zero) as progress:
        outcome = study.run_study(asked, plans, out, fabric, progress.within, cache, jobs)
    if not fabric.is_global_zero:
        return
    for row in outcome.rows:
        spread = "" if row["low"] is None else f"   95 % interval {row['low']:.3f} to {row['high']:.3f}"
        name = f"{row['variant']} {row['series']}".strip()
        common.say(f"  {name:<40} accuracy {row['accuracy']:.3f}{spread}")
    common.say(f"Table: {outcome.folder / 'table.csv'}")
    common.say(f"Picture: {outcome.folder / 'study.png'}")


def _train_words(
    what: Path, overrides: list[str] | None, out: Path, cache: Path | None, accelerator: str, devices: str
) -> None:
    from earmark.cli.progress import TrainingProgress
    from earmark.training.words import corpus, run

    plan = corpus.load(what, overrides)
    fabric = run.start(plan, accelerator, devices)
    with TrainingProgress(show=fabric.is_global_zero) as progress:
        outcome = run.run(plan, out, fabric, progress, cache)
    if not fabric.is_global_zero:
        return
    figures = outcome.metrics["validation"]
    common.say("On sentences of other speakers, which chose the thresholds:")
    common.say(f"  frame accuracy {figures['accuracy']:.3f}   F1 {figures['f1']:.3f}   AUC {figures['auc']:.3f}")
    common.say(f"Model: {outcome.model}")
    common.say("Use it, and measure it on recordings with the words' times beside them:")
    common.say(f"  earmark words SPEECH --classifier {outcome.model}")
    common.say(f"  earmark evaluate {outcome.model} --on FOLDER")


def _ask_for_weights(plans: list[Recipe], otherwise: str = "") -> None:
    """Offer to fetch the pretrained weights that are needed and not here; say what would do `otherwise`."""
    from earmark.errors import ModelError
    from earmark.models import pretrained
    from earmark.training.stages import needs_weights

    for weights in {plan.weights for plan in plans if plan.weights and needs_weights(plan)}:
        try:
            pretrained.ensure(weights, bar=partial(common.bar, transfer=True))
        except ModelError as error:
            remedy = f"{error.remedy}; or {otherwise}" if otherwise else error.remedy
            raise ModelError(error.subject, error.reason, remedy) from error


def _usual_jobs(device: str, processes: int) -> int:
    """One network on each core of a CPU; GPUs, and processes that share a network, do one after the other."""
    return (os.cpu_count() or 1) if device == "cpu" and processes == 1 else 1


def _tell(outcome: Outcome) -> None:
    metrics: dict[str, Any] = outcome.metrics
    if "accuracy" in metrics:
        common.say(f"Protocol: {metrics['protocol']}")
        for division in metrics["divisions"]:
            common.say(
                f"  {division['name']:<10} {division['clips']:>5} clips   "
                f"accuracy {division['accuracy']:.3f}   macro-F1 {division['macro_f1']:.3f}"
            )
        if len(metrics["divisions"]) > 1:
            mean, std = metrics["accuracy"]["mean"], metrics["accuracy"]["std"]
            common.say(f"  mean accuracy {mean:.3f}, standard deviation {std:.3f}")
        weakest = sorted((c for c in metrics["classes"] if c["clips"]), key=lambda c: c["f1"])[:5]
        common.say("Weakest classes: " + ", ".join(f"{c['label']} (F1 {c['f1']:.2f})" for c in weakest))
        common.say(f"Confusion matrix: {outcome.folder / 'confusion.png'}")
    common.say(f"Model: {outcome.model}")
    common.say("Use it:")
    common.say(f"  earmark label VIDEO --model {outcome.model}")
    common.say(f"  earmark classify CLIP --model {outcome.model}")
