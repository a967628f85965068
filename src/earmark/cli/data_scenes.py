"""`earmark data scenes`: labelled clips joined into long annotated tracks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli import common
from earmark.cli.common import DataDir, Jobs, counted, listed, need_matplotlib
from earmark.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.events.timeline import Timeline
    from earmark.formats import Format
    from earmark.synthesis.soundscapes.plan import Plan
    from earmark.synthesis.soundscapes.pools import Cast

HELP = """Join labelled clips into long tracks whose events are known to the hundredth of a second.

Events occur at random times and levels and in random rooms, over backgrounds looped from clips, with speech and music.
The sources of all datasets are divided into --folds, and each scene is made of the clips of one fold: so nothing that
sounds in the last fold (split test) or the one before (validation) sounds in the others (train). A DATASET is a folder,
a table (CSV) or a name such as esc50.

The folder gets audio/, the dataset table clips.csv, events.csv with the onset and offset of each label, and parts.csv,
the clips that the scenes are made of with their folds, which is a dataset table, too. The same command continues where
it was interrupted, and makes the same scenes on other machines.

Examples:

    earmark data scenes --events esc50 --background esc50 --background-labels rain,wind --count 500 --out scenes/

    earmark data scenes --events my_sounds/ --background street.csv --relabel traffic= --speech speech.csv --out scenes/

    earmark data scenes --events esc50 --count 1000 --dry-run
"""

FIRST = "audio/000000.flac"  # the scene that --plot draws


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("scenes", help=HELP)(scenes)


def scenes(
    events: Annotated[
        list[str] | None,
        typer.Option(metavar="DATASET", help="Clips to use as events; can be repeated.", show_default=False),
    ] = None,
    background: Annotated[
        list[str] | None, typer.Option(metavar="DATASET", help="Clips to loop as backgrounds; can be repeated.")
    ] = None,
    speech: Annotated[
        list[str] | None, typer.Option(metavar="DATASET", help="Clips of speech; can be repeated.")
    ] = None,
    music: Annotated[list[str] | None, typer.Option(metavar="DATASET", help="Clips of music; can be repeated.")] = None,
    out: Annotated[Path | None, typer.Option(help="The folder to write the scenes to.", show_default=False)] = None,
    count: Annotated[int, typer.Option(min=1, help="Number of scenes.")] = 100,
    seconds: Annotated[float, typer.Option(min=2, max=3600, help="Length of a scene, seconds.")] = 60.0,
    rate: Annotated[int, typer.Option(min=8000, max=96000, help="Sampling rate, Hz.")] = 44100,
    folds: Annotated[int, typer.Option(min=1, max=1000, help="Number of folds, which share no source.")] = 10,
    event_labels: Annotated[
        str | None, typer.Option(help="Labels to use as events, separated by commas.", show_default="all")
    ] = None,
    background_labels: Annotated[
        str | None,
        typer.Option(help="Labels to use as backgrounds, besides clips without a label.", show_default="all"),
    ] = None,
    relabel: Annotated[
        list[str] | None, typer.Option(metavar="OLD=NEW", help="Rename a label; OLD= removes it. Can be repeated.")
    ] = None,
    per_minute: Annotated[float, typer.Option(min=0, max=600, help="Mean number of events a minute.")] = 12.0,
    at_once: Annotated[int, typer.Option(min=1, help="Largest number of events at one moment.")] = 3,
    softest: Annotated[
        float, typer.Option(min=-60, max=60, help="Lowest level of events over the background, dB.")
    ] = -5.0,
    loudest: Annotated[
        float, typer.Option(min=-60, max=60, help="Highest level of events over the background, dB.")
    ] = 25.0,
    quiet: Annotated[float, typer.Option(min=0, max=1, help="Share of scenes without events.")] = 0.1,
    noise: Annotated[float, typer.Option(min=0, max=1, help="Share of scenes whose background is noise.")] = 0.1,
    rooms: Annotated[float, typer.Option(min=0, max=1, help="Share of scenes with the reverberation of a room.")] = 0.5,
    with_speech: Annotated[float, typer.Option(min=0, max=1, help="Share of scenes with speech.")] = 0.4,
    with_music: Annotated[float, typer.Option(min=0, max=1, help="Share of scenes with music.")] = 0.3,
    speed: Annotated[
        float, typer.Option(min=0, max=1, help="Largest change of speed of clips in training scenes, as a share.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random scenes; the folds stay the same.")] = 0,
    fold_seed: Annotated[int, typer.Option(min=0, help="Seed of the division into folds.")] = 0,
    jobs: Jobs = 1,
    jams: Annotated[bool, typer.Option("--jams", help="Also write the events of each scene as JAMS.")] = False,
    textgrid: Annotated[
        bool, typer.Option("--textgrid", help="Also write the events of each scene as a TextGrid.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Draw the first scene with its events into this PNG file.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would be made, and make nothing.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Join labelled clips into long annotated tracks."""
    from earmark.cli.output import place
    from earmark.synthesis.soundscapes import dataset
    from earmark.synthesis.soundscapes.plan import Plan, describe
    from earmark.synthesis.soundscapes.pools import make_groups

    if not events:
        raise EarmarkError("earmark data scenes", "needs --events", "see its --help")
    if out is None and not dry_run:
        raise EarmarkError("earmark data scenes", "needs --out, or --dry-run", "see its --help")
    if plot is not None:
        need_matplotlib("--plot")
        plot = place(plot, Path(FIRST), ".png")
    roles = {"events": events, "background": background, "speech": speech, "music": music}
    cast = _cast(roles, _labels(event_labels), _labels(background_labels), relabel or [], data_dir)
    plan = Plan(
        groups=make_groups(cast, folds, fold_seed),
        count=count,
        seconds=seconds,
        rate=rate,
        per_minute=per_minute,
        at_once=at_once,
        levels=(softest, loudest),
        quiet=quiet,
        noise=noise,
        rooms=rooms,
        with_speech=with_speech,
        with_music=with_music,
        speed=speed,
        seed=seed,
    )
    if dry_run or out is None:
        common.say_lines(describe(plan))
        return
    counted(dataset.build(plan, out, jobs, _formats(jams, textgrid)), count, "scenes")
    if plot is not None:
        _draw(plan, out, plot)
    common.say(out)


