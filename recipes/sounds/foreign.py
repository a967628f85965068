"""Tables of recordings from elsewhere that choose the thresholds of `sounds`, and of others that judge it.

    python recipes/sounds/foreign.py DATA

DATA holds foreign (cats_dogs, dcase2016_office, urbansound8k_fold3: tables with a column split), urbansound8k with
folds 1 and 2, esc50, speech_pauses and f0_fda. Debian's packages bring music that teaches nothing: drascula-music,
fillets-ng-data, extremetuxracer-data, lincity-ng-data, supertux-data, widelands-data, freedroidrpg-data.

Written into DATA/sounds/foreign, for `choose` and for `test`, which share no source: the sounds (choose.csv), speech
(speech_choose.csv) and music (music_choose.csv: 8 s from four places of each piece).
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tables import write

from earmark import datasets
from earmark.datasets import Clip
from earmark.errors import EarmarkWarning
from earmark.labels import SOUNDS, canonical
from earmark.media import open_recording

HALVES = ("choose", "test")
SETS = ("cats_dogs", "dcase2016_office", "urbansound8k_fold3")
SLICES = 8  # of one of UrbanSound8K's recordings, the most
MUSIC = (
    ("/usr/share/scummvm/drascula/audio", "*.ogg"),
    ("/usr/share/games/fillets-ng/music", "*.ogg"),
    ("/usr/share/games/etr/music", "*.ogg"),
    ("/usr/share/games/lincity-ng/music/default", "*.ogg"),
    ("/usr/share/games/supertux2/music", "**/*.ogg"),
    ("/usr/share/games/widelands/data/music", "**/*.ogg"),
    ("/usr/share/freedroidrpg/data/sound/music", "*.ogg"),
)
PIECE, FIRST, APART, PARTS = 8.0, 5.0, 12.0, 4  # seconds; where the first begins; from one to the next; of each piece


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    data: Path = parser.parse_args().data
    out = data / "sounds" / "foreign"
    out.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter(
        "ignore", EarmarkWarning
    )  # of columns that mean nothing here, and of folds that are not there
    known = {clip.source for clip in datasets.load("esc", data / "esc50").clips}  # which may teach
    pieces, voices = list(music()), list(speech(data))
    for half in HALVES:
        write(out / f"{half}.csv", sounds(data, half, known))
        write(out / f"speech_{half}.csv", voices[HALVES.index(half) :: 2])
        write(out / f"music_{half}.csv", parts_of(pieces, half))


def sounds(data: Path, half: str, known: set[str]) -> Iterator[Clip]:
    """Clips of the labels that we know, of recordings that are not among ESC-50's."""
    for name in SETS:
        split = {clip.split for clip in datasets.load("table", data / "foreign" / name).clips}
        if half not in split:
            continue
        for clip in datasets.load("table", data / "foreign" / name, split=half).clips:
            labels = tuple(label for one in clip.labels if (label := canonical(name, one)) in SOUNDS)
            if clip.source.removeprefix("freesound-") not in known and labels:
                yield replace(clip, labels=labels, source=f"{name}/{clip.source}")
    if half == "choose":
        taken: Counter[str] = Counter()
        for clip in datasets.load("urbansound8k", data / "urbansound8k", missing="skip").clips:
            taken[clip.source] += 1
            if clip.source not in known and taken[clip.source] <= SLICES:
                yield replace(clip, fold=None, source=f"urbansound8k/{clip.source}")


def speech(data: Path) -> Iterator[Clip]:
    """Whole recordings of speech, each its own source."""
    for name in ("speech_pauses", "f0_fda"):
        for clip in datasets.load("files", data / name, labels="speech", pattern="**/*.flac").clips:
            yield replace(clip, source=f"{name}/{clip.source}")


def music() -> Iterator[Path]:
    """Pieces."""
    for folder, pattern in MUSIC:
        made = datasets.load("files", Path(folder), labels="music", pattern=pattern)
        yield from (clip.path for clip in made.clips)


def parts_of(pieces: Sequence[Path], half: str) -> Iterator[Clip]:
    """Of a third of the pieces to choose by, of the others to judge by."""
    for number, path in enumerate(pieces):
        if (number % 3 == 0) != (half == "choose"):
            continue
        with open_recording(path) as recording:
            length = recording.duration or 0.0
        begins = [FIRST + APART * part for part in range(PARTS)]
        for begin in (begin for begin in begins if begin + PIECE < length):
            yield Clip(path, begin, begin + PIECE, ("music",), source=str(path))


if __name__ == "__main__":
    main()
