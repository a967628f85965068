"""How late a live caption is: from a sound's onset to the caption that names it.

    python benchmarks/live_latency.py ../shared/data/esc50
    python benchmarks/live_latency.py ../shared/data/urbansound8k --clips 100 --ahead 0.16 0.32 0.48 --out figures.json

Clips of a dataset that the model knows the label of are laid one after the other over faint noise (65 dB below full
scale), each after three seconds in which there is nothing else, at the place where it first comes within 25 dB of its
own loudest moment: its known onset. The listener gets them in blocks of 20 ms, as a microphone gives them. The clock is
simulated: a block is there when its last sample has sounded, and is heard once the one before it has been dealt with;
the computation is measured. A caption is the clip's if it names the label between the onset and two seconds after the
clip's end.

Clips that trained the model are recognised better than others, but not much sooner: `captioned` is no measure of how
well a model hears, `latency_s` is one of how long a viewer waits.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark import load_model
from earmark.datasets import layouts
from earmark.datasets.clips import Clip
from earmark.live import Begin, LiveListener
from earmark.live.scoring import AHEAD, CHUNK
from earmark.media import read
from earmark.models.model import Model
from earmark.util.machine import in_words, machine

BLOCK = 0.02  # seconds
PAUSE = 3.0  # seconds before each clip
NOISE_DB = -65.0
WITHIN_DB = 25.0  # a clip begins where it is so near its loudest moment
FRAME = 0.01  # seconds of a level
LATE = 2.0  # seconds after a clip's end in which its caption may still come
RESULTS = Path(__file__).parent.parent / "results" / "live" / "latency.json"

Samples = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, help="a folder that `earmark data list` knows")
    parser.add_argument("--model", default="sounds")
    parser.add_argument("--clips", type=int, default=200, help="how many, of all labels alike")
    parser.add_argument("--ahead", type=float, nargs="+", default=[AHEAD], help="seconds of look-ahead to compare")
    parser.add_argument("--chunk", type=float, default=CHUNK, help="seconds scored at once")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    model = load_model(given.model, threads=1)
    clips = chosen(layouts.load(None, given.dataset).clips, model, given.clips, given.seed)
    report = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": f"python benchmarks/live_latency.py {given.dataset.name} --model {given.model} "
        f"--clips {given.clips} --chunk {given.chunk} --seed {given.seed} --ahead {' '.join(map(str, given.ahead))}",
        "machine": f"{in_words(machine())}; one core used",
        "load_average": round(os.getloadavg()[0], 1),
        "model": model.description.name,
        "dataset": given.dataset.name,
        "clips": len(clips),
        "rows": [measured(model, clips, ahead, given.chunk, given.seed) for ahead in given.ahead],
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(table(report))


def chosen(clips: tuple[Clip, ...], model: Model, count: int, seed: int) -> list[Clip]:
    """Clips of one label that the model knows, as many of each label as there can be."""
    rng = np.random.default_rng(seed)
    usable = [clip for clip in clips if len(clip.labels) == 1 and clip.labels[0] in model.labels]
    taken: Counter[str] = Counter()
    ranked = []
    for place in rng.permutation(len(usable)):
        label = usable[place].labels[0]
        ranked.append((taken[label], usable[place]))
        taken[label] += 1
    return [clip for _, clip in sorted(ranked, key=lambda pair: pair[0])[:count]]


def measured(model: Model, clips: list[Clip], ahead: float, chunk: float, seed: int) -> dict[str, Any]:
    """Latencies of the clips' captions, and what they cost."""
    listener = LiveListener(model, include_speech=True, ahead=ahead, chunk=chunk)
    clock = Clock(listener)
    by_clip: list[dict[str, Any]] = []
    for clip, pieces in laid(clips, listener.rate, seed):
        onset = listener.seconds + PAUSE
        told = [pair for block in pieces for pair in clock.hear(block)]
        right = [at - onset for at, begin in told if begin.label == clip.labels[0] and at > onset]
        by_clip.append({"label": clip.labels[0], "latency": min(right, default=None), "other": len(told) - len(right)})
    latencies = np.array([row["latency"] for row in by_clip if row["latency"] is not None])
    return {
        "ahead_s": ahead,
        "waits_s": round(listener.latency, 3),
        "captioned": round(len(latencies) / len(by_clip), 3),
        "latency_s": {
            "median": round(float(np.median(latencies)), 2),
            "90th percentile": round(float(np.percentile(latencies, 90)), 2),
        },
        "within_1_s": round(float(np.mean(latencies <= 1.0)), 3),
        "other_captions_per_clip": round(sum(row["other"] for row in by_clip) / len(by_clip), 3),
        "share_of_a_core": round(clock.spent / listener.seconds, 4),
        "longest_block_ms": round(1000 * clock.longest, 1),
        "by_label": by_label(by_clip),
    }


