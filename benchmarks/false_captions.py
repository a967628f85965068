"""Captions where there is nothing to caption: an hour of quiet background, of speech alone, and of music.

    python benchmarks/false_captions.py --speech ../shared/data/speech_pauses --speech ../shared/data/f0_fda \\
        --rooms odd --out results/captions/false.json
    python benchmarks/false_captions.py --speech ... --rooms even --keep quiet/    # for `earmark tune --quiet quiet/`

Neither folder trains a bundled model of sounds. Speech: their recordings one after the other, again and again, each
time at another level. Quiet background: the pauses that the folder's `.lab` files mark, the tone of some forty rooms,
faded into each other, at their own level; every fifth minute is noise, from white to brown, 45 to 70 dB below full
scale. Captions are those a viewer would get, with speech left to the dialogue's subtitles.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Set
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark import label, load_model
from earmark.captions import Priority, captions
from earmark.captions.phrases import usual_priorities
from earmark.datasets import tables
from earmark.datasets.ground_truth import truth_beside
from earmark.events.timeline import Timeline
from earmark.labels.groups import ancestors, grouped
from earmark.media import read
from earmark.media.writing import write_samples
from earmark.util.fft import coloured_noise

RATE = 32_000
FADE = RATE // 10
SHORTEST_PAUSE = 0.3  # seconds, of which a tenth at either end is left out: the edges of speech
MINUTE = 60 * RATE
OF_MUSIC = frozenset(one for one in grouped() if {"music", "singing"} & {one, *ancestors(one)})

Samples = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="sounds")
    parser.add_argument("--speech", type=Path, action="append", required=True, help="a folder of recordings of speech")
    parser.add_argument("--music", type=Path, help="a table of clips of music, at least 60 pieces: an hour of it, too")
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--rooms", choices=("all", "even", "odd"), default="all", help="every other recording")
    parser.add_argument("--keep", type=Path, help="write these hours into this folder, no more")
    parser.add_argument("--out", type=Path, default=Path("results/captions/false.json"))
    given = parser.parse_args()
    recordings = sorted(path for folder in given.speech for path in folder.rglob("*.flac"))
    recordings = recordings[given.rooms == "odd" :: 1 if given.rooms == "all" else 2]
    made = {"quiet background": quiet(recordings, given.minutes), "speech alone": speech(recordings, given.minutes)}
    if given.music:
        made["music"] = music(given.music, given.minutes)
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
        for name, pieces in made.items():
            write_samples(given.keep / f"{name.replace(' ', '_')}.flac", pieces, RATE)
        return
    model = load_model(given.model)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, pieces in made.items():
            path = Path(folder) / "hour.flac"
            write_samples(path, pieces, RATE)
            found[name] = counted(label(path, model), OF_MUSIC if name == "music" else frozenset())
            print(f"{name:<20}{found[name]['captions']:>4} captions, {found[name]['alarms']} alarms")
            print(f"{'':<20}{found[name]['events']}")
    content = {
        "date": datetime.now(UTC).date().isoformat(),
        "model": model.description.name,
        "rooms": given.rooms,
        "recordings": len(recordings),
        "minutes": given.minutes,
        **found,
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def counted(timeline: Timeline, true: Set[str]) -> dict[str, Any]:
    """How many captions a viewer would see of what is not there, which events they are of, how many are alarms."""
    events = [event for event in timeline.events if event.label not in true]
    named = Counter(event.label for event in events if event.label != "speech")
    urgent = usual_priorities()
    return {
        "captions": len(captions(timeline.with_events(events))),
        "alarms": sum(count for label, count in named.items() if urgent.get(label) is Priority.ALARM),
        "events": dict(named.most_common()),
    }


def music(listed: Path, minutes: int) -> Iterator[Samples]:
    """Pieces of music one after the other, each at a level of its own, a second of silence between them."""
    rng, left = np.random.default_rng(0), minutes * MINUTE
    for clip in tables.read_clips(listed, exclusive=False).clips:
        samples = read(clip.path, RATE, start=clip.start, end=clip.end)
        piece = np.concatenate([samples * np.float32(10 ** (rng.uniform(-15, 0) / 20)), np.zeros(RATE, np.float32)])
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return


def speech(recordings: list[Path], minutes: int) -> Iterator[Samples]:
    """Recordings one after the other, each at a level of its own."""
    rng = np.random.default_rng(0)
    sounds = [read(path, RATE) for path in recordings]
    left = minutes * MINUTE
    while left > 0:
        for place in rng.permutation(len(sounds)):
            samples = sounds[place] * np.float32(10 ** (rng.uniform(-15, 0) / 20))
            yield samples[:left]
            left -= len(samples)
            if left <= 0:
                return


def quiet(recordings: list[Path], minutes: int) -> Iterator[Samples]:
    """The tone of rooms, and in every fifth minute noise."""
    rng = np.random.default_rng(0)
    rooms = [pauses for path in recordings if (pauses := _pauses(path))]
    for minute in range(minutes):
        if minute % 5 == 4:
            noise = coloured_noise(MINUTE, RATE, rng.uniform(0, 2), rng)
            yield np.asarray(noise * 10 ** (rng.uniform(-70, -45) / 20), np.float32)
        else:
            yield joined(rooms[rng.integers(len(rooms))], MINUTE, rng)


def _pauses(path: Path) -> list[Samples]:
    """What is between the words of a recording."""
    truth = truth_beside(path)
    if truth is None or not truth.words:
        return []
    samples = read(path, RATE)
    spoken = [(word.onset, word.offset) for word in truth.words]
    gaps = zip([0.0, *(offset for _, offset in spoken)], [*(onset for onset, _ in spoken), truth.duration], strict=True)
    long = [(onset, offset) for onset, offset in gaps if offset - onset >= SHORTEST_PAUSE]
    inner = [(0.9 * onset + 0.1 * offset, 0.1 * onset + 0.9 * offset) for onset, offset in long]
    found = [samples[round(onset * RATE) : round(offset * RATE)] for onset, offset in inner]
    return [piece for piece in found if len(piece) > 2 * FADE]


def joined(pauses: list[Samples], length: int, rng: np.random.Generator) -> Samples:
    """So many samples of one room: its pauses in any order, faded into each other with even power."""
    rise = np.sin(np.linspace(0, np.pi / 2, FADE)).astype(np.float32)
    total = np.zeros(length + max(map(len, pauses)), np.float32)
    place = 0
    while place < length:
        piece = pauses[rng.integers(len(pauses))].copy()
        piece[:FADE] *= rise
        piece[-FADE:] *= rise[::-1]
        total[place : place + len(piece)] += piece
        place += len(piece) - FADE
    return total[:length]


if __name__ == "__main__":
    main()
