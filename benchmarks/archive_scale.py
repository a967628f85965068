"""`earmark find --like` in an archive of ten million seconds: how long, in how much memory, and what graphs miss.

    python benchmarks/archive_scale.py my.index --folder /large/disk/scale --out results/archive/scale.json

The archive is made up: each second is a mixture of two real seconds of the given index, at random, in recordings of an
hour and batches of 500,000. Vectors and graphs take 0.9 kB a second on the disk: 9 GB. Making them takes most of the
time; a folder that has some is completed, and what that took is then left out. Queries are real seconds. Recall is the
share of the 50 nearest seconds of all, by a look at each, that graphs give too. Memory is the largest resident set of
a process that makes the index, and of one that asks it; pages of the index that the system keeps for it count.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from earmark.archive import layout, similarity, tables
from earmark.archive.embeddings import Store
from earmark.archive.similarity import best, scores
from earmark.archive.vectors import Vectors, directions, packed, unit

BATCH = 500_000
HOUR = 3600
AT_ONCE = 50_000
NEAREST = 50
EVENTS = 50


def real(index: Path) -> np.ndarray:
    """All vectors of an index, of length 1."""
    store = Store(index, layout.read_options(index))
    return np.concatenate([directions(rows) for batch in store.batches for rows in store.vectors(batch)])


def options(dimensions: int) -> layout.Options:
    return layout.Options("", "made up", "1", embedder="made up", embedder_version="1", dimensions=dimensions)


def make(folder: Path, seconds: int, vectors: np.ndarray, threads: int) -> dict[str, float]:
    """Write vectors and graphs; what it took."""
    began, cpu = time.perf_counter(), time.process_time()
    for number, first in enumerate(range(0, seconds, BATCH)):
        batch = folder / layout.EMBEDDINGS / layout.BATCHES / f"{number:04}"
        if not batch.exists():
            _write(batch, first, min(BATCH, seconds - first), vectors, np.random.default_rng(number))
    wrote = time.perf_counter() - began
    similarity.update_graphs(Store(folder, options(vectors.shape[1])), threads)
    return {
        "vectors_s": round(wrote, 1),
        "graphs_s": round(time.perf_counter() - began - wrote, 1),
        "cpu_s": round(time.process_time() - cpu, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
    }


def _write(batch: Path, first: int, count: int, vectors: np.ndarray, rng: np.random.Generator) -> None:
    rows = np.concatenate(list(_mixtures(vectors, count, rng)))
    number = first + np.arange(count)
    names = [f"{hour:06}" for hour in range(first // HOUR, (first + count - 1) // HOUR + 1)]
    about = pa.Table.from_pylist([{"recording": name, "version": "1"} for name in names], layout.RECORDINGS)
    codes = pa.array((number // HOUR - first // HOUR).astype(np.int32))
    columns = {
        "recording": pa.DictionaryArray.from_arrays(codes, names),
        "second": (number % HOUR).astype(np.int32),
        "vector": pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(rows.shape[1]), count, [None, pa.py_buffer(np.ascontiguousarray(rows))]
        ),
    }
    part = batch.with_name(f".{batch.name}")
    part.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns, layout.vectors_schema(rows.shape[1]))
    tables.write_tables(part, {"recordings": about, "vectors": table})
    part.rename(batch)


def _mixtures(vectors: np.ndarray, count: int, rng: np.random.Generator) -> Iterator[Vectors]:
    for first in range(0, count, AT_ONCE):
        size = min(AT_ONCE, count - first)
        share = rng.random((size, 1)).astype(np.float32)
        one, other = (vectors[rng.integers(0, len(vectors), size)] for _ in range(2))
        yield packed(share * one + (1 - share) * other)


def ask(folder: Path, vectors: np.ndarray, queries: int, exact: int) -> dict[str, Any]:
    """How long queries take, and what they find."""
    store = Store(folder, options(vectors.shape[1]))
    centre, rng = store.centre, np.random.default_rng(1)
    wanted = unit(vectors[rng.choice(len(vectors), queries, replace=False)] - centre)
    opened_s = _timed(lambda: [similarity.open_graph(store, batch) for batch in store.batches])
    best(store, wanted[0], EVENTS)  # warm
    took = [_timed(lambda query=query: best(store, query, EVENTS)) for query in wanted]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return {
        "queries": queries,
        "open_s": round(opened_s, 3),
        "median_s": round(float(np.median(took)), 3),
        "longest_s": round(max(took), 3),
        "peak_mb": round(memory),
        "exact": _against_all(store, wanted[:exact], centre),
    }


def _against_all(store: Store, wanted: np.ndarray, centre: np.ndarray) -> dict[str, Any]:
    """Recall of the graphs, and how long a look at all takes."""
    took, hits = [], 0
    for query in wanted:
        near, all_ = [], []
        for number, batch in enumerate(store.batches):
            graph = similarity.open_graph(store, batch)
            if graph is not None:
                rows = graph.nearest(query, NEAREST)
                near += [
                    (float(score), number, int(row)) for score, row in zip(graph.scores(rows, query), rows, strict=True)
                ]
        began = time.perf_counter()
        for number, batch in enumerate(store.batches):
            score = np.concatenate([scores(rows, query, centre) for rows in store.vectors(batch)])
            top = np.argpartition(-score, NEAREST)[:NEAREST]
            all_ += [(float(score[row]), number, int(row)) for row in top]
        took.append(time.perf_counter() - began)
        found, true = ({(n, row) for _, n, row in sorted(some, reverse=True)[:NEAREST]} for some in (near, all_))
        hits += len(found & true)
    return {
        "queries": len(wanted),
        "median_s": round(float(np.median(took)), 2),
        f"recall_at_{NEAREST}": round(hits / (NEAREST * len(wanted)), 4),
    }


def _timed(action: Any) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("index", type=Path)
    parser.add_argument("--folder", type=Path, required=True, help="where the archive is made; kept")
    parser.add_argument("--seconds", type=int, default=10_000_000)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--exact", type=int, default=10, help="queries of which all seconds are looked at, too")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path)
    wanted = parser.parse_args()
    vectors, new = real(wanted.index), not wanted.folder.exists()
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:  # a process each, for its memory
        made = pool.apply(make, (wanted.folder, wanted.seconds, vectors, wanted.threads))
        print(made, flush=True)
        asked = pool.apply(ask, (wanted.folder, vectors, wanted.queries, wanted.exact))
    files = [file for file in wanted.folder.rglob("*") if file.is_file()]
    results = {
        "seconds": wanted.seconds,
        "dimensions": vectors.shape[1],
        "threads": wanted.threads,
        "vector_bytes": sum(file.stat().st_size for file in files if file.suffix == ".parquet"),
        "graph_bytes": sum(file.stat().st_size for file in files if file.name == similarity.GRAPH_FILE),
        "made": made if new else None,
        "asked": asked,
    }
    print(json.dumps(results, indent=1))
    if wanted.out:
        wanted.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
