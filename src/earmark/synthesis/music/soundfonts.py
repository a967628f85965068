"""SoundFonts (Technical Specification 2.04): the presets of one, and one made of recorded notes."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from earmark import media
from earmark.datasets import media_files
from earmark.errors import DatasetError
from earmark.synthesis.music.instruments import INSTRUMENTS, Instrument
from earmark.util.atomic import atomic_write

FONT_RATE = 44_100
TOOL = "earmark"  # what the font says it was made with: its programs are General MIDI's, though there are few
AFTER = 46  # samples of silence that must follow each
SILENCE_DB = -50.0  # below a note's peak: what comes before is cut off, or the note would be late
KEY_RANGE, ROOT, RELEASE, INSTRUMENT, SAMPLE = 43, 58, 38, 41, 53  # generators
RELEASE_TIMECENTS = -2400  # a quarter of a second
NAME = re.compile(r"([a-g])(s|#|b|)(-?\d)", re.IGNORECASE)
STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}

Samples = NDArray[np.int16]

Preset = tuple[int, int]  # bank and program; bank 128 holds drum kits

_RECORD = struct.Struct("<20sHHHIII")  # achPresetName, wPreset, wBank, wPresetBagNdx, three that are reserved
HEAD = 512  # bytes in which ours say what made them
GENERAL = 100  # programs of 128 by which General MIDI is told
_REMEDY = "give an .sf2 or .sf3 file, such as that of Debian's package fluid-soundfont-gm"


@dataclass(frozen=True)
class RecordedNote:
    """One note of an instrument: its MIDI pitch, 60 being middle C, and mono samples at RATE."""

    pitch: int
    samples: Samples


def read_notes(folder: Path) -> dict[Instrument, list[RecordedNote]]:
    """Recorded notes, in a folder for each instrument that has its name, each file named by its pitch: `As4.mp3`.

    Raises DatasetError: the folder is not there, or a name in it is unknown.
    Raises MediaError: a note cannot be read.
    """
    if not folder.is_dir():
        reason = "is a file" if folder.exists() else "is not there"
        raise DatasetError(folder, reason, "give a folder that holds a folder of notes for each instrument")
    known = {_plain(one.name): one for one in INSTRUMENTS if one.manner != "drums"}
    folders = sorted(path for path in folder.iterdir() if path.is_dir())
    if not folders:
        raise DatasetError(folder, "holds no folder for an instrument", "make some, each with notes such as As4.wav")
    found = {}
    for place in folders:
        if _plain(place.name) not in known:
            raise DatasetError(place, "is the name of no instrument", "see `earmark data phrases --list`")
        files = sorted(path for path in place.iterdir() if media_files.is_media(path))
        notes = [RecordedNote(pitch_of(path), _note_samples(path)) for path in files]
        if not notes:
            raise DatasetError(place, "holds no recorded note")
        found[known[_plain(place.name)]] = sorted(notes, key=lambda note: note.pitch)
    return found


def pitch_of(path: Path) -> int:
    """The MIDI pitch that a file is named by: 69 for `A4.wav`, 70 for `As4.wav`, `A#4.wav`, `Bb4.wav` and `70.wav`.

    Raises DatasetError: it is named otherwise.
    """
    name = path.stem
    if name.isdigit() and int(name) < 128:
        return int(name)
    if not (match := NAME.fullmatch(name)):
        raise DatasetError(path, "is not named by a note", "call it after its pitch, such as As4 or 70")
    letter, sign, octave = match.groups()
    return STEPS[letter.lower()] + {"": 0, "b": -1}.get(sign.lower(), 1) + 12 * (int(octave) + 1)


def write_soundfont(instruments: dict[Instrument, list[RecordedNote]], path: Path) -> None:
    """Write the SoundFont: a preset for each instrument, whose notes also serve the keys around them.

    Raises DatasetError: it cannot be written.
    """
    notes = [note for recorded in instruments.values() for note in recorded]
    body = b"sfbk" + _list(b"INFO", _info(path.stem)) + _list(b"sdta", _samples_chunk(notes))
    body += _list(b"pdta", _hydra(instruments))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as part:
            part.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    except OSError as error:
        raise DatasetError(path, f"cannot be written ({error.strerror})") from error


def key_ranges(pitches: Sequence[int]) -> list[tuple[int, int]]:
    """The keys that each of some rising pitches plays, both included: up to halfway to the next."""
    borders = [0, *((low + high) // 2 + 1 for low, high in pairwise(pitches)), 128]
    return [(low, high - 1) for low, high in pairwise(borders)]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower())


def _note_samples(path: Path) -> Samples:
    rendered = media.read(path, FONT_RATE)
    loud = np.flatnonzero(np.abs(rendered) > np.abs(rendered).max(initial=0) * 10 ** (SILENCE_DB / 20))
    note = rendered[loud[0] :] if len(loud) else rendered
    peak = max(1e-6, float(np.abs(note).max(initial=0)))
    return np.asarray(note / peak * 30_000, np.int16)


def _info(name: str) -> bytes:
    return (
        _chunk(b"ifil", struct.pack("<HH", 2, 1))
        + _chunk(b"isng", _text("EMU8000"))
        + _chunk(b"INAM", _text(name[:200]))
        + _chunk(b"ISFT", _text(TOOL))
    )


def _text(text: str) -> bytes:
    """Zero at the end, and an even length: fluidsynth refuses a font with another."""
    content = text.encode("ascii", "replace") + b"\0"
    return content + b"\0" * (len(content) % 2)


def _samples_chunk(notes: Iterable[RecordedNote]) -> bytes:
    silence = bytes(2 * AFTER)
    return _chunk(b"smpl", b"".join(note.samples.astype("<i2").tobytes() + silence for note in notes))


def _hydra(instruments: dict[Instrument, list[RecordedNote]]) -> bytes:
    """The nine tables that say which key plays what; each ends with a record that only closes it."""
    headers: list[bytes] = []
    instrument_headers: list[bytes] = []
    bags: list[bytes] = []
    generators: list[bytes] = []
    samples: list[bytes] = []
    start = 0
    for number, (instrument, notes) in enumerate(instruments.items()):
        bank, program = instrument.preset
        name = instrument.name.encode("ascii", "replace")[:19]
        headers.append(_RECORD.pack(name, program, bank, number, 0, 0, 0))
        instrument_headers.append(struct.pack("<20sH", name, len(bags)))
        for note, keys in zip(notes, key_ranges([note.pitch for note in notes]), strict=True):
            bags.append(struct.pack("<HH", len(generators), 0))
            generators += [
                struct.pack("<HBB", KEY_RANGE, *keys),
                _generator(RELEASE, RELEASE_TIMECENTS),
                _generator(ROOT, note.pitch),
            ]
            generators.append(_generator(SAMPLE, len(samples)))  # which must be the last of a zone
            end = start + len(note.samples)
            samples.append(_sample(name, start, end, note.pitch))
            start = end + AFTER
    count = len(instruments)
    presets = [_generator(INSTRUMENT, number) for number in range(count)]
    tables = {
        b"phdr": [*headers, _RECORD.pack(b"EOP", 0, 0, count, 0, 0, 0)],
        b"pbag": [struct.pack("<HH", number, 0) for number in range(count + 1)],
        b"pmod": [bytes(10)],
        b"pgen": [*presets, bytes(4)],
        b"inst": [*instrument_headers, struct.pack("<20sH", b"EOI", len(bags))],
        b"ibag": [*bags, struct.pack("<HH", len(generators), 0)],
        b"imod": [bytes(10)],
        b"igen": [*generators, bytes(4)],
        b"shdr": [*samples, struct.pack("<20sIIIIIBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0)],
    }
    return b"".join(_chunk(name, b"".join(records)) for name, records in tables.items())


def _generator(kind: int, amount: int) -> bytes:
    return struct.pack("<Hh", kind, amount)


def _sample(name: bytes, start: int, end: int, pitch: int) -> bytes:
    mono = 1
    return struct.pack("<20sIIIIIBbHH", name, start, end, start, end, FONT_RATE, pitch, 0, 0, mono)


def _list(kind: bytes, content: bytes) -> bytes:
    return _chunk(b"LIST", kind + content)


def _chunk(name: bytes, content: bytes) -> bytes:
    """Chunks have even places."""
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


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
        """SHA-256 of the file: another of the same name plays otherwise. Raises DatasetError: it cannot be read."""
        try:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise DatasetError(self.path, f"cannot be read ({error.strerror})") from error


def open_soundfont(path: Path) -> SoundFont:
    """Read which presets a SoundFont has. Raises DatasetError: there is no such file, or it is no SoundFont."""
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
