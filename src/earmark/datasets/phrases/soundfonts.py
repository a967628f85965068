"""Which presets a SoundFont has, from its header alone (SoundFont Technical Specification 2.04, 7.2)."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from earmark.datasets.phrases.font_writing import TOOL
from earmark.errors import DatasetError

Preset = tuple[int, int]
"""Bank and program; bank 128 holds drum kits."""

_RECORD = struct.Struct("<20sHHHIII")  # achPresetName, wPreset, wBank, wPresetBagNdx, three that are reserved
HEAD = 512  # bytes in which ours say what made them
GENERAL = 100  # programs of 128 by which General MIDI is told
_REMEDY = "give an .sf2 or .sf3 file, such as that of Debian's package fluid-soundfont-gm"


@dataclass(frozen=True)
class SoundFont:
    """A SoundFont on disk."""

    path: Path
    presets: frozenset[Preset]

    @property
    def name(self) -> str:
        """What it is called in tables: its file's name without ending."""
        return self.path.stem

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file: another of the same name plays otherwise.

        Raises:
            DatasetError: it cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise DatasetError(self.path, f"cannot be read ({error.strerror})") from error


def open_soundfont(path: Path) -> SoundFont:
    """Read which presets a SoundFont has.

    Raises:
        DatasetError: there is no such file, or it is no SoundFont.
    """
    try:
        with path.open("rb") as file:
            presets = frozenset(_presets(file))
    except FileNotFoundError as error:
        raise _missing(path) from error
    except IsADirectoryError as error:
        raise DatasetError(path, "is a folder", "name a file in it, ending in .sf2 or .sf3") from error
    except OSError as error:
        raise DatasetError(path, f"cannot be read ({error.strerror})") from error
    except (struct.error, ValueError) as error:
        raise DatasetError(path, "is no SoundFont", _REMEDY) from error
    if sum(bank == 0 for bank, _ in presets) < GENERAL and not _is_ours(path):
        raise DatasetError(path, "is no General MIDI SoundFont: nobody knows what its programs are", _REMEDY)
    return SoundFont(path, presets)


def _missing(path: Path) -> DatasetError:
    home = path.absolute().parent
    if not home.is_dir():
        return DatasetError(path, f"is not there, nor is the folder {path.parent}", "correct the path")
    return DatasetError(path, "is not there", "apt-get install fluid-soundfont-gm, or give another .sf2 or .sf3 file")


def _is_ours(path: Path) -> bool:
    """Whether `earmark data soundfont` made it: of few instruments, by the numbers of General MIDI."""
    with path.open("rb") as file:
        return TOOL.encode() in file.read(HEAD)


def _presets(file: BinaryIO) -> Iterator[Preset]:
    """The presets of `phdr` in the list `pdta`; the last record only ends it."""
    riff, _, form = struct.unpack("<4sI4s", file.read(12))
    if riff != b"RIFF" or form != b"sfbk":
        raise ValueError("another kind of file")
    _seek(file, b"LIST", b"pdta")
    size = _seek(file, b"phdr")
    for _ in range(size // _RECORD.size - 1):
        _, program, bank, *_ = _RECORD.unpack(file.read(_RECORD.size))
        yield bank, program


def _seek(file: BinaryIO, wanted: bytes, kind: bytes = b"") -> int:
    """Go into the next chunk of a name, and for lists of a kind; its size in bytes."""
    while True:
        name, size = struct.unpack("<4sI", file.read(8))
        start = file.tell()
        if name == wanted and (not kind or file.read(4) == kind):
            return int(size)
        file.seek(start + size)
        if size % 2 and file.read(1) != b"\0":  # chunks have even places, which writers of .sf3 forget
            file.seek(start + size)
