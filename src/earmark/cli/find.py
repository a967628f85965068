"""`earmark find`: the sounds of an archive that was indexed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli import common
from earmark.cli import find_like as by_example
from earmark.cli import find_results as results
from earmark.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.archive.search import Order

GROUPS = ("day", "month", "hour", "weekday", "recording", "label")

HELP = """Find sounds in an archive that `earmark index` has labelled.

LABEL is one label, or several separated by commas. LENGTH is written as 5s, 2min or 1h, or in seconds. Times and dates
are those of the recorder's clock. --during, --recording, --near, --not, --like and --unlike can be repeated: of several
--during, one of the times of day and one of the dates must fit; of several --near and --not, all.

Examples:

    earmark find dog --in INDEX

    earmark find dog,cat --in INDEX --min-score 0.9 --during 22:00-06:00 --during 2026-05

    earmark find dog --in INDEX --near siren --within 5s --not speech --longest

    earmark find gun_shot --in INDEX --by day

    earmark find siren --in INDEX --plot siren.png

    earmark find chainsaw --in INDEX --best --limit 5 --play

    earmark find cow --in INDEX --min-score 0.8 --cut cows/ && earmark train cows/clips.csv

    earmark find --uncertain --in INDEX --cut unsure/

    earmark find --like bark.wav --in INDEX

    earmark find --like bark.wav --in INDEX --review --as my_dog --save my_dog.onnx

    earmark find --duplicates --in INDEX

    earmark find --map archive.html --in INDEX

    earmark find --like one.wav@1.5-2.5 --like two.wav --unlike wind.wav --in INDEX --as my_dog --cut my_dog/
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("find", help=HELP)(find)


Repeated = list[str] | None
OTHERS = "leave the other conditions out"
UNSURE = 50  # excerpts that somebody listens to


