"""Parts as sound: the program fluidsynth plays a SoundFont, many parts a run; and how they sound together.

fluidsynth (LGPL) is no library here but a program of its own, started with a list of arguments. Each start reads the
SoundFont, so parts are laid one after the other in one MIDI file and cut apart afterwards. It plays them dry: reverb
would run from one part into the next, and instruments that play together share one room, see `effects`.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from earmark.errors import EarmarkError
from earmark.events.hysteresis import runs
from earmark.events.timeline import Event, joined
from earmark.synthesis.music import midi
from earmark.synthesis.music.instruments import Part
from earmark.util.types import Samples

RENDERING_RATE = 44_100  # the rate of most samples: at a lower one cymbals would alias
LEAD = 1.0  # seconds that are played before a clip begins, so that notes may sound on into it
GAP = 0.1  # seconds after it
GAIN = "0.5"

FRAME = 0.01  # seconds in which energy is measured
BELOW = 35.0  # dB below its loudest frame at which a part is no longer heard
FLOOR = 1e-10  # power below which nothing sounds at all
JOINED = 0.15  # seconds of silence that are no end
SHORTEST = 0.02  # seconds of the shortest sound

Span = tuple[float, float]  # onset and offset, seconds


def fluidsynth_path() -> str:
    """Where fluidsynth is. Raises EarmarkError: it is not installed."""
    found = shutil.which("fluidsynth")
    if found is None:
        raise EarmarkError("fluidsynth", "is not installed here", "apt-get install fluidsynth fluid-soundfont-gm")
    return found


def render(parts: Sequence[Part], seconds: float, soundfont: Path) -> list[Samples]:
    """Each part's first `seconds` as mono samples at RATE, dry.

    Raises EarmarkError: fluidsynth is not installed, or fails.
    """
    if not parts:
        return []
    spacing = LEAD + seconds + GAP
    with tempfile.TemporaryDirectory(prefix="earmark-phrases-") as folder:
        notes = Path(folder) / "parts.mid"
        midi.write_midi(parts, LEAD, spacing, notes)
        sound = _run([*_command(), str(soundfont.resolve()), str(notes)], soundfont)
    return _cut_parts(sound, len(parts), seconds, spacing, soundfont)


def _command() -> list[str]:
    settings = ["synth.dynamic-sample-loading=1", "synth.cpu-cores=1", "synth.midi-bank-select=gs"]
    settings.append("synth.default-soundfont=")  # none in place of one that cannot be loaded
    options = [word for setting in settings for word in ("-o", setting)]
    quality = ["-r", str(RENDERING_RATE), "-g", GAIN, "-R", "0", "-C", "0"]
    return [fluidsynth_path(), "-n", "-i", "-q", *quality, *options, "-O", "float", "-T", "raw", "-F", "/dev/stdout"]


def _run(command: Sequence[str], soundfont: Path) -> bytes:
    """What fluidsynth plays. Where it cannot load a SoundFont it says so, plays silence, and calls that success."""
    with tempfile.TemporaryFile() as messages:  # `run` reads one pipe in far less time than two
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages, check=False)
        messages.seek(0)
        lines = messages.read().decode(errors="replace").splitlines()
    said = [line for line in lines if "error" in line or "Failed" in line]
    if done.returncode or said:
        reason = said[-1].removeprefix("fluidsynth: ") if said else f"exit code {done.returncode}"
        raise EarmarkError(soundfont, f"fluidsynth cannot play it ({reason})", "try another SoundFont")
    return done.stdout


def _cut_parts(sound: bytes, count: int, seconds: float, spacing: float, soundfont: Path) -> list[Samples]:
    frames = np.frombuffer(sound[: len(sound) // 8 * 8], np.float32).reshape(-1, 2)
    starts = [round((number * spacing + LEAD) * RENDERING_RATE) for number in range(count)]
    length = round(seconds * RENDERING_RATE)
    if len(frames) < starts[-1] + length:
        raise EarmarkError(soundfont, "fluidsynth played too little of it", "see whether the file is whole")
    mono = np.asarray(frames[:, 0] + frames[:, 1], np.float32) / np.float32(2)
    return [mono[start : start + length] for start in starts]


def sounding_spans(samples: Samples, rate: int) -> list[Span]:
    """When a dry part sounds: its frames less than BELOW under its loudest, over short gaps; onset and offset."""
    frame = round(FRAME * rate)
    power = np.mean(np.pad(samples, (0, -len(samples) % frame)).reshape(-1, frame) ** 2, axis=1)
    loudest = float(power.max(initial=0.0))
    if loudest < FLOOR:
        return []
    end = len(samples) / rate
    loud = [
        Event(on * frame / rate, min(off * frame / rate, end), "", 1.0)
        for on, off in runs(power > loudest * 10 ** (-BELOW / 10)).tolist()
    ]
    return [(one.onset, one.offset) for one in joined(loud, JOINED) if one.duration >= SHORTEST]


def level(samples: Samples, rate: int, spans: Sequence[Span]) -> float:
    """Root mean square over the spans in which a part sounds; 0 where it never does."""
    pieces = [samples[round(on * rate) : round(off * rate)] for on, off in spans]
    return float(np.sqrt(np.mean(np.concatenate(pieces) ** 2))) if pieces else 0.0


def mix(parts: Sequence[Samples], levels: Sequence[float], decibels: Sequence[float], length: int) -> Samples:
    """The sum [length] of parts, each brought from its level to so many dB; those without a level are silent."""
    total = np.zeros(length, np.float32)
    for samples, now, wanted in zip(parts, levels, decibels, strict=True):
        if now:
            total += samples[:length] * np.float32(10 ** (wanted / 20) / now)
    return total
