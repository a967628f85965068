"""Two real recordings of instruments at once, as a dataset to judge models by: none of them trains.

    apt-get install gcompris-qt-data sonic-pi-samples hydrogen-drumkits
    python benchmarks/instruments_gcompris.py --out gcompris/
    python benchmarks/instruments_mixed.py --recordings ../shared/data/instruments --gcompris gcompris/clips.csv \\
        --out mixed/

Each clip is five seconds of two recordings that share no label: those that `instruments_real.py` tests by, and those of
GCompris. Half of the clips have two of the usual five labels, the others any two of the wider list; labels are equally
likely, however many recordings each has. A recording that is shorter goes on again after a pause. Both are made equally
loud where they sound, then one up to 6 dB louder. The folder gets audio/ and clips.csv.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from instruments_real import recordings

from earmark import datasets
from earmark.datasets import Clip, Dataset, tables
from earmark.media import read
from earmark.media.writing import write_samples
from earmark.synthesis.music.instruments import DEFAULT_LABELS
from earmark.util.types import Samples

RATE = 32_000
SECONDS = 5
PAUSE = (0.05, 0.4)  # seconds between a short recording and itself
LOUDER_DB = 6.0
SOUNDING_DB = 35.0  # a sample sounds if it is at most so much below the recording's peak
PEAK = 0.7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=Path, required=True, help="as for instruments_real.py")
    parser.add_argument("--gcompris", type=Path, required=True, help="the table that instruments_gcompris.py writes")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    tests = [clip for half, clip in recordings(given.recordings) if half == "test"]
    by_label = labelled([*tests, *datasets.load(None, given.gcompris).clips])
    rng = np.random.default_rng(given.seed)
    lists = [name for name in DEFAULT_LABELS if name in by_label], sorted(by_label)
    clips = []
    for number in range(given.count):
        pair = two(by_label, lists[number % 2], rng)
        path = given.out / "audio" / f"{number:03}.wav"
        write_samples(path, [together([excerpt(clip.path, rng) for clip in pair], rng)], RATE)
        clips.append(Clip(path, labels=tuple(sorted({label for clip in pair for label in clip.labels}))))
    tables.write_clips(Dataset("mixed", tuple(clips), exclusive=False), given.out / "clips.csv")
    print(f"{given.out}: {len(clips)} clips of two recordings")


def labelled(clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    """Recordings by the first of their labels: a trumpet is brass."""
    found: dict[str, list[Clip]] = {}
    for clip in clips:
        if clip.labels:
            found.setdefault(clip.labels[0], []).append(clip)
    return found


def two(by_label: Mapping[str, Sequence[Clip]], names: Sequence[str], rng: np.random.Generator) -> list[Clip]:
    """A recording of each of two labels."""
    chosen = rng.choice(len(names), 2, replace=False)
    own = [by_label[names[i]] for i in chosen]
    return [clips[int(rng.integers(len(clips)))] for clips in own]


def excerpt(path: Path, rng: np.random.Generator) -> Samples:
    """Five seconds of a recording, of unit power where it sounds."""
    wanted = SECONDS * RATE
    samples = read(path, RATE)
    if len(samples) < wanted:
        pause = np.zeros(round(rng.uniform(*PAUSE) * RATE), np.float32)
        once = np.concatenate([samples, pause])
        samples = np.tile(once, -(-wanted // len(once)))
    start = int(rng.integers(len(samples) - wanted + 1))
    part = samples[start : start + wanted]
    level = np.abs(part)
    sounding = part[level >= level.max() * 10 ** (-SOUNDING_DB / 20)]
    return np.asarray(part / np.sqrt(np.mean(sounding**2) + 1e-12), np.float32)


def together(pair: Sequence[Samples], rng: np.random.Generator) -> Samples:
    """Both at once, one of them up to `LOUDER_DB` louder."""
    louder = np.float32(10 ** (rng.uniform(-LOUDER_DB, LOUDER_DB) / 20))
    mixed = pair[0] + louder * pair[1]
    return np.asarray(mixed * (PEAK / np.abs(mixed).max()), np.float32)


if __name__ == "__main__":
    main()
