"""`earmark classify`: what a clip is, as a whole."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated

import typer

from earmark.cli import common
from earmark.errors import EarmarkError
from earmark.util.text import SheetWriter, in_json, visible

HELP = """List the labels of whole clips, best first.

Examples:

    earmark classify clip.wav

    earmark classify clips/*.mp3 --top 1 --to csv

    earmark classify duet.mp4 --model instruments --plot duet.png

    earmark classify clip.wav --model runs/my_sounds/2026-01-31T12-00-00/model.onnx --to json
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("classify", help=HELP)(classify)


def classify(
    files: common.Files,
    model: common.ModelName = "sounds",
    to: Annotated[str, typer.Option(help="Format of the output: table, json or csv.")] = "table",
    top: Annotated[int, typer.Option(min=1, help="Number of labels to list.")] = 5,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the scores as bars into this PNG file, or into this folder.")
    ] = None,
    track: common.Track = 0,
) -> None:
    """Classify every file."""
    from earmark.cli import output
    from earmark.models.labelling import classify as classify_recording

    common.check_choice("--to", to, ("table", "json", "csv"))
    if plot and Path("-") in files:
        raise EarmarkError("--plot", "needs a name for the picture", "save standard input to a file first")
    if plot:
        common.need_matplotlib("--plot")
    names = output.names_in_folder(files)
    chosen = common.open_model(model)
    if to == "csv":
        common.say("recording,label,score")

    listed: list[dict[str, object]] | None = [] if to == "json" and len(files) > 1 else None

    def work(file: Path) -> None:
        labels = classify_recording(common.source(file), chosen, track=track)[:top]
        if listed is not None:
            listed.append(_plain(str(file), labels))
        else:
            common.say_lines(_render(str(file), labels, to))
        if plot:
            from earmark.plots.timeline import draw_scores

            draw_scores(file.name, labels, output.place(plot, file, ".png", names))

    try:
        common.for_each(files, work)
    finally:  # also where a file failed, or someone lost patience: what was done is kept
        if listed is not None:
            common.say_json(listed)


def _plain(name: str, labels: list[tuple[str, float]]) -> dict[str, object]:
    return {"recording": name, "labels": [{"label": label, "score": score} for label, score in labels]}


def _render(name: str, labels: list[tuple[str, float]], to: str) -> str:
    if to == "json":
        return in_json(_plain(name, labels))
    if to == "csv":
        rows = io.StringIO()
        SheetWriter(rows).writerows((name, label, score) for label, score in labels)
        return rows.getvalue().removesuffix("\n")
    labels = [(visible(label), score) for label, score in labels]
    width = max(len(label) for label, _ in labels)
    bars = [f"  {label:<{width}}  {score:.2f}  {'█' * round(score * 30)}".rstrip() for label, score in labels]
    return "\n".join([visible(name), *bars])
