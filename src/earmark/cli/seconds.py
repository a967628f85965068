"""What `earmark label --every` needs: where the second-by-second view goes, and its picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from earmark.errors import EarmarkError, MissingExtraError

if TYPE_CHECKING:
    from earmark.cli.output import Writer
    from earmark.events.seconds import Seconds

SecondsPlotter = Callable[["Seconds", Path], None]


def seconds_writer(to: str, out: Path | None, files: int) -> Writer[Seconds]:
    """The writer that `--to` and `--out` ask for."""
    from earmark.cli.output import FilesWriter, StreamWriter, TableWriter
    from earmark.formats import SECONDS_FORMATS
    from earmark.formats.plain_text import seconds_table

    if to != "table" and to not in SECONDS_FORMATS:
        raise EarmarkError(f"--to {to}", "is not for --every", "choose among table, " + ", ".join(SECONDS_FORMATS))
    if to != "table":
        form = SECONDS_FORMATS[to]
        return FilesWriter(form, out, files) if out is not None else StreamWriter(form, files > 1)
    if out is not None:
        raise EarmarkError("--out", "is for files of a format", "choose one with --to")
    return TableWriter(seconds_table, files > 1)


def seconds_plotter() -> SecondsPlotter:
    """What draws them, if matplotlib is installed."""
    try:
        from earmark.plots.timeline import draw_seconds
    except ImportError as error:
        raise MissingExtraError("--plot", "plot") from error
    return draw_seconds
