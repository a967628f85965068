"""Teaches the network of `earmark.speech.phonemes` on eSpeak NG's speech, whose phonemes it knows the times of.

    python -m earmark.training.words.phonemes --out src/earmark/speech/phonemes.npz

Numbers, letters and words in thirty languages and 24 voices, slow and fast, high and low, half of them in rooms and
more than half through telephones and other microphones: half an hour of speech. Six other voices tell how well the
network does. Two minutes on one core; needs torch and eSpeak NG.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from earmark.media import Sound
from earmark.speech import alignment, espeak
from earmark.speech.energy import STEP
from earmark.synthesis.speech import texts
from earmark.training.words.boundaries import save
from earmark.training.words.sentences import band_limited, in_room, resampled

CLASSES = (
    "",  # silence
    "aA&V",
    "eEW8Y",
    "iIy",
    "oO0",
    "uU1",
    "@3",
    "mnN",
    "lL",
    "rR*",
    "jw",
    "bdgJ",
    "ptkcq?",
    "sSC",
    "zZvDQGB",
    "fTxhHX",
)
"""What eSpeak NG's names of phonemes begin with after marks of stress: six places of vowels, then consonants."""
VOWELS = range(1, 7)
SILENCE = 0
LANGUAGES = "en en-us es es-419 fr fr-be it ru de nl sv da pt pt-br pl cs el fi hu ro tr ca bg hr sk nb lt uk id cy"
VOICES = {
    "train": "m1 m2 m3 m4 m5 m7 f1 f2 f4 Andy Annie klatt klatt2 Denis Gene Jacky Lee Mario Storm iven john linda "
    "steph pablo",
    "validation": "m6 f3 f5 klatt3 Alex Andrea",
}
CALLS = {"train": (1, 40, 10), "validation": (2, 6, 8)}  # seed, how often eSpeak NG is called, sentences of a call
WORDS, SPEEDS, PITCHES = (5, 12), (110, 300), (20, 80)
LARGER = (0.85, 1.18)  # factors by which a speaker is made larger, and slower
ROOM, BAND, SNR_DB = 0.5, 0.6, (10, 60)
UNITS, EPOCHS, BATCH, FRAMES, RATE = 48, 10, 32, 200, 4e-3
NOISE, DROPOUT, SMOOTHING = 0.3, 0.2, 0.05
SHORTEST = 60  # frames that the last stretch of a sentence has at least

Array = NDArray[np.float32]
Lesson = tuple[Array, NDArray[np.int64]]


def classes_of(name: str) -> list[int]:
    """Classes of a phoneme by eSpeak NG's name: two for diphthongs and affricates, none where they are not known.

    >>> [CLASSES[place] for place in classes_of("'aI")]
    ['aA&V', 'iIy']
    """
    if name.startswith("_"):
        return [SILENCE]
    bare = re.sub(r"^[',%=|#!-]*", "", name)
    if bare[:2] in ("tS", "ts", "dZ", "dz", "tC"):
        return [_class(bare[0]), _class(bare[1])]
    first = _class(bare[:1])
    if first not in VOWELS:
        return [first] if first else []
    glides = [_class(letter) for letter in bare[1:] if _class(letter) in VOWELS]
    return [first, *(glides[:1] if bare[0] != "@" else [])]


def _class(letter: str) -> int:
    return next((place for place, letters in enumerate(CLASSES) if letter and letter in letters), SILENCE)


def frame_classes(phonemes: Sequence[tuple[str, float]], count: int, slower: float = 1.0) -> NDArray[np.int64]:
    """The class of each of so many frames, for phonemes with their beginnings in seconds, made slower by a factor."""
    found = np.full(count, SILENCE, np.int64)
    ends = [*(begins for _, begins in phonemes[1:]), phonemes[-1][1] + 0.05] if phonemes else []
    for (name, begins), end in zip(phonemes, ends, strict=True):
        before = max(0, min(count - 1, round(begins * slower / STEP) - 1))
        parts = classes_of(name) or [int(found[before])]
        edges = np.round(np.linspace(begins, end, len(parts) + 1) * slower / STEP).astype(int).tolist()
        for part, first, last in zip(parts, edges, edges[1:], strict=False):
            found[first:last] = part
    return found


def lessons(part: str, share: float = 1.0) -> Iterator[Lesson]:
    """Features as the network gets them, and the class of each frame; a share of all."""
    seed, calls, sentences = CALLS[part]
    rng = np.random.default_rng(seed)
    for _ in range(max(1, round(calls * share))):
        language, variant = str(rng.choice(LANGUAGES.split())), str(rng.choice(VOICES[part].split()))
        said = [_text(language, rng) for _ in range(sentences)]
        voice = espeak.Voice(f"{language}+{variant}", int(rng.integers(*SPEEDS)), int(rng.integers(*PITCHES)))
        for utterance in espeak.utter(said, voice, "align"):
            if len(utterance.samples):
                yield _lesson(utterance, rng)


