"""What the tests of phrases share: a small SoundFont, and parts whose notes are known."""

from pathlib import Path
from shutil import which

import pytest

from earmark.synthesis.music import instruments
from earmark.synthesis.music.instruments import Note, Part

SOUNDFONT = Path("/usr/share/sounds/sf2/TimGM6mb.sf2")
needs_fluidsynth = pytest.mark.skipif(
    which("fluidsynth") is None or not SOUNDFONT.is_file(),
    reason="needs apt-get install fluidsynth timgm6mb-soundfont",
)


def instrument(name):
    return next(one for one in instruments.INSTRUMENTS if one.name == name)


def part(name, *notes, **more):
    """A part of (onset, offset, pitch) triples."""
    return Part(instrument(name), [Note(*note) for note in notes], **more)
