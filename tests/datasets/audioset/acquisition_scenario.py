"""Sixty clips of two classes from a server with every fault, acquired by a program that is killed twice.

As a program: `python acquisition_scenario.py URL OUT CLIPS` is a run of the acquisition that is to be killed with so
many clips in place: it puts no more there, however late the kill comes.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from earmark.datasets.audioset.acquisition import acquire
from earmark.datasets.audioset.candidates import ClipFolder, Settings
from earmark.datasets.audioset.ledger import AcquisitionReport
from earmark.datasets.audioset.tables import Segment

if TYPE_CHECKING:
    from faulty_media_server import FaultyServer

LABELS = ("guitar", "piano")
CLIPS = 30  # of each class
START, END = 1.0, 2.0
RATE = 16_000
JOBS = 3
KILLS_AT = (12, 24)  # clips in place
PATIENCE = 300.0  # seconds for each of them

# fault: what must become of the clip. Each fault has a video, and each that is final two.
LASTING = {
    "404": "gone",
    "410": "gone",
    "401": "private",
    "451": "region",
    "403": "refused",
    "429": "refused",
    "500": "refused",
    "cut": "refused",
    "empty": "empty",
    "over": "empty",
    "silent": "empty",
    "noise": "damaged",
    "short": "damaged",
    "truncated": "damaged",
    "html": "damaged",
}
FINAL = [fault for fault, outcome in LASTING.items() if outcome in ("gone", "private", "region")]
PASSING = ("429@0*1", "429*1", "500*1", "503*2", "cut*2", "stall*1", "403*1")


def faults() -> dict[str, str]:
    """Fault of each video that has one."""
    return {video(2 * place + place % 2): fault for place, fault in enumerate([*LASTING, *PASSING, *FINAL])}


def video(number: int) -> str:
    """Of eleven characters; some begin with a hyphen, as YouTube's do."""
    return f"{'-_aZ'[number % 4]}video{number:05d}"


def candidates() -> dict[str, list[Segment]]:
    """The segments of each class."""
    return {
        label: [Segment(video(2 * number + place), START, END) for number in range(CLIPS)]
        for place, label in enumerate(LABELS)
    }


def settings(url: str) -> Settings:
    """Impatient, but in nothing else unlike those of a user."""
    return Settings(rate=RATE, jobs=JOBS, pause=0.01, backoff=0.02, timeout=10.0, refusals=1000, url=url)


def run(url: str, out: Path) -> AcquisitionReport:
    """One run of the acquisition."""
    from faulty_media_server import file_options  # with yt-dlp, which takes a while to import

    from earmark.datasets.audioset import videos

    with patch.object(videos, "_options", file_options):
        return acquire(candidates(), CLIPS, out, settings(url))


@dataclass
class Story:
    """What happened."""

    report: AcquisitionReport
    in_place_at_kills: list[int] = field(default_factory=list)
    asked_again: Counter[str] = field(default_factory=Counter)
    """Requests for clips that were in place already."""
    requests: Counter[str] = field(default_factory=Counter)
    """Requests by video."""


def play(out: Path) -> Story:
    """Kill the program twice, and run it to its end."""
    from faulty_media_server import FaultyServer

    with FaultyServer(faults(), stall=15.0) as server:
        before: list[Counter[str]] = []
        for wanted in KILLS_AT:
            here = _killed_at(server, out, wanted)
            before.append(Counter({name: server.requests[name] for name in here}))
        report = run(server.url, out)
        again: Counter[str] = Counter()
        for asked in before:
            again.update({name: server.requests[name] - times for name, times in asked.items()})
        return Story(report, [len(asked) for asked in before], +again, Counter(server.requests))


def _killed_at(server: "FaultyServer", out: Path, wanted: int) -> set[str]:
    """Run the program until so many clips are in place, kill it, and tell whose."""
    environment = {**os.environ, "no_proxy": "127.0.0.1", "OMP_NUM_THREADS": "1"}
    words = [sys.executable, __file__, server.url, str(out), str(wanted)]
    until = time.monotonic() + PATIENCE
    with subprocess.Popen(words, env=environment) as program:
        try:
            while len(_in_place(out)) < wanted:
                if program.poll() is not None:
                    raise RuntimeError(f"the program ended by itself, with {program.returncode}")
                if time.monotonic() > until:
                    raise RuntimeError(f"after {PATIENCE:.0f} s there are {len(_in_place(out))} of {wanted} clips")
                time.sleep(0.05)
        finally:
            program.kill()
    return _in_place(out)


def _in_place(out: Path) -> set[str]:
    """Videos whose clips are in place."""
    return {path.stem.rpartition("_")[0] for label in LABELS for path in out.glob(f"{label}/*.flac")}


def _run_to_be_killed(url: str, out: Path, wanted: int) -> None:
    place = ClipFolder.place

    def held(*words: Any) -> None:
        if len(_in_place(out)) >= wanted:
            time.sleep(3600)
        place(*words)

    ClipFolder.place = held  # type: ignore[method-assign]
    run(url, out)


if __name__ == "__main__":
    _run_to_be_killed(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
