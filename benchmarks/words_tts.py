"""Frame accuracy of the five classifiers on sentences of a text-to-speech system that tells the times of its words.

    python benchmarks/words_tts.py

The measure of the system that this goes back to: fluent sentences of a TTS with timestamps; a frame is speech where the
TTS has a word, and accuracy is the share of frames called right. Its figures were 0.20 (least squares, SVM), 0.54 (MLP)
and 0.64 (RNN). Here eSpeak NG speaks (espeakng-loader), the times of its words are those of its phonemes, and each
sentence stands between half a second of silence. Writes `results/words/tts.json`.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np

from earmark.evaluation.frame_metrics import Confusion, confusion
from earmark.evaluation.word_metrics import frames_of
from earmark.speech import espeak
from earmark.speech.segmentation import Word
from earmark.speech.words import classifiers, words
from earmark.util.machine import machine

RESULTS = Path(__file__).parent.parent / "results" / "words"
VOICES = ("en-us+m1", "en-us+f2", "en+m3", "en+f4")
SILENCE = 0.5  # seconds before a sentence and after it
SENTENCES = (
    "The birch canoe slid on the smooth planks.",
    "Glue the sheet to the dark blue background.",
    "It is easy to tell the depth of a well.",
    "These days a chicken leg is a rare dish.",
    "Rice is often served in round bowls.",
    "The juice of lemons makes fine punch.",
    "The box was thrown beside the parked truck.",
    "The hogs were fed chopped corn and garbage.",
    "Four hours of steady work faced us.",
    "A large size in stockings is hard to sell.",
)
"""The first list of the Harvard sentences (IEEE, 1969)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    counts: dict[str, list[Confusion]] = {name: [] for name in classifiers()}
    for voice in VOICES:
        for utterance in espeak.utter(SENTENCES, espeak.Voice(voice)):
            still = np.zeros(round(SILENCE * utterance.rate), np.int16)
            samples = np.concatenate([still, utterance.samples, still])
            true = [Word(SILENCE + begins, SILENCE + ends) for _, begins, ends in utterance.words]
            duration = len(samples) / utterance.rate
            for name, found in counts.items():
                marked = words(samples, name, sample_rate=utterance.rate).words
                found.append(confusion(frames_of(marked, duration), frames_of(true, duration)))
    totals = {name: reduce(add, found) for name, found in counts.items()}
    report = {
        "command": "python benchmarks/words_tts.py",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "sentences": len(SENTENCES) * len(VOICES),
        "frame_accuracy": {name: round(total.accuracy, 4) for name, total in totals.items()},
        "frame_f1": {name: round(total.f1, 4) for name, total in totals.items()},
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "tts.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
