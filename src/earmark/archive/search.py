"""Find events in an index, count them, in groups too, and draw when they are.

What is asked is a `Query`, which becomes SQL; values never stand in it: they are bound.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import MAXYEAR, date, datetime, time, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from earmark.archive.database import EVENTS, RECORDINGS, Index, Row
from earmark.errors import EarmarkError

UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
"""Seconds of each."""

_LENGTH = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)", re.ASCII)
_HOURS = re.compile(r"(\d\d?):(\d\d)-(\d\d?):(\d\d)", re.ASCII)
_DATE = re.compile(r"(\d{4})(?:-(\d\d?)(?:-(\d\d?))?)?", re.ASCII)
_FORMS = "write 22:00-06:00, 2026, 2026-05, 2026-05-14 or 2026-05-01..2026-05-14"


@dataclass(frozen=True)
class Hours:
    """From one time of the day until another; past midnight where that is not later."""

    begin: time
    end: time


@dataclass(frozen=True)
class Dates:
    """From a moment until another."""

    begin: datetime
    end: datetime


During = Hours | Dates


def parse_seconds(text: str, option: str) -> float:
    """The length that `5s`, `2min`, `1.5h`, `300ms` or plain seconds say, in seconds."""
    found = _LENGTH.fullmatch(text.strip().lower())
    if found is None or found[2] not in UNITS:
        raise EarmarkError(f"{option} {text}", "is no length of time", "write 5s, 2min, 1h or seconds")
    return float(found[1]) * UNITS[found[2]]


def parse_during(text: str) -> During:
    """The span that `--during` names; of two dates both are in it."""
    hours = _HOURS.fullmatch(text.strip())
    try:
        if hours is not None:
            begin, end = (_time(int(hours[i]), int(hours[i + 1])) for i in (1, 3))
            return Hours(begin, end)
        first, _, last = text.strip().partition("..")
        span = Dates(_dates(first).begin, _dates(last or first).end)
    except (ValueError, OverflowError) as error:
        raise EarmarkError(f"--during {text}", "is no span of time", _FORMS) from error
    if span.end <= span.begin:
        raise EarmarkError(f"--during {text}", "ends before it begins", _FORMS)
    return span


def _time(hour: int, minute: int) -> time:
    return time(0) if (hour, minute) == (24, 0) else time(hour, minute)


def _dates(text: str) -> Dates:
    """A year, a month or a day."""
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError(text)
    year, month, day = (int(part) if part else None for part in found.groups())
    assert year is not None
    if year == MAXYEAR:
        raise ValueError(text)
    if month is None:
        return Dates(datetime(year, 1, 1), datetime(year + 1, 1, 1))
    if day is None:
        return Dates(datetime(year, month, 1), datetime(year + month // 12, month % 12 + 1, 1))
    return Dates(datetime(year, month, day), datetime(year, month, day) + timedelta(days=1))


NEAR = 5.0  # seconds that count as near, where nothing else is said
SLOT = 60.0  # seconds: events are compared with those of the same slots, not with all of a recording
EXACT = 1e-6  # seconds: times are whole milliseconds, and 4.4 - 3.4 is more than 1 in floating point

_MEANT = re.compile(r"[][?\\]")
FIELDS = 'recording, onset, "offset", label, score, began'
LENGTH = 'round("offset" - onset, 3)'


@dataclass(frozen=True)
class Query:
    """Which events are wanted: those for which all of this holds.

    Attributes
    ----------
    labels
        One of these; any, if there are none.
    during
        When it begins: within one of the `Hours`, and within one of the `Dates`. An event whose date is not known is in
        none.
    recordings
        Its recording's name matches one of these patterns, with * for any characters, / as well.
    near
        For each of these sets of labels, another event of one of them is in the recording, at most `within` seconds
        from the one's end to the other's beginning; events that overlap or touch are 0 seconds apart.
    absent
        For each of these sets of labels, no other event of one of them is that near.
    within
        Seconds; if None, `NEAR` for `near` and 0 for `absent`.
    longer, shorter
        Seconds, at least and at most.
    """

    labels: tuple[str, ...] = ()
    min_score: float | None = None
    max_score: float | None = None
    during: tuple[During, ...] = ()
    recordings: tuple[str, ...] = ()
    near: tuple[tuple[str, ...], ...] = ()
    absent: tuple[tuple[str, ...], ...] = ()
    within: float | None = None
    longer: float | None = None
    shorter: float | None = None


@dataclass
class Values:
    """What is bound to a query."""

    named: dict[str, object] = field(default_factory=dict)

    def add(self, value: object) -> str:
        """Keep it; its name in SQL."""
        name = f"value{len(self.named)}"
        self.named[name] = value
        return f"${name}"


def selection(query: Query, values: Values, events: str = EVENTS) -> str:
    """SQL for the `FIELDS` of the events that are wanted, which adds its values to `values`.

    They come from `events`; those that are near or absent are always the index's own.
    """
    conditions = [*_of_event(query, values), *_of_time(query.during, values)]
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    chosen = f"SELECT {FIELDS} FROM {events} {where}"
    if not query.near and not query.absent:
        return chosen
    within = NEAR if query.within is None else query.within
    kept = [f"number IN ({_neighbours(labels, within, values)})" for labels in query.near]
    kept += [f"number NOT IN ({_neighbours(labels, query.within or 0.0, values)})" for labels in query.absent]
    return (
        f"WITH chosen AS MATERIALIZED (SELECT *, row_number() OVER () AS number FROM ({chosen}))"
        f" SELECT {FIELDS} FROM chosen WHERE {' AND '.join(kept)}"
    )


def one_of(column: str, wanted: tuple[str, ...], values: Values) -> str:
    """A condition. One value is compared by itself: whole row groups are passed over then."""
    if len(wanted) == 1:
        return f"{column} = {values.add(wanted[0])}"
    return f"list_contains({values.add(list(wanted))}, {column})"


def like_one_of(column: str, patterns: tuple[str, ...], values: Values) -> str:
    """A condition: the column matches a pattern, or is it, as names may hold what means something in patterns."""
    conditions = [f"{column} GLOB {values.add(pattern)}" for pattern in patterns]
    conditions += [f"{column} = {values.add(name)}" for name in patterns if _MEANT.search(name)]
    return f"({' OR '.join(conditions)})"


def _of_event(query: Query, values: Values) -> list[str]:
    conditions = []
    if query.labels:
        conditions.append(one_of("label", query.labels, values))
    if query.recordings:
        conditions.append(like_one_of("recording", query.recordings, values))
    # As single precision, in which scores are kept: 0.9 is not less than the 0.9 that somebody asks for.
    bounds = (
        ("score >= {}::FLOAT", query.min_score),
        ("score <= {}::FLOAT", query.max_score),
        (LENGTH + " >= {}", query.longer),
        (LENGTH + " <= {}", query.shorter),
    )
    return conditions + [form.format(values.add(value)) for form, value in bounds if value is not None]


def _of_time(during: tuple[During, ...], values: Values) -> list[str]:
    hours = [_span(one, values) for one in during if isinstance(one, Hours)]
    dates = [_span(one, values) for one in during if not isinstance(one, Hours)]
    return [f"({' OR '.join(spans)})" for spans in (hours, dates) if spans]


def _span(span: During, values: Values) -> str:
    column = "began::TIME" if isinstance(span, Hours) else "began"
    past_midnight = isinstance(span, Hours) and span.end <= span.begin
    begin, end = values.add(span.begin), values.add(span.end)
    return f"({column} >= {begin} {'OR' if past_midnight else 'AND'} {column} < {end})"


def _neighbours(labels: tuple[str, ...], within: float, values: Values) -> str:
    """A query for the numbers of `chosen` that have an event of these labels near.

    Both sides are cut into slots and joined where recording and slot are equal, which hashing does, before their times
    are compared: that takes as long for one recording of a year as for a year of short ones.
    """
    near, slot = values.add(within + EXACT), values.add(max(SLOT, within))
    mine = _slots("onset", '"offset"', slot)
    others = _slots(f"onset - {near}", f'"offset" + {near}', slot)
    return f"""
        SELECT own.number FROM (SELECT *, {mine} AS slot FROM chosen) own
        JOIN (SELECT recording, onset, "offset", label, {others} AS slot FROM {EVENTS}
              WHERE {one_of("label", labels, values)}) other
        ON own.recording = other.recording AND own.slot = other.slot
        AND other.onset - own."offset" <= {near} AND own.onset - other."offset" <= {near}
        AND NOT (own.label = other.label AND own.onset = other.onset AND own."offset" = other."offset")"""


def _slots(begin: str, end: str, slot: str) -> str:
    return f"unnest(range(floor(({begin}) / {slot})::BIGINT, floor(({end}) / {slot})::BIGINT + 1))"


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
class Detection:
    """An event of an index; onset and offset in seconds from the recording's beginning."""

    recording: str
    onset: float
    offset: float
    label: str
    score: float
    began: datetime | None = None  # on the recorder's clock
    threshold: float | None = None  # of a stretch that may be an event, the score at which it would be one

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


