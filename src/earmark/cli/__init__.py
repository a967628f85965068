"""The command line: one file for each command, thin over the public functions."""

from __future__ import annotations

import os
import sys
import warnings
from typing import TextIO

import typer

from earmark._version import __version__
from earmark.cli import caption, classify, common, data, evaluate, label, models, train, words
from earmark.errors import EarmarkError, EarmarkWarning

app = typer.Typer(
    name="earmark",
    help="Learns sounds from labelled recordings and marks where they occur in any audio or video.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (label, classify, caption, words, train, evaluate, models):
    command.register(app)
app.add_typer(data.app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Say which."),
) -> None:
    pass


def main() -> None:
    """Run the command line; a user's mistake or a broken file ends with one line and exit code 1."""
    # NumPy's small products gain nothing from threads, which wait for each other by spinning: that takes the cores from
    # decoding and from the network, and a third longer.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    warnings.showwarning = _show_warning
    warnings.simplefilter("always", EarmarkWarning)
    try:
        app()
    except EarmarkError as error:
        common.complain(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `earmark ... | head`
        sys.stderr.close()
        sys.exit(0)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    if issubclass(category, EarmarkWarning):
        common.complain(f"warning: {message}")
