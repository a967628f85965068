"""WebVTT, the captions of the web: https://www.w3.org/TR/webvtt1/."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from earmark.formats.captioned import CaptionFormat, timestamp
from earmark.util.text import one_line

if TYPE_CHECKING:
    from earmark.captions import Caption

_CLOCK = r"(?:\d{2,}:)?[0-5]\d:[0-5]\d\.\d{3}"
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})  # with > escaped there is no --> either


class Vtt(CaptionFormat):
    """A WebVTT file with a note that says who made it; lines end in LF."""

    name = "vtt"
    suffix = ".vtt"
    newline = "\n"
    standard_times = re.compile(rf"{_CLOCK}[ \t]+-->[ \t]+{_CLOCK}(?:[ \t]+[\w-]+:\S+)*[ \t]*$", re.ASCII)

    def write_captions(self, captions: Iterable[Caption], file: TextIO, model: str = "") -> None:
        """Write captions as they are."""
        file.write(f"WEBVTT\n\n{self.note(model)}\n")
        for caption in captions:
            lines = [self.times(caption.onset, caption.offset), *map(self.line, caption.lines)]
            file.write("\n" + "\n".join(lines) + "\n")

    def note(self, model: str = "") -> str:
        """A comment that names Earmark, the model and the language."""
        by = f", model {self.line(model)}" if model else ""
        language = self.language if isinstance(self.language, str) else self.language.language
        return f"NOTE Sounds marked by Earmark{by}, language {language}"

    def times(self, onset: float, offset: float) -> str:
        """Times with a point before the milliseconds."""
        return f"{timestamp(onset, '.')} --> {timestamp(offset, '.')}"

    def line(self, text: str) -> str:
        """Text with `&`, `<` and `>` escaped."""
        return one_line(text).translate(_ESCAPES)
