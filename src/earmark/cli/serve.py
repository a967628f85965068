"""`earmark serve`: a page to drop a video on, REST, live captions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli import common
from earmark.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.service.settings import Settings

HELP = """Serve a page to drop a video on, a REST interface, and live captions.

By default it listens on 127.0.0.1, where only this machine reaches it; but everybody with an account on the machine can
read all jobs, so give --token-file on a shared machine, and behind a proxy. On any other address a token is needed,
which is printed at the start as part of the page's address. Jobs are kept in a folder, and a server that was stopped or
killed continues them when it is started again.

Examples:

    earmark serve --open

    earmark serve --port 9000 --model my_sounds=runs/my_sounds/2026-01-31T12-00-00/model.onnx

    earmark serve --host 0.0.0.0 --token-file /etc/earmark/token --folder /var/lib/earmark --keep-hours 1
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve", help=HELP)(serve)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: any free one.")] = 8765,
    token_file: Annotated[
        Path | None,
        typer.Option(
            help="A file that holds the token.", show_default="no token on loopback, elsewhere a new one at each start"
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="The folder in which jobs are kept.", show_default="a folder of your account")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(metavar="NAME=FILE", help="A model of your own to offer; can be repeated.")
    ] = None,
    origin: Annotated[
        list[str] | None, typer.Option(help="Another origin whose pages may use it, with the token; can be repeated.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of processes that do jobs.", show_default="one a core")
    ] = None,
    queue: Annotated[int, typer.Option(min=1, help="Largest number of waiting jobs.")] = 100,
    upload_mb: Annotated[int, typer.Option(min=1, help="Largest upload, MB.")] = 2048,
    hours: Annotated[float, typer.Option(min=0.001, help="Longest recording, hours.")] = 4.0,
    memory_mb: Annotated[int, typer.Option(min=512, help="Most memory of a worker, MB.")] = 2048,
    keep_hours: Annotated[float, typer.Option(min=0, help="Age at which finished jobs are deleted, hours.")] = 24.0,
    keep_gb: Annotated[float, typer.Option(min=0, help="Most disk space of all jobs, GB.")] = 20.0,
    live_sessions: Annotated[int, typer.Option(min=0, help="Largest number of live captions at a time.")] = 4,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in your browser.")] = False,
) -> None:
    """Serve until Ctrl-C."""
    _check_installed()
    from earmark.service.server import run
    from earmark.service.settings import GB, HOUR, MB, Settings, is_loopback

    usual = Settings(Path())
    settings = Settings(
        folder=folder or _usual_folder(),
        host=host,
        port=port,
        token=_token(token_file, is_loopback(host)),
        origins=frozenset(origin or ()),
        models=dict(_named(one) for one in model or ()),
        workers=workers or usual.workers,
        queue=queue,
        upload_bytes=upload_mb * MB,
        seconds=hours * HOUR,
        memory_bytes=memory_mb * MB,
        keep_seconds=keep_hours * HOUR,
        keep_bytes=round(min(keep_gb * GB, sys.maxsize)),
        live_sessions=live_sessions,
    )
    _make(settings)
    run(settings, tell_token=settings.token is not None and token_file is None, open_page=open_page)


def _check_installed() -> None:
    needed = ("fastapi", "itsdangerous", "prometheus_client", "python_multipart", "uvicorn", "websockets")
    common.need("the service", "serve", *needed)


def _usual_folder() -> Path:
    from platformdirs import user_state_path

    return user_state_path("earmark") / "service"


def _token(file: Path | None, loopback: bool) -> str | None:
    from secrets import token_urlsafe

    if file is None:
        return None if loopback else token_urlsafe(24)
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise EarmarkError(file, "cannot be read", "write the token into it") from error
    if len(token) < 16:
        raise EarmarkError(file, "holds no token of 16 characters or more", "openssl rand -hex 24 makes one")
    return token


def _named(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not equals or not name.replace("_", "").replace("-", "").isalnum():
        raise EarmarkError(f"--model {text}", "names no model", "say --model NAME=FILE.onnx")
    return name, Path(path)


def _make(settings: Settings) -> None:
    try:
        settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise EarmarkError(settings.folder, f"cannot be made ({error.strerror})", "use another --folder") from error
