"""Whose recordings of single words there are, and which of them hold one word whose limits can be told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path

import numpy as np

from earmark.datasets import media_files, tables
from earmark.errors import DatasetError, EarmarkError
from earmark.events.hysteresis import runs
from earmark.media import open_recording
from earmark.speech import energy
from earmark.synthesis.speech.recordings import Pcm

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

LONGEST_GAP = 0.2  # seconds of quiet within one word, as before a plosive; longer is a pause between two
LONGEST = 1.4  # seconds
SHORTEST = 0.08
CLEAR_DB = 10.0  # how far the quiet parts of a recording must be below the level at which a word ends
FEWEST_FRAMES = 5  # of quiet, to tell how loud it is; a file with less is cut close to the word


@dataclass(frozen=True)
class RecordedWord:
    """A recording of one word."""

    path: Path
    text: str  # what is said, as far as known: the file's name otherwise


@dataclass(frozen=True)
class Voice:
    """One speaker's recordings; language (ISO 639-1) and sex (f, m) are empty where nobody told."""

    speaker: str
    language: str
    sex: str
    recordings: tuple[RecordedWord, ...]


def find_voices(place: str) -> list[Voice]:
    """The voices of `asterisk`, of a folder with a folder for each speaker, or of a table.

    The table is CSV with the columns path (from its folder on) and speaker, and where known language, sex and text.

    Raises DatasetError: there is no such place, or no recording in it.
    """
    path = Path(place)
    if place == ASTERISK:
        voices = asterisk_voices(ASTERISK_FOLDER)
    elif path.is_dir():
        folders = [folder for folder in sorted(path.iterdir()) if folder.is_dir()]
        voices = [_voice(folder.name, "", "", media_files.walk(folder)) for folder in folders]
    else:
        voices = _voices_of_table(path)
    voices = [voice for voice in voices if voice.recordings]
    if not voices:
        remedy = "give a folder with a folder of recorded words for each speaker"
        if place == ASTERISK:
            remedy = "install Debian's packages asterisk-core-sounds-{en,es,fr,it,ru}-wav"
        raise DatasetError(place, "has no recordings of words", remedy)
    return voices


def asterisk_voices(folder: Path) -> list[Voice]:
    """The voices of Asterisk's prompts that are installed: their digits, letters and spelling words."""
    return [
        _voice(name, language, sex, (file for part in ASTERISK_PARTS for file in _prompts(folder / name / part)))
        for name, language, sex in ASTERISK_VOICES
        if (folder / name).is_dir()
    ]


def _prompts(folder: Path) -> Iterator[Path]:
    """Files of one word, by name."""
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        several = any(fnmatchcase(file.stem, pattern) for pattern in SEVERAL_WORDS)
        if file.suffix == ASTERISK_ENDING and not several:
            yield file


def _voice(speaker: str, language: str, sex: str, files: Iterable[Path]) -> Voice:
    return Voice(speaker, language, sex, tuple(RecordedWord(file, file.stem) for file in files))


def _voices_of_table(path: Path) -> list[Voice]:
    listed = sorted(tables.read_rows(path, ("path", "speaker")), key=lambda row: row.required("speaker"))
    return [_speaker(path.parent, list(group)) for _, group in groupby(listed, lambda row: row.required("speaker"))]


def _speaker(folder: Path, listed: Sequence[tables.Row]) -> Voice:
    files = [folder / row.required("path") for row in listed]
    recordings = (RecordedWord(file, row.text("text") or file.stem) for file, row in zip(files, listed, strict=True))
    first = listed[0]
    return Voice(first.required("speaker"), first.text("language"), first.text("sex"), tuple(recordings))


@dataclass(frozen=True)
class SingleWord:
    """One word: what is said, and its recording."""

    text: str
    samples: Pcm


@dataclass(frozen=True)
class Vocabulary:
    """The words of one speaker that can be used, at one rate in Hz, and how many were left out for which reason."""

    words: tuple[SingleWord, ...]
    rate: int
    left_out: Counter[str]


def read_vocabulary(voice: Voice) -> Vocabulary:
    """Read a speaker's words at the rate that most of them have; what cannot be read is left out too.

    Raises EarmarkError: nothing can be read.
    """
    read = [(recorded, _read_word(recorded)) for recorded in voice.recordings]
    rates = Counter(found[1] for _, found in read if found is not None)
    if not rates:
        raise EarmarkError(voice.speaker, "has no recording that can be read", "give audio files")
    rate = rates.most_common(1)[0][0]
    left_out: Counter[str] = Counter()
    words = []
    for recorded, found in read:
        if found is not None and found[1] != rate:
            found = _read_word(recorded, rate)
        reason = "unreadable" if found is None else reason_unfit(found[0].samples, rate)
        if found is None or reason:
            left_out[reason] += 1
        else:
            words.append(found[0])
    return Vocabulary(tuple(words), rate, left_out)


def reason_unfit(samples: Pcm, rate: int) -> str:
    """Why a recording is not used: `silent`, `short`, `long`, `pause`, `noisy`; empty where it is.

    A word's edges are where its energy passes 35 dB below its peak. They can be told where what is quieter than that
    is quieter by far: a background just below would hide them.
    """
    levels = energy.levels(np.asarray(samples / 32768, np.float32), rate)[:-1]  # the last frame is not full
    found = energy.edges(levels)
    if found is None:
        return "silent"
    quiet = levels < levels.max() - energy.EDGE_DB
    word = slice(*found)
    seconds = (found[1] - found[0]) * energy.STEP
    if not SHORTEST <= seconds <= LONGEST:
        return "short" if seconds < SHORTEST else "long"
    longest = max((last - first for first, last in runs(quiet[word]).tolist()), default=0)
    if longest * energy.STEP > LONGEST_GAP + 1e-6:
        return "pause"
    if quiet.sum() < FEWEST_FRAMES:
        return ""
    clear = levels.max() - energy.EDGE_DB - CLEAR_DB
    return "" if np.percentile(levels[quiet], 25) <= clear else "noisy"


def _read_word(recorded: RecordedWord, rate: int = 0) -> tuple[SingleWord, int] | None:
    """A word and the rate of its samples, by default the file's; None where it cannot be read."""
    try:
        with open_recording(recorded.path) as recording:
            rate = rate or recording.track.rate
            samples = recording.span(rate)
    except EarmarkError:
        return None
    return SingleWord(recorded.text, np.asarray(np.rint(np.clip(samples, -1, 1) * 32767), np.int16)), rate
