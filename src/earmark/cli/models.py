"""`earmark models`: what is bundled and what can be had, with each card; pretrained weights fetched and converted."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from earmark.cli import common
from earmark.errors import EarmarkError
from earmark.util.text import number_of

if TYPE_CHECKING:
    from earmark.models.pretrained import PretrainedWeights

HELP = """List models, or show the card of one: its labels, data, licence and figures.

NAME is a bundled model, an .onnx file, or pretrained weights that training starts from.

Examples:

    earmark models

    earmark models sounds

    earmark models runs/my_sounds/2026-01-31T12-00-00/model.onnx --to json

    earmark models get mn04_as
"""

GET_HELP = """Fetch the pretrained weights of a backbone from their publisher, and make a model file of them.

With that model file, `earmark label --model mn04_as` marks AudioSet's own classes, and `earmark embed` writes
embeddings. Making it needs torch and onnx, using it neither. Both files are kept in the cache.

An interrupted download is continued, and its checksum is verified. On a machine without network, copy the file from
another (see --out), and set EARMARK_PRETRAINED to its folder.

Examples:

    earmark models get mn04_as

    earmark models get mn04_as --out weights/
"""

SHOW = "show"
COLUMNS = 80  # of a terminal as it opens


class OneOrAll(TyperGroup):
    """`models NAME` and `models` stand for `models show NAME` and `models show`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command first that was meant."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = [SHOW, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="models",
    help=HELP,
    short_help="List models, show the card of one, fetch pretrained weights.",
    cls=OneOrAll,
    subcommand_metavar="[NAME] [--to table|json]",
    rich_markup_mode=None,
)


def register(above: typer.Typer) -> None:
    """Add the group of these commands."""
    above.add_typer(app)


@app.command(SHOW, help=HELP, hidden=True)
def show_command(
    name: Annotated[
        str | None, typer.Argument(help="Name of a bundled model or of pretrained weights, or an .onnx file.")
    ] = None,
    to: Annotated[str, typer.Option(help="Format of the output: table or json.")] = "table",
) -> None:
    """Show models."""
    common.check_choice("--to", to, ("table", "json"))
    if name is None:
        _show_all(to)
        return
    from earmark.models.pretrained import PRETRAINED

    if name in PRETRAINED and not Path(name).exists():
        _show_weights(PRETRAINED[name], to)
    else:
        _show_model(name, to)


@app.command("get", help=GET_HELP)
def get_command(
    name: Annotated[str, typer.Argument(help="The name of the weights, such as mn04_as; `earmark models` lists them.")],
    out: Annotated[Path | None, typer.Option(help="The folder to write the file to.", show_default="the cache")] = None,
    url: Annotated[str, typer.Option(help="Another address to fetch it from, such as a mirror.")] = "",
) -> None:
    """Fetch pretrained weights."""
    from earmark.models import pretrained

    weights = pretrained.known(name)
    common.say(f"{weights.name}: {weights.what}", err=True)
    common.say(f"Licence: {weights.licence}, {weights.licence_note}.", err=True)
    common.say(f"Cite: {weights.citation}", err=True)
    if not (out or url) and pretrained.named(weights):
        path = pretrained.find(name)
        common.say(f"{pretrained.ENVIRONMENT} names a copy: nothing was fetched.", err=True)
    else:
        path = _fetch(weights, url, out)
    common.say(path)
    if out is None:
        _convert(name)


def _fetch(weights: PretrainedWeights, url: str, out: Path | None) -> Path:
    from earmark.models import pretrained

    common.say(f"Address: {url or weights.url}", err=True)
    fetched = False
    with common.bar(weights.name, transfer=True) as advance:

        def on_progress(done: float, total: float | None) -> None:
            nonlocal fetched
            fetched = True
            advance(done, total)

        path = pretrained.get(weights.name, url, out, on_progress)
    if not fetched:
        common.say(f"{weights.name} is there already: nothing was fetched.", err=True)
    return path


