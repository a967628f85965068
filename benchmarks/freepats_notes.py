"""Notes of each instrument of Debian's freepats, played by timidity: what `earmark data soundfont` makes a font of.

    apt-get install timidity freepats
    python benchmarks/freepats_notes.py --out notes/
    earmark data soundfont notes/ --out freepats.sf2

Every third half tone of what an instrument can play, 2.5 s and its decay, without timidity's own room.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import mido
import numpy as np
from numpy.typing import NDArray

from earmark.media import read
from earmark.media.writing import write_samples
from earmark.synthesis.music.instruments import INSTRUMENTS, Instrument

PATCHES = Path("/usr/share/midi/freepats/Tone_000")
TIMIDITY = ["timidity", "-c", "/etc/timidity/freepats.cfg", "-s", "44100", "-EFreverb=0", "-EFchorus=0", "-A60", "-OwM"]
RATE = 44_100
HELD, APART = 2.5, 3.5  # seconds that a note is held, and from one to the next
KEPT = 2.9  # seconds
EVERY = 3  # half tones
FAINT = 0.002  # a note that gets no louder was not played
VELOCITY = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    there = {int(path.name[:3]) for path in PATCHES.glob("*.pat")}
    for one in INSTRUMENTS:
        if one.manner == "drums" or one.program not in there:
            continue
        folder = given.out / one.name.replace(" ", "-")
        written = 0
        for pitch, samples in notes(one):
            if np.abs(samples).max(initial=0) > FAINT:
                write_samples(folder / f"{pitch}.wav", [samples], RATE)
                written += 1
        print(f"{folder}: {written} notes")


def notes(one: Instrument) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The MIDI pitch and the samples of each note."""
    pitches = range(one.low, one.high + 1, EVERY)
    with tempfile.TemporaryDirectory() as folder:
        score, sound = Path(folder) / "notes.mid", Path(folder) / "notes.wav"
        scale(one.program, pitches).save(score)
        subprocess.run([*TIMIDITY, "-o", str(sound), str(score)], check=True, capture_output=True)
        samples = read(sound, RATE)
    for place, pitch in enumerate(pitches):
        begin = round(place * APART * RATE)
        yield pitch, samples[begin : begin + round(KEPT * RATE)]


def scale(program: int, pitches: range) -> mido.MidiFile:
    """One note after the other; a tick is a millisecond."""
    score = mido.MidiFile(ticks_per_beat=1000)
    track = mido.MidiTrack()
    score.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=1_000_000))
    track.append(mido.Message("program_change", program=program))
    pause = 0
    for pitch in pitches:
        track.append(mido.Message("note_on", note=pitch, velocity=VELOCITY, time=pause))
        track.append(mido.Message("note_off", note=pitch, velocity=0, time=round(1000 * HELD)))
        pause = round(1000 * (APART - HELD))
    track.append(mido.MetaMessage("end_of_track", time=pause))
    return score


if __name__ == "__main__":
    main()
