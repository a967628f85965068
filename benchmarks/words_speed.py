"""How fast `earmark words` is, and how much memory it takes, on an hour of speech and on four.

    python benchmarks/words_speed.py FOLDER          # recordings of speech: one after the other until the time is full

Runs every command as a process of its own, and writes `results/words/speed.json` and a table for the docs to
`results/words/speed.md`. Times are wall clock, the median of the runs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

import av
import numpy as np
from label_speed import RESULTS, timed

from earmark import media
from earmark.util.machine import in_words, machine

RATE = 16000
EARMARK = Path(sys.executable).with_name("earmark")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a folder of speech")
    parser.add_argument("--hours", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    files = sorted(p for p in options.folder.rglob("*") if p.suffix in (".flac", ".wav", ".opus", ".ogg", ".mp3"))
    with tempfile.TemporaryDirectory() as temporary:
        rows = []
        for hours in options.hours:
            path = make(files, Path(temporary) / f"{hours}h.flac", hours)
            for name in ("gru", "rnn", "mlp", "svm", "least_squares") if hours == 1 else ("gru",):
                command = [str(EARMARK), "words", str(path), "--classifier", name, "--to", "json"]
                rows.append(timed(f"`--classifier {name}`, {hours} h", command, options.runs, 3600.0 * hours))
    report = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": "python benchmarks/words_speed.py FOLDER",
        "machine": in_words(machine()),
        "data": f"{len(files)} recordings of speech, one after the other, FLAC at {RATE} Hz",
        "runs": options.runs,
        "rows": rows,
    }
    (RESULTS / "words").mkdir(parents=True, exist_ok=True)
    (RESULTS / "words" / "speed.json").write_text(json.dumps(report, indent=1) + "\n")
    (RESULTS / "words" / "speed.md").write_text(table(report))
    print(table(report))


def make(files: list[Path], path: Path, hours: int) -> Path:
    """So many hours of FLAC."""
    wanted = hours * 3600 * RATE
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono")
        written = 0
        for file in cycle(files):
            samples = media.read(file, RATE)[: wanted - written]
            frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, written
            container.mux(stream.encode(frame))
            written += len(samples)
            if written >= wanted:
                break
        container.mux(stream.encode(None))
    return path


def table(report: dict[str, object]) -> str:
    lines = [
        f"Command: `{report['command']}`. Data: {report['data']}. Machine: {report['machine']}. "
        f"Date: {report['date']}. Wall time, start-up included: median of {report['runs']} runs.",
        "",
        "| `earmark words` | seconds | times real time | processor seconds | peak memory, MB |",
        "|---|---|---|---|---|",
    ]
    for row in report["rows"]:  # type: ignore[attr-defined]
        lines.append(
            f"| {row['what']} | {row['seconds']} | {row['times_real_time']} | {row['cpu_seconds']} | {row['peak_mb']} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
