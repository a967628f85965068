"""`earmark index`: label an archive, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli import common
from earmark.errors import EarmarkError
from earmark.util.text import number_of, visible

if TYPE_CHECKING:
    from earmark.archive.planning import Report
    from earmark.archive.workers import Done

HELP = """Label all recordings of an archive and keep what sounds in them in an index, for `earmark find`.

FOLDER is a folder, or a URL that fsspec reads: s3://bucket/folder, gs://..., https://... Only recordings that are new
or have changed are labelled, so the same command updates an index, and continues where it was interrupted.

Examples:

    earmark index recordings/ --out recordings.index

    earmark index s3://bucket/street --out street.index

    earmark index --list recordings.txt --out my.index --jobs 4

    earmark index /archive --out /archive.index --scheduler tcp://10.0.0.1:8786

    earmark index recordings/ --out recordings.index --embeddings mn04_as
"""
SHOWN = 10  # bad recordings, of perhaps thousands
LOOK_BACK = 3600.0  # seconds, from which the time left is reckoned: a batch may take minutes

Where = Annotated[
    str | None, typer.Argument(metavar="FOLDER", help="Folder or URL of the recordings.", show_default=False)
]
ListFile = Annotated[
    Path | None, typer.Option("--list", metavar="FILE", help="Instead of FOLDER: a file of paths or URLs, one a line.")
]
Jobs = Annotated[int | None, typer.Option(min=1, help="Number of processes.", show_default="all cores")]
Scheduler = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Use the workers of this Dask scheduler.")]
BatchSize = Annotated[
    int, typer.Option("--batch", min=1, help="Largest number of recordings in one file of the index.")
]
RetryBad = Annotated[bool, typer.Option("--retry-bad", help="Try again to read recordings that could not be read.")]
Prune = Annotated[bool, typer.Option("--prune", help="Remove recordings that no longer exist from the index.")]
Timeout = Annotated[
    float, typer.Option(min=1, metavar="SECONDS", help="Time limit of a recording, beside its own length.")
]
Embeddings = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="The model of the embeddings that `find --like` compares; none: keep no embeddings.",
        show_default="the model, if it has any",
    ),
]
NO_EMBEDDINGS = "none"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("index", help=HELP)(index)


def index(
    folder: Where = None,
    out: Annotated[Path | None, typer.Option(metavar="INDEX", help="The folder of the index.")] = None,
    list_file: ListFile = None,
    model: common.ModelName = "sounds",
    sensitivity: common.Sensitivity = 0.5,
    embeddings: Embeddings = None,
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    batch: BatchSize = 1000,
    retry_bad: RetryBad = False,
    prune: Prune = False,
    timeout: Timeout = 600.0,
    to: Annotated[common.To, typer.Option(help="Format of the summary: table or json.")] = common.To.table,
) -> None:
    """Label what is new or has changed."""
    if out is None:
        raise EarmarkError("earmark index", "needs --out INDEX", "see its --help")
    if (folder is None) == (list_file is None):
        raise EarmarkError("earmark index", "needs either a FOLDER or --list FILE", "see its --help")
    common.need("what `earmark index` needs", "archive", "pyarrow", "distributed", "fsspec")
    from earmark.archive import recordings
    from earmark.archive.indexing import Settings, kept_embedder, options_for
    from earmark.archive.indexing import index as bring_up_to_date

    root = "" if folder is None else recordings.root_of(folder)
    if embeddings is None:
        embeddings = kept_embedder(out)
    elif embeddings != NO_EMBEDDINGS:
        common.open_model(embeddings)  # makes that of a backbone
    options = options_for(root, model, sensitivity, "" if embeddings == NO_EMBEDDINGS else embeddings)
    with _looking(root or str(list_file)):
        found = recordings.below(root) if list_file is None else recordings.listed(list_file)
    for line in found.left_out:
        common.complain(f"warning: {line}")
    if found.elsewhere:
        are = "is elsewhere, where a link leads" if len(found.elsewhere) == 1 else "are elsewhere, where links lead"
        many, first = number_of(len(found.elsewhere), "recording"), visible(found.elsewhere[0])
        common.complain(f"note: {many} below {visible(root)} {are}, such as {first}")
    if not found.recordings and not out.exists():
        raise EarmarkError(root or list_file, "holds no recordings", "give the folder that holds audio or video files")
    settings = Settings(jobs, scheduler, batch, retry_bad, prune, timeout)
    try:
        with _progress() as (on_plan, on_batch):
            report = bring_up_to_date(found, out, options, settings, on_plan, on_batch)
    except KeyboardInterrupt:
        common.complain("interrupted; the same command goes on")
        raise
    _tell(report, out, to)
    if report.bad:
        raise typer.Exit(1)


@contextmanager
def _looking(place: str) -> Iterator[None]:
    """A word on standard error, as a large archive takes a while to look through."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(escape(f"looking for recordings in {visible(place)}")):
        yield


@contextmanager
def _progress() -> Iterator[tuple[Callable[[Report], None], Callable[[Done], None]]]:
    """A bar on standard error, where a terminal shows it: time left goes by bytes."""
    with common.noted_bars(speed_estimate_period=LOOK_BACK) as shown:
        task = shown.add_task("labelling", total=None, note="")
        current: list[Report] = []

        def on_plan(report: Report) -> None:
            current.append(report)
            shown.update(task, total=report.todo_bytes or None)

        def on_batch(_: Done) -> None:
            report = current[0]
            note = f"{report.processed:,} of {report.todo:,}  {report.hours:,.1f} h  {report.rate:.2f} h/s"
            shown.update(task, completed=report.size, note=note)

        yield on_plan, on_batch


def _tell(report: Report, out: Path, to: common.To) -> None:
    """The bad recordings and a summary line to standard error; the summary, if asked for, to standard output."""
    _few("could not be read", report.bad)
    _few("warning", report.damaged)
    common.complain(_summary(report, out))
    if to is common.To.json:
        common.say_json({"index": str(out), **report.plain()})
        return
    _table(report)


def _few(what: str, pairs: Sequence[tuple[str, str]]) -> None:
    for name, why in pairs[:SHOWN]:
        common.complain(f"{what}: {name}: {why}")
    if len(pairs) > SHOWN:
        common.complain(f"{what}: {len(pairs) - SHOWN:,} more; --to json lists all")


def _summary(report: Report, out: Path) -> str:
    done = f"{report.processed:,} recordings, {report.hours:,.2f} h, labelled in {common.clock(report.took)}"
    speed = f" ({report.rate * 3600:,.0f} times real time)" if report.seconds else ""
    return f"{out}: {done}{speed}"


def _table(report: Report) -> None:
    rows = (
        ("found", report.found),
        ("labelled", report.labelled),
        ("embedded", report.embedded),
        ("could not be read", len(report.bad)),
        ("unchanged", report.unchanged),
        ("bad before", report.bad_before),
        ("changed", report.changed),
        ("gone", report.gone),
        ("dropped", report.pruned),
        ("MB of index", round(report.index_bytes / 1e6, 2)),
        ("MB of embeddings", round(report.embedding_bytes / 1e6, 2)),
    )
    for name, count in rows:
        common.say(f"{name:<18}{count:>12,}")
