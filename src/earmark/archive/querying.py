"""What is asked of an index, and the same as SQL. Values never stand in it: they are bound."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from earmark.archive.moments import During, Hours
from earmark.archive.reading import EVENTS

NEAR = 5.0  # seconds that count as near, where nothing else is said
SLOT = 60.0  # seconds: events are compared with those of the same slots, not with all of a recording
EXACT = 1e-6  # seconds: times are whole milliseconds, and 4.4 - 3.4 is more than 1 in floating point

_MEANT = re.compile(r"[][?\\]")
FIELDS = 'recording, onset, "offset", label, score, began'
LENGTH = 'round("offset" - onset, 3)'


@dataclass(frozen=True)
class Query:
    """Which events are wanted: those for which all of this holds.

    Attributes:
        labels: one of these; any, if there are none.
        min_score: of the event, 0 to 1.
        max_score: likewise.
        during: when it begins: within one of the `Hours`, and within one of the `Dates`. An event whose date is not
            known is in none.
        recordings: its recording's name matches one of these patterns, with * for any characters, / as well.
        near: for each of these sets of labels, another event of one of them is in the recording, at most `within`
            seconds from the one's end to the other's beginning; events that overlap or touch are 0 seconds apart.
        absent: for each of these sets of labels, no other event of one of them is that near.
        within: seconds; if None, `NEAR` for `near` and 0 for `absent`.
        longer: seconds, at least.
        shorter: seconds, at most.
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
    """A query for the `FIELDS` of the events that are wanted; its values are added to `values`.

    Args:
        query: what is wanted.
        values: of the query.
        events: where from, in SQL; those that are near or absent are always the index's own.
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
