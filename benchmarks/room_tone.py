"""What places sound like when nothing happens: the pauses of recorded sounds, joined into clips of nothing.

    python benchmarks/room_tone.py DATA/scenes/parts.csv DATA/letters.csv --out DATA/room_tone

Networks that were taught by loud clips alone take the hum of a room for a ship's engine. For each source of the tables
(where they have splits, of `train` alone, so that nothing of validation or test is heard), clips of 10 s are made of
what lies 30 dB or more below its sound for a third of a second and is not digital silence, pieces faded into each
other: one, or as many as there are such seconds for, six at most. A dataset table without labels lists them.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from false_captions import FADE, RATE, Samples, joined

from earmark.datasets import Clip, Dataset, tables
from earmark.media import read
from earmark.media.writing import write_samples

FRAME = RATE // 100
BELOW, SILENCE = 30.0, -80.0  # dB below the sound; re full scale: less is no place but an editor's work
SHORTEST, MARGIN = 33, 8  # frames of a pause; left out at either end: edges and echoes
CLIP, LEAST, MOST = 10 * RATE, 0.7, 6  # samples; seconds of pauses that a clip is made of; clips of a source


def pauses(samples: Samples) -> list[Samples]:
    """The stretches in which nothing is heard."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    levels = 10 * np.log10(np.mean(frames.astype(np.float64) ** 2, axis=1) + 1e-12)
    if not len(levels):
        return []
    quiet = np.pad((levels < np.percentile(levels, 95) - BELOW) & (levels > SILENCE), 1)
    edges = np.flatnonzero(np.diff(quiet.astype(np.int8))).reshape(-1, 2)
    inner = [(first + MARGIN, last - MARGIN) for first, last in edges if last - first >= SHORTEST]
    return [samples[first * FRAME : last * FRAME] for first, last in inner]


def training(listed: Dataset) -> list[Clip]:
    """The clips of the split `train`, or all where there are no splits."""
    splits = {clip.split for clip in listed.clips}
    return [clip for clip in listed.clips if splits == {None} or clip.split == "train"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path, nargs="+", help="dataset tables")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    found: dict[str, list[Samples]] = defaultdict(list)
    for number, path in enumerate(given.tables):
        for clip in training(tables.read_clips(path, exclusive=False)):
            samples = read(clip.path, RATE, start=clip.start, end=clip.end)
            source = f"{path.stem}/{clip.source}" if number else clip.source
            found[source] += [piece for piece in pauses(samples) if len(piece) > 2 * FADE]
    rng = np.random.default_rng(0)
    clips = []
    given.out.mkdir(parents=True, exist_ok=True)
    for source, pieces in sorted(found.items()):
        length = sum(map(len, pieces))
        if length < LEAST * RATE:
            continue
        for _ in range(min(MOST, max(1, length // CLIP))):
            path = given.out / "audio" / f"{len(clips):04}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_samples(path, [joined(pieces, CLIP, rng)], RATE)
            clips.append(Clip(path, source=source))
    print(f"{len(clips)} clips of nothing, of {len({clip.source for clip in clips})} of {len(found)} sources")
    tables.write_clips(Dataset("room_tone", tuple(clips)), given.out / "clips.csv")


if __name__ == "__main__":
    main()
