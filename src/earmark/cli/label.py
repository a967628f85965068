"""`earmark label`: what sounds, when."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.cli import common
from earmark.errors import EarmarkError

HELP = """Mark what sounds in audio or video, and when.

Examples:

    earmark label holiday.mp4

    earmark label holiday.mp4 --to json > holiday.json

    earmark label *.wav --to csv --out events/

    earmark label garden.flac --plot garden.png --only dog,chirping_birds
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("label", help=HELP)(label)


def label(
    files: common.Files,
    model: common.ModelName = "sounds",
    to: Annotated[str, typer.Option(help="table, json, csv, vtt, srt, textgrid, audacity or rttm.")] = "table",
    out: Annotated[Path | None, typer.Option(help="A folder for one result file a recording.")] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw spectrogram, events and scores to this PNG, or into this folder."),
    ] = None,
    only: common.Only = None,
    sensitivity: common.Sensitivity = 0.5,
    track: common.Track = 0,
) -> None:
    """Label every file; results to standard output or to files."""
    from earmark.cli import output
    from earmark.model import load_model
    from earmark.timeline import Array, Scores

    if plot and Path("-") in files:
        raise EarmarkError("--plot", "cannot draw standard input, which is read only once", "save it to a file first")
    draw_timeline = output.plotter() if plot else None
    writer = output.writer_for(to, out, len(files))
    chosen = load_model(model)
    timeline_of = common.labeller(chosen, only, sensitivity, track)

    def work(file: Path) -> None:
        heard: list[Array] = []
        timeline = timeline_of(file, heard.append if plot else None)
        writer.add(timeline)
        if plot and draw_timeline:
            scores = Scores.joined(chosen.labels, chosen.description.step, heard)
            draw_timeline(file, timeline, output.place(plot, file, ".png", len(files)), track, scores)

    try:
        common.for_each(files, work)
    finally:  # also where a file failed, or someone lost patience: what was done is kept
        writer.close()
