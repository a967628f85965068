"""Archives of small made-up recordings, and the rows of an index in an order that depends on nothing."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from model_making import tones, write_wav

from earmark.archive import layout, tables
from earmark.archive.embeddings import Store
from earmark.archive.recordings import root_of
from earmark.archive.vectors import packed


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


def index_rows(index: Path, root: str = "") -> dict[str, list[tuple]]:
    """All rows of the three tables, sorted; recordings are called as below a root."""
    return {table: sorted(_rows(index, table, root and f"{root}/"), key=repr) for table in layout.TABLES}


def _rows(index, table, root):
    for file in layout.files(index, table):
        read = layout.read_table(file)
        assert read.schema.equals(layout.TABLES[table])
        for name, *row in zip(*(read[name].to_pylist() for name in read.column_names), strict=True):
            yield name.removeprefix(root), *row


def copied(index: Path, out: Path, root: Path | None = None) -> Path:
    """A copy of an index, of a copy of its archive where one is named."""
    shutil.copytree(index, out)
    if root is not None:
        layout.write_options(out, replace(layout.read_options(out), root=root_of(str(root))))
    return out


def done_in(out: Path) -> int:
    """How many batches an index has."""
    folder = out / layout.BATCHES
    return sum(not one.name.startswith(".") for one in folder.iterdir()) if folder.exists() else 0


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


def make_store(index: Path, vectors: dict[str, np.ndarray], batches: int = 1) -> Store:
    """A store of made-up embeddings by recording, [seconds, dimensions] each."""
    names = sorted(vectors)
    size = next(iter(vectors.values())).shape[1]
    for number in range(batches):
        some = names[number::batches]
        packed_ = np.concatenate([packed(vectors[name].astype(np.float32)) for name in some])
        seconds = np.concatenate([np.arange(len(vectors[name]), dtype=np.int32) for name in some])
        recordings = pa.array([name for name in some for _ in range(len(vectors[name]))]).dictionary_encode()
        rows = {
            "recording": recordings,
            "second": pa.array(seconds),
            "vector": pa.array([row.tobytes() for row in packed_], pa.binary(size)),
        }
        folder = index / layout.EMBEDDINGS / layout.BATCHES / f"{number:03}"
        folder.mkdir(parents=True)
        about = pa.Table.from_pylist([{"recording": name, "version": "v"} for name in some], layout.RECORDINGS)
        tables.write_tables(folder, {"recordings": about, "vectors": pa.table(rows, layout.vectors_schema(size))})
    return Store(index, layout.Options("", "m", "v", embedder="m", embedder_version="v", dimensions=size))
