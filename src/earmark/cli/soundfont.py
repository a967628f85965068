"""`earmark data soundfont`: recorded notes as an instrument that phrases can be played on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.cli import common
from earmark.errors import EarmarkError

HELP = """Make a SoundFont of recorded notes, for `earmark data phrases`: what all violins have in common, many teach.

NOTES holds a folder for each instrument, called as in `earmark data phrases --list` (violin, nylon_guitar, trumpet),
and in it files that are called after their notes: A4.mp3, As4.wav (a sharp), Bb4.flac, or the MIDI number, 70.ogg.

Examples:

    earmark data soundfont notes/ --out notes.sf2

    earmark data phrases --soundfont notes.sf2 --labels brass,guitar,piano,violin --out phrases/
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("soundfont", help=HELP)(soundfont)


def soundfont(
    notes: Annotated[Path, typer.Argument(help="A folder with a folder of notes for each instrument.")],
    out: Annotated[Path, typer.Option(help="The file to write (.sf2).", show_default=False)],
) -> None:
    """Write the SoundFont."""
    from earmark.synthesis.music import soundfonts

    if out.suffix.lower() != ".sf2":
        raise EarmarkError(f"--out {out}", "is no name for a SoundFont", "end it in .sf2")
    found = soundfonts.read_notes(notes)
    soundfonts.write_soundfont(found, out)
    for instrument, recorded in found.items():
        labels = ", ".join(instrument.labels) or "-"
        common.say(f"{instrument.name:<24}{labels:<18}{_number(len(recorded)):>10}", err=True)
    common.say(out)


def _number(notes: int) -> str:
    return f"{notes} note" if notes == 1 else f"{notes} notes"
