"""`earmark caption`: captions of sounds, in a file beside the video."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from earmark.cli import common

HELP = """Write captions of the sounds in a video, as deaf viewers read them, into a file beside it.

Players find `holiday.vtt` or `holiday.srt` beside `holiday.mp4` by its name. `--out -` writes to standard output.
Speech is left to the dialogue's own subtitles unless asked for.

Examples:

    earmark caption holiday.mp4

    earmark caption *.mkv --to srt

    earmark caption holiday.mp4 --sensitivity 0.7 --include-speech
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("caption", help=HELP)(caption)


def caption(
    files: common.Files,
    model: common.ModelName = "sounds",
    to: Annotated[str, typer.Option(help="vtt or srt.")] = "vtt",
    language: Annotated[str, typer.Option(help="Language of the captions.")] = "en",
    out: Annotated[Path | None, typer.Option(help="A folder for the caption files, or - for standard output.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace caption files that Earmark did not write.")
    ] = False,
    include_speech: Annotated[bool, typer.Option("--include-speech", help="Caption speech as well.")] = False,
    only: common.Only = None,
    sensitivity: common.Sensitivity = 0.5,
    track: common.Track = 0,
) -> None:
    """Caption every file."""
    from earmark.captions import Phrases
    from earmark.cli import output
    from earmark.model import load_model

    common.check_choice("--to", to, ("vtt", "srt"))
    Phrases.load(language)  # an unknown language is told before hours of work
    timeline_of = common.labeller(load_model(model), only, sensitivity, track)

    def work(file: Path) -> None:
        timeline = timeline_of(file)
        text, count = output.captions_text(timeline, to, language, include_speech)
        if str(out or file) == "-":  # nothing lies beside standard input
            common.standard_output().write(text)
            return
        path = (out or file.parent) / (file.stem + "." + to)
        if not overwrite:
            output.spare_foreign(path)
        output.write_whole(path, text)
        print(f"{path}: {count} captions", file=sys.stderr)

    common.for_each(files, work)
