"""An index on disk: what sounds in an archive, in Parquet files that any tool reads.

    index/index.json                            what indexed it: root, model, its version and thresholds
    index/batches/<name>/recordings.parquet     one row a recording that was tried, also where it could not be read
    index/batches/<name>/events.parquet         one row an event, sorted by label, then recording and onset
    index/batches/<name>/seconds.parquet        one row a second and label whose score is at least LEAST_SCORE
    index/batches/<name>/replaces.json          names of the batches that it was made from, which no longer count
    index/embeddings/batches/<name>/recordings.parquet   one row a recording that was tried, as above
    index/embeddings/batches/<name>/vectors.parquet      one row a second: an embedding, sorted by recording and second
    index/embeddings/batches/<name>/graph.usearch        the nearest neighbours of its rows, if the batch is large

Embeddings are a store of batches of their own, so that an index gets them later, or others, while its labels stay.
A batch gets its name when all its files are whole: a folder whose name begins with a dot is not there yet. No recording
stands in two batches that count. Batches that were replaced are deleted soon after: who reads while an index is written
and misses a file asks for `batches` again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from earmark.errors import EarmarkError
from earmark.util.atomic import atomic_write

FORMAT = 1
OPTIONS = "index.json"
BATCHES = "batches"
REPLACES = "replaces.json"
EMBEDDINGS = "embeddings"
LEAST_SCORE = 0.05  # of a second: nearly all scores are less, and tell nothing
COMPRESSION = "zstd"
SUM = b"earmark.sum"
"""In the metadata of `vectors`: the sum of its vectors at length 1, float32 [dimensions] in base64."""

_NAME = pa.dictionary(pa.int32(), pa.string())

RECORDINGS = pa.schema(
    [
        ("recording", pa.string()),  # its path below the root, with /; or its path or URL, where there is no root
        ("bytes", pa.int64()),
        ("modified", pa.float64()),  # seconds since the epoch
        ("duration", pa.float64()),  # seconds; null where it could not be read
        ("started", pa.timestamp("us")),  # when it was recorded, in its own time zone; or null
        ("error", pa.string()),  # why it could not be read, or null
        ("model", pa.string()),
        ("version", pa.string()),  # the model file's fingerprint
    ]
)

EVENTS = pa.schema(
    [
        ("recording", _NAME),
        ("onset", pa.float64()),  # seconds from the beginning of the recording
        ("offset", pa.float64()),
        ("label", _NAME),
        ("score", pa.float32()),
        ("began", pa.timestamp("us")),  # the time of day and date of the onset, where it is known
        ("model", _NAME),
        ("version", _NAME),
    ]
)

SECONDS = pa.schema(
    [
        ("recording", _NAME),
        ("second", pa.int32()),  # from 0: the second that begins so many seconds after the beginning
        ("label", _NAME),
        ("score", pa.float32()),  # the highest in that second
    ]
)

TABLES = {"recordings": RECORDINGS, "events": EVENTS, "seconds": SECONDS}
"""Those of a batch of labels, by name."""

LABELLED = tuple(TABLES)
EMBEDDED = ("recordings", "vectors")
"""The names of the tables of a batch of labels, and of one of embeddings."""


def vectors_schema(dimensions: int) -> pa.Schema:
    """Of the table of embeddings: each is a row of so many signed bytes, scaled so that the largest is 127 or -127.

    Bytes in place of a list of numbers are read twenty times as fast; of a vector's length nothing depends on, as
    vectors are compared by their angle.
    """
    return pa.schema([("recording", _NAME), ("second", pa.int32()), ("vector", pa.binary(dimensions))])


@dataclass(frozen=True)
class Options:
    """What an index was made with."""

    root: str  # the folder or URL that recordings' names are below; empty where each is named in full
    model: str  # its name, or its file's path
    version: str  # the fingerprint of that file
    labels: tuple[str, ...] = ()
    thresholds: dict[str, float] = field(default_factory=dict)  # the score at which an event of each label begins
    sensitivity: float = 0.5
    embedder: str = ""  # the model that gives the embeddings, named as the other; empty where none are kept
    embedder_version: str = ""
    dimensions: int = 0  # of an embedding


def write_options(index: Path, options: Options) -> None:
    """Keep them in the index."""
    index.mkdir(parents=True, exist_ok=True)
    with atomic_write(index / OPTIONS) as part:
        part.write_text(json.dumps({"format": FORMAT, **asdict(options)}, indent=1, ensure_ascii=False), "utf-8")


def read_options(index: Path) -> Options:
    """What an index was made with; EarmarkError where there is none, or one that this version cannot read."""
    try:
        values = json.loads((index / OPTIONS).read_text("utf-8"))
        if values.pop("format") != FORMAT:
            raise EarmarkError(index, "is an index of another version of Earmark", "make it again, or update Earmark")
        return Options(**{**values, "labels": tuple(values["labels"])})
    except OSError as error:
        raise EarmarkError(index, "is no index", f"make one: earmark index FOLDER --out {index}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EarmarkError(index / OPTIONS, "is damaged", "make the index again") from error


def batches(index: Path) -> list[Path]:
    """The folders of the whole batches, in the order of their names; `index` may be a store of embeddings, too."""
    before, now = None, _names(index)
    while now != before:  # one that came and those it replaces that went, while the folder was read, were both missed
        before, now = now, _names(index)
    replaced = {name for path in now for name in replaces(path)}
    return [path for path in now if path.name not in replaced]


def replaces(batch: Path) -> list[str]:
    """The names of the batches that this one was made from: each of its recordings stands in one of them."""
    try:
        names = json.loads((batch / REPLACES).read_text("utf-8"))
        if not isinstance(names, list):
            raise ValueError("no list")
        return [str(name) for name in names]
    except FileNotFoundError:  # made from none, or just replaced itself
        return []
    except ValueError as error:
        raise EarmarkError(batch / REPLACES, "is damaged", "make the index again") from error


def _names(index: Path) -> list[Path]:
    return sorted(path for path in (index / BATCHES).glob("[!.]*") if path.is_dir())


def files(index: Path, table: str) -> list[str]:
    """The files of `recordings`, `events` or `seconds` of all batches, for DuckDB or any other reader of Parquet."""
    return [str(batch / f"{table}.parquet") for batch in batches(index)]


def read_table(file: Path, columns: Sequence[str] | None = None, memory_map: bool = False) -> pa.Table:
    """Some columns of a file, or all of them; `pyarrow.ArrowException` or OSError where it is damaged.

    `pyarrow.parquet.read_table` imports pandas for this, where that is installed: half a second.
    """
    with pq.ParquetFile(file, memory_map=memory_map) as opened:
        table = opened.read(columns)
    if missing := set(columns or ()).difference(table.column_names):
        raise pa.ArrowInvalid(f"lacks the column {min(missing)}")
    return table
