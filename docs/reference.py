"""Pages of the site that are made from the code: every command by its own help, and the service's interface."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

WIDTH = 100
REPOSITORY = Path(__file__).parent.parent


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    files.append(File.generated(config, "commands.md", content=commands_page()))
    files.append(File.generated(config, "rest.md", content=rest_page()))
    return files


def commands_page() -> str:
    """Every command's own `--help`."""
    import typer

    from earmark.cli.application import app

    parts = ["# Commands\n", "What each command's own `--help` says.\n"]
    for name, text in _helps(typer.main.get_command(app), "earmark"):
        parts.append(f"## `{name}`\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def _helps(command: Any, name: str) -> Iterator[tuple[str, str]]:
    context = command.make_context(name, [], resilient_parsing=True, terminal_width=WIDTH, max_content_width=WIDTH)
    yield name, command.get_help(context).replace("\b", "").strip()
    if hasattr(command, "list_commands"):
        for below in command.list_commands(context):
            yield from _helps(command.get_command(context, below), f"{name} {below}")


def rest_page() -> str:
    """What the service's OpenAPI description says, as one page."""
    from earmark.service.app import create_app
    from earmark.service.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        described = create_app(Settings(Path(folder))).openapi()
    parts = [
        "# REST interface\n",
        "`earmark serve` describes this interface at `/openapi.json`, with all schemas; [the service](service.md) says"
        " how to run it. The live socket `/v1/live` has [a page of its own](live.md#over-a-socket).\n",
    ]
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            parts.append(_operation(method.upper(), path, operation, described["components"]["schemas"]))
    return "\n".join(parts)


def _operation(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    lines = [f"## `{method} {path}`\n", operation["description"] + "\n"]
    rows = [
        (one["name"], one["in"], one.get("description", ""), one.get("required", False), one["schema"])
        for one in operation.get("parameters", [])
    ]
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = _resolved(content["schema"], schemas)
        needed = schema.get("required", [])
        where = "form" if "form" in kind else "body"
        rows += [
            (name, where, one.get("description", ""), name in needed, one)
            for name, one in schema.get("properties", {}).items()
        ]
    if rows:
        lines += ["| name | in | | unless given |", "|---|---|---|---|"]
        for name, where, text, required, schema in rows:
            usual = "required" if required else _shown(schema.get("default"))
            lines.append(f"| `{name}` | {where} | {_cell(text)} | {usual} |")
        lines.append("")
    lines += ["| status | |", "|---|---|"]
    for status, answer in operation["responses"].items():
        kinds = ", ".join(f"`{kind}`" for kind in answer.get("content", {}))
        lines.append(f"| {status} | {_cell(answer['description'])}{f' ({kinds})' if kinds else ''} |")
    return "\n".join(lines) + "\n"


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    return schemas[reference.rsplit("/", 1)[1]] if reference else schema


def _shown(value: object) -> str:
    return "" if value is None else f"`{json.dumps(value)}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
