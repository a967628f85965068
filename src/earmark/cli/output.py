"""Where results go: standard output, or one file for each recording."""

from __future__ import annotations

import os
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from earmark.cli import common
from earmark.datasets.media_files import absolute
from earmark.errors import EarmarkError
from earmark.formats import FORMATS, Format, plain_text
from earmark.util.atomic import write_text
from earmark.util.text import visible, visible_lines

if TYPE_CHECKING:
    from earmark.events.seconds import Seconds
    from earmark.events.timeline import Timeline
    from earmark.speech.segmentation import Words

SINGLE = ("vtt", "srt", "textgrid", "audacity")  # formats that hold one recording
SINGLE_OF_WORDS = ("textgrid", "audacity", "srt", "vtt")
R = TypeVar("R", bound="Timeline | Words | Seconds")
"""What was found in one recording."""


class Writer(ABC, Generic[R]):
    """Takes what was found in each recording as it is made, and writes it as soon as it can."""

    @abstractmethod
    def add(self, found: R) -> None:
        """One recording is done."""

    def close(self) -> None:
        """All recordings are done."""


class TableWriter(Writer[R]):
    """Tables for reading, one under the other."""

    def __init__(self, plain: Callable[[R], str], several: bool) -> None:
        self.plain, self.several = plain, several

    def add(self, found: R) -> None:
        """Print it."""
        head = f"{visible(found.recording)}\n" if self.several else ""
        common.standard_output().write(head + visible_lines(self.plain(found)) + ("\n" if self.several else ""))
        sys.stdout.flush()


class StreamWriter(Writer[R]):
    """All recordings in one stream."""

    def __init__(self, form: Format[R], several: bool) -> None:
        self.form, self.several = form, several
        self.found: list[R] = []

    def add(self, found: R) -> None:
        """Keep it: several recordings share one head."""
        self.found.append(found)

    def close(self) -> None:
        """Write what there is; nothing where every file failed."""
        if self.several:
            self.form.write_many(self.found, common.standard_output())
        elif self.found:
            self.form.write(self.found[0], common.standard_output())


def is_file_name(out: Path, suffix: str, files: int) -> bool:
    """Whether `--out` names a file in place of a folder: it ends as those of the format do, and is no folder.

    Refuses one file for several recordings.
    """
    if out.is_dir() or out.suffix.lower() != Path(f"x{suffix}").suffix.lower():
        return False
    if files > 1:
        raise EarmarkError(out, "is one file for several recordings", "give a folder")
    return True


def names_in_folder(files: Sequence[Path]) -> dict[str, str]:
    """For each of several recordings the name, without suffix, that its file gets in a folder of results.

    It is the recording's own, but where several have the same one: they get the folders that tell them apart,
    and where these do not, their suffixes. Empty for one recording, whose name is its own.
    """
    if len(files) < 2:
        return {}
    paths = {str(file): absolute(file) for file in files}
    alike: dict[str, set[Path]] = {}
    for path in paths.values():
        alike.setdefault(path.stem, set()).add(path)
    names = {}
    for given, path in paths.items():
        group = alike[path.stem]
        if len(group) == 1:
            names[given] = path.stem
            continue
        above = os.path.commonpath([one.parent for one in group])
        inner = path.relative_to(above)
        unique = sum(one.parent == path.parent for one in group) == 1
        names[given] = (inner.with_suffix("") if unique else inner).as_posix()
    return names


class FilesWriter(Writer[R]):
    """A file for each recording."""

    def __init__(self, form: Format[R], out: Path, files: Sequence[Path], spare: Callable[[Path], None]) -> None:
        """`out` is a folder, or the only file; `spare` raises for a file that is not to be replaced."""
        self.form, self.out, self.spare = form, out, spare
        self.alone = is_file_name(out, form.suffix, len(files))
        self.names = names_in_folder(files)
        self.written: set[Path] = set()

    def add(self, found: R) -> None:
        """Write its file; refuse a recording that is named twice, whose file would take the place of the first."""
        text = self.form.text(found)
        name = self.names.get(found.recording, Path(found.recording).stem)
        path = self.out if self.alone else self.out / (name + self.form.suffix)
        if path in self.written:
            raise EarmarkError(found.recording, f"has the name of another: {path} is taken", "use another --out")
        self.spare(path)
        write_text(path, text)
        self.written.add(path)
        common.say(path, err=True)


def _spare_nothing(path: Path) -> None:
    """Replace whatever is there."""