def _text(language: str, rng: np.random.Generator) -> str:
    known = espeak.language_of(language)
    words = texts.vocabulary(known) if known in texts.languages() else ()
    said = []
    for _ in range(int(rng.integers(*WORDS))):
        kind = rng.random()
        if words and kind < 0.6:
            said.append(str(rng.choice(words)))
        elif kind < 0.85:
            said.append(str(rng.integers(0, 101)))
        else:
            said.append(chr(ord("A") + int(rng.integers(26))))
    return " ".join(said)


def _lesson(utterance: espeak.Utterance, rng: np.random.Generator) -> Lesson:
    slower = float(rng.uniform(*LARGER))
    full = utterance.samples.astype(np.float32) / np.float32(32768)
    varied = resampled(full, round(len(full) * slower))
    if rng.random() < ROOM:
        varied = in_room(varied, utterance.rate, rng)
    if rng.random() < BAND:
        varied = band_limited(varied, utterance.rate, rng)
    quieter = np.sqrt((varied**2).mean()) * 10 ** (-rng.uniform(*SNR_DB) / 20)
    varied = varied + np.float32(quieter) * rng.standard_normal(len(varied)).astype(np.float32)
    with Sound(np.asarray(0.5 * varied / np.abs(varied).max(), np.float32), utterance.rate).open() as recording:
        features = alignment.speech_features(recording.blocks(alignment.FRONT_END.rate))
    classes = frame_classes(utterance.phonemes, len(features), slower)
    return alignment.unweighted(alignment.normalised(features, classes != SILENCE)), classes


class Network(nn.Module):
    """What `earmark.speech.phonemes.PhonemeNetwork` does, to be taught."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(alignment.FRONT_END.size, UNITS, batch_first=True, bidirectional=True)
        self.output = nn.Linear(2 * UNITS, len(CLASSES))
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits [stretches, frames, classes]."""
        logits: torch.Tensor = self.output(self.dropout(self.gru(features)[0]))
        return logits

    def weights(self) -> dict[str, NDArray[np.floating]]:
        """By their names in the file."""
        kept = {
            f"{side}_{part}": getattr(self.gru, f"{part}_l0{ending}")
            for side, ending in (("forward", ""), ("backward", "_reverse"))
            for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        }
        kept |= {"output": self.output.weight, "output_bias": self.output.bias}
        return {name: values.detach().numpy().astype(np.float16) for name, values in kept.items()}


def taught(known: Sequence[Lesson], epochs: int = EPOCHS) -> Network:
    """A network that has learned from some lessons."""
    stretches = [
        (features[at : at + FRAMES], classes[at : at + FRAMES])
        for features, classes in known
        for at in range(0, max(1, len(features) - SHORTEST), FRAMES)
    ]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        rng, network = np.random.default_rng(0), Network()
        optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.01)
        batches = max(1, len(stretches) // BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=batches * epochs)
        for _ in range(epochs):
            order = rng.permutation(len(stretches))
            for batch in range(batches):
                features, classes = _together([stretches[at] for at in order[batch * BATCH : (batch + 1) * BATCH]])
                logits = network(features + NOISE * torch.randn_like(features))
                loss = nn.functional.cross_entropy(
                    logits.flatten(0, 1), classes.flatten(), ignore_index=-1, label_smoothing=SMOOTHING
                )
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimizer.step()
                schedule.step()
    return network.eval()


def _together(some: Sequence[Lesson]) -> tuple[torch.Tensor, torch.Tensor]:
    features = np.zeros((len(some), FRAMES, alignment.FRONT_END.size), np.float32)
    classes = np.full((len(some), FRAMES), -1)
    for row, (known, right) in enumerate(some):
        features[row, : len(known)], classes[row, : len(right)] = known, right
    return torch.from_numpy(features), torch.from_numpy(classes)


@torch.no_grad()
def accuracy(network: Network, known: Sequence[Lesson]) -> float:
    """Share of frames whose class is the likeliest."""
    right = [network(torch.from_numpy(features)[None])[0].argmax(1).numpy() == classes for features, classes in known]
    return float(np.concatenate(right).mean())


def main() -> None:
    """Make the file anew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--share", type=float, default=1.0, help="of the speech, to try it")
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = taught(list(lessons("train", options.share)))
    save(network.weights(), options.out)
    right = accuracy(network, list(lessons("validation", options.share)))
    print(f"{options.out}: {right:.3f} of the frames of other voices are right", file=sys.stderr)


if __name__ == "__main__":
    main()
