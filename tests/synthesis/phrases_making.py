"""What the tests of phrases share: a small SoundFont, parts whose notes are known, and the command."""

import sys
from pathlib import Path
from shutil import which

import pytest

from earmark.cli import main
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


def make_phrases(*words):
    """Run `earmark data phrases` within this process, for clips that several tests look at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["earmark", "data", "phrases", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
    assert not end.value.code
