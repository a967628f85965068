"""The tables of a batch: made from analyses of recordings, sorted, written to Parquet and read back."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from earmark.archive.analysis import Analysis
from earmark.archive.layout import (
    COMPRESSION,
    EVENTS,
    LABELLED,
    RECORDINGS,
    SECONDS,
    SUM,
    TABLES,
    Options,
    read_table,
    vectors_schema,
)
from earmark.archive.vectors import directions
from earmark.util.atomic import settle

Tables = dict[str, pa.Table]
"""By the names of `layout.LABELLED` or `layout.EMBEDDED`."""

ORDER = {
    "recordings": ("recording",),
    "events": ("label", "recording", "onset"),
    "seconds": ("label", "recording", "second"),
    "vectors": ("recording", "second"),
}
"""What each is sorted by: a search for a label reads few row groups, and what is alike lies together."""

ROW_GROUP = {"recordings": 122_880, "events": 16_384, "seconds": 122_880, "vectors": 4096}
"""Rows that are read together: those of one label are found three times as fast in small groups of events."""

_PLAIN = {"onset", "offset", "began", "duration", "bytes", "modified", "second", "vector"}  # hardly ever twice the same
_IN_STEPS = {"second": "DELTA_BINARY_PACKED"}


def label_tables(analyses: Sequence[Analysis], options: Options) -> Tables:
    """The rows of some recordings, sorted."""
    made = {
        "recordings": _recordings(analyses, options.model, options.version),
        "events": _events(analyses, options),
        "seconds": _seconds(analyses, options),
    }
    return {name: ordered(name, table) for name, table in made.items()}


def embedding_tables(analyses: Sequence[Analysis], options: Options) -> Tables:
    """The rows of their embeddings, sorted."""
    made = {
        "recordings": _recordings(analyses, options.embedder, options.embedder_version),
        "vectors": _vectors(analyses, options.dimensions),
    }
    return {name: ordered(name, table) for name, table in made.items()}


def _recordings(analyses: Sequence[Analysis], model: str, version: str) -> pa.Table:
    rows = [
        {
            "recording": one.recording.name,
            "bytes": one.recording.size,
            "modified": one.recording.modified,
            "duration": one.duration,
            "started": one.started,
            "error": one.error,
            "model": model,
            "version": version,
        }
        for one in analyses
    ]
    return pa.Table.from_pylist(rows, RECORDINGS)


def _events(analyses: Sequence[Analysis], options: Options) -> pa.Table:
    rows = [
        {
            "recording": one.recording.name,
            "onset": event.onset,
            "offset": event.offset,
            "label": event.label,
            "score": event.score,
            "began": one.started and one.started + timedelta(seconds=event.onset),
            "model": options.model,
            "version": options.version,
        }
        for one in analyses
        for event in one.events
    ]
    return pa.Table.from_pylist(rows, EVENTS)


def _seconds(analyses: Sequence[Analysis], options: Options) -> pa.Table:
    parts = [(number, one.seconds) for number, one in enumerate(analyses) if one.seconds is not None]
    if not parts:
        return SECONDS.empty_table()
    number = np.concatenate([np.full(len(rows.second), number, np.int32) for number, rows in parts])
    columns = {
        "recording": pa.DictionaryArray.from_arrays(pa.array(number), [one.recording.name for one in analyses]),
        "second": np.concatenate([rows.second for _, rows in parts]),
        "label": pa.DictionaryArray.from_arrays(
            pa.array(np.concatenate([rows.label for _, rows in parts])), pa.array(options.labels, pa.string())
        ),
        "score": np.concatenate([rows.score for _, rows in parts]),
    }
    return pa.table(columns, SECONDS)


def _vectors(analyses: Sequence[Analysis], dimensions: int) -> pa.Table:
    parts = [(number, one.vectors) for number, one in enumerate(analyses) if one.vectors is not None]
    schema = vectors_schema(dimensions)
    if not parts:
        return schema.empty_table()
    number = np.concatenate([np.full(len(rows), number, np.int32) for number, rows in parts])
    rows = np.concatenate([rows for _, rows in parts])
    bytes_ = pa.py_buffer(np.ascontiguousarray(rows))
    columns = {
        "recording": pa.DictionaryArray.from_arrays(pa.array(number), [one.recording.name for one in analyses]),
        "second": np.concatenate([np.arange(len(rows), dtype=np.int32) for _, rows in parts]),
        "vector": pa.FixedSizeBinaryArray.from_buffers(pa.binary(dimensions), len(rows), [None, bytes_]),
    }
    return pa.table(columns, schema)


def ordered(name: str, table: pa.Table) -> pa.Table:
    """The rows of the table of that name as batches have them."""
    table = table.unify_dictionaries()
    keys = [_ranks(table[column].combine_chunks()) for column in reversed(ORDER[name])]
    order = np.lexsort(keys).astype(np.int64, copy=False)
    return table.take(pa.Array.from_buffers(pa.int64(), len(order), [None, pa.py_buffer(order)]))


def without(batch: Tables, names: Iterable[str]) -> Tables:
    """All rows but those of some recordings."""
    gone = pa.array(sorted(names), pa.string())
    return {
        name: table.filter(pc.invert(pc.is_in(table["recording"].cast(pa.string()), gone)))
        for name, table in batch.items()
    }


def _ranks(column: Any) -> Any:
    """Numbers [rows] that are ordered as the column's values are: pyarrow does not sort by dictionaries."""
    if not pa.types.is_dictionary(column.type):
        if not pa.types.is_string(column.type):
            return np.from_dlpack(column)
        column = column.dictionary_encode()
    values = np.array(column.dictionary.to_pylist(), dtype=object)
    ranks = np.empty(len(values), np.int64)
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
    return ranks[np.from_dlpack(column.indices)]


def write_tables(folder: Path, batch: Tables) -> None:
    """Write the files of a batch, down to the disk itself, so that its name is given to whole files."""
    for name, table in batch.items():
        file = folder / f"{name}.parquet"
        schema = TABLES.get(name) or table.schema.with_metadata({SUM: _sum(table["vector"])})
        pq.write_table(
            table.cast(schema),
            file,
            row_group_size=ROW_GROUP[name],
            compression={column: "NONE" if column == "vector" else COMPRESSION for column in schema.names},
            use_dictionary=[column for column in schema.names if column not in _PLAIN],
            column_encoding={column: how for column, how in _IN_STEPS.items() if column in schema.names} or None,
        )
        settle(file)


def _sum(vectors: pa.ChunkedArray) -> bytes:
    size = vectors.type.byte_width
    total = np.zeros(size, np.float32)
    for chunk in vectors.chunks:
        for first in range(0, len(chunk), ROW_GROUP["vectors"]):
            some = chunk.slice(first, ROW_GROUP["vectors"])
            bytes_ = np.frombuffer(some.buffers()[1], np.int8, len(some) * size, some.offset * size)
            total += directions(bytes_.reshape(-1, size)).sum(axis=0)
    return base64.b64encode(total.tobytes())


def read_tables(batch: Path, names: Iterable[str] = LABELLED) -> Tables:
    """What `write_tables` wrote."""
    found = {name: read_table(batch / f"{name}.parquet") for name in names}
    return {name: table.cast(TABLES.get(name, table.schema)) for name, table in found.items()}