def _convert(name: str) -> None:
    """Make the model file; training needs none, so that it is no failure where that cannot be done."""
    try:
        common.say(f"Model file, for --model {name}: {common.convert(name)}", err=True)
    except EarmarkError as error:
        common.complain(f"warning: no model file was made for --model {name}: {error}")


def _show_all(to: str) -> None:
    from earmark.models.model import bundled_models, load_model
    from earmark.models.pretrained import PRETRAINED

    found = {key: load_model(path).description for key, path in bundled_models().items()}
    if to == "json":
        common.say_json({key: json.loads(about.to_json()) for key, about in found.items()})
        return
    for key, about in found.items():
        common.say(f"{key}  {number_of(len(about.labels), 'label')}  {about.card.get('description', '')}")
    common.say()
    common.say("Pretrained weights that training can start from:")
    for key, weights in PRETRAINED.items():
        common.say(f"{key}  {weights.terms}  {_whereabouts(weights)}")


def _show_model(name: str, to: str) -> None:
    from earmark.models.model import load_model

    about = load_model(name).description
    if to == "json":
        common.say_json(json.loads(about.to_json()))
        return
    common.say(f"{about.name}: {about.card.get('description', '')}")
    for line in _listed(about.labels):
        common.say_lines(line)
    common.say(f"Answers: one each {about.step:.3g} s, which waits {about.latency:.2g} s for what follows")
    for key, value in about.card.items():
        if key != "description":
            common.say_lines(f"{key}: {_plain(value)}")


def _listed(labels: Sequence[str]) -> list[str]:
    """Labels as lines: by group where any stands in one, each group's parent before a `>`."""
    from earmark.labels.groups import OTHER, sorted_by_group

    def filled(text: str, indent: str) -> str:
        return textwrap.fill(text, COLUMNS, initial_indent=indent, subsequent_indent=indent + "  ")

    found = sorted_by_group(labels)
    if all(one.heading == OTHER for one in found):
        return [filled("Labels: " + ", ".join(labels), "")]
    title = f"Labels: {len(labels)}, by group"
    if any(one.parent for one in found):
        title += "; before > the label for any of the group"
    lines = [filled(title, "")]
    for one in found:
        names = " > ".join(filter(None, [one.parent, ", ".join(one.labels)]))
        lines.append(filled(f"{one.heading}: {names}", "  "))
    return lines


def _whereabouts(weights: PretrainedWeights) -> str:
    """Where the file is, unchecked, or how to get it."""
    from earmark.models.pretrained import located

    try:
        return str(located(weights) or f"not here: earmark models get {weights.name}")
    except EarmarkError as error:
        return str(error)


def _show_weights(weights: PretrainedWeights, to: str) -> None:
    from earmark.models.model import made_in_cache
    from earmark.models.pretrained import find

    path, problem = None, None
    try:
        path = str(find(weights.name))
    except EarmarkError as error:
        problem = f"{error.reason}; {error.remedy}"
    if to == "json":
        made = made_in_cache(weights.name)
        card = {"kind": "pretrained", **asdict(weights), "path": path, "problem": problem, "model": made and str(made)}
        common.say_json(card)
        return
    common.say(f"{weights.name}: {weights.what}")
    common.say(f"licence: {weights.licence}, {weights.licence_note}")
    common.say(f"source: {weights.source}")
    common.say(f"cite: {weights.citation}")
    common.say(f"address: {weights.url}")
    common.say(f"size: {'not known' if weights.bytes is None else f'{weights.bytes:,} bytes'}")
    common.say(f"SHA-256: {weights.sha256 or 'not known, so that the file cannot be checked'}")
    common.say(f"file: {path or problem}")
    common.say(f"model file: {made_in_cache(weights.name) or f'not here: earmark models get {weights.name}'}")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(_plain(inner) for inner in value)
    return str(value)
