"""The command line's commands, put together."""

from __future__ import annotations

import typer

from earmark._version import __version__
from earmark.cli import caption, classify, data, evaluate, find, index, label, listen, models, serve, train, tune, words

app = typer.Typer(
    name="earmark",
    help="Learns sounds from labelled recordings and marks where they occur in any audio or video.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (label, classify, caption, words, listen, serve, train, evaluate, tune, index, find):
    command.register(app)
app.add_typer(models.app)
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
