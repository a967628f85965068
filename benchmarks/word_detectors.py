"""What finds words in `word_peers.py`: other programs, an energy threshold, and Earmark's frame classifiers."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

import earmark
from earmark.events.hysteresis import runs
from earmark.media import read
from earmark.speech.energy import levels

RATE = 16000
SHORTEST = 0.06  # seconds: of a pause and of a word, for those that leave it to the user, as in Earmark's own rules
TRUE_PAUSE = 0.08  # seconds: the shortest in the test set, known to nobody but who made it
FRAME = 0.01
COLLECTED = 30  # frames that webrtcvad's example looks back on
COLLECTED_SHARE = 0.9
OURS = ("gru", "rnn", "mlp", "svm", "least_squares")
DECIDING = (
    "speech/words.py",
    "speech/segmentation.py",
    "speech/energy.py",
    "speech/boundaries.py",
    "speech/boundaries.npz",
    "features/frontend.py",
    "models/model.py",
    "util/streams.py",
)

Span = tuple[float, float]
"""Onset and offset, seconds."""


@dataclass(frozen=True)
class Detector:
    """Something that finds words.

    Attributes:
        name: short, for files.
        title: for tables.
        identity: changes when its answers may.
        find: the words of a recording.
    """

    name: str
    title: str
    identity: str
    find: Callable[[Path], list[Span]]


@dataclass(frozen=True)
class EnergyThreshold:
    """A level that a frame must reach, which follows the recording; dB and seconds.

    Attributes:
        above_floor: above the 10th percentile of the recording's levels.
        below_peak: below their 95th percentile.
        below_near: below the loudest frame near this one.
        reach: how near.
        pause: shortest between two words, seconds.
    """

    above_floor: float
    below_peak: float
    below_near: float
    reach: float
    pause: float = SHORTEST

    def spans(self, levels: NDArray[np.float32]) -> list[Span]:
        """Words in a energy."""
        floor, peak = np.percentile(levels, [10, 95])
        whole = max(floor + self.above_floor, peak - self.below_peak)
        near = ndimage.maximum_filter1d(levels, 2 * round(self.reach / FRAME) + 1) - self.below_near
        return smoothed(levels >= np.maximum(whole, near), self.pause)


def peers() -> Iterator[Detector]:
    """Other programs, each with its own defaults and with settings for words with short pauses."""
    for some in (_silero, _ten_vad, _webrtcvad, _auditok):
        try:
            yield from some()
        except ImportError as error:
            print(f"left out: {error}", file=sys.stderr)


def energy(name: str, threshold: EnergyThreshold) -> Iterator[Detector]:
    """A pure energy threshold that adapts to the recording: as it was tuned, and with pauses as long as true ones."""
    title = f"adaptive energy threshold, tuned on {name}"
    yield Detector(f"energy_{name}", title, repr(threshold), lambda path: threshold.spans(levels_of(path)))
    longer = replace(threshold, pause=TRUE_PAUSE)
    title += ", pauses from 80 ms"
    yield Detector(f"energy_{name}_80", title, repr(longer), lambda path: longer.spans(levels_of(path)))


def ours(names: Sequence[str] = OURS) -> Iterator[Detector]:
    """Earmark's classifiers, those whose model is there.

    A change of the model file or of what turns its scores into words makes a new identity.
    """
    from earmark.speech import words as speech

    code = _digest([Path(earmark.__file__).parent / name for name in DECIDING])
    for name in names:
        if name not in speech.classifiers():
            print(f"left out: no model {name}", file=sys.stderr)
            continue
        model = speech.loaded_classifier(name)
        found = _finder(speech.words, model)
        yield Detector(name, f"Earmark, {name}", f"{_digest([Path(model.path)])} {code}", found)


def levels_of(path: Path) -> NDArray[np.float32]:
    """The energy contour of a recording, dB [frames]."""
    return levels(read(path, RATE), RATE)


def smoothed(mask: NDArray[np.bool_], pause: float = SHORTEST) -> list[Span]:
    """Runs of frames centred at their number times 10 ms; short pauses are bridged, then short runs dropped."""
    filled = mask.copy()
    for first, last in runs(~mask):
        if (last - first) * FRAME < pause - 1e-6 and first > 0 and last < len(mask):
            filled[first:last] = True
    kept = (span for span in runs(filled).tolist() if (span[1] - span[0]) * FRAME >= SHORTEST - 1e-6)
    return [(max(0.0, (a - 0.5) * FRAME), (b - 0.5) * FRAME) for a, b in kept]


def _digest(files: Sequence[Path]) -> str:
    whole = hashlib.sha256()
    for file in files:
        whole.update(file.read_bytes())
    return whole.hexdigest()[:16]


def _finder(find: Callable[..., object], model: object) -> Callable[[Path], list[Span]]:
    return lambda path: [(w.onset, w.offset) for w in find(path, model).words]  # type: ignore[attr-defined]


def _silero() -> Iterator[Detector]:
    import torch
    from silero_vad import get_speech_timestamps, load_silero_vad

    model = load_silero_vad(onnx=True)
    settings: dict[str, dict[str, int]] = {
        "defaults": {},
        "for words": {"min_silence_duration_ms": 50, "speech_pad_ms": 0, "min_speech_duration_ms": 60},
    }

    def finder(options: dict[str, int]) -> Callable[[Path], list[Span]]:
        def find(path: Path) -> list[Span]:
            samples = torch.from_numpy(np.ascontiguousarray(read(path, RATE)))
            found = get_speech_timestamps(samples, model, sampling_rate=RATE, **options)
            return [(one["start"] / RATE, one["end"] / RATE) for one in found]

        return find

    for title, options in settings.items():
        name = f"silero_{title.replace(' ', '_')}"
        yield Detector(
            name, f"silero-vad, {title}", f"{version('silero-vad')} {sorted(options.items())}", finder(options)
        )


def _ten_vad() -> Iterator[Detector]:
    from ten_vad import TenVad

    hop = 256  # samples of a frame

    def find(path: Path) -> list[Span]:
        samples = np.asarray(np.rint(np.clip(read(path, RATE), -1, 1) * 32767), np.int16)
        detector = TenVad(hop)
        frames = samples[: len(samples) // hop * hop].reshape(-1, hop)
        spoken = np.array([detector.process(frame)[1] for frame in frames], np.bool_)
        return [(a * hop / RATE, b * hop / RATE) for a, b in runs(spoken).tolist()]

    yield Detector("ten_vad", "TEN-VAD", version("ten-vad"), find)


def _webrtcvad() -> Iterator[Detector]:
    which = version("webrtcvad")
    yield Detector("webrtcvad_raw", "webrtcvad 3, raw", which, lambda p: _frames(runs(_voiced(p)).tolist()))
    yield Detector(
        "webrtcvad_smoothed", "webrtcvad 3, pauses from 60 ms", which, lambda p: _moved(smoothed(_voiced(p)))
    )
    title = "webrtcvad 3, its example's collector"
    yield Detector("webrtcvad_collector", title, which, lambda p: _frames(_collected(_voiced(p))))


def _voiced(path: Path) -> NDArray[np.bool_]:
    """webrtcvad's answers in mode 3 to frames of 10 ms, which begin at their number times 10 ms."""
    import webrtcvad

    detector = webrtcvad.Vad(3)
    hop = round(FRAME * RATE)
    samples = np.asarray(np.rint(np.clip(read(path, RATE), -1, 1) * 32767), np.int16)
    frames = samples[: len(samples) // hop * hop].reshape(-1, hop)
    return np.array([detector.is_speech(frame.tobytes(), RATE) for frame in frames], np.bool_)


def _frames(spans: Sequence[tuple[int, int]]) -> list[Span]:
    return [(a * FRAME, b * FRAME) for a, b in spans]


def _moved(spans: Sequence[Span]) -> list[Span]:
    return [(a + FRAME / 2, b + FRAME / 2) for a, b in spans]


def _collected(voiced: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """`vad_collector` of webrtcvad's example.py: speech begins and ends where 90 % of the last 300 ms agree."""
    spans, begun, window = [], None, 0
    for number, _ in enumerate(voiced):
        window = min(window + 1, COLLECTED)
        last = voiced[number + 1 - window : number + 1]
        if begun is None and last.sum() > COLLECTED_SHARE * COLLECTED:
            begun, window = number + 1 - window, 0
        elif begun is not None and (~last).sum() > COLLECTED_SHARE * COLLECTED:
            spans.append((begun, number + 1))
            begun, window = None, 0
    return spans if begun is None else [*spans, (begun, len(voiced))]


def _auditok() -> Iterator[Detector]:
    import auditok

    fine = {"analysis_window": 0.01, "min_dur": SHORTEST, "max_silence": SHORTEST - 0.01, "max_dur": None}
    settings: dict[str, dict[str, object]] = {
        "fixed threshold, defaults": {"energy_threshold": 50},
        "fixed threshold, for words": {"energy_threshold": 50, **fine},
        "adaptive (percentile), for words": {"validator": "percentile", **fine},
        "adaptive (otsu), for words": {"validator": "otsu", **fine},
        "adaptive (otsu), silences to 80 ms": {"validator": "otsu", **fine, "max_silence": TRUE_PAUSE},
    }

    def finder(options: dict[str, object]) -> Callable[[Path], list[Span]]:
        def find(path: Path) -> list[Span]:
            samples = np.asarray(np.rint(np.clip(read(path, RATE), -1, 1) * 32767), np.int16)
            found = auditok.split(
                samples.tobytes(),
                sr=RATE,
                sw=2,
                ch=1,
                max_trailing_silence=0,
                **options,  # type: ignore[arg-type]
            )
            return [(one.start, one.end) for one in found]

        return find

    for title, options in settings.items():
        name = "_".join(["auditok", *re.findall(r"\w+", title)])
        yield Detector(name, f"auditok, {title}", f"{version('auditok')} {options}", finder(options))
