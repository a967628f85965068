"""`earmark data label-issues`: clips whose label is doubtful, to look at, to hear, and to decide about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earmark.cli import common
from earmark.cli.common import LayoutOptions, Place
from earmark.errors import EarmarkError
from earmark.util.text import number_of

if TYPE_CHECKING:
    from earmark.datasets import Dataset
    from earmark.datasets.label_issues import ClipKey, Decision
    from earmark.evaluation.label_issues import LabelIssues
    from earmark.training.recipe import Recipe

TABLE, MARKS, PAGE, SOUNDS = "suspects.csv", "marks.csv", "suspects.html", "audio"
BACKBONE = "mn04_as"
HELP = """Find label issues: clips whose label is probably wrong, to look at, listen to and decide about.

Labels are judged by networks that did not train on them: each is trained here on all folds but the one that it tests,
unless --run names a finished run that did so. --by audioset trains nothing, and asks a network pretrained on AudioSet
for the class of each label (earmark models get mn04_as); --by both combines the two. Clips are ranked by confident
learning.

Two files are written: suspects.csv, a table of all clips, the most doubtful first; and suspects.html, a page that shows
and plays the first of them. Keep, relabel or drop each clip in either; the page saves its decisions as marks.csv.
Training obeys both tables, by the key `marks` of a recipe's dataset. The same command keeps earlier decisions, and
continues where it was interrupted.

Examples:

    earmark data label-issues my_sounds/

    earmark data label-issues my_sounds/ --by audioset --map my_bell=Doorbell

    earmark data label-issues esc50 --recipe recipes/environment/esc50/compact_cnn.yaml --top 200

    earmark data label-issues my_sounds/ --run runs/suspects_my_sounds/2026-03-01T12-00-00

    earmark train my_sounds/ dataset.0.marks=my_sounds-suspects/marks.csv
"""


class By(StrEnum):
    """Who judges labels."""

    networks = "networks"
    audioset = "audioset"
    both = "both"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("label-issues", help=HELP)(label_issues)
    app.command("suspects", help=HELP, hidden=True)(label_issues)  # its name until 2026-11


def label_issues(
    place: Place,
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Changes to the recipe, such as training.epochs=20.")
    ] = None,
    by: Annotated[
        By,
        typer.Option(help="Judge by networks trained on the clips, by a network pretrained on AudioSet, or by both."),
    ] = By.networks,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="LABEL=CLASS",
            help="The AudioSet class of a label, where it has another name; can be repeated.",
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Use this finished run, which tested these clips, and train nothing."),
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The recipe to train by.", show_default="a quick one")
    ] = None,
    folds: Annotated[
        int, typer.Option(min=2, help="Number of networks to train; each tests as large a part of the clips.")
    ] = 5,
    top: Annotated[int, typer.Option(min=1, help="Number of clips on the page.")] = 100,
    first: Annotated[int, typer.Option(min=1, help="Rank of the first clip on the page.")] = 1,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder to write to.", show_default="NAME-suspects")
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(help="How the dataset is laid out: esc, urbansound8k, folder or table.", show_default="detected"),
    ] = None,
    option: LayoutOptions = None,
    runs: Annotated[Path, typer.Option(metavar="DIR", help="The folder in which run folders are made.")] = Path("runs"),
    cache: Annotated[
        Path | None, typer.Option(help="The folder in which prepared features are kept.", show_default="the cache")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Number of networks trained at a time.", show_default="one on each core of a CPU"),
    ] = None,
) -> None:
    """Find clips whose label is doubtful."""
    trains = by is not By.audioset and run is None
    _check_installed(trains)
    from earmark import datasets
    from earmark.evaluation import held_out_scores
    from earmark.evaluation import label_issues as issues

    if not trains and (recipe is not None or overrides):
        option_given = "--run" if run is not None else "--by audioset"
        raise EarmarkError(option_given, "trains nothing, so there is no recipe to follow or change", "leave one out")
    if by is By.audioset and run is not None:
        raise EarmarkError("--run", "holds what networks say", "choose --by both")
    if by is By.networks and mapping:
        raise EarmarkError("--map", "is for AudioSet's answers", "choose --by audioset or --by both")
    root = datasets.find(place)
    options = dict(map(common.key_value, option or []))
    dataset = datasets.load(layout, root, **options)
    folder = out or Path(f"{dataset.name}-suspects")
    decided = issues.decisions([folder / TABLE, folder / MARKS], root)  # a mistake in it costs no training
    answers = None
    if by is not By.networks:
        answers = _answers(dataset, list(map(_pair, mapping or [])))
    if trains:
        part = {"path": str(root), "layout": layout, "options": options}
        plan = _plan(recipe, dataset, part, folds, overrides or [])
        _make_folder(folder)
        run = _train(plan, runs, cache, jobs)
    else:
        if run is not None:
            _check_run(run)
        _make_folder(folder)
    held_out = None if run is None else held_out_scores.load(run)
    if answers is not None:
        from earmark.evaluation import zero_shot

        held_out = zero_shot.judged(dataset, root, *answers, held_out)
    assert held_out is not None
    found = issues.find(dataset, root, held_out, decided)
    issues.write_table(found.ranked, decided, folder / TABLE, root)
    _draw(found, dataset.name, folder, slice(first - 1, first - 1 + top), root, decided)
    _tell(found, folder, run)


def _answers(dataset: Dataset, own: Sequence[tuple[str, str]]) -> tuple[Any, dict[str, tuple[str, ...]]]:
    """AudioSet's answers for each clip, and the classes that stand for the labels; what lacks is told."""
    from earmark.evaluation import zero_shot

    for label, _ in own:
        if label not in dataset.labels:
            raise EarmarkError(
                f"--map {label}", f"is no label of {dataset.name}", "labels: " + ", ".join(dataset.labels)
            )
    classes = zero_shot.mapped(dataset.labels, own)
    unmapped = [label for label in dataset.labels if label not in classes]
    if unmapped:
        common.complain(f"AudioSet has no class by the name of {', '.join(unmapped)}; name one with --map LABEL=CLASS")
    model = common.open_model(BACKBONE)
    clips = dataset.clips
    found, errors = zero_shot.answers(model, clips, lambda items: common.tracked(items, len(clips), "clips"))
    for error in errors:
        common.complain(f"warning: left out: {error}")
    return found, classes


