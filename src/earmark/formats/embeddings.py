"""Files of embeddings, written as they come: NumPy's own format, and Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.lib import format as npy

from earmark.errors import MissingExtraError
from earmark.util.atomic import atomic_write
from earmark.util.types import Array

Add = Callable[[Array], None]
"""Takes the next embeddings [steps, dimensions]."""
Open = Callable[[Path, int, float, Mapping[str, str]], AbstractContextManager[Add]]
"""Begins a file, given its path, the dimensions, the seconds from one embedding to the next, and what else is told."""


@contextmanager
def npy_file(path: Path, dimensions: int, step: float, about: Mapping[str, str]) -> Iterator[Add]:
    """An array float32 [steps, dimensions]; embedding i is of the time around `i * step`."""
    with atomic_write(path) as part, part.open("wb") as file:
        steps = 0

        def head() -> None:
            header = {"descr": "<f4", "fortran_order": False, "shape": (steps, dimensions)}
            npy.write_array_header_1_0(file, header)  # NumPy leaves room in it for more rows

        def add(values: Array) -> None:
            nonlocal steps
            file.write(np.ascontiguousarray(values, "<f4").tobytes())
            steps += len(values)

        head()
        first = file.tell()
        yield add
        file.seek(0)
        head()
        assert file.tell() == first, "the header has grown over the first rows"


@contextmanager
def parquet_file(path: Path, dimensions: int, step: float, about: Mapping[str, str]) -> Iterator[Add]:
    """Columns `time` (seconds) and `embedding` (a list of `dimensions` numbers); the rest stands in the metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = [pa.field("time", pa.float64()), pa.field("embedding", pa.list_(pa.float32(), dimensions))]
    schema = pa.schema(fields, {"step": repr(step), **about})
    with atomic_write(path) as part, pq.ParquetWriter(part, schema, compression="zstd") as writer:
        steps = 0

        def add(values: Array) -> None:
            nonlocal steps
            times = pa.array(np.arange(steps, steps + len(values)) * step)
            lists = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), dimensions)
            writer.write_table(pa.Table.from_arrays([times, lists], schema=schema))
            steps += len(values)

        yield add


EMBEDDING_FORMATS: Mapping[str, Open] = MappingProxyType({"npy": npy_file, "parquet": parquet_file})
"""What opens a file of each format; its name is the file's ending."""


def check_installed(name: str) -> None:
    """Refuse a format whose library is not here."""
    if name == "parquet" and find_spec("pyarrow") is None:
        raise MissingExtraError("pyarrow, which writes Parquet,", "archive")
