"""What is found equals a plain filter over the same events."""

import tempfile
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, time
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from index_making import LABELS, began_of, event, make_index

from earmark.archive.database import Index
from earmark.archive.search import WEEKDAYS, Dates, Hours, Query, find, groups, parse_during, parse_seconds, total
from earmark.errors import EarmarkError

RECORDINGS = ("a.wav", "north/b.wav", "north/c d.flac", "süd/ë'\".wav")
STARTED = {
    "a.wav": datetime(2026, 5, 14, 23, 59, 30),
    "north/b.wav": datetime(2026, 4, 30, 5, 59, 0),
    "north/c d.flac": datetime(2025, 12, 31, 21, 58, 0),
}
MILLISECONDS = st.integers(0, 200_000)
SCORES = st.integers(0, 20).map(lambda n: n / 20)
HOURS = st.sampled_from([Hours(time(22), time(6)), Hours(time(6), time(22)), Hours(time(0), time(0, 1))])
DATES = st.sampled_from([parse_during(text) for text in ("2026", "2026-05", "2026-05-15", "2025-12-31..2026-04-30")])
SETS = st.lists(st.sampled_from(LABELS), min_size=1, max_size=2, unique=True).map(tuple)
LENGTHS = st.sampled_from([0.5, 2.0, 20.0, 100.0])


@st.composite
def some_events(draw):
    begin, length = draw(MILLISECONDS), draw(st.sampled_from([1, 500, 2000, 20_000, 130_000]))
    recording, label = draw(st.sampled_from(RECORDINGS)), draw(st.sampled_from(LABELS))
    return event(recording, begin / 1000, (begin + length) / 1000, label, draw(SCORES))


QUERIES = st.builds(
    Query,
    labels=st.one_of(st.just(()), SETS),
    min_score=st.none() | SCORES,
    max_score=st.none() | SCORES,
    during=st.lists(HOURS | DATES, max_size=3).map(tuple),
    recordings=st.lists(st.sampled_from(["*", "north/*", "?.wav", "[!a]*", "süd/ë'\".wav"]), max_size=2).map(tuple),
    near=st.lists(SETS, max_size=2).map(tuple),
    absent=st.lists(SETS, max_size=2).map(tuple),
    within=st.none() | st.sampled_from([0.0, 5.0, 100.0]),
    longer=st.none() | LENGTHS,
    shorter=st.none() | LENGTHS,
)


def fits(e, query, events):
    """The same in plain words, for one event."""
    hours = [span for span in query.during if isinstance(span, Hours)]
    dates = [span for span in query.during if isinstance(span, Dates)]
    near, free = (5.0, 0.0) if query.within is None else (query.within, query.within)
    return (
        (not query.labels or e.label in query.labels)
        and (query.min_score is None or e.score >= query.min_score)
        and (query.max_score is None or e.score <= query.max_score)
        and (query.longer is None or e.length >= query.longer)
        and (query.shorter is None or e.length <= query.shorter)
        and (not query.recordings or any(fnmatchcase(e.recording, glob) for glob in query.recordings))
        and (not hours or (e.began is not None and any(in_hours(e.began.time(), span) for span in hours)))
        and (not dates or (e.began is not None and any(span.begin <= e.began < span.end for span in dates)))
        and all(beside(e, labels, near, events) for labels in query.near)
        and not any(beside(e, labels, free, events) for labels in query.absent)
    )


def in_hours(moment, span):
    if span.begin < span.end:
        return span.begin <= moment < span.end
    return moment >= span.begin or moment < span.end


def beside(e, labels, within, events):
    return any(
        other.label in labels
        and other.recording == e.recording
        and (other.onset, other.offset, other.label) != (e.onset, e.offset, e.label)
        and round(other.onset - e.offset, 3) <= within
        and round(e.onset - other.offset, 3) <= within
        for other in events
    )


def place(e):
    return e.recording, e.onset, e.offset, e.label


@pytest.fixture(scope="module")
def kept_open(tmp_path_factory):
    """An index that is shown other folders: to open DuckDB takes as long as to search."""
    index = Index(make_index(tmp_path_factory.mktemp("index"), []))
    index._connection.execute("SET threads = 1")  # of so few events several take longer
    return index


@settings(max_examples=25)
@given(
    st.lists(some_events(), max_size=25, unique_by=place),
    QUERIES,
    st.integers(1, 3),
    st.sampled_from([None, 1, 3]),
    st.sampled_from(["longest", "best"]),
    st.sampled_from(["day", "month", "hour", "weekday", "recording", "label"]),
)
def test_what_is_found_equals_a_plain_filter(kept_open, events, query, batches, limit, order, by):
    events = [replace(e, began=began_of(e, STARTED)) for e in events]
    wanted = [e for e in events if fits(e, query, events)]
    with tempfile.TemporaryDirectory() as folder:
        index = kept_open
        index.folder = make_index(Path(folder), events, started=STARTED, batches=batches)
        assert find(index, query, limit=limit) == sorted(wanted, key=place)[:limit]
        assert find(index, query, order, limit) == sorted(wanted, key=ORDERS[order])[:limit]
        counted = total(index, query)
        assert (counted.events, counted.recordings) == (len(wanted), len({e.recording for e in wanted}))
        assert counted.seconds == pytest.approx(sum(e.length for e in wanted), abs=1e-6)
        told = {group.name: group.events for group in groups(index, query, by)}
        assert told == Counter(None if e.began is None and by in TIMES else NAMES[by](e) for e in wanted)


