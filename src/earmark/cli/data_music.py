"""`earmark data phrases` and `earmark data soundfont`: training data from sampled instruments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli import common
from earmark.cli.common import Jobs, counted
from earmark.errors import EarmarkError
from earmark.util.text import number_of

if TYPE_CHECKING:
    from earmark.synthesis.music.plan import Companion

PHRASES_HELP = """Make music whose instruments are known: short phrases of sampled instruments, alone and together.

The instruments are SoundFonts, played by fluidsynth (on Debian: apt-get install fluidsynth fluid-soundfont-gm). Phrases
are invented notes, chords, scales, melodies and drum patterns, or excerpts of MIDI files; rooms, microphones and noise
are added. Excerpts follow --together, --nothing and --accompaniment as far as the music allows; the rest is reported.

The labels are brass, drum_kit, guitar, piano and violin; --labels all adds narrower ones (see --list), so that a
trumpet is both brass and trumpet. The folder gets audio/, the dataset table clips.csv, whose folds are the SoundFonts,
and events.csv with the onset and offset of each label. The same command continues where it was interrupted, and
makes the same music on other machines.

Examples:

    earmark data phrases --soundfont FluidR3_GM.sf2 --soundfont TimGM6mb.sf2 --count 5000 --out phrases/

    earmark data phrases --soundfont FluidR3_GM.sf2 --labels guitar,violin --together 0 --count 200 --out solo/

    earmark data phrases --soundfont FluidR3_GM.sf2 --midi songs/*.mid --count 500 --out excerpts/

    earmark data phrases --soundfont FluidR3_GM.sf2 --accompany guitar=drum_kit:0.8 --count 500 --out hidden/

    earmark data phrases --list
"""

SOUNDFONT_HELP = """Make a SoundFont of recorded notes, for `earmark data phrases`.

NOTES holds a folder for each instrument, named as in `earmark data phrases --list` (violin, nylon_guitar, trumpet). Its
files are named after their notes: A4.mp3, As4.wav (A sharp), Bb4.flac, or by MIDI number, 70.ogg.

Examples:

    earmark data soundfont notes/ --out notes.sf2

    earmark data phrases --soundfont notes.sf2 --labels brass,guitar,piano,violin --out phrases/
"""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("phrases", help=PHRASES_HELP)(phrases)
    app.command("soundfont", help=SOUNDFONT_HELP)(soundfont)


def phrases(
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="More MIDI files, after --midi.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The folder to write the clips to.", show_default=False)] = None,
    soundfont: Annotated[
        list[Path] | None, typer.Option(help="An .sf2 or .sf3 file; can be repeated.", show_default=False)
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Number of clips.")] = 1000,
    seconds: Annotated[float, typer.Option(min=0.5, max=60, help="Length of a clip, seconds.")] = 5.0,
    rate: Annotated[int, typer.Option(min=8000, max=44100, help="Sampling rate, Hz.")] = 22050,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Labels, separated by commas; all: all that --list shows.",
            show_default="brass,drum_kit,guitar,piano,violin",
        ),
    ] = None,
    together: Annotated[float, typer.Option(min=0, max=1, help="Share of clips with two or more labels.")] = 0.3,
    nothing: Annotated[
        float, typer.Option(min=0, max=1, help="Share of clips without a label, with other instruments only.")
    ] = 0.15,
    accompaniment: Annotated[
        float, typer.Option(min=0, max=1, help="Share of labelled clips that other instruments accompany.")
    ] = 0.2,
    accompany: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL=LABEL:SHARE",
            help="guitar=drum_kit:0.8 adds drums, without their label, to the background of most guitars.",
        ),
    ] = None,
    midi: Annotated[list[Path] | None, typer.Option(help="Use excerpts of these files.")] = None,
    dry: Annotated[
        bool, typer.Option("--dry", help="Add no rooms, microphones and noise, and change no levels.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random.")] = 0,
    jobs: Jobs = 1,
    listed: Annotated[
        bool, typer.Option("--list", help="List the instruments with their labels, and make nothing.")
    ] = False,
    to_json: Annotated[bool, typer.Option("--json", help="With --list: as JSON.")] = False,
) -> None:
    """Make music whose instruments are known."""
    if listed:
        _list(to_json)
        return
    from earmark.synthesis.music import dataset, instruments, soundfonts
    from earmark.synthesis.music.midi import read_midi
    from earmark.synthesis.music.plan import Plan, warn_of_music

    if out is None or not soundfont:
        lacking = "--out" if out is None else "--soundfont"
        raise EarmarkError("earmark data phrases", f"needs {lacking}", "see its --help")
    if more and not midi:
        raise EarmarkError(more[0], "is not expected", "give MIDI files with --midi")
    if together + nothing > 1:
        raise EarmarkError("--together and --nothing", "are more than all clips", "their sum is at most 1")
    asked = instruments.DEFAULT_LABELS if labels is None else instruments.LABELS if labels == "all" else _split(labels)
    files, wide = [*(midi or []), *(more or [])], instruments.is_wide(asked)
    plan = Plan(
        soundfonts=[soundfonts.open_soundfont(file) for file in soundfont],
        labels=asked,
        count=count,
        seconds=seconds,
        rate=rate,
        together=together,
        nothing=nothing,
        accompaniment=accompaniment,
        companions=[_companion(text) for text in accompany or []],
        scores={str(file): read_midi(file, wide) for file in files},
        effects=not dry,
        seed=seed,
    )
    warn_of_music(plan)
    counted(dataset.build(plan, out, jobs), count, "phrases")
    common.say(out)


def _split(text: str) -> list[str]:
    words = (word.strip(" \"'") for word in text.split(","))
    return list(dict.fromkeys(word for word in words if word))


def _companion(text: str) -> Companion:
    from earmark.synthesis.music.plan import Companion

    label, _, rest = text.partition("=")
    hidden, _, share = rest.partition(":")
    try:
        wanted = float(share or 1)
    except ValueError:
        wanted = -1.0
    if not (label and hidden and 0 <= wanted <= 1) or label == hidden:
        raise EarmarkError(f"--accompany {text}", "is not understood", "write it as guitar=drum_kit:0.8")
    return Companion(label.strip(), hidden.strip(), wanted)


def _list(to_json: bool) -> None:
    """All instruments by their labels: the usual five, then those that `--labels` names beside them."""
    from earmark.synthesis.music.instruments import DEFAULT_LABELS, INSTRUMENTS, LABELS

    if to_json:
        keys = ("name", "program", "label", "labels", "manner", "low", "high", "weight", "wider")
        rows = [{key: getattr(one, key) for key in keys} for one in INSTRUMENTS]
        common.say_json(rows, indent=2)
        return
    for label in (*DEFAULT_LABELS, *(label for label in LABELS if label not in DEFAULT_LABELS), None):
        common.say(label or "no label: they accompany, or play where none of the labels does")
        for one in INSTRUMENTS:
            if label in one.labels or (label is None and not one.labels):
                kind = "kit" if one.manner == "drums" else "program"
                common.say(f"  {kind} {one.program:>3}  {one.name}")


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
        common.say(f"{instrument.name:<24}{labels:<18}{number_of(len(recorded), 'note'):>10}", err=True)
    common.say(out)
