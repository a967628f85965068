"""How well a model of instruments does on real recordings, none of which trained it.

    python benchmarks/instruments_real.py --recordings ../shared/data/instruments --out results/instruments/real

Recordings: a folder of single instruments from Freesound (a folder for each), and two packages of Debian with free
ones, `apt-get install sonic-pi-samples hydrogen-drumkits`. Every other recording of each instrument validates, which
is what choices may be made by; the others test. Instruments that the model has no name for must not be marked: to one
of the usual five labels a cello is none, to one of the wider list it is `cello`.

`--tables` writes validation.csv and test.csv with the usual five labels alone, and validation_wide.csv and
test_wide.csv, the same recordings with all. A double bass, plucked or bowed, has no label in either: AudioSet has it
among bowed strings, apart from the bass guitar, and a cello it is not.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from earmark.datasets import Clip, Dataset, tables
from earmark.evaluation import clip_evaluation
from earmark.evaluation.clip_evaluation import Predictions, predict
from earmark.media import read
from earmark.models.model import load_model
from earmark.synthesis.music.instruments import DEFAULT_LABELS

FREESOUND = {  # `double_bass` has no label of ours
    "acoustic_guitar": "guitar",
    "violin_or_fiddle": "violin",
    "bass_drum": "drum_kit",
    "snare_drum": "drum_kit",
    "hi_hat": "drum_kit",
    "cello": "cello",
    "clarinet": "clarinet",
    "flute": "flute",
    "saxophone": "saxophone",
}
SONIC_PI = Path("/usr/share/sonic-pi/samples")
PLAYED = {"guit_*": "guitar", "ambi_piano*": "piano", "drum_*": "drum_kit", "loop_amen*": "drum_kit"}
NO_DRUM = ("drum_cowbell",)
HYDROGEN = Path("/usr/share/hydrogen/data/drumkits")
KITS = ("ColomboAcousticDrumkit", "ForzeeStereo", "Millo_MultiLayered2", "The Black Pearl 1.0")  # real drums, sampled
OF_EACH_KIT = 10
SOUNDS = {".flac", ".wav", ".opus"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="instruments")
    parser.add_argument("--recordings", type=Path, required=True, help="a folder for each instrument")
    parser.add_argument("--half", choices=("validation", "test"), default="test")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--tables", action="store_true", help="only write the tables of both halves, to train or test by"
    )
    given = parser.parse_args()
    if given.tables:
        return write_tables(given.recordings, given.out)
    model = load_model(given.model)
    clips = [clip for name, clip in recordings(given.recordings) if name == given.half]
    answers = predict(model, Dataset("real recordings", tuple(clips), exclusive=False))
    summary = (
        clip_evaluation.summary(answers)
        | balanced(answers)
        | {
            "model": model.description.name,
            "half": given.half,
            "date": datetime.now(UTC).date().isoformat(),
        }
    )
    clip_evaluation.write(answers, summary, given.out)
    print(clip_evaluation.plain(summary))
    print(json.dumps(balanced(answers), indent=1))


def write_tables(folder: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    each = list(recordings(folder))
    for half in ("validation", "test"):
        clips = tuple(clip for name, clip in each if name == half)
        usual = tuple(
            replace(clip, labels=tuple(label for label in clip.labels if label in DEFAULT_LABELS)) for clip in clips
        )
        tables.write_clips(Dataset(half, usual, exclusive=False), out / f"{half}.csv")
        tables.write_clips(Dataset(half, clips, exclusive=False), out / f"{half}_wide.csv")


def recordings(folder: Path) -> Iterator[tuple[str, Clip]]:
    """(`validation` or `test`, recording) of all that is there, with the labels of the wider list."""
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        label = FREESOUND.get(place.name)
        yield from halves(sorted(path for path in place.iterdir() if path.suffix in SOUNDS), label)
    for pattern, label in PLAYED.items():
        found = sorted(path for path in SONIC_PI.glob(pattern + ".flac") if path.stem not in NO_DRUM)
        yield from halves(found, label)
    for kit in KITS:
        hits = sorted(path for path in (HYDROGEN / kit).iterdir() if path.suffix in SOUNDS and audible(path))
        chosen = [hits[i] for i in np.linspace(0, len(hits) - 1, OF_EACH_KIT).astype(int)]
        yield from halves(chosen, "drum_kit")


def halves(paths: list[Path], label: str | None) -> Iterator[tuple[str, Clip]]:
    for number, path in enumerate(paths):
        yield ("test" if number % 2 else "validation"), Clip(path, labels=(label,) if label else ())


def audible(path: Path) -> bool:
    """Kits hold a few empty files."""
    samples = read(path, 22050)
    return len(samples) > 0 and float(np.abs(samples).max()) > 1e-3


def balanced(answers: Predictions) -> dict[str, object]:
    """The mean, over the labels that occur, of the share of their recordings whose best score is theirs."""
    best = answers.scores.argmax(1)
    single = answers.truth.sum(1) == 1
    shares = {}
    for column, label in enumerate(answers.labels):
        own = single & answers.truth[:, column]
        if own.any():
            shares[label] = round(float((best[own] == column).mean()), 4)
    mean = round(float(np.mean(list(shares.values()))), 4) if shares else None
    return {"recall_of_best": shares, "balanced_accuracy": mean}


if __name__ == "__main__":
    main()
