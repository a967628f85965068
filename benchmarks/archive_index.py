"""How fast `earmark index` labels an archive with one and two processes, beside labelling its recordings one by one.

    python benchmarks/archive_index.py                      # results/archive/index.json, some ten minutes
    python benchmarks/archive_index.py --hours 1 --clips 200 --out /dev/null

Two archives are made of the clips of ESC-50 in ../shared/data: three dozen long recordings of joined clips (WAV, 16
bit, mono, 44,100 Hz), and clips as they are (Opus, 5 s each). Every way is a process of its own, measured from start to
end; `startup_s` is what the same way takes for next to nothing, and `beyond_startup` is the rate without it,
which long archives come near. All ways in turn, `--runs` times; figures are those of the fastest run of each. Two
commands that share nothing, each pinned to a core of its own with half of the recordings, tell how much the processor's
two cores do at once: no way with two workers can be expected to do more.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from earmark.archive import layout
from earmark.media import read
from earmark.util.machine import in_words, machine

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from media_files import Track, write  # noqa: E402

CLIPS = ROOT.parent / "shared" / "data" / "esc50" / "audio"
EARMARK = str(Path(sys.executable).with_name("earmark"))
RATE = 44_100
LONG = 36  # recordings: the last of a worker counts little
PINNED = "earmark index --jobs 1, pinned to a core"
APART = "two such commands at once, half of the recordings each"
ONE_BY_ONE = """
import sys
from pathlib import Path
from earmark.models.labelling import label
from earmark.models.model import load_model
model = load_model(sys.argv[2], threads=1)
for file in sorted(Path(sys.argv[1]).iterdir()):
    label(file, model)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=6.0, help="of the long recordings together")
    parser.add_argument("--clips", type=int, default=1200, help="clips of 5 s in the other archive")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--model", default="sounds")
    parser.add_argument("--data", type=Path, default=CLIPS)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "archive" / "index.json")
    asked = parser.parse_args()
    load = os.getloadavg()[0]  # before the archives are made, which loads the machine
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = sorted(asked.data.iterdir())
        nothing = short(files[:2], folder / "nothing")
        archives = {
            "long recordings": long(files, folder / "long", asked.hours),
            "clips": short(files[: asked.clips], folder / "clips"),
        }
        report = {
            "date": datetime.now(UTC).date().isoformat(),
            "command": "python benchmarks/archive_index.py " + " ".join(sys.argv[1:]),
            "machine": in_words(machine()),
            "load_average_before": load,
            "model": asked.model,
            "runs": asked.runs,
            "archives": {name: measured(place, nothing, folder, asked) for name, place in archives.items()},
        }
    text = json.dumps(report, indent=1) + "\n"
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(text)
    print(text)


def long(files: list[Path], folder: Path, hours: float) -> Path:
    """Three dozen long recordings, of clips in a random order, each of other ones."""
    rng = np.random.default_rng(0)
    each = round(hours * 3600 / LONG * RATE)
    folder.mkdir()
    for number in range(LONG):
        parts, length = [], 0
        for place in rng.permutation(len(files)):
            parts.append(read(files[place], RATE))
            length += len(parts[-1])
            if length >= each:
                break
        samples = np.concatenate(parts)[:each]
        write(folder / f"{number:02}.wav", "wav", Track(samples[None], RATE))
    return folder


def short(files: list[Path], folder: Path) -> Path:
    folder.mkdir()
    for file in files:
        (folder / file.name).hardlink_to(file) if same_disk(file, folder) else copy(file, folder)
    return folder


def same_disk(file: Path, folder: Path) -> bool:
    return file.stat().st_dev == folder.stat().st_dev


def copy(file: Path, folder: Path) -> None:
    (folder / file.name).write_bytes(file.read_bytes())


