"""What the two caption formats share: they make a timeline's captions, then write those."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from earmark.formats.base import Format

if TYPE_CHECKING:
    from earmark.captions import Caption, Phrases, ReadingRules
    from earmark.events.timeline import Timeline


class CaptionFormat(Format["Timeline"]):
    """A format of captions in one language, within reading rules."""

    newline: str
    """How its lines end."""
    standard_times: re.Pattern[str]
    """A line with times as the format has it, settings included."""

    def __init__(
        self,
        language: str | Phrases = "en",
        rules: ReadingRules | None = None,
        include_speech: bool = False,
    ) -> None:
        self.language = language
        self.rules = rules
        self.include_speech = include_speech

    def write(self, timeline: Timeline, file: TextIO) -> None:
        """Write the captions of one recording."""
        from earmark.captions import captions

        cues = captions(timeline, self.language, self.rules, self.include_speech)
        self.write_captions(cues, file, timeline.model)

    @abstractmethod
    def write_captions(self, captions: Iterable[Caption], file: TextIO, model: str = "") -> None:
        """Write captions as they are; `model` is named where the format has a place for it."""

    @abstractmethod
    def note(self, model: str = "") -> str:
        """A line that says who marked the sounds; empty where the format has no place for it."""

    @abstractmethod
    def times(self, onset: float, offset: float) -> str:
        """The line that says when a caption stands on the screen, seconds."""

    @abstractmethod
    def line(self, text: str) -> str:
        """A line of a caption so that players show it as it is."""


def timestamp(seconds: float, point: str) -> str:
    """A time as HH:MM:SS and milliseconds, with a point or a comma before those.

    >>> timestamp(3661.5, ",")
    '01:01:01,500'
    """
    whole, ms = divmod(round(max(0.0, seconds) * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{ms:03}"
