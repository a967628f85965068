"""Send thousands of files with faults to a server, and count what becomes of them.

    python benchmarks/service_mutants.py --count 2000 --out results/service/mutants.json

Each is answered with a result or a clear error, none takes the server down, none takes longer than its limit.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "service")]

import mutants  # noqa: E402
from service_process import Server  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder) / "service", "--workers", "1") as server:
        report = measure(server, asked.count, asked.seed)
    print(json.dumps(report, indent=2))
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(report, indent=2) + "\n")


def measure(server: Server, count: int, seed: int) -> dict[str, object]:
    """Answers by kind of fault, the longest, and what it cost."""
    answers: dict[str, Counter[str]] = {kind: Counter() for kind in mutants.KINDS}
    slowest = 0.0
    for name, content in mutants.mutants(mutants.originals(), count, np.random.default_rng(seed)):
        began = time.monotonic()
        answer = server.client.post("/v1/classify", files={"file": (name, content)})
        slowest = max(slowest, time.monotonic() - began)
        answers[name.split("-")[1]][str(answer.status_code)] += 1
        if answer.status_code not in (200, 422):
            print(name, answer.status_code, answer.text, file=sys.stderr)
    figures = dict(
        line.rsplit(" ", 1) for line in server.client.get("/metrics").text.splitlines() if not line.startswith("#")
    )
    return {
        "files": count,
        "answers": {kind: dict(sorted(found.items())) for kind, found in answers.items()},
        "slowest_seconds": round(slowest, 2),
        "workers_lost": int(float(figures["earmark_workers_lost_total"])),
        "server_alive": server.process.poll() is None,
    }


if __name__ == "__main__":
    main()
