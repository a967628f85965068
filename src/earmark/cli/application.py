"""The command line's commands, put together: each imported when it is named, and all for `earmark --help`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from functools import cache, partial
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from earmark._version import __version__

NAMES = (
    "label", "classify", "caption", "embed", "words", "listen", "serve", "train", "evaluate", "compare", "tune",
    "index", "find", "models", "data",
)  # fmt: skip
"""The commands in the order of `earmark --help`; a file of `earmark.cli` of each one's name adds it."""

PLAIN: dict[str, Any] = {"rich_markup_mode": None, "pretty_exceptions_enable": False}


class Commands(Mapping[str, Any]):
    """The commands by name, each made when it is asked for: to make all takes longer than to label a clip."""

    def __getitem__(self, name: str) -> Any:
        if name not in NAMES:
            raise KeyError(name)
        return _made(name)

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


@cache
def _made(name: str) -> Any:
    alone = typer.Typer(**PLAIN)
    alone.callback()(lambda: None)  # without one, a single command would be no group
    import_module(f"earmark.cli.{name}").register(alone)
    group: Any = typer.main.get_command(alone)
    _refuse_no_numbers(group)
    return group.commands[name]


def _refuse_no_numbers(command: Any) -> None:
    """Have every option that is a number refuse `nan`, which is within any limits."""
    for each in getattr(command, "commands", {}).values():
        _refuse_no_numbers(each)
    for option in command.params:
        if option.type.name.startswith("float"):
            kind = option.type = copy(option.type)
            kind.convert = partial(_number, kind.convert)


def _number(convert: Callable[..., float], value: Any, option: Any, context: Any) -> float:
    number = convert(value, option, context)
    if math.isnan(number):
        raise typer.BadParameter(f"{value} is no number.", context, option)
    return number


class Group(TyperGroup):
    """What chooses among them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: Any = Commands()

    def list_commands(self, ctx: object) -> list[str]:
        """Their names, in order."""
        return list(self.commands)


app = typer.Typer(
    name="earmark",
    cls=Group,
    help="Learn sounds from labelled recordings, and mark where they occur in any audio or video.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    **PLAIN,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
    ),
) -> None:
    pass
