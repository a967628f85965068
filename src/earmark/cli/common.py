"""What several commands share: options, going through files, progress."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, TextIO, TypeVar, cast

import typer

from earmark.cli.streams import OutputError, standard_input
from earmark.errors import ArgumentError, EarmarkError, MissingExtraError
from earmark.util.atomic import is_full
from earmark.util.text import in_json, visible, visible_lines

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from earmark.events.timeline import Timeline
    from earmark.models.model import Model
    from earmark.util.types import Progress

Item = TypeVar("Item")
OPTIONS = {"labels": "only"}  # where an argument of the library is called otherwise
ARGUMENT = re.compile(r"(?<![\w-])(encoding|out|relabel|truth)=(?=$|[\s,;.)])")  # as the library's messages have it
LONGEST_NUMBER = 9  # digits: no list is longer, and Python refuses to read thousands of them
NUMBERS = r"\d+(\.\d+)?(,\d+(\.\d+)?)+"  # 5,20


def recordings(paths: Sequence[Path]) -> list[Path]:
    """Files as they are given, and in place of each folder the recordings below it."""
    files: list[Path] = []
    for path in paths:
        if _is_folder(path):
            from earmark.datasets.media_files import walk

            below = list(walk(path))
            if not below:
                raise EarmarkError(path, "holds no recordings", "name another folder, or files")
            files += below
        else:
            files.append(path)
    return files


def _is_folder(place: Path) -> bool:
    try:
        return place.is_dir()
    except OSError:  # too long a name, or in a folder that nobody may read: told of where the file is opened
        return False


Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...",
        help="Audio or video files, folders of them, or - for standard input.",
        show_default=False,
        callback=recordings,
    ),
]
ModelName = Annotated[str, typer.Option(help="Name of a bundled model, or an .onnx file.")]
Track = Annotated[int, typer.Option(min=0, help="Number of the audio track, counted from 0.")]
Jobs = Annotated[int, typer.Option(min=1, help="Number of processes.")]
DataDir = Annotated[
    Path | None, typer.Option(help="The folder in which datasets are kept.", show_default="EARMARK_DATA or data")
]
Place = Annotated[str, typer.Argument(metavar="PATH|NAME", help="A folder, a table (CSV), or a name such as esc50.")]
LayoutOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--option", "-o", metavar="KEY=VALUE", help="An option of the layout, such as subset=esc10; can be repeated."
    ),
]
Only = Annotated[str | None, typer.Option(help="Labels to look for, separated by commas; all others are left out.")]
Sensitivity = Annotated[float, typer.Option(min=0, max=1, help="Higher values mark more sounds, lower values fewer.")]


def for_each(files: Iterable[Path], work: Callable[[Path], None]) -> None:
    """Do `work` with every file; one that fails is reported and the others are done; exit code 1 then."""
    failed = False
    for file in files:
        try:
            work(file)
        except OutputError:
            raise
        except EarmarkError as error:
            complain(error)
            failed = True
        except OSError as error:
            if (ours := of_a_file(error)) is None:
                raise
            complain(ours)
            failed = True
    if failed:
        raise typer.Exit(1)


def of_a_file(error: BaseException) -> EarmarkError | None:
    """What the system says of a file, such as a name that is too long for it; None where it is something else."""
    if not isinstance(error, OSError) or error.filename is None or is_full(error):
        return None
    return EarmarkError(error.filename, f"cannot be used ({error.strerror})")


def complain(message: object) -> None:
    """One line on standard error, whatever a file's name holds."""
    text = in_options(message) if isinstance(message, EarmarkError) else str(message)
    say("earmark: " + " ".join(text.splitlines()), err=True)


def in_options(error: EarmarkError) -> str:
    """What an error says, with options in place of the arguments of functions: `--out` for `out=`."""
    text = str(error)
    if isinstance(error, ArgumentError):
        text = text.replace(error.subject, f"--{OPTIONS.get(error.argument, error.argument)} {error.value}", 1)
    return with_options(text)


def with_options(text: str) -> str:
    """A message of the library with options in place of the arguments of functions."""
    return ARGUMENT.sub(lambda found: f"--{OPTIONS.get(found[1], found[1])}", text)


def say(message: object = "", err: bool = False) -> None:
    """One line on standard output, or on standard error, whatever a file's name holds."""
    print(visible(message), file=sys.stderr if err else sys.stdout, flush=True)


