"""`earmark data`: datasets fetched, listed, checked, and written as tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earmark.cli import (
    common,
    data_audioset,
    data_augment,
    data_label_issues,
    data_music,
    data_scenes,
    data_speech,
)
from earmark.cli.common import DataDir, LayoutOptions, Place, To, agreed, bar, bars, key_value
from earmark.errors import DatasetError

if TYPE_CHECKING:
    from earmark.datasets import Dataset
    from earmark.datasets.catalogue import PublishedDataset
    from earmark.util.types import Progress

GET_HELP = """Fetch a published dataset: ESC-50 (0.6 GB) or UrbanSound8K (6 GB).

An interrupted download is continued by the same command, and its checksum is verified.

Examples:

    earmark data get esc50

    earmark data get urbansound8k --out /data/UrbanSound8K --yes
"""

LIST_HELP = """List the datasets that can be fetched, and those in the data folder.

Examples:

    earmark data list

    earmark data list --data-dir /data --to json
"""

CHECK_HELP = """Check a dataset: broken, silent, clipped and short clips, duplicates, leaks between folds, balance.

Every clip is decoded. In a folder with clips.csv and events.csv, the events are checked, too: which labels they have,
how long they are, and whether they fit the recordings. The exit code is 1 if clips cannot be read, events do not fit,
or the same sound could be on both sides of a split.

Examples:

    earmark data check my_sounds/

    earmark data check esc50 --option subset=esc10

    earmark data check clips.csv --to json

    earmark data check phrases/
"""

TABLE_HELP = """Write the dataset table of any layout: path, start, end, labels, fold, source, split.

The table can be corrected in a spreadsheet, and is then a dataset itself.

Examples:

    earmark data table my_sounds/ --out my_sounds.csv

    earmark data table recordings/ --layout files -o labels=speech -o "pattern=**/*.wav" --out speech.csv
"""

app = typer.Typer(
    name="data",
    help="Fetch, check, change and make datasets of labelled recordings.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


def register(above: typer.Typer) -> None:
    """Add the group of these commands."""
    above.add_typer(app)


Layout = Annotated[
    str | None,
    typer.Option(
        help="How the dataset is laid out: esc, urbansound8k, folder, table or files.", show_default="detected"
    ),
]
Output = Annotated[To, typer.Option(help="Format of the output: table or json.")]


@app.command("get", help=GET_HELP)
def get_command(
    name: Annotated[str, typer.Argument(help="The dataset: esc50 or urbansound8k.")],
    out: Annotated[
        Path | None, typer.Option(help="The folder to write the dataset to.", show_default="NAME in the data folder")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Accept the licence without being asked.")] = False,
    url: Annotated[str, typer.Option(help="Another address to fetch it from, such as a mirror.")] = "",
    data_dir: DataDir = None,
) -> None:
    """Fetch a published dataset."""
    from earmark.datasets import archives

    dataset = archives.published_dataset(name)
    target = archives.target_folder(dataset, out, data_dir)
    if (target / dataset.table).is_file():
        common.say(f"{dataset.title} is there already; to fetch it again, remove the folder.", err=True)
    else:
        _show_terms(dataset, target)
        if not (yes or agreed("Fetch it under this licence?")):
            raise DatasetError(dataset.name, "was not fetched", "answer y, or give --yes, to agree to its licence")
        with _stages() as stage:
            archives.fetch_dataset(dataset, target, url=url, stage=stage)
    common.say(target)


@app.command("list", help=LIST_HELP)
def list_command(to: Output = To.table, data_dir: DataDir = None) -> None:
    """List the datasets that can be fetched, and what lies in the data folder."""
    from earmark.datasets.catalogue import published_datasets
    from earmark.datasets.layouts import local_datasets

    known, found = published_datasets(data_dir), local_datasets(data_dir)
    if to is To.json:
        common.say_json({"known": known, "found": found}, indent=2)
        return
    for one in known:
        common.say(f"{one['name']:<14}{one['what']}")
        common.say(f"{'':<14}{one['megabytes']:,} MB to fetch, {one['licence']}")
        common.say(f"{'':<14}{one['path'] or 'not here: earmark data get ' + one['name']}")
    common.say()
    for one in found:
        what = one["problem"] or f"{one['clips']:,} clips, {one['labels']} labels"
        common.say(f"{one['path']}  ({one['layout'] or '?'}: {what})")


@app.command("check", help=CHECK_HELP)
def check_command(
    place: Place,
    layout: Layout = None,
    option: LayoutOptions = None,
    to: Output = To.table,
    data_dir: DataDir = None,
) -> None:
    """Check a dataset: broken, silent, clipped and short clips, copies, leaks between folds, balance."""
    from earmark.datasets import check_report
    from earmark.datasets.check import check_dataset

    dataset = _load(place, layout, option, data_dir, tolerant=True)
    with bar("check", len(dataset.clips)) as advance:
        report = check_dataset(dataset, advance, _events(place, data_dir))
    if to is To.json:
        common.say_json(check_report.as_json(report), indent=2)
    else:
        common.say_lines(check_report.text(report))
    raise typer.Exit(1 if report.serious else 0)


@app.command("table", help=TABLE_HELP)
def table_command(
    place: Place,
    out: Annotated[Path, typer.Option(help="The table to write (CSV).")],
    layout: Layout = None,
    option: LayoutOptions = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing table.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Write the dataset table of any layout: path, start, end, labels, fold, source, split."""
    from earmark.datasets import tables

    if out.exists() and not force:
        raise DatasetError(out, "exists", "choose another --out, or write over it with --force")
    dataset = _load(place, layout, option, data_dir)
    tables.write_clips(dataset, out)
    common.say(f"{len(dataset.clips):,} clips", err=True)
    common.say(out)


def _load(
    place: str, layout: str | None, option: list[str] | None, data_dir: Path | None, tolerant: bool = False
) -> Dataset:
    from earmark.datasets import find, guess_layout, load
    from earmark.datasets.layouts import accepts

    root = find(place, data_dir)
    layout = layout or guess_layout(root)
    options = dict(map(key_value, option or []))
    if tolerant and accepts(layout, "missing"):
        options.setdefault("missing", "skip")
    return load(layout, root, **options)


def _events(place: str, data_dir: Path | None) -> Path | None:
    """The table of events in a dataset's folder, or beside its table."""
    from earmark.datasets import check, find

    root = find(place, data_dir)
    table = (root if root.is_dir() else root.parent) / check.EVENTS_TABLE
    return table if table.is_file() and table != root else None


def _show_terms(dataset: PublishedDataset, target: Path) -> None:
    size = f"{dataset.download_bytes / 1e9:.1f} GB to fetch, {dataset.unpacked_bytes / 1e9:.1f} GB unpacked"
    common.say(f"{dataset.title}: {dataset.what}; {size}, into {target}", err=True)
    common.say(f"Licence: {dataset.licence}, {dataset.licence_note}.", err=True)
    common.say(f"Cite: {dataset.cite}", err=True)
    common.say(f"Home: {dataset.home}", err=True)


@contextmanager
def _stages() -> Iterator[Any]:
    with bars(transfer=True) as progress:

        def stage(name: str) -> Progress:
            task = progress.add_task(name, total=None)
            return lambda done, total: progress.update(task, completed=done, total=total)

        yield stage


for module in (data_speech, data_music, data_scenes, data_audioset, data_augment, data_label_issues):
    module.register(app)
