"""Two hundred clips from a server of one's own that has every fault, with the program killed twice on the way.

    python benchmarks/acquisition_faults.py --out results/instruments

The scenario is that of tests/datasets/audioset/test_acquisition_killed.py; this writes down what came of it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "datasets" / "audioset"))

import acquisition_scenario as scenario


def main() -> None:
    """Play the scenario, and write `acquisition.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write acquisition.json to")
    out = parser.parse_args().out
    os.environ["no_proxy"] = "127.0.0.1"
    with tempfile.TemporaryDirectory() as folder:
        story = scenario.play(Path(folder))
    out.mkdir(parents=True, exist_ok=True)
    (out / "acquisition.json").write_text(json.dumps(_figures(story), indent=2) + "\n", encoding="utf-8")


def _figures(story: scenario.Story) -> dict[str, object]:
    faults = scenario.faults()
    outcomes: Counter[str] = Counter()
    for found in story.report.outcomes.values():
        outcomes.update(found)
    return {
        "candidates": scenario.CLIPS * len(scenario.LABELS),
        "faults": {
            "that last": sum(fault in scenario.LASTING for fault in faults.values()),
            "that pass": sum(fault in scenario.PASSING for fault in faults.values()),
        },
        "clips in place when killed": story.in_place_at_kills,
        "outcomes": dict(sorted(outcomes.items())),
        "requests": sum(story.requests.values()),
        "requests for clips in place already": sum(story.asked_again.values()),
    }


if __name__ == "__main__":
    main()