ORDERS = {"longest": lambda e: (e.onset - e.offset, place(e)), "best": lambda e: (-e.score, place(e))}
TIMES = ("day", "month", "hour", "weekday")
NAMES = {
    "day": lambda e: e.began.date().isoformat(),
    "month": lambda e: f"{e.began:%Y-%m}",
    "hour": lambda e: f"{e.began:%H}:00",
    "weekday": lambda e: WEEKDAYS[e.began.weekday()],
    "recording": lambda e: e.recording,
    "label": lambda e: e.label,
}


@pytest.mark.parametrize("score", [0.9, 0.7, 0.0501])
def test_a_score_is_at_least_and_at_most_itself(tmp_path, score):
    """Though single precision, in which it is kept, has another number for it."""
    index = Index(make_index(tmp_path, [event("a", 1.0, 2.0, "dog", score)]))
    assert [one.score for one in find(index, Query(min_score=score, max_score=score))] == [score]
    assert find(index, Query(min_score=score + 0.0001)) == find(index, Query(max_score=score - 0.0001)) == []


def test_groups_come_in_an_order(tmp_path):
    events = [event("b", 1.0, 2.0, "dog"), event("a", 1.0, 2.0, "cat"), event("b", 5.0, 7.0, "cat")]
    started = {"a": datetime(2026, 5, 1), "b": datetime(2026, 4, 1)}
    index = Index(make_index(tmp_path, [*events, event("c", 0.0, 1.0, "cat")], started=started))
    assert [g.name for g in groups(index, Query(), "month")] == ["2026-04", "2026-05", None]
    assert [(g.name, g.events, g.seconds) for g in groups(index, Query(), "label")] == [
        ("cat", 3, 4.0),
        ("dog", 1, 1.0),
    ]


def test_events_are_near_in_one_recording_of_a_year(tmp_path):
    """As many as would take hours if each were compared with each."""
    events = [event("year", i * 10.0, i * 10.0 + 1, "dog") for i in range(20_000)]
    events += [event("year", i * 10.0 + 4, i * 10.0 + 5, "siren") for i in range(0, 20_000, 2)]
    index = Index(make_index(tmp_path, events, durations={"year": 4e5}))
    assert total(index, Query(("dog",), near=(("siren",),), within=3.0)).events == 10_000
    assert total(index, Query(("dog",), absent=(("siren",),), within=2.9)).events == 20_000
    assert total(index, Query(("dog",), near=(("dog",),), within=8.9)).events == 0
    assert total(index, Query(("dog",), near=(("dog",),), within=9.0)).events == 20_000


@pytest.mark.parametrize(
    ("text", "length"),
    [("5s", 5), ("2min", 120), ("1h", 3600), ("300ms", 0.3), ("7", 7), (" 1.5 H", 5400), (".5s", 0.5)],
)
def test_lengths(text, length):
    assert parse_seconds(text, "--within") == pytest.approx(length)


@pytest.mark.parametrize("text", ["", "s", "5 days", "-3s", "5m", "1e9", "nan", "5s5s", "٣s"])
def test_what_is_no_length(text):
    with pytest.raises(EarmarkError, match="is no length of time"):
        parse_seconds(text, "--within")


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("22:00-06:00", Hours(time(22), time(6))),
        ("6:30-24:00", Hours(time(6, 30), time(0))),
        ("2026", Dates(datetime(2026, 1, 1), datetime(2027, 1, 1))),
        ("2026-12", Dates(datetime(2026, 12, 1), datetime(2027, 1, 1))),
        ("2024-02-29", Dates(datetime(2024, 2, 29), datetime(2024, 3, 1))),
        ("2026-05-01..2026-05-14", Dates(datetime(2026, 5, 1), datetime(2026, 5, 15))),
        ("2025-11..2026", Dates(datetime(2025, 11, 1), datetime(2027, 1, 1))),
    ],
)
def test_spans(text, span):
    assert parse_during(text) == span


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_a_span_holds_its_first_and_last_day(one, other):
    first, last = sorted((one, other))
    span = parse_during(f"{first}..{last}")
    assert (span.begin.date(), span.end.toordinal()) == (first, last.toordinal() + 1)


@pytest.mark.parametrize(
    "text", ["", "noon", "25:00-06:00", "2026-13", "2025-02-29", "0000", "9999", "2026..2025", ".."]
)
def test_what_is_no_span(text):
    with pytest.raises(EarmarkError, match="--during"):
        parse_during(text)


def test_what_is_just_as_far_is_near(tmp_path):
    """Though 4.4 - 3.4 is more than 1 in floating point."""
    events = [event("a", 2.0, 3.4, "dog"), event("a", 4.4, 5.0, "siren"), event("b", 2.0, 3.4, "dog")]
    index = Index(make_index(tmp_path / "index", [*events, event("b", 4.401, 5.0, "siren")]))
    assert find(index, Query(("dog",), near=(("siren",),), within=1.0)) == [events[0]]
    assert find(index, Query(("dog",), absent=(("siren",),), within=1.0)) == [events[2]]


@pytest.mark.parametrize("name", ["[take] 1?.wav", "back\\slash.wav", "star*.wav", "100%_'\".wav", "line\nbreak.wav"])
def test_a_recording_by_its_own_name(tmp_path, name):
    events = [event(name, 1.0, 2.0, "dog"), event("other.wav", 1.0, 2.0, "dog")]
    assert find(Index(make_index(tmp_path / "index", events)), Query(recordings=(name,))) == events[:1]
