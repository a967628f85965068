"""Timelines as files: one small class a format, chosen by name from a table.

    FORMATS["csv"].write(timeline, file)          # a text stream, opened with newline="" and encoding="utf-8"
    FORMATS["csv"].write_many(timelines, file)    # several recordings in one file, where the format has a way
    for_name("vtt", language="en").write(timeline, file)
    read(Path("corrected.csv"))                   # labels that a person drew or mended

table.py holds what is for people's eyes rather than for programs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from earmark.errors import EarmarkError
from earmark.formats.audacity import Audacity
from earmark.formats.base import Format, Reader
from earmark.formats.event_csv import Csv
from earmark.formats.rttm import Rttm
from earmark.formats.subrip import Srt
from earmark.formats.textgrid import TextGrid
from earmark.formats.timeline_json import Json
from earmark.formats.webvtt import Vtt

if TYPE_CHECKING:
    from earmark.captions import ReadingRules
    from earmark.events.timeline import Timeline

__all__ = ["FORMATS", "Format", "Reader", "for_name", "read"]

FORMATS: dict[str, Format[Timeline]] = {
    "json": Json(),
    "csv": Csv(),
    "vtt": Vtt(),
    "srt": Srt(),
    "textgrid": TextGrid(),
    "audacity": Audacity(),
    "rttm": Rttm(),
}
"""Every format, by the name that `--to` takes; captions in English within the usual reading rules."""


def for_name(
    name: str,
    language: str = "en",
    rules: ReadingRules | None = None,
    include_speech: bool = False,
) -> Format[Timeline]:
    """The format of this name; language, rules and speech matter to captions only.

    Raises:
        EarmarkError: there is no such format.
    """
    if name == "vtt":
        return Vtt(language, rules, include_speech)
    if name == "srt":
        return Srt(language, rules, include_speech)
    if name not in FORMATS:
        raise EarmarkError(f"format {name}", "is not known", "choose from: " + ", ".join(FORMATS))
    return FORMATS[name]


def read(path: Path) -> Timeline:
    """The timeline in a file, its format told by the file's suffix.

    Raises:
        EarmarkError: the suffix is not one that can be read, or the file does not hold what it says.
    """
    readers = {f.suffix.lower(): f for f in FORMATS.values() if isinstance(f, Reader)}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise EarmarkError(path, "is no file of labels that can be read", "use one of: " + ", ".join(readers))
    try:
        text_file = path.open(encoding=_encoding(path), newline="")
    except OSError as error:
        raise EarmarkError(path, f"cannot be opened ({error.strerror})") from error
    with text_file:
        try:
            return reader.read(text_file)
        except UnicodeDecodeError as error:
            raise EarmarkError(path, "is not UTF-8 text", "save it as UTF-8") from error


def _encoding(path: Path) -> str:
    """UTF-8, or UTF-16 where a byte order mark says so: Praat writes that for non-ASCII text."""
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
