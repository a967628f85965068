"""What `earmark find` does with a query: list, count, draw, cut out and play; and how it shows events."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earmark.cli import common
from earmark.errors import EarmarkError, MediaError
from earmark.util.text import SheetWriter, in_json, number_of, visible

if TYPE_CHECKING:
    from earmark.archive.database import Index
    from earmark.archive.duplicates import Duplicate
    from earmark.archive.recordings import Archive
    from earmark.archive.search import Detection, Order, Query

AT_A_TERMINAL = 50  # lines of a table that somebody reads
NAMED = 5  # recordings in a note


def count(index: Index, query: Query, to: str) -> None:
    """Show how many there are, on one line."""
    from dataclasses import asdict

    from earmark.archive.search import total

    found = total(index, query)
    if to == "csv":
        return _show([asdict(found)], list(asdict(found)), to)
    if to == "json":
        return _write(in_json(asdict(found)) + "\n")
    many = number_of(found.events, "event")
    some = number_of(found.recordings, "recording")
    _write(f"{many} in {some}, {common.clock(found.seconds)} in all\n")


def groups(index: Index, query: Query, by: str, to: str) -> None:
    """Show how many there are in each group, one a line."""
    from earmark.archive import search

    found = search.groups(index, query, by)
    if to == "table":
        rows = [(visible(one.name or NO_DATE), f"{one.events:,}", common.clock(one.seconds)) for one in found]
        return _table((by, "events", "in all"), rows, "lrr") if found else _write("no sounds found\n")
    rows_ = [{by: one.name, "events": one.events, "seconds": one.seconds} for one in found]
    _show(rows_, [by, "events", "seconds"], to)


def plot(index: Index, query: Query, picture: Path, by: str | None) -> None:
    """Draw when they are."""
    from earmark.cli.output import place

    common.need_matplotlib("--plot")
    if by not in (None, "day", "hour"):
        raise EarmarkError(f"--by {by}", "is no picture", "draw by day, the default, or by hour")
    path = place(picture, Path("found"), ".png")
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
    short: list[str] = []
    with common.bar("pairs", None) as advance:
        pairs = search.duplicates(store, archive, durations(index), only, failed.append, advance, short.append)
    _show_duplicates(pairs[:limit], to)
    if short:
        many, hold = number_of(len(short), "recording"), "holds" if len(short) == 1 else "hold"
        names = ", ".join(map(visible, sorted(short)[:NAMED])) + (", ..." if len(short) > NAMED else "")
        common.complain(f"note: {many} {hold} less than half a second of sound, too little to compare: {names}")
    common.tell_of(failed)


def map_(index: Index, file: Path, limit: int | None, root: str | None) -> None:
    """Draw a map of the archive."""
    common.need("--map", "train", "sklearn")
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
        from earmark.archive import excerpts

        recordings = len({one.recording for one in events})
        with common.bar("recordings", recordings) as advance:
            there = excerpts.cut(index, query, events, archive, cut, margin, failed.append, advance, asked)
        common.say(f"{cut}: {len(there)} excerpt{'' if len(there) == 1 else 's'}", err=True)
    if play:
        _play(events, archive, margin, failed)
    common.tell_of(failed)


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


FORMATS = ("table", "csv", "json")
NO_DATE = "no date"


def show_events(found: Sequence[Detection], to: str) -> None:
    """The events, one a line."""
    if to == "table":
        return _table(*_event_table(found)) if found else _write("no sounds found\n")
    show_rows(found, to, any(one.threshold is not None for one in found))


def show_rows(found: Iterable[Detection], to: str, unsure: bool = False) -> None:
    """The same as CSV or JSON, each as it comes: there may be more than fit into memory.

    With the thresholds of what the model is not sure of.
    """
    fields = ["recording", "onset", "offset", "label", "score", "began", *(["threshold"] if unsure else [])]
    _show(map(_event, found), fields, to)


def _show_duplicates(found: Sequence[Duplicate], to: str) -> None:
    """The pairs, one a line."""
    from dataclasses import asdict, fields

    from earmark.archive.duplicates import Duplicate
    from earmark.formats.plain_text import clock

    if to != "table":
        return _show(map(asdict, found), [field.name for field in fields(Duplicate)], to)
    if not found:
        return _write("no duplicates found\n")
    rows = [
        (
            visible(one.recording),
            clock(one.onset),
            f"{one.length:.1f} s",
            visible(one.duplicate),
            clock(one.duplicate_onset),
            f"{one.score:.2f}",
        )
        for one in found
    ]
    _table(("recording", "time", "length", "is also in", "time", "score"), rows, "lrrlrr")


def _event(one: Detection) -> dict[str, Any]:
    began = None if one.began is None else one.began.isoformat(timespec="milliseconds")
    plain = {"recording": one.recording, "onset": one.onset, "offset": one.offset, "label": one.label}
    more = {} if one.threshold is None else {"threshold": one.threshold}
    return {**plain, "score": one.score, "began": began, **more}


def _event_table(found: Sequence[Detection]) -> tuple[Sequence[str], list[Sequence[str]], str]:
    """Heads, rows, and how each column is aligned; columns that say the same throughout, or nothing, are left out."""
    from earmark.formats.plain_text import clock

    columns = [
        ("recording", "l", [visible(one.recording) for one in found]),
        ("time", "r", [clock(one.onset) for one in found]),
        ("length", "r", [f"{one.length:.1f} s" for one in found]),
        ("sound", "l", [visible(one.label) for one in found]),
        ("score", "r", [f"{one.score:.2f}" for one in found]),
        ("threshold", "r", ["" if one.threshold is None else f"{one.threshold:.2f}" for one in found]),
        ("date", "l", ["" if one.began is None else f"{one.began:%Y-%m-%d %H:%M:%S}" for one in found]),
    ]
    there = [column for column in columns if any(column[2])]
    rows: list[Sequence[str]] = list(zip(*(cells for _, _, cells in there), strict=True))
    return [head for head, _, _ in there], rows, "".join(side for _, side, _ in there)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], sides: str) -> None:
    from earmark.formats.plain_text import aligned

    _write(aligned([heads, *rows], sides))


def _show(items: Iterable[dict[str, Any]], fields: Sequence[str], to: str) -> None:
    out = common.standard_output()
    if to == "json":
        before = "[\n"
        for item in items:
            out.write(f"{before}  {in_json(item)}")
            before = ",\n"
        out.write("[]\n" if before == "[\n" else "\n]\n")
        return
    SheetWriter(out).write_by_name(fields, items)


def _write(text: str) -> None:
    common.standard_output().write(text)