def say_lines(text: str, err: bool = False) -> None:
    """The same for text of several lines."""
    print(visible_lines(text), file=sys.stderr if err else sys.stdout, flush=True)


def say_json(value: object, indent: int | None = None, default: Callable[[Any], object] | None = None) -> None:
    """A value as JSON on standard output."""
    print(in_json(value, indent=indent, default=default), flush=True)


def source(file: Path) -> Path | BinaryIO:
    """What the word on the command line stands for."""
    return standard_input() if str(file) == "-" else file


class To(StrEnum):
    """How a result is written."""

    table = "table"
    json = "json"


def key_value(option: str) -> tuple[str, int | str | list[float]]:
    """What `--option KEY=VALUE` says; whole numbers are numbers, numbers with commas between them a list."""
    key, sign, value = option.partition("=")
    if not sign or not key:
        raise EarmarkError(f"--option {option}", "is no option", "write KEY=VALUE")
    if re.fullmatch(NUMBERS, value):
        return key, [float(number) for number in value.split(",")]
    return key, int(value) if value.isdigit() else value


def listed(text: str | None) -> list[str]:
    """What stands between commas."""
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def chosen_numbers(text: str, count: int, option: str = "") -> list[int]:
    """The numbers from 1 to `count` that a text stands for, in the order given; `option` is named in errors."""
    wanted = number_ranges(text, option)
    if wanted is None:
        return list(range(1, count + 1))
    for each in wanted:
        if each[-1] > count:
            remedy = f"choose from 1 to {count}" if count > 1 else "there is only 1" if count else "there are none"
            raise EarmarkError(_subject(text, option), f"there is no {max(each[0], count + 1)}", remedy)
    return [number for each in wanted for number in each]


def number_ranges(text: str, option: str = "") -> list[range] | None:
    """The ranges that a text names; None for all. No number is too large for it."""
    if text.strip().lower() == "all":
        return None
    found = []
    for part in text.split(","):
        ends = [end.strip() for end in part.split("-")]
        numbers = all(end.isdecimal() and len(end) <= LONGEST_NUMBER for end in ends)
        if len(ends) > 2 or not numbers or not 1 <= int(ends[0]) <= int(ends[-1]):
            raise EarmarkError(_subject(text, option), "is no list of numbers from 1", "write 3, or 2,4-6, or all")
        found.append(range(int(ends[0]), int(ends[-1]) + 1))
    return found


def _subject(text: str, option: str) -> str:
    return f"{option} {text.strip()}".strip()


def relabelling(pairs: Iterable[str]) -> dict[str, str]:
    """What `--relabel OLD=NEW` says, given any number of times."""
    names = {}
    for text in pairs:
        old, _, new = text.partition("=")
        if not (old and new):
            raise EarmarkError(f"--relabel {text}", "is no pair of labels", "write OLD=NEW")
        names[old] = new
    return names


def refuse(options: Mapping[str, object], reason: str, remedy: str = "leave one of them out") -> None:
    """Refuse the first of these options that is given."""
    for option, value in options.items():
        if value is not None and value is not False:
            raise EarmarkError(option, reason, remedy)


def tell_of(failed: Sequence[EarmarkError]) -> None:
    """Report what failed while the rest was done; exit code 1 then."""
    for error in failed:
        complain(error)
    if failed:
        raise typer.Exit(1)


def need(what: str, extra: str, *packages: str) -> None:
    """Refuse what these packages are needed for, before anything long is begun."""
    if any(find_spec(package) is None for package in packages):
        raise MissingExtraError(what, extra)


def need_matplotlib(option: str) -> None:
    """Refuse an option that draws where nothing can be drawn."""
    need(option, "plot", "matplotlib")


def check_choice(option: str, value: str, choices: Sequence[str]) -> None:
    """Refuse a value that an option does not have."""
    if value not in choices:
        raise EarmarkError(f"{option} {value}", "is unknown", f"choose among {', '.join(choices)}")


