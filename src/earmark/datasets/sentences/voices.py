"""Whose recordings of single words there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path

from earmark.datasets import media_files, rows
from earmark.errors import DatasetError

ASTERISK = "asterisk"
ASTERISK_FOLDER = Path("/usr/share/asterisk/sounds")
ASTERISK_VOICES = (
    ("en_US_f_Allison", "en", "f"),
    ("es_MX_f_Allison", "es", "f"),
    ("fr_CA_f_June", "fr", "f"),
    ("it_IT_f_Menardi", "it", "f"),
    ("it_IT_m_Carlo", "it", "m"),
    ("ru_RU_f_IvrvoiceRU", "ru", "f"),
)
"""Folder, language and sex of the voices in Debian's asterisk-core-sounds-*-wav and asterisk-prompt-it-menardi-wav.
asterisk-prompt-fr-armelle and -es-co are none of them: their noise hides, and clicks at their ends move, the edges."""
ASTERISK_PARTS = ("digits", "letters", "phonetic")
ASTERISK_ENDING = ".wav"
SEVERAL_WORDS = ("ascii*", "exclaim*", "a-m", "p-m", "*-and", "at_s", "afternoon", "ore-*", "aa", "ww")


@dataclass(frozen=True)
class Recorded:
    """A recording of one word."""

    path: Path
    text: str
    """What is said, as far as known: the file's name otherwise."""


@dataclass(frozen=True)
class Voice:
    """One speaker's recordings; language (ISO 639-1) and sex (f, m) are empty where nobody told."""

    speaker: str
    language: str
    sex: str
    recordings: tuple[Recorded, ...]


def find(place: str) -> list[Voice]:
    """The voices of `asterisk`, of a folder with a folder for each speaker, or of a table.

    The table is CSV with the columns path (from its folder on) and speaker, and where known language, sex and text.

    Raises:
        DatasetError: there is no such place, or no recording in it.
    """
    path = Path(place)
    if place == ASTERISK:
        voices = asterisk(ASTERISK_FOLDER)
    elif path.is_dir():
        voices = [v for folder in sorted(path.iterdir()) if folder.is_dir() and (v := _folder(folder)).recordings]
    else:
        voices = _table(path)
    if not voices:
        remedy = "give a folder with a folder of recorded words for each speaker"
        if place == ASTERISK:
            remedy = "install Debian's packages asterisk-core-sounds-{en,es,fr,it,ru}-wav"
        raise DatasetError(place, "has no recordings of words", remedy)
    return voices


def asterisk(folder: Path) -> list[Voice]:
    """The voices of Asterisk's prompts that are installed: their digits, letters and spelling words."""
    voices = []
    for name, language, sex in ASTERISK_VOICES:
        files = [file for part in ASTERISK_PARTS for file in _prompts(folder / name / part)]
        if files:
            recordings = tuple(Recorded(file, file.stem) for file in files)
            voices.append(Voice(name, language, sex, recordings))
    return voices


def _prompts(folder: Path) -> Iterator[Path]:
    """Files of one word, by name."""
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        several = any(fnmatchcase(file.stem, pattern) for pattern in SEVERAL_WORDS)
        if file.suffix == ASTERISK_ENDING and not several:
            yield file


def _folder(folder: Path) -> Voice:
    recordings = tuple(Recorded(file, file.stem) for file in media_files.walk(folder))
    return Voice(folder.name, "", "", recordings)


def _table(path: Path) -> list[Voice]:
    listed = sorted(rows.read(path, ("path", "speaker")), key=lambda row: row.required("speaker"))
    return [_speaker(path.parent, list(group)) for _, group in groupby(listed, lambda row: row.required("speaker"))]


def _speaker(folder: Path, listed: Sequence[rows.Row]) -> Voice:
    files = [folder / row.required("path") for row in listed]
    recordings = (Recorded(file, row.text("text") or file.stem) for file, row in zip(files, listed, strict=True))
    first = listed[0]
    return Voice(first.required("speaker"), first.text("language"), first.text("sex"), tuple(recordings))