def _labels(text: str | None) -> frozenset[str] | None:
    return None if text is None else frozenset(listed(text))


def _cast(
    roles: dict[str, list[str] | None],
    event_labels: frozenset[str] | None,
    background_labels: frozenset[str] | None,
    relabel: Sequence[str],
    data_dir: Path | None,
) -> Cast:
    """The datasets by role, each loaded once: in two roles it is the same."""
    from earmark.datasets import find
    from earmark.synthesis.soundscapes.pools import Cast, read_any

    places = {role: [find(place, data_dir) for place in dict.fromkeys(named or ())] for role, named in roles.items()}
    loaded = {path: read_any(path) for path in dict.fromkeys(path for paths in places.values() for path in paths)}
    datasets = {role: [loaded[path] for path in paths] for role, paths in places.items()}
    return Cast(datasets, event_labels, background_labels, dict(_pair(pair) for pair in relabel))


def _pair(text: str) -> tuple[str, str]:
    old, sign, new = text.partition("=")
    if not (old and sign):
        raise EarmarkError(f"--relabel {text}", "is no pair of labels", "write OLD=NEW, or OLD= to take a label away")
    return old.strip(), new.strip()


def _formats(jams: bool, textgrid: bool) -> list[Format[Timeline]]:
    from earmark.formats.json_files import Jams
    from earmark.formats.textgrid import TextGrid

    return [form for wanted, form in ((jams, Jams()), (textgrid, TextGrid())) if wanted]


def _draw(plan: Plan, out: Path, picture: Path) -> None:
    """The first scene, as its files say."""
    from earmark.datasets.tables import read_events
    from earmark.events.timeline import Timeline
    from earmark.plots.timeline import draw_timeline
    from earmark.synthesis.batches import EVENTS

    events = read_events(out / EVENTS).get(FIRST, ())
    draw_timeline(out / FIRST, Timeline(FIRST, plan.seconds, "scenes", events), picture)
    common.say(picture, err=True)