def writer_for(to: str, out: Path | None, files: Sequence[Path]) -> Writer[Timeline]:
    """The writer of timelines that `--to` and `--out` ask for."""
    spare = spare_foreign if to in ("vtt", "srt") else _spare_nothing
    return _writer(FORMATS, plain_text.events_table, to, out, files, SINGLE, spare)


def words_writer(to: str, out: Path | None, files: Sequence[Path], f0: bool = False) -> Writer[Words]:
    """The writer of words that `--to` and `--out` ask for, or of F0 every 10 ms."""
    from earmark.formats import F0_FORMATS, WORD_FORMATS

    common.check_choice("--to", to, ("table", *WORD_FORMATS))
    if f0 and to not in F0_FORMATS:
        raise EarmarkError("--f0", f"has no place in {to}", f"choose --to {' or '.join(F0_FORMATS)}")
    forms = F0_FORMATS if f0 else WORD_FORMATS
    return _writer(forms, plain_text.words_table, to, out, files, SINGLE_OF_WORDS, spare_truth)


def seconds_writer(to: str, out: Path | None, files: Sequence[Path]) -> Writer[Seconds]:
    """The writer of the labels of each second that `--to` and `--out` ask for."""
    from earmark.formats import SECONDS_FORMATS

    if to != "table" and to not in SECONDS_FORMATS:
        raise EarmarkError(f"--to {to}", "is not for --every", "choose among table, " + ", ".join(SECONDS_FORMATS))
    return _writer(SECONDS_FORMATS, plain_text.seconds_table, to, out, files)


def _writer(
    forms: Mapping[str, Format[R]],
    plain: Callable[[R], str],
    to: str,
    out: Path | None,
    files: Sequence[Path],
    single: tuple[str, ...] = (),
    spare: Callable[[Path], None] = _spare_nothing,
) -> Writer[R]:
    common.check_choice("--to", to, ("table", *forms))
    if to == "table" and out is not None:
        raise EarmarkError("--out", "is for files of a format", "choose one with --to")
    several = len(files) > 1
    if several and to in single and out is None:
        raise EarmarkError(f"--to {to}", "holds one recording a file", "write to a folder with --out DIR")
    if to == "table":
        return TableWriter(plain, several)
    return FilesWriter(forms[to], out, files, spare) if out is not None else StreamWriter(forms[to], several)


def spare_foreign(path: Path, remedy: str = "use another --out") -> None:
    """Refuse to replace a caption file that is not known to be Earmark's: it may be the dialogue's."""
    if path.exists() and not _marked_by_earmark(path):
        raise EarmarkError(path, "is there already, and may be somebody's own", remedy)


def _marked_by_earmark(path: Path) -> bool:
    """Whether a caption file says so; or, in SRT, which has no place to say it, holds nothing but words in brackets."""
    content = path.read_bytes()
    if path.suffix.lower() != ".srt":
        return b"Sounds marked by Earmark" in content[:1000]
    cues = content.decode("utf-8-sig", "replace").replace("\r\n", "\n").strip().split("\n\n")
    return all(re.fullmatch(r"\d+\n[^\n]+ --> [^\n]+\n(?:\{\\an8\})?\[.*\]", cue, re.DOTALL) for cue in cues if cue)


def spare_truth(path: Path) -> None:
    """Refuse to replace the words of a ground truth, or of somebody else, by what a classifier found."""
    if path.suffix != ".json" or not path.exists():
        return
    from earmark.formats.json_files import WordsJson

    try:
        with path.open(encoding="utf-8", newline="") as file:
            ours = all(words.classifier is not None for words in WordsJson().read_many(file))
    except (EarmarkError, OSError, UnicodeDecodeError):
        ours = False
    if not ours:
        raise EarmarkError(path, "is there already, and holds a ground truth or somebody's own", "use another --out")


def place(chosen: Path, file: Path, suffix: str, names: Mapping[str, str] | None = None) -> Path:
    """Where a picture goes: the path itself, or for several recordings, by `names_in_folder`, a file in that folder."""
    names = names or {}
    single = not names and not chosen.is_dir()
    if single and chosen.suffix.lower() != suffix:  # above all not the name of a recording, which it would replace
        raise EarmarkError(chosen, f"is no name for a {suffix} file", f"end it in {suffix}, or give a folder")
    if not single and chosen.suffix.lower() == suffix and not chosen.is_dir():
        raise EarmarkError(chosen, "is one file for several recordings", "give a folder")
    path = chosen if single else chosen / (names.get(str(file), file.stem) + suffix)
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EarmarkError(folder, f"cannot be made ({error.strerror})") from error
    return path
