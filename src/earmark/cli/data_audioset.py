"""`earmark data audioset`: a dataset of excerpts of videos, chosen by AudioSet's labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli import common
from earmark.cli.common import DataDir, To, agreed, bar, check_choice, need_matplotlib
from earmark.errors import DatasetError, EarmarkError

if TYPE_CHECKING:
    from earmark.datasets.audioset.candidates import Settings
    from earmark.datasets.audioset.ledger import AcquisitionReport
    from earmark.datasets.audioset.preview import Cooccurrences
    from earmark.datasets.audioset.selection import Rules
    from earmark.datasets.audioset.tables import Ontology, PublishedFile, Segment

MESSAGES = 5  # of each outcome, those that were said most

HELP = """Make a dataset of ten-second excerpts of videos, chosen by AudioSet's labels.

A class includes the classes below it in AudioSet's ontology. Clips of two wanted classes are left out, and each class
gets as many clips as the rarest one, or --per-class. Names are those of AudioSet, in upper or lower case, or canonical
labels such as drum_kit. --dry-run fetches no clip: it shows how many clips each rule leaves, which classes occur
together, and how much disk space and time is needed. The same command continues where it was interrupted.

Examples:

    earmark data audioset --preset instruments --dry-run --plot together.png

    earmark data audioset --include guitar --exclude "drum kit" --per-class 3962 --out guitars/

    earmark data audioset --include piano --include "keys=Keyboard (musical),-Piano,-Organ" --per-class 500 --out keys/

    earmark data audioset --preset instruments --part balanced --dry-run --to json
"""


class Part(StrEnum):
    """AudioSet's tables of segments."""

    balanced = "balanced"
    unbalanced = "unbalanced"
    eval = "eval"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("audioset", help=HELP)(audioset)


def audioset(
    include: Annotated[
        list[str] | None,
        typer.Option(metavar="CLASS", help="A wanted class, or NAME=CLASS,CLASS,-CLASS; can be repeated."),
    ] = None,
    preset: Annotated[str | None, typer.Option(help="A prepared set of wanted classes: instruments.")] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="CLASS", help="A class that no clip may have; can be repeated."),
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Do not include the classes below a wanted class.")] = False,
    allow_several: Annotated[
        bool, typer.Option("--allow-several", help="Keep clips of several wanted classes.")
    ] = False,
    per_class: Annotated[
        int | None, typer.Option(min=1, help="Number of clips of each class.", show_default="that of the rarest")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The folder to write the dataset to.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the choice of clips and of the splits.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count the clips, and fetch none.")] = False,
    to: Annotated[To, typer.Option(help="Format of the output: table or json.")] = To.table,
    plot: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Draw which classes occur together into this PNG file.")
    ] = None,
    top: Annotated[int, typer.Option(min=0, help="Number of other classes to show of those that occur together.")] = 10,
    segments: Annotated[
        list[Path] | None,
        typer.Option(metavar="CSV", help="Your own table of segments; can be repeated.", show_default=False),
    ] = None,
    part: Annotated[
        list[Part] | None,
        typer.Option(help="Table of AudioSet to use; can be repeated.", show_default="balanced, unbalanced"),
    ] = None,
    ontology: Annotated[
        Path | None,
        typer.Option(metavar="JSON", help="The file of AudioSet's ontology.", show_default="in the data folder"),
    ] = None,
    data_dir: DataDir = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Fetch missing tables without being asked.")] = False,
    url: Annotated[str, typer.Option(help="Another address to fetch tables from, such as a mirror.")] = "",
    rate: Annotated[int, typer.Option(help="Sampling rate of the clips, Hz.")] = 44100,
    jobs: Annotated[int, typer.Option(help="Number of clips fetched at once.")] = 4,
    pause: Annotated[float, typer.Option(help="Mean pause before each clip, in each job, seconds.")] = 1.0,
    video_url: Annotated[
        str | None,
        typer.Option(help="Address of a video, with {video} in place of its identifier.", show_default="YouTube's"),
    ] = None,
    cookies: Annotated[
        Path | None, typer.Option(help="File of cookies of a signed-in browser (Netscape format).", show_default=False)
    ] = None,
) -> None:
    """Make a dataset of excerpts of videos, chosen by AudioSet's labels."""
    from earmark.cli import output
    from earmark.datasets.audioset import preview, selection, tables
    from earmark.datasets.audioset.candidates import YOUTUBE, Settings

    if out is None and not dry_run:
        raise EarmarkError(
            "earmark data audioset", "needs a folder for the clips", "give --out, or count with --dry-run"
        )
    if plot is not None:  # refused before anything long is begun
        need_matplotlib("--plot")
        plot = output.place(plot, Path("audioset"), ".png")
    settings = Settings(rate=rate, jobs=jobs, pause=pause, url=video_url or YOUTUBE, cookies=cookies, seed=seed)
    chosen = list(dict.fromkeys(part or (Part.balanced, Part.unbalanced)))
    files, graph = _material(segments, chosen, ontology, data_dir, yes, url)
    rules = _rules(graph, include, preset, exclude, exact, allow_several)
    selected = selection.select(tables.read_all_segments(files, rules.carrying), rules, seed)
    quota = per_class or selected.fewest
    occurring = preview.count_cooccurrences(selected, graph, top)
    planned = preview.estimate(selected.clips, quota, settings)
    if plot is not None:
        _draw(occurring, plot)
    if dry_run and to is To.json:
        document = preview.document(files, graph, selected, occurring, planned)
        common.say_json(document, indent=2)
    else:
        common.say_lines(preview.text(selected, occurring, planned), err=not dry_run)
    if out is not None and not dry_run:
        _acquire(selected.clips, quota, out, settings, to)


