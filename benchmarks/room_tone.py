"""What places sound like when nothing happens: the pauses of recorded sounds, joined into clips of nothing.

    python benchmarks/room_tone.py $EARMARK_DATA/scenes/parts.csv --out $EARMARK_DATA/room_tone

Networks that were taught by loud clips alone take the hum of a room for a ship's engine. For each source that the
table lists in the split `train` (so that nothing of validation or test is heard), a clip of 10 s is made of all that
lies 30 dB or more below its sound for a third of a second and is not digital silence, pieces faded into each other.
Beside these, `--imagined` rooms: noise whose spectrum falls by 0 to 12 dB an octave and is bent at random, hum of the
mains with its harmonics, now and then a click, 70 to 25 dB below full scale. A dataset table without labels lists all.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from false_captions import FADE, RATE, Samples, joined

from earmark.datasets import Clip, Dataset, table
from earmark.media import read
from earmark.media.writing import write_samples
from earmark.noise import coloured_noise

FRAME = RATE // 100
BELOW, SILENCE = 30.0, -80.0  # dB below the sound; re full scale: less is no place but an editor's work
SHORTEST, MARGIN = 33, 8  # frames of a pause; left out at either end: edges and echoes
CLIP, LEAST = 10 * RATE, 0.7  # samples; seconds of pauses that a clip is made of


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


def imagined(rng: np.random.Generator) -> Samples:
    """A room that nobody recorded."""
    spectrum = np.fft.rfft(coloured_noise(CLIP, RATE, rng.uniform(0, 4), rng))
    hertz = np.fft.rfftfreq(CLIP, 1 / RATE)
    bends = np.interp(np.log2(np.maximum(hertz, 20)), np.linspace(4, 14, 8), rng.normal(0, 8, 8))
    samples = np.fft.irfft(spectrum * 10 ** (bends / 20), CLIP)
    samples /= np.sqrt(np.mean(samples**2))
    time = np.arange(CLIP) / RATE
    if rng.random() < 0.4:
        mains = rng.choice([50.0, 60.0])
        for number in range(1, int(rng.integers(2, 12))):
            phase, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 1.5) / number
            samples += strength * np.sin(2 * np.pi * mains * number * time + phase)
    for _ in range(int(rng.poisson(1.5))):
        place, length = rng.integers(CLIP - RATE // 50), int(rng.integers(4, RATE // 50))
        samples[place : place + length] += (
            rng.uniform(1, 8) * rng.standard_normal(length) * np.exp(-np.arange(length) / 40)
        )
    drift = np.interp(time, np.linspace(0, time[-1], 6), rng.normal(0, 2, 6))
    level = rng.uniform(-70, -25) + drift
    return np.clip(samples * 10 ** (level / 20), -1, 1).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="a dataset table with splits")
    parser.add_argument("--imagined", type=int, default=0, help="rooms that nobody recorded, so many")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    found: dict[str, list[Samples]] = defaultdict(list)
    for clip in table.read(given.table, split="train", exclusive=False).clips:
        samples = read(clip.path, RATE, start=clip.start, end=clip.end)
        found[clip.source] += [piece for piece in pauses(samples) if len(piece) > 2 * FADE]
    rng = np.random.default_rng(0)
    clips = []
    given.out.mkdir(parents=True, exist_ok=True)
    for source, pieces in sorted(found.items()):
        if sum(map(len, pieces)) >= LEAST * RATE:
            path = given.out / "audio" / f"{len(clips):04}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_samples(path, [joined(pieces, CLIP, rng)], RATE)
            clips.append(Clip(path, source=source))
    print(f"{len(clips)} of {len(found)} sources have pauses")
    for number in range(given.imagined):
        path = given.out / "audio" / f"imagined_{number:04}.flac"
        write_samples(path, [imagined(rng)], RATE)
        clips.append(Clip(path, source=path.name))
    table.write(Dataset("room_tone", tuple(clips)), given.out / "clips.csv")


if __name__ == "__main__":
    main()
