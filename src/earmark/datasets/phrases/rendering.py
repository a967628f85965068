"""Parts as sound: the program fluidsynth plays a SoundFont, many parts a run.

fluidsynth (LGPL) is no library here but a program of its own, started with a list of arguments. Each start reads the
SoundFont, so parts are laid one after the other in one MIDI file and cut apart afterwards. It plays them dry: reverb
would run from one part into the next, and instruments that play together share one room, see `rooms`.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earmark.datasets.phrases import midi
from earmark.datasets.phrases.notes import Part
from earmark.errors import EarmarkError

RATE = 44_100  # the rate of most samples: at a lower one cymbals would alias
LEAD = 1.0  # seconds that are played before a clip begins, so that notes may sound on into it
GAP = 0.1  # seconds after it
GAIN = "0.5"

Samples = NDArray[np.float32]


def program() -> str:
    """Where fluidsynth is.

    Raises:
        EarmarkError: it is not installed.
    """
    found = shutil.which("fluidsynth")
    if found is None:
        raise EarmarkError("fluidsynth", "is not installed here", "apt-get install fluidsynth fluid-soundfont-gm")
    return found


def render(parts: Sequence[Part], seconds: float, soundfont: Path) -> list[Samples]:
    """Each part's first `seconds` as mono samples at RATE, dry.

    Raises:
        EarmarkError: fluidsynth is not installed, or fails.
    """
    if not parts:
        return []
    spacing = LEAD + seconds + GAP
    with tempfile.TemporaryDirectory(prefix="earmark-phrases-") as folder:
        notes = Path(folder) / "parts.mid"
        midi.write(parts, LEAD, spacing, notes)
        sound = _run([*_command(), str(soundfont.resolve()), str(notes)], soundfont)
    return _cut(sound, len(parts), seconds, spacing, soundfont)


def _command() -> list[str]:
    settings = ("synth.dynamic-sample-loading=1", "synth.cpu-cores=1", "synth.midi-bank-select=gs")
    options = [word for setting in settings for word in ("-o", setting)]
    quality = ["-r", str(RATE), "-g", GAIN, "-R", "0", "-C", "0"]
    return [program(), "-n", "-i", "-q", *quality, *options, "-O", "float", "-T", "raw", "-F", "/dev/stdout"]


def _run(command: Sequence[str], soundfont: Path) -> bytes:
    """What fluidsynth plays. Where it cannot load a SoundFont it says so, plays silence, and calls that success."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    said = [line for line in done.stderr.decode(errors="replace").splitlines() if "error" in line or "Failed" in line]
    if done.returncode or said:
        reason = said[-1].removeprefix("fluidsynth: ") if said else f"exit code {done.returncode}"
        raise EarmarkError(soundfont, f"fluidsynth cannot play it ({reason})", "try another SoundFont")
    return done.stdout


def _cut(sound: bytes, count: int, seconds: float, spacing: float, soundfont: Path) -> list[Samples]:
    frames = np.frombuffer(sound[: len(sound) // 8 * 8], np.float32).reshape(-1, 2)
    starts = [round((number * spacing + LEAD) * RATE) for number in range(count)]
    length = round(seconds * RATE)
    if len(frames) < starts[-1] + length:
        raise EarmarkError(soundfont, "fluidsynth played too little of it", "see whether the file is whole")
    mono = np.asarray(frames[:, 0] + frames[:, 1], np.float32) / np.float32(2)
    return [mono[start : start + length] for start in starts]