def find(
    label: Annotated[
        str | None,
        typer.Argument(metavar="[LABEL]", help="The label, or several separated by commas.", show_default=False),
    ] = None,
    where: Annotated[
        Path | None, typer.Option("--in", metavar="INDEX", help="The folder of the index.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--every", help="Find all labels, instead of LABEL.")] = False,
    min_score: Annotated[float | None, typer.Option(min=0, max=1, help="Lowest score of the events.")] = None,
    max_score: Annotated[float | None, typer.Option(min=0, max=1, help="Highest score of the events.")] = None,
    during: Annotated[
        Repeated,
        typer.Option(
            metavar="SPAN", help="Only during this time: 22:00-06:00, 2026, 2026-05 or 2026-05-01..2026-05-14."
        ),
    ] = None,
    recording: Annotated[
        Repeated, typer.Option(metavar="GLOB", help="Only in recordings whose names match, such as 'north/*'.")
    ] = None,
    near: Annotated[Repeated, typer.Option(metavar="LABEL", help="Only if an event of this label is near.")] = None,
    absent: Annotated[
        Repeated,
        typer.Option("--not", metavar="LABEL", help="Only if no event of this label overlaps, or is within --within."),
    ] = None,
    within: Annotated[
        str | None,
        typer.Option(metavar="LENGTH", help="Largest distance that counts as near.", show_default="5s; for --not 0"),
    ] = None,
    longer: Annotated[str | None, typer.Option(metavar="LENGTH", help="Shortest length of the events.")] = None,
    shorter: Annotated[str | None, typer.Option(metavar="LENGTH", help="Longest length of the events.")] = None,
    longest: Annotated[bool, typer.Option("--longest", help="List the longest first.")] = False,
    best: Annotated[bool, typer.Option("--best", help="List the highest scores first.")] = False,
    uncertain: Annotated[
        bool, typer.Option("--uncertain", help="Find what the model is least sure of, for LABEL or all labels.")
    ] = False,
    like: Annotated[
        Repeated,
        typer.Option(
            metavar="CLIP[@FROM-TO]", help="Find what sounds like this part of a file, or of a recording of the index."
        ),
    ] = None,
    unlike: Annotated[Repeated, typer.Option(metavar="CLIP[@FROM-TO]", help="With --like: but not like this.")] = None,
    named: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="LABEL", help="The label of what is found by --like.", show_default="the first CLIP's name"
        ),
    ] = None,
    review: Annotated[
        bool, typer.Option("--review", help="With --like: teach the sound by yes and no, on a page.")
    ] = False,
    save: Annotated[
        Path | None, typer.Option(metavar="ONNX", help="With --review: save what is learned as a model (.onnx).")
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="With --review: port of the page; 0: any free one.")
    ] = 8766,
    duplicates: Annotated[
        bool,
        typer.Option(
            "--duplicates", help="List recordings that hold the same sound: copies, also re-encoded, and parts."
        ),
    ] = False,
    map_file: Annotated[
        Path | None,
        typer.Option(
            "--map", metavar="HTML", help="Write a page on which seconds that sound alike lie together, and play."
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Largest number of events to list.",
            show_default="all; 50 on a terminal, if unsure, or by example",
        ),
    ] = None,
    count: Annotated[bool, typer.Option("--count", help="Show only the number of events.")] = False,
    by: Annotated[str | None, typer.Option(help=f"Count events by {', '.join(GROUPS)}.")] = None,
    to: Annotated[str, typer.Option(help="Format of the output: table, csv or json.")] = "table",
    play: Annotated[bool, typer.Option("--play", help="Play the events, one after the other.")] = False,
    cut: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Cut the events out of the recordings, as a dataset in this folder."),
    ] = None,
    margin: Annotated[
        str, typer.Option(metavar="LENGTH", help="What is kept before and after each event by --play and --cut.")
    ] = "1s",
    root: Annotated[
        str | None, typer.Option(metavar="DIR", help="The folder of the recordings, if they have been moved.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="PNG",
            help="Draw a calendar into this PNG file; with --by hour hours by days; without dates recordings.",
        ),
    ] = None,
) -> None:
    """Search an index; results to standard output."""
    if where is None:
        raise EarmarkError("earmark find", "needs --in INDEX", "make one: earmark index FOLDER --out INDEX")
    common.need("earmark find", "archive", "duckdb", "pyarrow")
    from earmark.archive.database import Index
    from earmark.archive.search import Query, each, parse_during, parse_seconds

    _check(to, by, every, count, label, longest and best)
    if plot and (count or to != "table"):
        raise EarmarkError("--plot", "is a picture alone", "leave out --count and --to, or ask once more")
    if map_file and to != "table":
        raise EarmarkError("--map", "is a page alone", "leave out --to")
    if count or by or plot:
        idle = {"--limit": limit, "--longest": longest, "--best": best}
        common.refuse(idle, "is for events, which are not listed here", "leave it out")
    query = Query(
        labels=() if label is None else _labels(label),
        min_score=min_score,
        max_score=max_score,
        during=tuple(map(parse_during, during or ())),
        recordings=tuple(recording or ()),
        near=tuple(map(_labels, near or ())),
        absent=tuple(map(_labels, absent or ())),
        within=None if within is None else parse_seconds(within, "--within"),
        longer=None if longer is None else parse_seconds(longer, "--longer"),
        shorter=None if shorter is None else parse_seconds(shorter, "--shorter"),
    )
    kept = parse_seconds(margin, "--margin")
    if within is not None and not (near or absent):
        raise EarmarkError("--within", "says how near --near and --not are", "say one of them, too")
    counted: dict[str, object] = {"--count": count, "--by": by, "--plot": plot, "--longest": longest, "--best": best}
    others = {"LABEL": label, "--every": every, "--uncertain": uncertain, "--duplicates": duplicates, "--map": map_file}
    by_example.check(like or (), unlike or (), named, others | counted)
    by_example.check_review(review, like or (), save, query, {"--play": play, "--limit": limit})
    index = Index(where)
    if duplicates:
        _check_alone("--duplicates", others | counted | {"--play": play, "--cut": cut})
        if replace(query, recordings=()) != Query():
            raise EarmarkError("--duplicates", "goes with --recording, --limit, --root and --to", OTHERS)
        return results.duplicates(index, query, limit, root, to)
    if map_file:
        _check_alone("--map", others | counted | {"--play": play, "--cut": cut})
        if query != Query():
            raise EarmarkError("--map", "goes with --limit and --root", OTHERS)
        return results.map_(index, map_file, limit, root)
    if not (label or every or uncertain or like or by == "label"):
        raise EarmarkError("earmark find", "needs a label", "name one, or say --every")
    if uncertain:
        common.refuse(counted, "does not go with --uncertain")
        if replace(query, labels=(), recordings=()) != Query():
            raise EarmarkError("--uncertain", "goes with LABEL, --recording and --limit", OTHERS)
    elif (count or by or plot) and (play or cut):
        raise EarmarkError(
            "--play and --cut", "are for events, which are not listed here", "ask for one thing at a time"
        )
    elif count:
        return results.count(index, query, to)
    elif plot:
        return results.plot(index, query, plot, by)
    elif by:
        return results.groups(index, query, by, to)
    if like and review:
        return by_example.review(index, like, unlike or (), named, save, cut, port, root)
    if like:
        events, asked = by_example.find_similar(index, query, like, unlike or (), named, limit)
        results.show_events(events, to)
        return results.then(index, query, events, play, cut, kept, root, asked)
    order: Order = "longest" if longest else "best" if best else "recording"
    if to != "table" and not (uncertain or play or cut):
        return results.show_rows(each(index, query, order, limit), to)
    if uncertain:
        from earmark.archive.uncertainty import least_certain

        events = least_certain(index, query, limit or UNSURE)
    else:
        events = results.events(index, query, order, limit, to)
    results.show_events(events, to)
    results.then(index, query, events, play, cut, kept, root)


def _check(to: str, by: str | None, every: bool, count: bool, label: str | None, both: bool) -> None:
    common.check_choice("--to", to, results.FORMATS)
    if by is not None:
        common.check_choice("--by", by, GROUPS)
    if every and label is not None:
        raise EarmarkError("--every", "is all sounds, and a label is one", "leave one of them out")
    if count and by is not None:
        raise EarmarkError("--count", "and --by count in two ways", "leave one of them out")
    if both:
        raise EarmarkError("--longest", "and --best are two orders", "leave one of them out")


def _check_alone(option: str, others: Mapping[str, object]) -> None:
    common.refuse({name: value for name, value in others.items() if name != option}, f"does not go with {option}")


def _labels(text: str) -> tuple[str, ...]:
    labels = tuple(label.strip() for label in text.split(",") if label.strip())
    if not labels:
        raise EarmarkError(repr(text), "names no label", "name one, or several with commas")
    return labels
