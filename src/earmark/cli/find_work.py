"""What `earmark find` does with a query: list, count, draw, cut out and play."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from earmark.cli import common, found
from earmark.errors import EarmarkError, MediaError, MissingExtraError

if TYPE_CHECKING:
    from earmark.archive.database import Index
    from earmark.archive.recordings import Archive
    from earmark.archive.search import Detection, Order, Query

AT_A_TERMINAL = 50  # lines of a table that somebody reads
UNSURE = 50  # excerpts that somebody listens to


def count(index: Index, query: Query, to: str) -> None:
    """Show how many there are."""
    from earmark.archive.search import total

    found.show_total(total(index, query), to)


def groups(index: Index, query: Query, by: str, to: str) -> None:
    """Show how many there are in each group."""
    from earmark.archive import search

    found.show_groups(search.groups(index, query, by), by, to)


def plot(index: Index, query: Query, picture: Path, by: str | None) -> None:
    """Draw when they are."""
    from earmark.cli.output import place

    common.need_matplotlib("--plot")
    if by not in (None, "day", "hour"):
        raise EarmarkError(f"--by {by}", "is no picture", "draw by day, the default, or by hour")
    path = place(picture, Path("found"), ".png", 1)
    from earmark.archive.search import draw

    draw(index, query, path, by)
    common.say(path, err=True)


def events(index: Index, query: Query, order: Order, limit: int | None, to: str) -> list[Detection]:
    """The events; of more than somebody reads at a terminal, the first."""
    from earmark.archive.search import find, total

    if limit is None and to == "table" and sys.stdout.isatty():
        events = find(index, query, order, AT_A_TERMINAL + 1)
        if len(events) > AT_A_TERMINAL:
            all_ = total(index, query).events
            common.say(f"the first {AT_A_TERMINAL} of {all_:,}; --limit {all_} shows all", err=True)
        return events[:AT_A_TERMINAL]
    return find(index, query, order, limit)


def rows(index: Index, query: Query, order: Order, limit: int | None, to: str) -> None:
    """Show the events as CSV or JSON, one by one: there may be more than fit into memory."""
    from earmark.archive.search import each

    found.show_rows(each(index, query, order, limit), to)


def unsure(index: Index, query: Query, limit: int | None) -> list[Detection]:
    """What the model is least sure of."""
    from earmark.archive.uncertainty import least_certain

    return least_certain(index, query, limit or UNSURE)


def duplicates(index: Index, query: Query, limit: int | None, root: str | None, to: str) -> None:
    """Show which recordings hold the same sound."""
    from earmark.archive import duplicates as search
    from earmark.archive.embeddings import Store
    from earmark.archive.examples import recordings_named
    from earmark.archive.recordings import Archive
    from earmark.archive.search import durations

    store, archive = Store(index.folder, index.options), Archive(root or index.options.root)
    only = recordings_named(index, query) if query.recordings else None
    failed: list[EarmarkError] = []
    with common.bar("pairs", None) as advance:
        pairs = search.duplicates(store, archive, durations(index), only, failed.append, advance)
    for error in failed:
        common.complain(error)
    found.show_duplicates(pairs[:limit], to)
    if failed:
        raise typer.Exit(1)


def map_(index: Index, file: Path, limit: int | None, root: str | None) -> None:
    """Draw a map of the archive."""
    from importlib.util import find_spec

    if find_spec("sklearn") is None:
        raise MissingExtraError("--map", "train")
    import numpy as np

    from earmark.archive.embeddings import Store
    from earmark.archive.map import MOST, sound_map, write_map

    if file.suffix.lower() not in (".html", ".htm"):
        raise EarmarkError(f"--map {file}", "is no name of a page", "let it end in .html")
    made = sound_map(index, Store(index.folder, index.options), np.random.default_rng(0), limit or MOST)
    write_map(made, index.folder.name, root or index.options.root, file)
    common.say(file, err=True)


def then(
    index: Index,
    query: Query,
    events: Sequence[Detection],
    play: bool,
    cut: Path | None,
    margin: float,
    root: str | None,
    asked: str = "",
) -> None:
    """Cut out and play what was found; `asked` is what was asked beside the query."""
    if not events or not (play or cut):
        return
    from earmark.archive.recordings import Archive

    archive = Archive(root or index.options.root)
    failed: list[EarmarkError] = []
    if cut is not None:
        _cut(index, query, events, archive, cut, margin, failed, asked)
    if play:
        _play(events, archive, margin, failed)
    for error in failed:
        common.complain(error)
    if failed:
        raise typer.Exit(1)


def _cut(
    index: Index,
    query: Query,
    events: Sequence[Detection],
    archive: Archive,
    out: Path,
    margin: float,
    failed: list[EarmarkError],
    asked: str,
) -> None:
    from earmark.archive import excerpts

    recordings = len({one.recording for one in events})
    with common.bar("recordings", recordings) as advance:
        there = excerpts.cut(index, query, events, archive, out, margin, failed.append, advance, asked)
    common.say(f"{out}: {len(there)} excerpt{'' if len(there) == 1 else 's'}", err=True)


def _play(events: Sequence[Detection], archive: Archive, margin: float, failed: list[EarmarkError]) -> None:
    from earmark import media

    for recording, some in groupby(events, lambda one: one.recording):
        spans = [(max(0.0, one.onset - margin), one.offset + margin) for one in some]
        common.say(f"{recording}: {', '.join(map(_span, spans))}", err=True)
        try:
            with archive.opened(recording) as source:
                media.play_spans(source, spans)
        except MediaError as error:
            failed.append(error)


def _span(span: tuple[float, float]) -> str:
    return f"{common.clock(span[0])} to {common.clock(span[1])}"
