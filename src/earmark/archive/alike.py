"""Events that are like examples, among those that a query asks for."""

from __future__ import annotations

from dataclasses import replace

from earmark.archive.examples import Likeness
from earmark.archive.querying import FIELDS, Query, Values, like_one_of, selection
from earmark.archive.reading import RECORDINGS, Index
from earmark.archive.searching import ORDERS, Found, check, found_in
from earmark.archive.similarity import Stretch, best
from earmark.archive.store import Store

SPARE = 4  # times as many stretches as events that are wanted are looked at where a query has conditions, at least
LEAST = 200


def alike(index: Index, store: Store, likeness: Likeness, query: Query, limit: int, exact: bool = False) -> list[Found]:
    """The events that are most like examples, the best first; their scores are cosines, up to 1.

    Args:
        index: where.
        store: its embeddings.
        likeness: what is looked for.
        query: conditions, but no labels: the index has no labels for these events.
        limit: how many at most.
        exact: see `similarity.best`.

    Raises:
        EarmarkError: as for `searching.find`.
    """
    query = check(index, query)
    only = named(index, query) if query.recordings else None
    least = -1.0 if query.min_score is None else query.min_score
    simple = replace(query, recordings=(), min_score=None) == Query()
    number = limit if simple else max(SPARE * limit, LEAST)
    while True:
        some = best(store, likeness.wanted, number, least, only, exact)
        found = _those(index, replace(query, recordings=(), min_score=None), some, likeness.label, limit)
        if len(found) >= limit or len(some) < number:
            return found
        number *= 8


def named(index: Index, query: Query) -> set[str]:
    """The recordings that a query names by patterns."""
    values = Values()
    where = like_one_of("recording", query.recordings, values)
    return {name for (name,) in index.rows(f"SELECT recording FROM {RECORDINGS} WHERE {where}", values.named)}


def _those(index: Index, query: Query, some: list[Stretch], label: str, limit: int) -> list[Found]:
    """Stretches as events, of those that a query asks for; none of a recording whose labels are being made anew."""
    values = Values()
    columns = zip(*((one.recording, float(one.first), float(one.last), one.score) for one in some), strict=True)
    names, first, last, score = (values.add(list(column)) for column in columns) if some else ("[]",) * 4
    events = f"""
        (SELECT s.recording, s.onset, least(s.stop, coalesce(duration, s.stop)) AS "offset",
            {values.add(label)} AS label, s.score, started + to_milliseconds((s.onset * 1000)::BIGINT) AS began
        FROM (SELECT unnest({names}::VARCHAR[]) AS recording, unnest({first}::DOUBLE[]) AS onset,
              unnest({last}::DOUBLE[]) AS stop, unnest({score}::FLOAT[]) AS score) s
        JOIN {RECORDINGS} r ON r.recording = s.recording)"""
    chosen = selection(query, values, events)
    sql = f"SELECT {FIELDS} FROM ({chosen}) ORDER BY {ORDERS['best']} LIMIT {values.add(limit)}"
    return [found_in(row) for row in index.rows(sql, values.named)]
