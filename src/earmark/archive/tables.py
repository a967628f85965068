"""The tables of a batch: made from what was heard, sorted, written to Parquet and read back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from earmark.archive.hearing import Heard
from earmark.archive.layout import COMPRESSION, EVENTS, RECORDINGS, SECONDS, TABLES, Options
from earmark.util.atomic import settle

Tables = dict[str, pa.Table]
"""By the names of `layout.TABLES`."""

ORDER = {
    "recordings": ("recording",),
    "events": ("label", "recording", "onset"),
    "seconds": ("label", "recording", "second"),
}
"""What each is sorted by: a search for a label reads few row groups, and what is alike lies together."""

ROW_GROUP = {"recordings": 122_880, "events": 16_384, "seconds": 122_880}
"""Rows that are read together: those of one label are found three times as fast in small groups of events."""

_PLAIN = {"onset", "offset", "began", "duration", "bytes", "modified", "second"}  # hardly ever twice the same
_IN_STEPS = {"second": "DELTA_BINARY_PACKED"}


def tables(heard: Sequence[Heard], options: Options) -> Tables:
    """The rows of some recordings, sorted."""
    made = {
        "recordings": _recordings(heard, options),
        "events": _events(heard, options),
        "seconds": _seconds(heard, options),
    }
    return {name: ordered(name, table) for name, table in made.items()}


def _recordings(heard: Sequence[Heard], options: Options) -> pa.Table:
    rows = [
        {
            "recording": one.recording.name,
            "bytes": one.recording.size,
            "modified": one.recording.modified,
            "duration": one.duration,
            "started": one.started,
            "error": one.error,
            "model": options.model,
            "version": options.version,
        }
        for one in heard
    ]
    return pa.Table.from_pylist(rows, RECORDINGS)


def _events(heard: Sequence[Heard], options: Options) -> pa.Table:
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
        for one in heard
        for event in one.events
    ]
    return pa.Table.from_pylist(rows, EVENTS)


def _seconds(heard: Sequence[Heard], options: Options) -> pa.Table:
    parts = [(number, one.seconds) for number, one in enumerate(heard) if one.seconds is not None]
    if not parts:
        return SECONDS.empty_table()
    number = np.concatenate([np.full(len(rows.second), number, np.int32) for number, rows in parts])
    columns = {
        "recording": pa.DictionaryArray.from_arrays(pa.array(number), [one.recording.name for one in heard]),
        "second": np.concatenate([rows.second for _, rows in parts]),
        "label": pa.DictionaryArray.from_arrays(
            pa.array(np.concatenate([rows.label for _, rows in parts])), pa.array(options.labels, pa.string())
        ),
        "score": np.concatenate([rows.score for _, rows in parts]),
    }
    return pa.table(columns, SECONDS)


def ordered(name: str, table: pa.Table) -> pa.Table:
    """The rows of `recordings`, `events` or `seconds` as batches have them."""
    table = table.unify_dictionaries()
    keys = [_ranks(table[column].combine_chunks()) for column in reversed(ORDER[name])]
    return table.take(pa.array(np.lexsort(keys)))


def joined(parts: Iterable[pa.Table]) -> pa.Table:
    """The rows of several tables of one kind."""
    return pa.concat_tables(parts)


def without(batch: Tables, names: Iterable[str]) -> Tables:
    """All rows but those of some recordings."""
    gone = pa.array(sorted(names), pa.string())
    return {
        name: table.filter(pc.invert(pc.is_in(table["recording"].cast(pa.string()), gone)))
        for name, table in batch.items()
    }


def _ranks(column: Any) -> Any:
    """Numbers [rows] that are ordered as the column's values are: pyarrow does not sort by dictionaries."""
    if isinstance(column, pa.ChunkedArray):  # of no chunks
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if not pa.types.is_dictionary(column.type):
        if not pa.types.is_string(column.type):
            return column.to_numpy(zero_copy_only=False)
        column = column.dictionary_encode()
    values = np.array(column.dictionary.to_pylist(), dtype=object)
    ranks = np.empty(len(values), np.int64)
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
    return ranks[column.indices.to_numpy(zero_copy_only=False)]


def write(folder: Path, batch: Tables) -> None:
    """Write the files of a batch, down to the disk itself, so that its name is given to whole files."""
    for name, table in batch.items():
        file = folder / f"{name}.parquet"
        schema = TABLES[name]
        pq.write_table(
            table.cast(schema),
            file,
            row_group_size=ROW_GROUP[name],
            compression=COMPRESSION,
            use_dictionary=[column for column in schema.names if column not in _PLAIN],
            column_encoding=_IN_STEPS if name == "seconds" else None,
        )
        settle(file)


def read(batch: Path) -> Tables:
    """What `write` wrote."""
    return {
        name: pq.read_table(batch / f"{name}.parquet", schema=schema, partitioning=None)
        for name, schema in TABLES.items()
    }


def read_recordings(batch: Path) -> pa.Table:
    """The table of a batch that says which recordings it is of."""
    return pq.read_table(batch / "recordings.parquet", schema=TABLES["recordings"], partitioning=None)
