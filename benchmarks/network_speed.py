"""How many times faster than real time networks answer on one core: the backbone, beside the bundled models.

The network alone and with its front end; the backbone in float and in 8 bits, at each step of time.

    python benchmarks/network_speed.py

Needs the backbone (`earmark models get mn04_as`) and the extra `train`. Writes `results/backbone/network_speed.json`
and a table for the docs beside it. Times are of the processor, the median of the runs, as other work may go on.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from earmark import media
from earmark.features.frontend import FrontEnd
from earmark.models.model import Description, Model, bundled_models, load_model
from earmark.util.machine import in_words, machine
from earmark.util.types import Samples

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "street.mp4"
RESULTS = ROOT / "results" / "backbone"
SECONDS = 120.0  # of sound in a run: the example, over and over


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--weights", default="mn04_as", help="a name that `earmark models get` knows, or a file")
    arguments = parser.parse_args()
    rows = [measured(name, load_model(name, threads=1), arguments.runs) for name in bundled_models() if "/" not in name]
    with tempfile.TemporaryDirectory() as folder:
        for name, path in backbones(arguments.weights, Path(folder)):
            rows.append(measured(name, load_model(str(path), threads=1), arguments.runs))
    report = {
        "what": "times real time on one core; scores of a model file by ONNX Runtime",
        "protocol": f"{SECONDS:g} s of sound, processor time, median of {arguments.runs} runs after one not counted",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "networks": rows,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "network_speed.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "network_speed.md").write_text(table(rows), encoding="utf-8")
    print(table(rows))
    print(in_words(machine()))


def measured(name: str, model: Model, runs: int) -> dict[str, Any]:
    """A row of the table."""
    front_end = model.description.front_end
    samples = media.read(EXAMPLE, front_end.rate)
    sound: Samples = np.tile(samples, int(np.ceil(SECONDS * front_end.rate / len(samples))))
    sound = sound[: round(SECONDS * front_end.rate)]
    features = front_end.features(sound)
    alone = seconds(lambda: sum(len(part) for part in model.score_features([features])), runs)
    both = seconds(lambda: sum(len(part) for part in model.score([sound])), runs)
    row = {
        "network": name,
        "megabytes": round(model.path.stat().st_size / 1e6, 2),
        "step_ms": round(model.description.step * 1000),
        "labels": len(model.labels),
        "alone": round(SECONDS / alone),
        "with_front_end": round(SECONDS / both),
    }
    print(row, flush=True)
    return row


def seconds(work: Callable[[], object], runs: int) -> float:
    """Of processor time that it takes."""
    took = []
    for _ in range(runs + 1):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return statistics.median(took[1:])


def backbones(weights: str, folder: Path) -> list[tuple[str, Path]]:
    """The backbone as model files, at each step of time, in float and in 8 bits."""
    from earmark.models import pretrained
    from earmark.training.export import export, quantise, round_weights
    from earmark.training.networks.mn import STEPS, MobileNet

    front_end, labels = FrontEnd.audioset(), tuple(f"label {i}" for i in range(50))
    example = front_end.features(media.read(EXAMPLE, front_end.rate))
    made = []
    for step in STEPS:
        network = MobileNet(front_end.bands, len(labels), step=step)
        network.load(pretrained.find(weights))
        about = Description("backbone", labels, False, front_end, step, round_weights(network).context)
        for bits in (16, 8):
            path = folder / f"{step}_{bits}.onnx"
            export(network, about, path)
            if bits == 8:
                quantise(path, [example[: len(example) // step * step]])
            made.append((f"{weights}, {'8 bits' if bits == 8 else 'float'}", path))
    return made


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| network | file, MB | a step, ms | times real time, alone | with its front end |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        lines.append(
            f"| {row['network']} | {row['megabytes']} | {row['step_ms']} | {row['alone']} | {row['with_front_end']} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
