"""Models of instruments on the same clips: rendered with a SoundFont that trained none of them, and real recordings.

    python benchmarks/instruments_compared.py conv1d=runs/.../model.onnx ours=runs/.../model.onnx \\
        --solo phrases/heldout_solo/clips.csv --phrases phrases/heldout/clips.csv \\
        --recordings ../shared/data/instruments --out results/instruments/compared.json
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from instruments_real import balanced, recordings

from earmark import datasets
from earmark.datasets import Dataset
from earmark.evaluation.tagging import figures
from earmark.evaluation.tagging.answers import ask
from earmark.model import Model, load_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="NAME=MODEL")
    parser.add_argument("--solo", type=Path, required=True, help="clips with one instrument each")
    parser.add_argument("--phrases", type=Path, required=True, help="clips with none, one or several")
    parser.add_argument("--recordings", type=Path, required=True, help="as for instruments_real.py")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    real = [clip for half, clip in recordings(given.recordings) if half == "test"]
    phrases = datasets.load(None, given.phrases)
    two = tuple(clip for clip in phrases.clips if len(clip.labels) == 2)
    sets = {
        "held-out SoundFont, one instrument": datasets.load(None, given.solo),
        "held-out SoundFont, none to several": phrases,
        "held-out SoundFont, two at once": replace(phrases, clips=two),
        "real recordings": Dataset("real recordings", tuple(real), exclusive=False),
    }
    models = dict(pair.split("=", 1) for pair in given.models)
    found = {name: measured(load_model(path), sets) for name, path in models.items()}
    content = {"date": datetime.now(UTC).date().isoformat(), "models": found}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    for name, each in found.items():
        for data, summary in each.items():
            right = summary["one_label"]["accuracy"], summary["several_labels"]["all_in_top"]
            print(f"{name:<24}{data:<38}", *("-" if share is None else f"{share:.3f}" for share in right))


def measured(model: Model, sets: dict[str, Dataset]) -> dict[str, Any]:
    """The figures of one model on each set."""
    result = {}
    for name, dataset in sets.items():
        answers = ask(model, dataset)
        result[name] = figures.summary(answers) | balanced(answers)
    return result


if __name__ == "__main__":
    main()
