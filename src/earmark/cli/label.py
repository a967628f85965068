"""`earmark label`: what sounds, when."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from earmark.cli import common
from earmark.errors import EarmarkError

HELP = """Mark what sounds in audio or video, and when.

Examples:

    earmark label holiday.mp4

    earmark label holiday.mp4 --to json > holiday.json

    earmark label *.wav --to csv --out events/

    earmark label garden.flac --plot garden.png --only dog,chirping_birds

    earmark label street.mp4 --every 1 --to csv --plot street.png

--every N lists the labels of each N seconds, not events: a label is listed where its events fill half of that time, or
where half of an event lies in it.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("label", help=HELP)(label)


def label(
    files: common.Files,
    model: common.ModelName = "sounds",
    to: Annotated[
        str, typer.Option(help="Format of the output: table, json, csv, vtt, srt, textgrid, audacity or rttm.")
    ] = "table",
    out: Annotated[
        Path | None, typer.Option(help="Write to this file, or to one file a recording in this folder.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw spectrogram, events and scores into this PNG file, or into this folder."),
    ] = None,
    every: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="List the labels of each so many seconds, as table, json or csv."),
    ] = None,
    only: common.Only = None,
    sensitivity: common.Sensitivity = 0.5,
    track: common.Track = 0,
) -> None:
    """Label every file; results to standard output or to files."""
    from earmark.cli import output
    from earmark.events.seconds import check_every, seconds

    if every is not None:
        check_every(every)
    elif plot and Path("-") in files:
        raise EarmarkError("--plot", "cannot draw standard input, which is read only once", "save it to a file first")
    if plot:
        common.need_matplotlib("--plot")
    writer: output.Writer[Any] = (
        output.writer_for(to, out, files) if every is None else output.seconds_writer(to, out, files)
    )
    names = output.names_in_folder(files)
    if plot and files:
        output.place(plot, files[0], ".png", names)  # what is wrong with it is told before hours of work
    chosen = common.open_model(model)
    timeline_of = common.labeller(chosen, only, sensitivity, track, scores=plot is not None or every is not None)

    def work(file: Path) -> None:
        timeline = timeline_of(file)
        by_second = None if every is None else seconds(timeline, every)
        writer.add(by_second or timeline)
        if plot:
            from earmark.plots.timeline import draw_seconds, draw_timeline

            picture = output.place(plot, file, ".png", names)
            if by_second:
                draw_seconds(by_second, picture)
            else:
                draw_timeline(file, timeline, picture, track, timeline.scores)

    try:
        common.for_each(files, work)
    finally:  # also where a file failed, or someone lost patience: what was done is kept
        writer.close()
