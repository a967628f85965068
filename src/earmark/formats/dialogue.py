"""What is said in a recording as subtitles and as CTM, where the text is known (`earmark words --text`)."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

from earmark.errors import EarmarkError
from earmark.formats.base import Format
from earmark.formats.subtitles import Srt, Vtt
from earmark.util.text import one_field, one_line

if TYPE_CHECKING:
    from earmark.captions import Caption
    from earmark.speech.segmentation import Word, Words

LINE, LINES = 42, 2  # letters on a line of a subtitle, and lines
LONGEST = 7.0  # seconds that a subtitle stands
PAUSE = 0.6  # seconds between two words that end it
LONG_ENOUGH = 20  # letters after which the end of a sentence ends it


class WordsCtm(Format["Words"]):
    """NIST's time-marked conversation file: recording, channel, onset, duration, word, score, a line a word."""

    name = "ctm"
    suffix = ".words.ctm"

    def write(self, words: Words, file: TextIO) -> None:
        self.write_many([words], file)

    def write_many(self, recordings: Iterable[Words], file: TextIO) -> None:
        for words in recordings:
            _check_text(words, "ctm")
            recording = one_field(words.recording)
            for word in words.words:
                score = "" if word.score is None else f" {word.score:.3f}"
                text = one_field(word.text or "")
                file.write(f"{recording} 1 {word.onset:.3f} {word.duration:.3f} {text}{score}\n")


class WordsSrt(Format["Words"]):
    """Subtitles of what is said, SubRip: two lines of 42 letters at most, cut at pauses and ends of sentences."""

    name = "srt"
    suffix = ".words.srt"

    def write(self, words: Words, file: TextIO) -> None:
        Srt().write_captions(dialogue(words, self.name), file)


class WordsVtt(Format["Words"]):
    """The same as WebVTT."""

    name = "vtt"
    suffix = ".words.vtt"

    def write(self, words: Words, file: TextIO) -> None:
        form = Vtt()
        file.write("WEBVTT\n")
        for caption in dialogue(words, self.name):
            file.write("\n".join(["", *form.cue(caption), ""]))


def dialogue(words: Words, name: str = "srt") -> list[Caption]:
    """What is said as subtitles; EarmarkError where nobody knows it."""
    from earmark.captions import Caption

    _check_text(words, name)
    groups: list[list[Word]] = []
    for word in words.words:
        if groups and not _ends(groups[-1], word):
            groups[-1].append(word)
        else:
            groups.append([word])
    return [Caption(group[0].onset, group[-1].offset, _lines(_said(group))) for group in groups]


def _ends(group: Sequence[Word], following: Word) -> bool:
    """Whether a subtitle ends before the next word."""
    text = _said([*group, following])
    complete = len(_said(group)) > LONG_ENOUGH and (group[-1].text or "").endswith((".", "!", "?", "\u2026", ":", ";"))
    too_long = len(text) > LINES * LINE or len(_lines(text)) > LINES or following.offset - group[0].onset > LONGEST
    return complete or too_long or following.onset - group[-1].offset > PAUSE


def _said(group: Sequence[Word]) -> str:
    return " ".join(one_line(word.text or "") for word in group)


def _lines(text: str) -> tuple[str, ...]:
    """Text on one line where it fits, or on two of like length."""
    width = LINE if len(text) <= LINE else min(LINE, len(text) // 2 + 8)
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return tuple(lines if len(lines) <= LINES else textwrap.wrap(text, LINE, break_on_hyphens=False))


def _check_text(words: Words, name: str) -> None:
    if any(word.text is None for word in words.words):
        raise EarmarkError(f"--to {name}", "writes what is said, which nobody knows", "give it with --text")