def _pair(text: str) -> tuple[str, str]:
    label, sign, name = text.partition("=")
    if not (label and sign and name):
        raise EarmarkError(f"--map {text}", "is no label and class", "write LABEL=CLASS")
    return label, name


def _plan(recipe: Path | None, dataset: Dataset, part: dict[str, Any], folds: int, overrides: list[str]) -> Recipe:
    from earmark.training import presets

    if recipe is None:
        return presets.quick(dataset, part, folds, overrides)
    return presets.of_file(recipe, dataset, part, folds, overrides)


def _train(plan: Recipe, runs: Path, cache: Path | None, jobs: int | None) -> Path:
    """Train and test all networks; the run's folder."""
    import os

    from earmark.cli.progress import TrainingProgress
    from earmark.training import run, trainer

    fabric = trainer.start_fabric(plan)
    cores = (os.cpu_count() or 1) if fabric.device.type == "cpu" else 1
    with TrainingProgress() as progress:
        outcome = run.run(plan, runs, fabric, progress, cache, jobs or cores)
    return outcome.folder


def _check_run(run: Path) -> None:
    """Refuse figures of a test that was none: a network believes the wrong labels that it has learnt."""
    from earmark.evaluation import runs

    if runs.read(run).leaky:
        remedy = "train with split.protocol=stratified, or leave --run out"
        raise EarmarkError(run, "tested networks on copies of what they had learnt", remedy)


def _draw(
    found: LabelIssues, name: str, folder: Path, shown: slice, root: Path, decided: Mapping[ClipKey, Decision]
) -> None:
    from earmark.evaluation import label_issues as issues
    from earmark.service import label_issues_page

    chosen = found.ranked[shown]
    if not chosen:
        raise EarmarkError("--first", f"there are only {len(found.ranked)} clips", "begin earlier")
    summary = (
        f"Clips {chosen[0].rank:,} to {chosen[-1].rank:,} of {len(found.ranked):,}, the most doubtful first. "
        f"Confident learning doubts {number_of(found.count, 'label')}; "
        "the weaker those who judge, the more of these are right after all."
    )
    others = issues.others(chosen, decided, root)
    sheet = label_issues_page.Sheet(name, summary, found.labels, found.exclusive, others)
    drawn = list(common.tracked(label_issues_page.cards(chosen, folder / SOUNDS), len(chosen), "pictures"))
    label_issues_page.write(sheet, drawn, folder / PAGE)


def _tell(found: LabelIssues, folder: Path, run: Path | None) -> None:
    if found.untested:
        common.complain(f"{found.untested:,} clips were not tested{' in that run' if run else ''}, and are not ranked")
    if found.unknown:
        who = "the run does not know" if run else "no class stands for"
        common.complain(f"{found.unknown:,} clips have labels that {who}, and are not ranked")
    common.say(f"Ranked {len(found.ranked):,} clips; confident learning doubts {number_of(found.count, 'label')}")
    if run is not None:
        common.say(f"Run: {run}")
    common.say(f"Table: {folder / TABLE}")
    common.say(f"Page: {folder / PAGE}")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EarmarkError(folder, f"cannot be made ({error.strerror})", "choose another --out") from error


def _check_installed(training: bool) -> None:
    needed = ["matplotlib", "yaml"] + (["torch", "lightning_fabric", "onnx", "pydantic"] if training else [])
    common.need("earmark data label-issues", "train", *needed)
