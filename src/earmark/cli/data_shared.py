"""What several commands of `earmark data` share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from earmark.cli.common import bars

DataDir = Annotated[
    Path | None, typer.Option(help="The folder in which datasets are kept.", show_default="EARMARK_DATA or data")
]
Place = Annotated[str, typer.Argument(metavar="PATH|NAME", help="A folder, a table (CSV), or a name such as esc50.")]
LayoutOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--option", "-o", metavar="KEY=VALUE", help="An option of the layout, such as subset=esc10; can be repeated."
    ),
]
Jobs = Annotated[int, typer.Option(min=1, help="Number of processes.")]


def listed(text: str | None) -> list[str]:
    """What stands between commas."""
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def counted(made: Iterable[int], total: int, name: str) -> None:
    """Have all made, with a bar of how many have come on standard error, where a terminal shows it."""
    with bars() as shown:
        task = shown.add_task(name, total=total)
        for done in made:
            shown.advance(task, done)


def agreed(question: str) -> bool:
    """Whether the user says yes."""
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        return False