def measured(place: Path, nothing: Path, folder: Path, asked: argparse.Namespace) -> dict[str, object]:
    """Every way with one archive."""
    index = folder / "index"
    ways = {
        "one by one, label(), 1 thread": lambda at: [sys.executable, "-c", ONE_BY_ONE, str(at), asked.model],
        "earmark label, all cores": lambda at: [
            EARMARK, "label", *map(str, sorted(at.iterdir())), "--model", asked.model, "--to", "json"
        ],
        "earmark index --jobs 1": lambda at: index_words(at, index, asked.model, 1),
        PINNED: lambda at: pinned(0, index_words(at, index, asked.model, 1)),
        APART: lambda at: side_by_side(
            [pinned(core, index_words(half, index / str(core), asked.model, 1)) for core, half in enumerate(halves(at))]
        ),
        "earmark index --jobs 2": lambda at: index_words(at, index, asked.model, 2),
    }  # fmt: skip
    least: dict[str, tuple[float, float]] = {}
    startup: dict[str, tuple[float, float]] = {}
    for _ in range(asked.runs):
        for name, words in ways.items():
            fresh(index)
            startup[name] = min(startup.get(name, (1e9, 1e9)), timed(words(nothing)))
            fresh(index)
            least[name] = min(least.get(name, (1e9, 1e9)), timed(words(place)))
            print(f"{place.name}: {name}: {least[name][0]:.2f} s", file=sys.stderr)
    told = figures(index)  # of the last way, which left an index
    hours = told["hours"]
    rows = {
        name: {
            "seconds": round(wall, 2),
            "cpu_seconds": round(cpu, 2),
            "startup_s": round(startup[name][0], 2),
            "startup_cpu_s": round(startup[name][1], 2),
            "hours_per_second": round(hours / wall, 4),
            "times_real_time": round(hours * 3600 / wall),
            "cpu_seconds_per_hour": round((cpu - startup[name][1]) / hours, 2),
            "beyond_startup": round(hours * 3600 / max(wall - startup[name][0], 1e-3)),
        }
        for name, (wall, cpu) in least.items()
    }
    plain, one, apart = rows["one by one, label(), 1 thread"], rows[PINNED], rows[APART]
    two = rows["earmark index --jobs 2"]
    return {
        "recordings": len(list(place.iterdir())),
        "hours": hours,
        "bytes": sum(file.stat().st_size for file in place.iterdir()),
        "ways": rows,
        "two_jobs_against_one_by_one": round(plain["seconds"] / two["seconds"], 2),
        "two_jobs_against_one_by_one_beyond_startup": round(two["beyond_startup"] / plain["beyond_startup"], 2),
        "two_jobs_against_one_pinned": round(one["seconds"] / two["seconds"], 2),
        "two_jobs_against_one_pinned_beyond_startup": round(two["beyond_startup"] / one["beyond_startup"], 2),
        "two_commands_against_one_pinned_beyond_startup": round(apart["beyond_startup"] / one["beyond_startup"], 2),
        "index": told,
    }


def halves(place: Path) -> list[Path]:
    """Two folders, each with every other recording of this one."""
    folders = [place.with_name(f"{place.name}-{half}") for half in range(2)]
    for half, folder in enumerate(folders):
        if not folder.exists():
            folder.mkdir()
            for file in sorted(place.iterdir())[half::2]:
                (folder / file.name).hardlink_to(file)
    return folders


def pinned(core: int, words: list[str]) -> list[str]:
    return ["taskset", "-c", str(core), *words]


def side_by_side(commands: list[list[str]]) -> list[str]:
    """One command that starts these at once and fails if one of them does."""
    started = "".join(f"{shlex.join(words)} & started+=($!); " for words in commands)
    return ["bash", "-c", started + 'for one in "${started[@]}"; do wait "$one" || exit; done']


def index_words(place: Path, index: Path, model: str, jobs: int) -> list[str]:
    return [EARMARK, "index", str(place), "--out", str(index), "--model", model, "--jobs", str(jobs)]


def fresh(index: Path) -> None:
    subprocess.run(["rm", "-rf", str(index)], check=True)


def timed(command: list[str]) -> tuple[float, float]:
    """Wall and processor seconds of a process and all that it starts."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - began, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu


def figures(index: Path) -> dict[str, float]:
    """Rows and bytes of an index, by the hour of sound."""
    import pyarrow.parquet as pq

    files = {table: layout.files(index, table) for table in layout.TABLES}
    durations = [pq.read_table(file, columns=["duration"])["duration"].to_pylist() for file in files["recordings"]]
    hours = sum(map(sum, durations)) / 3600
    told: dict[str, float] = {"hours": round(hours, 3)}
    for table, all_files in files.items():
        rows = sum(pq.read_metadata(file).num_rows for file in all_files)
        size = sum(Path(file).stat().st_size for file in all_files)
        told |= {f"{table}_per_hour": round(rows / hours, 1), f"{table}_bytes_per_hour": round(size / hours)}
    return told


if __name__ == "__main__":
    main()
