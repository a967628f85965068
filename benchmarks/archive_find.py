"""How long `earmark find` takes over an index of ten million events.

    python benchmarks/archive_find.py FOLDER --out results/archive/find.json

Makes a synthetic index in FOLDER, where none is: 57 labels, some ten times as frequent as others, 20,000 recordings of
an hour over two years at twenty places, 40 batches, from a seed. Then times each kind of query as the command does the
work, its output thrown away: the median and the longest of five runs, after one that is not counted, so the files are
in the system's cache, and the processor's time. Some are timed as whole processes, from the shell's call to the exit.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from earmark.archive import layout, tables
from earmark.util.machine import in_words, machine

LABELS = 57
EVENTS, RECORDINGS, BATCHES, PLACES = 10_000_000, 20_000, 40, 20
SECONDS = 12_000_000  # rows of a second and a label
LENGTH = 3600.0
FIRST = np.datetime64("2024-01-01T00:00:00", "us")
DAYS = 731
ROW_GROUP = tables.ROW_GROUP["events"]
RUNS = 5


def labels() -> tuple[str, ...]:
    """Those of the bundled model."""
    from earmark.models.model import load_model

    return load_model("sounds").labels


def make(index: Path, row_group: int = ROW_GROUP) -> None:
    """Write the whole index; the options, which make it one, come last."""
    names = np.array(labels())
    assert len(names) == LABELS
    random = np.random.default_rng(8)
    share = 1.0 / (1.0 + np.arange(LABELS)) ** 0.6
    share = random.permutation(share / share.sum())
    thresholds = dict(zip(names.tolist(), np.round(random.uniform(0.3, 0.7, LABELS), 3).tolist(), strict=True))
    hours = random.permutation(DAYS * 24 * PLACES)[:RECORDINGS]
    hours.sort()
    for number, part in enumerate(np.array_split(hours, BATCHES)):
        _write(index / layout.BATCHES / f"{number:06}", part, names, share, random, row_group)
    layout.write_options(index, layout.Options("/archive", "sounds", "synthetic", tuple(names.tolist()), thresholds))


def _write(
    folder: Path, hours: np.ndarray, names: np.ndarray, share: np.ndarray, random: np.random.Generator, row_group: int
) -> None:
    folder.mkdir(parents=True)
    started = FIRST + (hours // PLACES).astype("timedelta64[h]")
    paths = np.array(
        [f"place{h % PLACES:02}/{str(s)[:13].replace('T', '_')}0000.flac" for h, s in zip(hours, started, strict=True)]
    )
    count = EVENTS // BATCHES
    which, label = random.integers(len(hours), size=count), random.choice(len(names), count, p=share)
    onset = np.round(random.uniform(0, LENGTH - 60, count), 3)
    offset = np.round(onset + np.clip(random.lognormal(0.6, 0.9, count), 0.2, 60), 3)
    order = np.lexsort((onset, paths[which], names[label]))
    which, label, onset, offset = which[order], label[order], onset[order], offset[order]
    events = {
        "recording": _words(which, paths),
        "onset": onset,
        "offset": offset,
        "label": _words(label, names),
        "score": np.round(random.beta(5, 2, count), 4).astype(np.float32),
        "began": started[which] + (onset * 1e6).astype("timedelta64[us]"),
        "model": _words(np.zeros(count, np.int32), np.array(["sounds"])),
        "version": _words(np.zeros(count, np.int32), np.array(["synthetic"])),
    }
    _parquet(folder, "events", events, row_group)
    count = SECONDS // BATCHES
    which, label = random.integers(len(hours), size=count), random.choice(len(names), count, p=share)
    second = random.integers(int(LENGTH), size=count).astype(np.int32)
    order = np.lexsort((second, paths[which], names[label]))
    seconds = {
        "recording": _words(which[order], paths),
        "second": second[order],
        "label": _words(label[order], names),
        "score": random.uniform(layout.LEAST_SCORE, 1, count).astype(np.float32),
    }
    _parquet(folder, "seconds", seconds, row_group)
    recordings = {
        "recording": paths,
        "bytes": np.full(len(hours), 50_000_000),
        "modified": started.astype("datetime64[s]").astype(np.float64),
        "duration": np.full(len(hours), LENGTH),
        "started": started,
        "error": pa.nulls(len(hours), pa.string()),
        "model": np.full(len(hours), "sounds"),
        "version": np.full(len(hours), "synthetic"),
    }
    _parquet(folder, "recordings", recordings, row_group)


def _words(places: np.ndarray, words: np.ndarray) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32)), pa.array(words.tolist(), pa.string()))


def _parquet(folder: Path, table: str, columns: dict[str, object], row_group: int) -> None:
    rows = pa.table(columns).cast(layout.TABLES[table])
    pq.write_table(rows, folder / f"{table}.parquet", compression=layout.COMPRESSION, row_group_size=row_group)


def queries() -> dict[str, list[str]]:
    """What is timed: the words of each command, without the index."""
    return {
        "all of one label": ["dog", "--to", "csv"],
        "the most frequent label, the fifty surest": ["can_opening", "--best", "--limit", "50"],
        "the fifty surest": ["dog", "--best", "--limit", "50"],
        "the longest of all labels": ["--every", "--longest", "--limit", "50"],
        "three labels, sure, in the nights of a month": [
            *("dog,cat,siren", "--min-score", "0.9", "--during", "22:00-06:00", "--during", "2024-05", "--to", "csv"),
        ],
        "one place": ["--every", "--recording", "place07/2024-05*", "--count"],
        "near another label": ["dog", "--near", "siren", "--within", "5s", "--to", "csv"],
        "without another label": ["dog", "--not", "siren", "--within", "5s", "--count"],
        "frequent near frequent": ["can_opening", "--near", "hen", "--within", "5s", "--count"],
        "near one, without another, long, longest first": [
            *("dog", "--near", "siren", "--not", "speech", "--longer", "2s", "--longest", "--to", "csv"),
        ],
        "count of one label": ["dog", "--count"],
        "one label by day": ["dog", "--by", "day"],
        "all labels by label": ["--by", "label"],
        "all labels by hour": ["--every", "--by", "hour"],
        "all labels by recording": ["--every", "--by", "recording"],
        "the fifty least sure": ["--uncertain"],
    }


def time_call(index: Path, words: list[str]) -> dict[str, object]:
    """Times of the command's own function, in this process, its output thrown away."""
    from earmark.cli.application import app

    def once() -> None:
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            app(["find", *words, "--in", str(index)], standalone_mode=False)

    return _times(once)


