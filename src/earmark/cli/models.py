"""`earmark models`: what is bundled, with each card."""

from __future__ import annotations

import json
import textwrap
from typing import Annotated, Any

import typer

from earmark.cli import common

HELP = """List the bundled models, or show the card of one: its labels, data, licence and figures.

Examples:

    earmark models

    earmark models sounds

    earmark models runs/my_sounds/2026-01-31T12-00-00/model.onnx --to json
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("models", help=HELP)(models)


def models(
    name: Annotated[str | None, typer.Argument(help="A bundled model's name, or an .onnx file.")] = None,
    to: Annotated[str, typer.Option(help="table or json.")] = "table",
) -> None:
    """Show models."""
    from earmark.model import bundled_models, load_model

    common.check_choice("--to", to, ("table", "json"))
    if name is None:
        found = {key: load_model(path).description for key, path in bundled_models().items()}
        if to == "json":
            typer.echo(
                json.dumps({key: json.loads(about.to_json()) for key, about in found.items()}, ensure_ascii=False)
            )
            return
        for key, about in found.items():
            plural = "" if len(about.labels) == 1 else "s"
            typer.echo(f"{key}  {len(about.labels)} label{plural}  {about.card.get('description', '')}")
        return
    about = load_model(name).description
    if to == "json":
        typer.echo(about.to_json())
        return
    typer.echo(f"{about.name}: {about.card.get('description', '')}")
    typer.echo(textwrap.fill("Labels: " + ", ".join(about.labels), 100, subsequent_indent="  "))
    typer.echo(f"Answers: one each {about.step:.3g} s, which waits {about.latency:.2g} s for what follows")
    for key, value in about.card.items():
        if key != "description":
            typer.echo(f"{key}: {_plain(value)}")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(_plain(inner) for inner in value)
    return str(value)
