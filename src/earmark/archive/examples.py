"""Find by example: excerpts of files, or of an archive's own recordings, and the events that are most like them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from earmark import media
from earmark.archive.database import RECORDINGS, Index
from earmark.archive.embeddings import MeanPerSecond, Store
from earmark.archive.layout import Options
from earmark.archive.search import (
    FIELDS,
    ORDERS,
    Detection,
    Query,
    Values,
    check,
    detection,
    like_one_of,
    parse_seconds,
    selection,
)
from earmark.archive.similarity import Segment, best, direction
from earmark.archive.vectors import Vectors
from earmark.archive.workers import version_of
from earmark.errors import EarmarkError, ModelError
from earmark.models.embedding import embedded
from earmark.models.model import Model, load_model
from earmark.util.types import Array

_SPAN = re.compile(r"(?P<place>.+)@(?P<begin>[\d:.a-z]+)-(?P<end>[\d:.a-z]+)", re.ASCII)
_CLOCK = re.compile(r"(?:(\d+):)?(\d?\d):(\d\d(?:\.\d*)?)", re.ASCII)


@dataclass(frozen=True)
class Example:
    """An excerpt: of a file, or of a recording of the index by its name; seconds, all of it if `end` is infinite."""

    place: str
    begin: float = 0.0
    end: float = math.inf

    @property
    def name(self) -> str:
        """Of its file, without folders and suffix."""
        return PurePosixPath(self.place).stem


@dataclass(frozen=True, eq=False)
class ExampleQuery:
    """What is looked for: its direction [dimensions], what it is to be called, and what was asked for."""

    wanted: Array
    label: str
    asked: tuple[tuple[Example, ...], tuple[Example, ...]]


def example(text: str, option: str = "--like") -> Example:
    """What `CLIP` or `CLIP@FROM-TO` names; times are 1.5, 1.5s, 2min or 1:03.2."""
    found = None if Path(text).exists() else _SPAN.fullmatch(text)
    if found is None:
        return Example(text)
    begin, end = _moment(found["begin"], option), _moment(found["end"], option)
    if end <= begin:
        raise EarmarkError(f"{option} {text}", "ends before it begins", "write CLIP@FROM-TO, such as dog.wav@1.2-3.4")
    return Example(found["place"], begin, end)


def _moment(text: str, option: str) -> float:
    found = _CLOCK.fullmatch(text)
    if found is None:
        return parse_seconds(text, option)
    return int(found[1] or 0) * 3600 + int(found[2]) * 60 + float(found[3])


def example_query(
    store: Store, options: Options, like: Sequence[Example], unlike: Sequence[Example] = (), label: str | None = None
) -> ExampleQuery:
    """Look at examples with the model that made an index's embeddings; `label` is by default the first one's name.

    Raises
    ------
    EarmarkError
        An example is neither a file nor a recording of the index, or holds nothing there; or that model is not here.
    """
    model: Model | None = None
    rows: list[Vectors] = []
    for one in (*like, *unlike):
        if Path(one.place).is_file():
            model = model or embedder(options)
            rows.append(_file_vectors(one, model))
        else:
            rows.append(_index_vectors(one, store))
    wanted = direction(rows[: len(like)], rows[len(like) :], store.centre)
    return ExampleQuery(wanted, label or like[0].name, (tuple(like), tuple(unlike)))


def embedder(options: Options) -> Model:
    """The model that made an index's embeddings; EarmarkError where it is not here, or is another file."""
    try:
        model = load_model(options.embedder)
    except ModelError as error:
        if Path(options.embedder).is_file():
            raise
        name = Path(options.embedder).stem
        remedy = f"put it there; a backbone comes with `earmark models get {name}`"
        raise EarmarkError(options.embedder, "made the embeddings of this index, and is not here", remedy) from error
    if version_of(model.path) != options.embedder_version:
        remedy = "put that one there, or run `earmark index` again, which takes the embeddings anew"
        raise EarmarkError(options.embedder, "is not the file that made the embeddings of this index", remedy)
    return model


def _file_vectors(one: Example, model: Model) -> Vectors:
    vectors = MeanPerSecond(model.description.step, model.dimensions)
    if math.isinf(one.end):
        with media.open_recording(one.place) as recording:
            for part in embedded(recording, model):
                vectors.add(part)
    else:
        samples = media.read(one.place, model.description.front_end.rate, start=one.begin, end=one.end)
        for part in model.embed([samples]):
            vectors.add(part)
    return _something(one, vectors.rows())


def _index_vectors(one: Example, store: Store) -> Vectors:
    rows = store.of(one.place)
    if not len(rows):
        raise EarmarkError(one.place, "is neither a file nor a recording of this index", "check its name")
    return _something(one, rows[int(one.begin) : None if math.isinf(one.end) else math.ceil(one.end)])


def _something(one: Example, rows: Vectors) -> Vectors:
    if not len(rows):
        raise EarmarkError(one.place, f"holds nothing from {one.begin:g} s on", "choose another span")
    return rows


SPARE = 4  # times as many stretches as events that are wanted are looked at where a query has conditions, at least
LEAST = 200


def find_similar(index: Index, store: Store, likeness: ExampleQuery, query: Query, limit: int) -> list[Detection]:
    """The events that are most like examples, the best first; their scores are cosines, up to 1.

    The query has conditions, but no labels: the index has none for these events. Raises as `search.find` does.
    """
    query = check(index, query)
    only = recordings_named(index, query) if query.recordings else None
    least = -1.0 if query.min_score is None else query.min_score
    simple = replace(query, recordings=(), min_score=None) == Query()
    number = limit if simple else max(SPARE * limit, LEAST)
    while True:
        some = best(store, likeness.wanted, number, least, only)
        found = _those(index, replace(query, recordings=(), min_score=None), some, likeness.label, limit)
        if len(found) >= limit or len(some) < number:
            return found
        number *= 8


def recordings_named(index: Index, query: Query) -> set[str]:
    """The recordings that a query names by patterns."""
    values = Values()
    where = like_one_of("recording", query.recordings, values)
    return {name for (name,) in index.rows(f"SELECT recording FROM {RECORDINGS} WHERE {where}", values.named)}


def _those(index: Index, query: Query, some: list[Segment], label: str, limit: int) -> list[Detection]:
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
    return [detection(row) for row in index.rows(sql, values.named)]