def time_process(index: Path, words: list[str]) -> dict[str, object]:
    """Times of the whole process."""
    command = [str(Path(sys.executable).with_name("earmark")), "find", *words, "--in", str(index)]
    return _times(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))


def _times(once: Callable[[], object]) -> dict[str, object]:
    once()
    wall, work = [], []
    for _ in range(RUNS):
        begin, used = time.perf_counter(), _cpu()
        once()
        wall.append(time.perf_counter() - begin)
        work.append(_cpu() - used)
    return {
        "median_s": round(statistics.median(wall), 3),
        "longest_s": round(max(wall), 3),
        "cpu_s": round(statistics.median(work), 3),
    }


def _cpu() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


IN_PROCESSES = ("the fifty surest", "count of one label", "near another label", "all labels by label")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    index = options.folder
    if not (index / layout.OPTIONS).exists():
        make(index)
    kinds = queries()
    measured = {
        "index": {"events": EVENTS, "labels": LABELS, "recordings": RECORDINGS, "batches": BATCHES, "seconds": SECONDS},
        "row_group": ROW_GROUP,
        "megabytes": round(sum(file.stat().st_size for file in index.rglob("*.parquet")) / 1e6),
        "machine": in_words(machine()),
        "load_before": os.getloadavg()[0],
        "versions": {"duckdb": duckdb.__version__, "pyarrow": pa.__version__},
        "queries": {},
        "processes": {},
    }
    for name, words in kinds.items():
        measured["queries"][name] = {"words": " ".join(words), **time_call(index, words)}
        print(name, measured["queries"][name], flush=True)
    for name in IN_PROCESSES:
        measured["processes"][name] = {"words": " ".join(kinds[name]), **time_process(index, kinds[name])}
        print("process:", name, measured["processes"][name], flush=True)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
