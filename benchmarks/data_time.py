"""How long an epoch spends on data: prepared features in memory against reading, copying and computing on the fly.

    python benchmarks/data_time.py recipes/environment/esc10/cnn7.yaml --data-dir DATA --out results/data_time

One epoch of the recipe with eight audio-style copies of each clip, on one core. On the fly, each clip is read from its
file, changed and turned into a picture whenever it is needed; what is measured is the mean of `--sample` clips, times
their number. Prepared, the same pictures are gathered from memory. The network's own time is the same in both.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from earmark import media
from earmark.augment.copies import of_each
from earmark.training import data as training_data
from earmark.training import recipe as recipes
from earmark.training.batches import Batches, TrainingSet
from earmark.training.division import divide
from earmark.training.fit import EpochReport, fit, start_fabric
from earmark.training.folders import machine
from earmark.training.prepared import features_of
from earmark.training.recipe import Recipe

COPIES = "augment.copies=[pitch_up, pitch_down, slow, fast, trim, shift_left, shift_right, noise]"


@dataclass(frozen=True)
class Times:
    """Seconds of one epoch, on one core."""

    examples: int
    on_the_fly: float
    prepared: float
    network: float
    prepared_once: float
    """What preparing cost, once for all epochs and networks."""

    @property
    def ratio(self) -> float:
        return self.on_the_fly / self.prepared


def measure(plan: Recipe, sample: int) -> Times:
    torch.set_num_threads(1)
    data = training_data.load(plan)
    part = divide(plan, data)[0]
    each = on_the_fly(plan, data.clips[: data.originals], sample)
    prepared, network = epoch(plan, data.subset(part.train))
    return Times(len(part.train), each * len(part.train), prepared, network, each * len(data.clips))


def on_the_fly(plan: Recipe, clips: tuple, sample: int) -> float:
    """Seconds an example: read, changed, computed."""
    versions = [None, *of_each(plan.augment.copies, plan.augment.copies_each, plan.training.seed)]
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(clips), min(sample, len(clips)), replace=False)
    began = time.perf_counter()
    for clip in (clips[i] for i in chosen):
        for version in versions:
            samples = media.read(clip.path, plan.front_end.rate, start=clip.start, end=clip.end)
            features_of(samples, version, clip, plan.front_end)
    return (time.perf_counter() - began) / len(chosen) / len(versions)


def epoch(plan: Recipe, training: TrainingSet) -> tuple[float, float]:
    """Seconds of gathering all examples, and of the rest of an epoch; the second epoch, when all is in memory."""
    batches, rng = Batches(plan, training), np.random.default_rng(0)
    size = plan.training.batch
    gathered = []
    for _ in range(2):
        order = batches.order(rng)
        began = time.perf_counter()
        for first in range(0, len(order), size):
            torch.from_numpy(batches._gather(order[first : first + size], rng)).float()
        gathered.append(time.perf_counter() - began)
    reports: list[EpochReport] = []
    plan = plan.model_copy(update={"training": plan.training.model_copy(update={"epochs": 2})})
    fit(plan, training, start_fabric(plan, "cpu", "1"), report=reports.append)
    return gathered[-1], reports[-1].seconds - gathered[-1]


def draw(times: Times, path: Path) -> None:
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axes = figure.add_subplot()
    names, data = ["on the fly", "prepared, in memory"], [times.on_the_fly, times.prepared]
    axes.barh(names, data, color="C1", label="data")
    axes.barh(names, [times.network] * 2, left=data, color="C0", label="network")
    axes.invert_yaxis()
    axes.set_xlabel(f"seconds of an epoch of {times.examples:,} examples")
    axes.legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--sample", type=int, default=60)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    os.environ["EARMARK_DATA"] = str(asked.data_dir)
    plan = recipes.load(asked.recipe, [COPIES])
    times = measure(plan, asked.sample)
    asked.out.mkdir(parents=True, exist_ok=True)
    seconds = {name: round(value, 3) for name, value in asdict(times).items()}
    about = {"recipe": plan.name, "copies": plan.augment.copies, "date": datetime.now(UTC).date().isoformat()}
    content = {**about, **seconds, "ratio": round(times.ratio, 1), "machine": machine()}
    (asked.out / "times.json").write_text(json.dumps(content, indent=1) + "\n")
    draw(times, asked.out / "times.png")
    print(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
