"""Archives of small made-up recordings, and the rows of an index in an order that depends on nothing."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from model_making import tones, write_wav

from earmark.archive import layout


def make_archive(folder: Path, count: int, seconds: float = 2.0, seed: int = 0) -> list[str]:
    """Write so many WAV files with tones at random times, in folders by tens; their names."""
    rng = np.random.default_rng(seed)
    names = []
    for number in range(count):
        name = f"{number // 10}/site_20260511_{number // 60:02}{number % 60:02}00.wav"
        onset = rng.uniform(0.1, seconds / 2)
        mark = (onset, onset + rng.uniform(0.4, seconds / 2), float(rng.choice([300.0, 3000.0])))
        write_wav(folder / name, tones(seconds + number % 3 / 10, mark))
        names.append(name)
    return names


def index_rows(index: Path) -> dict[str, list[tuple]]:
    """All rows of the three tables, sorted."""
    return {table: sorted(_rows(index, table), key=repr) for table in layout.TABLES}


def _rows(index, table):
    for file in layout.files(index, table):
        read = pq.read_table(file, schema=layout.TABLES[table])
        yield from zip(*(read[name].to_pylist() for name in read.column_names), strict=True)


def files_of(index: Path) -> dict[str, tuple[int, int]]:
    """Inode and modification time of every table of the whole batches."""
    return {
        str(file.relative_to(index)): (file.stat().st_ino, file.stat().st_mtime_ns)
        for batch in layout.batches(index)
        for file in batch.glob("*.parquet")
    }


def hidden(index: Path) -> list[Path]:
    """What a run has left unfinished."""
    return list((index / layout.BATCHES).glob(".*"))
