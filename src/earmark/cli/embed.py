"""`earmark embed`: a backbone's embeddings of recordings, as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli import common
from earmark.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.models.model import Model

HELP = """Write embeddings: the vector of a network pretrained on AudioSet for each third of a second.

One file for each recording, float32 [steps, dimensions]: HOLIDAY.npy for NumPy, or HOLIDAY.parquet with the columns
time (seconds) and embedding. The weights of the
network are fetched once: earmark models get mn04_as.

Examples:

    earmark embed holiday.mp4

    earmark embed *.wav --to parquet --out embeddings/

    earmark embed clip.flac --model runs/my_sounds/2026-01-31T12-00-00/model.onnx
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("embed", help=HELP)(embed)


def embed(
    files: common.Files,
    model: Annotated[
        str, typer.Option(help="Name of a backbone, or the .onnx file of a model that was trained on one.")
    ] = "mn04_as",
    to: Annotated[str, typer.Option(help="Format of the files: npy or parquet.")] = "npy",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write to this file, or to one file a recording in this folder.", show_default="beside each recording"
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")] = False,
    track: common.Track = 0,
) -> None:
    """Embed every file."""
    from earmark.cli.output import is_file_name, names_in_folder
    from earmark.formats.embeddings import EMBEDDING_FORMATS, check_installed

    common.check_choice("--to", to, tuple(EMBEDDING_FORMATS))
    check_installed(to)
    chosen = common.open_model(model)
    chosen.embed([])  # a model without embeddings is told once, not for each file
    alone = out is not None and is_file_name(out, f".{to}", len(files))
    names = names_in_folder(files) if out else {}
    written: set[Path] = set()

    def work(file: Path) -> None:
        name = "stdin" if str(file) == "-" else names.get(str(file), file.stem)
        path = out if out and alone else (out or file.parent) / f"{name}.{to}"
        if path in written:
            raise EarmarkError(file, f"has the name of another: {path} is taken", "use another --out")
        if path.exists() and not overwrite:
            raise EarmarkError(path, "is there already", "use --overwrite or another --out")
        steps = _write(file, chosen, to, path, track)
        written.add(path)
        step = chosen.description.step
        common.say(f"{path}: {steps:,} x {chosen.dimensions}, one each {step:g} s", err=True)

    common.for_each(files, work)


def _write(file: Path, model: Model, to: str, path: Path, track: int) -> int:
    """Write the embeddings of one recording as they come; how many there are."""
    from earmark import media
    from earmark.formats.embeddings import EMBEDDING_FORMATS
    from earmark.models.embedding import embedded

    steps = 0
    about = {"recording": str(file), "model": model.description.name}
    try:
        with media.open_recording(common.source(file), track) as recording, common.progress(file) as advance:
            path.parent.mkdir(parents=True, exist_ok=True)
            with EMBEDDING_FORMATS[to](path, model.dimensions, model.description.step, about) as add:
                for part in embedded(recording, model, advance):
                    add(part)
                    steps += len(part)
    except OSError as error:
        raise EarmarkError(path, f"cannot be written ({error.strerror or error})", "choose another --out") from error
    return steps
