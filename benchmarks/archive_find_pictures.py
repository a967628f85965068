"""The pictures of docs/archives.md: a made-up year of roosters, heard by a recorder that was twice out of order.

python benchmarks/archive_find_pictures.py docs/images
"""

from __future__ import annotations

import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from earmark.archive import layout
from earmark.archive.database import Index
from earmark.archive.search import Query, draw

FIRST, DAYS = datetime(2025, 2, 20), 480
OUT_OF_ORDER = ((120, 134), (301, 309))  # days
MINUTES = 10.0  # recorded of each hour
RATE = 40.0  # calls in ten minutes at sunrise, at the most


def make(index: Path) -> None:
    """An index of one batch."""
    random = np.random.default_rng(5)
    events, recordings = [], []
    for hour in range(DAYS * 24):
        day = hour // 24
        if any(first <= day < last for first, last in OUT_OF_ORDER):
            continue
        began = FIRST + timedelta(hours=hour)
        name = f"yard/{began:%Y%m%d_%H%M%S}.flac"
        about = {"recording": name, "bytes": 1, "modified": 0.0, "duration": MINUTES * 60, "started": began}
        recordings.append({**about, "error": None, "model": "sounds", "version": "made-up"})
        summer = np.cos(2 * np.pi * (began.timetuple().tm_yday - 172) / 365)
        sunrise = 6.3 - 2.0 * summer
        crowing = np.exp(-(((began.hour + 0.5 - sunrise) / 1.1) ** 2)) + 0.04 * (sunrise < began.hour < 20)
        calls = random.poisson(RATE * crowing * (0.55 + 0.45 * summer) * random.gamma(6, 1 / 6))
        for onset in np.sort(random.uniform(0, MINUTES * 60 - 2, calls)):
            times = {"onset": onset, "offset": onset + 1.5, "began": began + timedelta(seconds=onset)}
            words = {"recording": name, "label": "rooster", "model": "sounds", "version": "made-up"}
            events.append({**words, **times, "score": 0.9})
    folder = index / layout.BATCHES / "000000"
    folder.mkdir(parents=True)
    for table, rows in (("events", events), ("recordings", recordings), ("seconds", [])):
        pq.write_table(pa.Table.from_pylist(rows, layout.TABLES[table]), folder / f"{table}.parquet")
    layout.write_options(index, layout.Options("", "sounds", "made-up", ("rooster",)))


def main() -> None:
    out = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        draw(Index(Path(folder)), Query(("rooster",)), out / "find_calendar.png")
        draw(Index(Path(folder)), Query(("rooster",)), out / "find_raster.png", by="hour")


if __name__ == "__main__":
    main()