def find(index: Index, query: Query, order: Order = "recording", limit: int | None = None) -> list[Detection]:
    """The events that a query asks for, in an order; `limit` of them at most.

    EarmarkError where it names a label that the index does not know, or the index is damaged.
    """
    return list(each(index, query, order, limit))


def each(index: Index, query: Query, order: Order = "recording", limit: int | None = None) -> Iterator[Detection]:
    """The same events one by one: there may be more than fit into memory. Raises as `find` does."""
    values = Values()
    sql = f"SELECT {FIELDS} FROM ({selection(check(index, query), values)}) ORDER BY {ORDERS[order]}"
    if limit is not None:
        sql += f" LIMIT {values.add(limit)}"
    return map(detection, index.each(sql, values.named))


def total(index: Index, query: Query) -> Total:
    """How many events there are, and in how many recordings. Raises as `find` does."""
    values = Values()
    sql = 'SELECT count(*), coalesce(sum("offset" - onset), 0), count(DISTINCT recording) FROM ({})'
    ((events, seconds, recordings),) = index.rows(sql.format(selection(check(index, query), values)), values.named)
    return Total(events, round(seconds, 3), recordings)


def groups(index: Index, query: Query, by: str) -> list[Group]:
    """The events in groups by a key of `GROUPS`: by time in its order, by recording or label the most first."""
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
    """The query, each of its labels once; an unknown one is an error that names those spelled much like it."""
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


