"""What `earmark find` shows: a table, CSV or JSON, of events, of groups, or of their number."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from earmark.cli import common
from earmark.util.text import SheetWriter, in_json, visible

if TYPE_CHECKING:
    from earmark.archive.duplicates import Duplicate
    from earmark.archive.search import Detection, Group, Total

FORMATS = ("table", "csv", "json")
NO_DATE = "no date"


def show_events(found: Sequence[Detection], to: str) -> None:
    """The events, one a line."""
    if to == "table":
        return _aligned(*_event_table(found)) if found else _write("no sounds found\n")
    show_rows(found, to, any(one.threshold is not None for one in found))


def show_rows(found: Iterable[Detection], to: str, unsure: bool = False) -> None:
    """The same as CSV or JSON, each as it comes; with the thresholds of what the model is not sure of."""
    fields = ["recording", "onset", "offset", "label", "score", "began", *(["threshold"] if unsure else [])]
    _show(map(_event, found), fields, to)


def show_groups(groups: Sequence[Group], by: str, to: str) -> None:
    """The groups, one a line."""
    if to == "table":
        rows = [(visible(group.name or NO_DATE), f"{group.events:,}", common.clock(group.seconds)) for group in groups]
        return _aligned((by, "events", "in all"), rows, "lrr") if groups else _write("no sounds found\n")
    _show([{by: one.name, "events": one.events, "seconds": one.seconds} for one in groups], [by, *_COUNTED], to)


def show_total(total: Total, to: str) -> None:
    """How many there are, on one line."""
    if to == "table":
        many = f"{total.events:,} event{'' if total.events == 1 else 's'}"
        some = f"{total.recordings:,} recording{'' if total.recordings == 1 else 's'}"
        return _write(f"{many} in {some}, {common.clock(total.seconds)} in all\n")
    content = {"events": total.events, "seconds": total.seconds, "recordings": total.recordings}
    if to == "json":
        return _write(json.dumps(content) + "\n")
    _show([content], list(content), to)


def show_duplicates(found: Sequence[Duplicate], to: str) -> None:
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
    _aligned(("recording", "time", "length", "is also in", "time", "score"), rows, "lrrlrr")


_COUNTED = ("events", "seconds")


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


def _aligned(heads: Sequence[str], rows: Sequence[Sequence[str]], sides: str) -> None:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = []
    for row in (heads, *rows):
        cells = [
            cell.rjust(w) if side == "r" else cell.ljust(w) for cell, w, side in zip(row, widths, sides, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    _write("\n".join(lines) + "\n")


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