def _acquire(clips: Mapping[str, Sequence[Segment]], quota: int, out: Path, settings: Settings, to: To) -> None:
    """Fetch the clips and say what became of them, also where the server made an end of it."""
    from earmark.datasets.audioset.acquisition import acquire
    from earmark.datasets.audioset.ledger import RefusedError

    empty = [label for label, segments in clips.items() if not segments]
    if empty:
        raise DatasetError(", ".join(empty), "no clip is left", "take more tables, or exclude less: see --dry-run")
    refused: RefusedError | None = None
    with bar("clips") as advance:
        try:
            report = acquire(clips, quota, out, settings, advance)
        except RefusedError as error:
            refused, report = error, error.report
    if to is To.json:
        common.say_json(asdict(report), default=str, indent=2)
    else:
        common.say(_outcomes(report), err=True)
        if report.lacking and refused is None:
            common.say(
                f"There are no more clips of {', '.join(report.lacking)}: take more tables, or exclude less.", err=True
            )
        common.say(report.table)
    if refused is not None:
        raise refused


def _outcomes(report: AcquisitionReport) -> str:
    """What each class has, and what was said of the clips that are not there."""
    lines = [f"{report.fetched:,} clips fetched by this run"]
    for label, found in report.outcomes.items():
        failed = [f"{count:,} {outcome}" for outcome, count in found.items() if outcome != "done"]
        lines.append(", ".join([f"{label}: {report.in_place[label]:,} of {report.quota:,} clips", *failed]))
    for outcome, said in report.messages.items():
        lines += [f"{outcome}, {count:,} times: {message}" for message, count in said.items()][:MESSAGES]
    return "\n".join(lines)


def _rules(
    graph: Ontology,
    include: list[str] | None,
    preset: str | None,
    exclude: list[str] | None,
    exact: bool,
    allow_several: bool,
) -> Rules:
    from earmark.datasets.audioset.selection import PRESETS, Rules, TargetClass, excluded

    if preset is not None:
        check_choice("--preset", preset, tuple(PRESETS))
    texts = [*(PRESETS[preset] if preset is not None else ()), *(include or ())]
    wanted = tuple(TargetClass.parse(text, graph) for text in texts)
    return Rules(wanted, excluded(exclude or (), graph), exact, allow_several)


def _material(
    segments: list[Path] | None,
    parts: Sequence[Part],
    ontology: Path | None,
    data_dir: Path | None,
    yes: bool,
    url: str,
) -> tuple[list[Path], Ontology]:
    """The tables of segments and the ontology: as given, or in the data folder, where what lacks is fetched."""
    from earmark.datasets.audioset import tables
    from earmark.datasets.audioset.tables import Ontology
    from earmark.datasets.catalogue import data_folder

    folder = data_folder(data_dir) / tables.AUDIOSET_FOLDER
    names = [] if segments else [tables.PARTS[part] for part in parts]
    needed = [*names, *([] if ontology else [tables.ONTOLOGY])]
    if tables.missing_files(needed, folder):
        _fetch(tables.missing_files([*needed, tables.CLASSES], folder, url), folder, yes)
    graph = Ontology.read(ontology or folder / tables.ONTOLOGY)
    tables.warn_of_unknown_classes(graph, folder / tables.CLASSES)
    return segments or [folder / name for name in names], graph


def _fetch(lacking: Sequence[PublishedFile], folder: Path, yes: bool) -> None:
    from earmark.datasets.audioset import tables

    names = ", ".join(f"{file.name} ({file.megabytes:g} MB)" for file in lacking)
    common.say(f"AudioSet: {names} to fetch, into {folder}", err=True)
    common.say(f"Licence: {tables.LICENCE}.", err=True)
    common.say(f"Cite: {tables.CITE}", err=True)
    common.say(f"Home: {tables.HOME}", err=True)
    if not (yes or agreed("Fetch them under these licences?")):
        remedy = "answer y, or give --yes; or name what you have with --part, --segments and --ontology"
        raise DatasetError(folder, f"lacks {', '.join(file.name for file in lacking)}", remedy)
    for file in lacking:
        with bar(file.name, transfer=True) as advance:
            file.fetch(advance)


def _draw(occurring: Cooccurrences, picture: Path) -> None:
    from earmark.plots.metrics import draw_cooccurrence

    draw_cooccurrence(occurring.rows, occurring.clips, occurring.columns, occurring.matrix, picture)
    common.say(picture, err=True)
