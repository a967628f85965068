"""`earmark tune`: thresholds for one's own recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.cli import common
from earmark.errors import EarmarkError

HELP = """Choose a model's thresholds by recordings whose events are known, and write the model with them.

The recordings are a table clips.csv with events.csv beside it, as for `earmark evaluate --events`. Each label gets the
thresholds with the best F1: over segments of one second, over events, or the mean of both. Measure the new model on
other recordings: on these, its figures are too good.

Examples:

    earmark tune sounds --on street_scenes/ --split validation --out street.onnx

    earmark tune sounds --on garden/ --quiet empty_rooms/ --out garden.onnx

    earmark tune sounds --on garden/ --by events --beta 0.5 --out garden.onnx

    earmark tune taught_on.onnx --like garden.onnx --out taught.onnx
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("tune", help=HELP)(tune)


def tune(
    model: Annotated[str, typer.Argument(help="Name of a bundled model, or an .onnx file.")],
    out: Annotated[Path, typer.Option(help="The model file to write.")],
    on: Annotated[str | None, typer.Option("--on", help="The recordings whose events are known.")] = None,
    like: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Take thresholds and windows of this model, which has the same labels, instead of choosing them: for "
            "a model that was trained on the recordings that they were chosen on.",
        ),
    ] = None,
    by: Annotated[
        str, typer.Option(help="What F1 is measured over: segments, events (with a collar of 500 ms) or both.")
    ] = "segments",
    truth: Annotated[
        Path | None, typer.Option(help="The table of events.", show_default="events.csv beside the clips")
    ] = None,
    beta: Annotated[
        float,
        typer.Option(
            min=0.05,
            max=20,
            help="How much more recall counts than precision (F-beta); 0.5 gives fewer and surer events.",
        ),
    ] = 1.0,
    windows: Annotated[
        bool,
        typer.Option(
            "--windows", help="Average the scores of each label over a third of the mean length of its events."
        ),
    ] = False,
    same: Annotated[
        bool,
        typer.Option(
            "--common", help="Labels with few events share thresholds: one pair for short sounds, one for lasting ones."
        ),
    ] = False,
    quiet: Annotated[
        Path | None,
        typer.Option(
            help="A folder of recordings without events: thresholds rise where that avoids more than it loses."
        ),
    ] = None,
    but: Annotated[
        str, typer.Option(help="Labels that may occur in the quiet recordings, separated by commas.")
    ] = "speech",
    split: Annotated[str | None, typer.Option(help="Use only clips of this split.")] = None,
    relabel: Annotated[
        list[str] | None,
        typer.Option(metavar="OLD=NEW", help="Use the model's name for a label of the recordings; can be repeated."),
    ] = None,
) -> None:
    """Tune one model."""
    common.check_choice("--by", by, ("segments", "events", "both"))
    if out.suffix.lower() != ".onnx" or not out.resolve().parent.is_dir():
        raise EarmarkError(f"--out {out}", "is no place for a model", "name an .onnx file in a folder that is there")
    if on is None and (like is None or quiet):
        remedy = "give --on" if like is None else "give --on, too: it tells what --quiet would cost"
        raise EarmarkError("earmark tune", "needs recordings whose events are known", remedy)
    silent = None if quiet is None else _recordings(quiet)
    from earmark.evaluation import annotated, tuning
    from earmark.evaluation.thresholds import Objective
    from earmark.models.model import load_model

    chosen = load_model(model)
    tuned = chosen if like is None else chosen.described(tuning.like(chosen.description, load_model(like).description))
    if on is not None:
        recordings = annotated.load(on, truth, split).relabelled(common.relabelling(relabel or []), chosen.labels)
        recordings = recordings.only(chosen.labels)
        tuned = tuning.windowed(tuned, recordings) if windows else tuned
        with common.bar("recordings") as advance:
            known = tuning.score_all(tuned, recordings, advance)
        if like is None:
            best = Objective(None if by == "events" else 1.0, None if by == "segments" else 0.5, beta=beta)
            tuned = tuned.described(tuning.tune(tuned.description, known, best, same))
        if silent is not None:
            tuned = tuned.described(tuning.left_alone(tuned, silent, known, but.split(",")))
    tuning.write(chosen, tuned.description, out)
    for label in chosen.labels:
        before, after = chosen.description.threshold(label), tuned.description.threshold(label)
        if before != after:
            common.say(f"{label}: {before.on:.2f}, {before.off:.2f} -> {after.on:.2f}, {after.off:.2f}", err=True)
    common.say(out)


def _recordings(folder: Path) -> list[Path]:
    """The files of a folder."""
    found = sorted(path for path in folder.glob("*") if path.is_file()) if folder.is_dir() else []
    if not found:
        raise EarmarkError(f"--quiet {folder}", "holds no recordings", "give a folder of audio files")
    return found
