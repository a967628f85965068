"""What a search gives, drawn: the picture that fits it."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from earmark.archive.querying import Query, Values, like_one_of, selection
from earmark.archive.reading import RECORDINGS, Index
from earmark.archive.searching import check, durations, find, groups
from earmark.errors import EarmarkError
from earmark.plots import archive as pictures
from earmark.plots.archive import Caption


def draw(index: Index, query: Query, path: Path, by: str | None = None) -> None:
    """Write a PNG: a calendar, with `by` hours one of hours by days, and recordings where no date is known.

    Raises:
        EarmarkError: as `searching.find` does; or there is nothing to draw, or the file cannot be written.
    """
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
        return pictures.draw_recordings(lanes, durations(index), Caption(title), path)
    caption = Caption(title, sum(day.events for day in days if day.name is None))
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
