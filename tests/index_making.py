"""Small indexes of known content, written straight from the layout's schemas."""

from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from earmark.archive import layout
from earmark.archive.search import Detection

LABELS = ("cat", "dog", "siren", "speech")


def event(recording, onset, offset, label, score=0.9, began=None) -> Detection:
    return Detection(recording, onset, offset, label, score, began)


def make_index(
    folder: Path, events, *, started=None, seconds=(), durations=None, root="", batches=1, **options
) -> Path:
    """Write an index of these events; `seconds` are (recording, second, label, score), `started` dates by recording.

    Each recording with an event, a second or a date is one of an hour, unless `durations` says otherwise.
    """
    started, durations = started or {}, durations or {}
    names = sorted({*(e.recording for e in events), *(s[0] for s in seconds), *started, *durations})
    for number in range(batches):
        mine = set(names[number::batches])
        if mine or not number:
            _write_batch(folder / layout.BATCHES / f"{number:03}", mine, events, seconds, started, durations)
    known = {"labels": LABELS, "thresholds": dict.fromkeys(LABELS, 0.5), **options}
    layout.write_options(folder, layout.Options(str(root), "made", "v1", **known))
    return folder


def _write_batch(folder, names, events, seconds, started, durations):
    folder.mkdir(parents=True)
    rows = defaultdict(list)
    for name in sorted(names):
        about = {"recording": name, "bytes": 1, "modified": 0.0, "duration": durations.get(name, 3600.0)}
        rows["recordings"].append({**about, "started": started.get(name), "model": "made", "version": "v1"})
    for e in sorted((e for e in events if e.recording in names), key=lambda e: (e.label, e.recording, e.onset)):
        began = began_of(e, started)
        row = {"recording": e.recording, "onset": e.onset, "offset": e.offset, "label": e.label, "score": e.score}
        rows["events"].append({**row, "began": began, "model": "made", "version": "v1"})
    for recording, second, label, score in sorted(s for s in seconds if s[0] in names):
        rows["seconds"].append({"recording": recording, "second": second, "label": label, "score": score})
    for table, schema in layout.TABLES.items():
        content = pa.Table.from_pylist([{key: row.get(key) for key in schema.names} for row in rows[table]], schema)
        pq.write_table(content, folder / f"{table}.parquet", compression=layout.COMPRESSION)


def began_of(e: Detection, started) -> datetime | None:
    begin = started.get(e.recording)
    return None if begin is None else begin + timedelta(seconds=e.onset)