def detection(row: Row) -> Detection:
    """The event of a row of `FIELDS`."""
    recording, onset, offset, label, score, began = row
    return Detection(recording, onset, offset, label, round(score, 4), began)


def _name(key: object, by: str) -> str | None:
    if isinstance(key, date):
        return key.isoformat()[:7] if by == "month" else key.isoformat()
    if isinstance(key, int):
        return WEEKDAYS[key - 1] if by == "weekday" else f"{key:02}:00"
    return None if key is None else str(key)


def draw(index: Index, query: Query, path: Path, by: str | None = None) -> None:
    """Write a PNG: a calendar, with `by` hours one of hours by days, and recordings where no date is known."""
    from earmark.plots import archive as pictures  # with matplotlib, which a search needs not have

    query = check(index, query)
    days = groups(index, query, "day")
    title = f"{', '.join(label.replace('_', ' ') for label in query.labels) or 'all sounds'}: "
    title += f"{sum(day.events for day in days):,} events"
    if not days:
        raise EarmarkError(path, "there is nothing to draw: no such events were found")
    if all(day.name is None for day in days):
        if by == "hour":
            raise EarmarkError("--by hour", "no recording's date is known", "leave it out")
        lanes: dict[str, list[tuple[float, float]]] = {}
        for event in find(index, query):
            lanes.setdefault(event.recording, []).append((event.onset, event.length))
        return pictures.draw_recordings(lanes, durations(index), pictures.Caption(title), path)
    caption = pictures.Caption(title, sum(day.events for day in days if day.name is None))
    if by == "hour":
        return pictures.draw_hours(_hours(index, query), _covered(index, query), caption, path)
    counts = {date.fromisoformat(day.name): day.events for day in days if day.name}
    return pictures.draw_calendar(counts, _covered(index, query), caption, path)


def _hours(index: Index, query: Query) -> dict[tuple[date, int], int]:
    values = Values()
    chosen = selection(query, values)
    sql = f"SELECT began::DATE, hour(began), count(*) FROM ({chosen}) WHERE began IS NOT NULL GROUP BY 1, 2"
    return {(day, hour): count for day, hour, count in index.rows(sql, values.named)}


def _covered(index: Index, query: Query) -> list[tuple[datetime, float]]:
    """When the recordings that were searched began, and their seconds."""
    values = Values()
    sql = f"SELECT started, duration FROM {RECORDINGS} WHERE started IS NOT NULL AND duration > 0"
    if query.recordings:
        sql += f" AND {like_one_of('recording', query.recordings, values)}"
    return [(began, seconds) for began, seconds in index.rows(sql, values.named)]
