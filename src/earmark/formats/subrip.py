"""SubRip (.srt), the captions that nearly every player reads."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from earmark.formats.captioned import CaptionFormat, timestamp
from earmark.util.text import one_line

if TYPE_CHECKING:
    from earmark.captions import Caption

_CLOCK = r"\d{2,}:[0-5]\d:[0-5]\d,\d{3}"
# SubRip has no escapes: players would show "&lt;". They do obey <i> and {\an8}, so these signs are replaced.
_HARMLESS = str.maketrans({"<": "‹", ">": "›", "{": "(", "}": ")"})


class Srt(CaptionFormat):
    """Numbered captions with comma decimals.

    Lines end in CRLF as SubRip itself writes them: old players and televisions want it, no player minds.
    """

    name = "srt"
    suffix = ".srt"
    newline = "\r\n"
    standard_times = re.compile(rf"{_CLOCK} --> {_CLOCK}(?: +[XY][12]:\d+)*\s*$", re.ASCII)

    def write_captions(self, captions: Iterable[Caption], file: TextIO, model: str = "") -> None:
        """Write captions as they are; the format has no place for the model."""
        for number, caption in enumerate(captions, start=1):
            lines = [str(number), self.times(caption.onset, caption.offset), *map(self.line, caption.lines)]
            file.write("\r\n".join(lines) + "\r\n\r\n")

    def note(self, model: str = "") -> str:
        """Nothing: the format has no comments."""
        return ""

    def times(self, onset: float, offset: float) -> str:
        """Times with a comma before the milliseconds."""
        return f"{timestamp(onset, ',')} --> {timestamp(offset, ',')}"

    def line(self, text: str) -> str:
        """Text without what players take for formatting."""
        return one_line(text).translate(_HARMLESS)
