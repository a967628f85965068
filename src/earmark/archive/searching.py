"""Find events in an index, count them, and count them in groups."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any, Literal

from earmark.archive.querying import FIELDS, Query, Values, one_of, selection
from earmark.archive.reading import EVENTS, RECORDINGS, Index
from earmark.errors import EarmarkError

Order = Literal["recording", "longest", "best"]
_PLACE = 'recording, onset, "offset", label'
ORDERS: dict[Order, str] = {
    "recording": _PLACE,
    "longest": f'"offset" - onset DESC, {_PLACE}',
    "best": f"score DESC, {_PLACE}",
}
GROUPS = {
    "day": "began::DATE",
    "month": "date_trunc('month', began)::DATE",
    "hour": "hour(began)",
    "weekday": "isodow(began)",
    "recording": "recording",
    "label": "label",
}
"""What events are counted by, and the same in SQL."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Found:
    """An event of an index.

    Attributes:
        recording: its name in the index.
        onset: seconds from the recording's beginning.
        offset: likewise.
        label: what sounds.
        score: 0 to 1.
        began: when it was, on the recorder's clock, or None.
        threshold: of a stretch that may be an event, the score at which it would be one.
    """

    recording: str
    onset: float
    offset: float
    label: str
    score: float
    began: datetime | None = None
    threshold: float | None = None

    @property
    def length(self) -> float:
        """Seconds."""
        return round(self.offset - self.onset, 3)


@dataclass(frozen=True)
class Group:
    """Some events, counted: `name` is None for those whose date is not known; `seconds` is the sum of lengths."""

    name: str | None
    events: int
    seconds: float


@dataclass(frozen=True)
class Total:
    """All events of a query, counted."""

    events: int
    seconds: float
    recordings: int


def find(index: Index, query: Query, order: Order = "recording", limit: int | None = None) -> list[Found]:
    """The events that a query asks for, in an order; `limit` of them at most.

    Raises:
        EarmarkError: the query names a label that the index does not know, or the index is damaged.
    """
    return list(each(index, query, order, limit))


def each(index: Index, query: Query, order: Order = "recording", limit: int | None = None) -> Iterator[Found]:
    """The same events one by one: there may be more than fit into memory. Raises as `find` does."""
    values = Values()
    sql = f"SELECT {FIELDS} FROM ({selection(check(index, query), values)}) ORDER BY {ORDERS[order]}"
    if limit is not None:
        sql += f" LIMIT {values.add(limit)}"
    return map(found_in, index.each(sql, values.named))


def total(index: Index, query: Query) -> Total:
    """How many events there are, and in how many recordings. Raises as `find` does."""
    values = Values()
    sql = 'SELECT count(*), coalesce(sum("offset" - onset), 0), count(DISTINCT recording) FROM ({})'
    ((events, seconds, recordings),) = index.rows(sql.format(selection(check(index, query), values)), values.named)
    return Total(events, round(seconds, 3), recordings)


def groups(index: Index, query: Query, by: str) -> list[Group]:
    """The events in groups: by time in its order, by recording or label the most first. Raises as `find` does.

    Args:
        index: where.
        query: which.
        by: a key of `GROUPS`.
    """
    values = Values()
    order = "2 DESC, 1" if by in ("recording", "label") else "1 NULLS LAST"
    sql = f'SELECT {GROUPS[by]}, count(*), sum("offset" - onset) FROM ({{}}) GROUP BY 1 ORDER BY {order}'
    rows = index.rows(sql.format(selection(check(index, query), values)), values.named)
    return [Group(_name(key, by), events, round(seconds, 3)) for key, events, seconds in rows]


def durations(index: Index, recordings: Collection[str] | None = None) -> dict[str, float]:
    """Seconds of the recordings that could be read: of these, or of all."""
    values = Values()
    sql = f"SELECT recording, duration FROM {RECORDINGS} WHERE duration > 0"
    if recordings is not None:
        sql += f" AND {one_of('recording', tuple(sorted(recordings)), values)}"
    return dict(index.rows(sql, values.named))


def check(index: Index, query: Query) -> Query:
    """The query, each of its labels once.

    Raises:
        EarmarkError: the index does not know a label: the error names those that are spelled much like it.
    """
    known = set(index.options.labels)
    asked = (query.labels, *query.near, *query.absent)
    if not known.issuperset(label for labels in asked for label in labels):
        known.update(label for (label,) in index.rows(f"SELECT DISTINCT label FROM {EVENTS}", {}))
    for label in (label for labels in asked for label in labels):
        if label not in known:
            raise EarmarkError(label, "is no label of this index", _suggestion(label, known))
    return replace(query, labels=tuple(dict.fromkeys(query.labels)))


def _suggestion(label: str, known: Iterable[str]) -> str:
    by_plain = {name.lower().replace("_", " "): name for name in sorted(known)}
    plain = label.lower().replace("_", " ").replace("-", " ")
    close = [by_plain[name] for name in get_close_matches(plain, by_plain, n=3, cutoff=0.6)]
    close += [name for text, name in by_plain.items() if plain and plain in text and name not in close]
    return f"did you mean {' or '.join(close[:4])}?" if close else f"it knows {', '.join(sorted(known))}"


def found_in(row: tuple[Any, ...]) -> Found:
    """The event of a row of `FIELDS`."""
    recording, onset, offset, label, score, began = row
    return Found(recording, onset, offset, label, round(score, 4), began)


def _name(key: object, by: str) -> str | None:
    if isinstance(key, date):
        return key.isoformat()[:7] if by == "month" else key.isoformat()
    if isinstance(key, int):
        return WEEKDAYS[key - 1] if by == "weekday" else f"{key:02}:00"
    return None if key is None else str(key)