def labeller(
    model: Model, only: str | None, sensitivity: float, track: int, scores: bool = False
) -> Callable[[Path], Timeline]:
    """What makes a file's timeline as options say, with its scores where they are wanted."""
    from earmark.models.labelling import label

    wanted = labels_of(model, only)

    def timeline_of(file: Path) -> Timeline:
        with progress(file) as advance:
            return label(
                source(file),
                model,
                sensitivity=sensitivity,
                labels=wanted,
                track=track,
                scores=scores,
                progress=advance,
            )

    return timeline_of


def open_model(name: str) -> Model:
    """The model of that name or path; that of a backbone is made first where it is not there.

    Asks once, at a terminal, whether weights that are missing are to be fetched.
    """
    from earmark.models import pretrained
    from earmark.models.model import load_model, pretrained_model

    if name in pretrained.PRETRAINED and not Path(name).exists() and not pretrained_model(name).is_file():
        pretrained.ensure(name, bar=lambda title: bar(title, transfer=True))
        convert(name)
    return load_model(name)


def convert(name: str) -> Path:
    """The model file of a backbone whose weights are here, made unless it is there."""
    for package in ("torch", "lightning_fabric", "onnx"):
        need(f"{package}, which a model file of {name} is made with,", "train", package)
    from earmark.training.backbone import converted

    return converted(name)


def labels_of(model: Model, only: str | None) -> list[str] | None:
    """The labels that `--only` names, or None for all."""
    from earmark.models.labelling import columns_of

    if only is None:
        return None
    wanted = sorted({label.strip() for label in only.split(",")})
    columns_of(model, wanted)
    return wanted


@contextmanager
def progress(file: Path) -> Iterator[Progress | None]:
    """A bar on standard error, where a terminal shows it."""
    if not sys.stderr.isatty():  # rich takes a while to import
        yield None
        return
    with noted_bars() as shown:
        task = shown.add_task(visible(file.name), total=None, note="")

        def advance(done: float, total: float | None) -> None:
            shown.update(task, completed=done, total=total, note=f"{clock(done)} of {clock(total) if total else '?'}")

        yield advance


def noted_bars(**settings: Any) -> AbstractContextManager[Bars]:
    """Bars with a note each, on standard error, where a terminal shows them; settings are those of `rich`."""
    from rich.progress import TextColumn, TimeRemainingColumn

    return _bars(TextColumn("{task.fields[note]}"), TimeRemainingColumn(elapsed_when_finished=True), **settings)


def bars(transfer: bool = False) -> AbstractContextManager[Bars]:
    """Bars of what is counted, or of bytes that are fetched, on standard error, where a terminal shows them."""
    from rich.progress import DownloadColumn, MofNCompleteColumn, TimeRemainingColumn, TransferSpeedColumn

    done = (DownloadColumn(), TransferSpeedColumn()) if transfer else (MofNCompleteColumn(),)
    return _bars(*done, TimeRemainingColumn())


@contextmanager
def _bars(*columns: Any, **settings: Any) -> Iterator[Bars]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    settings |= {"console": console, "transient": True, "disable": not console.is_terminal}
    with Progress(TextColumn("{task.description}", markup=False), BarColumn(), *columns, **settings) as shown:
        yield shown


@contextmanager
def bar(name: str, total: int | None = None, transfer: bool = False) -> Iterator[Progress]:
    """One such bar; what comes is called with (done, total)."""
    with bars(transfer) as shown:
        task = shown.add_task(visible(name), total=total)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def tracked(items: Iterable[Item], total: int, name: str) -> Iterator[Item]:
    """The items as they come, with a bar of how many have."""
    with bars() as shown:
        yield from shown.track(items, total, description=name)


def counted(made: Iterable[int], total: int, name: str) -> None:
    """Have all made, with a bar of how many have."""
    with bars() as shown:
        task = shown.add_task(name, total=total)
        for done in made:
            shown.advance(task, done)


def agreed(question: str) -> bool:
    """Whether the user says yes."""
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        return False


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss or m:ss."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def standard_output() -> TextIO:
    """Standard output as UTF-8, line ends as written; a terminal obeys nothing in what is written."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="")
    return cast(TextIO, _Terminal()) if sys.stdout.isatty() else sys.stdout


class _Terminal(io.TextIOBase):
    """Standard output where somebody reads it: what a format may hold, such as control characters in CSV, is seen."""

    def write(self, text: str, /) -> int:
        return sys.stdout.write(visible_lines(text))

    def flush(self) -> None:
        sys.stdout.flush()