def by_label(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Median latency and captioned clips of each label."""
    found: dict[str, dict[str, Any]] = {}
    for label in sorted({row["label"] for row in rows}):
        of = [row["latency"] for row in rows if row["label"] == label]
        heard = [latency for latency in of if latency is not None]
        median = round(float(np.median(heard)), 2) if heard else None
        found[label] = {"clips": len(of), "captioned": len(heard), "median_s": median}
    return found


class Clock:
    """Simulates a microphone: each block is there when it has sounded, and takes as long as it really took."""

    def __init__(self, listener: LiveListener) -> None:
        self.listener = listener
        self.free = self.spent = self.longest = 0.0

    def hear(self, block: Samples) -> list[tuple[float, Begin]]:
        """What begins with a block, and when a viewer reads it, seconds since the first sample."""
        began = time.perf_counter()
        changes = self.listener.hear(block)
        took = time.perf_counter() - began
        self.free = max(self.free, self.listener.seconds) + took
        self.spent, self.longest = self.spent + took, max(self.longest, took)
        return [(self.free, change) for change in changes if isinstance(change, Begin)]


def laid(clips: list[Clip], rate: int, seed: int) -> Iterator[tuple[Clip, Iterator[Samples]]]:
    """Each clip, and the blocks of the pause before it, of itself, and of what may be late."""
    rng = np.random.default_rng(seed)
    for clip in clips:
        sound = from_onset(read(clip.path, rate, start=clip.start, end=clip.end), rate)
        quiet = np.zeros(round(PAUSE * rate), np.float32), np.zeros(round(LATE * rate), np.float32)
        samples = np.concatenate([quiet[0], sound, quiet[1]])
        samples += np.float32(10 ** (NOISE_DB / 20)) * rng.standard_normal(len(samples), np.float32)
        size = round(BLOCK * rate)
        yield clip, (samples[first : first + size] for first in range(0, len(samples), size))


def from_onset(samples: Samples, rate: int) -> Samples:
    """A clip from its onset to the end of what is heard in it."""
    size = round(FRAME * rate)
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    levels = 10 * np.log10(np.square(frames).mean(axis=1) + 1e-10)
    loud = np.flatnonzero(levels >= levels.max() - WITHIN_DB)
    return samples[loud[0] * size : (loud[-1] + 1) * size]


def table(report: dict[str, Any]) -> str:
    lines = [
        "| ahead | waits | captioned | median | 90th percentile | within 1 s | other captions a clip | of a core |"
    ]
    lines.append("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for row in report["rows"]:
        late = row["latency_s"]
        lines.append(
            f"| {row['ahead_s']} s | {row['waits_s']:.2f} s | {row['captioned']:.0%} | {late['median']:.2f} s | "
            f"{late['90th percentile']:.2f} s | {row['within_1_s']:.0%} | {row['other_captions_per_clip']:.2f} | "
            f"{row['share_of_a_core']:.1%} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
