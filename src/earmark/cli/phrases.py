"""`earmark data phrases`: training data from sampled instruments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli import common
from earmark.cli.common import bars
from earmark.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.synthesis.music.midi import Score
    from earmark.synthesis.music.plan import Companion, Plan

HELP = """Make music whose instruments are known: short phrases of sampled instruments, alone and together.

fluidsynth plays SoundFonts, both from Debian: apt-get install fluidsynth fluid-soundfont-gm. Phrases are invented,
single notes, chords, scales, melodies, drum patterns, or excerpts of MIDI files; rooms, microphones and noise follow.
Excerpts keep --together, --nothing and --accompaniment as far as the music goes; what it cannot keep is said.
Labels: brass, drum_kit, guitar, piano, violin; --labels all names more of the instruments (--list shows which), and a
trumpet is then brass and trumpet. DIR gets audio/, the dataset table clips.csv (its folds are the
SoundFonts), and events.csv: when each label sounds. The same command goes on where it was interrupted, and makes the
same again elsewhere.

Examples:

    earmark data phrases --soundfont FluidR3_GM.sf2 --soundfont TimGM6mb.sf2 --count 5000 --out phrases/

    earmark data phrases --soundfont FluidR3_GM.sf2 --labels guitar,violin --together 0 --count 200 --out solo/

    earmark data phrases --soundfont FluidR3_GM.sf2 --midi songs/*.mid --count 500 --out excerpts/

    earmark data phrases --soundfont FluidR3_GM.sf2 --accompany guitar=drum_kit:0.8 --count 500 --out hidden/

    earmark data phrases --list
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("phrases", help=HELP)(phrases)


def phrases(
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="More MIDI files, after --midi.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The folder of the clips.", show_default=False)] = None,
    soundfont: Annotated[
        list[Path] | None, typer.Option(help="An .sf2 or .sf3 file; may be given often.", show_default=False)
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Clips.")] = 1000,
    seconds: Annotated[float, typer.Option(min=0.5, max=60, help="Length of each.")] = 5.0,
    rate: Annotated[int, typer.Option(min=8000, max=44100, help="Samples per second.")] = 22050,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Separated by commas; all: as many as --list shows.", show_default="brass,drum_kit,guitar,piano,violin"
        ),
    ] = None,
    together: Annotated[float, typer.Option(min=0, max=1, help="Share of clips with two or more labels.")] = 0.3,
    nothing: Annotated[
        float, typer.Option(min=0, max=1, help="Share of clips with other instruments only, which have no label.")
    ] = 0.15,
    accompaniment: Annotated[
        float, typer.Option(min=0, max=1, help="Share of labelled clips in which another instrument plays along.")
    ] = 0.2,
    accompany: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL=LABEL:SHARE",
            help="guitar=drum_kit:0.8 lets drums play in the background of most guitars, and does not name them.",
        ),
    ] = None,
    midi: Annotated[list[Path] | None, typer.Option(help="Take excerpts of these files.")] = None,
    dry: Annotated[bool, typer.Option("--dry", help="No rooms, microphones, noise or levels.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Another one draws everything else.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Batches at once.")] = 1,
    listed: Annotated[bool, typer.Option("--list", help="Only list instruments and their labels.")] = False,
    to_json: Annotated[bool, typer.Option("--json", help="List them as JSON.")] = False,
) -> None:
    """Make music whose instruments are known."""
    from earmark.synthesis.music import instruments, soundfonts
    from earmark.synthesis.music.plan import Plan, warn_of_music

    if listed:
        _list(to_json)
        return
    if out is None or not soundfont:
        lacking = "--out" if out is None else "--soundfont"
        raise EarmarkError("earmark data phrases", f"needs {lacking}", "see its --help")
    if more and not midi:
        raise EarmarkError(more[0], "is not expected", "give MIDI files with --midi")
    if together + nothing > 1:
        raise EarmarkError("--together and --nothing", "are more than all clips", "their sum is at most 1")
    asked = instruments.DEFAULT_LABELS if labels is None else instruments.LABELS if labels == "all" else _split(labels)
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
        scores=_scores([*(midi or []), *(more or [])], instruments.is_wide(asked)),
        effects=not dry,
        seed=seed,
    )
    warn_of_music(plan)
    _build(plan, out, jobs)
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


def _scores(files: list[Path], wide: bool) -> dict[str, Score]:
    from earmark.synthesis.music.midi import read_midi

    return {str(file): read_midi(file, wide) for file in files}


def _build(plan: Plan, out: Path, jobs: int) -> None:
    """Build it, with a bar on standard error where a terminal shows it."""
    from earmark.synthesis.music import dataset

    with bars() as shown:
        task = shown.add_task("phrases", total=plan.count)
        for done in dataset.build(plan, out, jobs):
            shown.advance(task, done)


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
