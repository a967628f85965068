"""Results as files: one small class a format, chosen by name from a table.

    FORMATS["csv"].write(timeline, file)          # a text stream, opened with newline="" and encoding="utf-8"
    FORMATS["csv"].write_many(timelines, file)    # several recordings in one file, where the format has a way
    for_name("vtt", language="en").write(timeline, file)
    SECONDS_FORMATS["csv"].write(seconds, file)   # the labels of each second, as `earmark.seconds` gives them
    read(Path("corrected.csv"))                   # labels that a person drew or mended
    save(timeline, Path("a.vtt"))                 # the format told by the suffix

plain_text.py holds what is for people's eyes rather than for programs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from earmark.errors import ArgumentError, EarmarkError
from earmark.formats.annotations import Audacity, Rttm, WordsAudacity
from earmark.formats.base import Format, Reader
from earmark.formats.dialogue import WordsCtm, WordsSrt, WordsVtt
from earmark.formats.json_files import F0Json, Jams, Json, SecondsJson, WordsJson
from earmark.formats.subtitles import Srt, Vtt
from earmark.formats.tables import Csv, F0Csv, SecondsCsv, WordsCsv
from earmark.formats.textgrid import TextGrid, WordsTextGrid
from earmark.util.atomic import write_text

if TYPE_CHECKING:
    from earmark.captions import ReadingRules
    from earmark.events.seconds import Seconds
    from earmark.events.timeline import Timeline
    from earmark.speech.segmentation import Words

__all__ = ["F0_FORMATS", "FORMATS", "SECONDS_FORMATS", "WORD_FORMATS", "Format", "Reader", "for_name", "read", "save"]

FORMATS: dict[str, Format[Timeline]] = {
    "json": Json(),
    "csv": Csv(),
    "vtt": Vtt(),
    "srt": Srt(),
    "textgrid": TextGrid(),
    "audacity": Audacity(),
    "rttm": Rttm(),
}
"""Every format of timelines, by the name that `--to` takes; captions in English within the usual reading rules."""

SECONDS_FORMATS: dict[str, Format[Seconds]] = {"json": SecondsJson(), "csv": SecondsCsv()}
"""Every format of the labels of each second; suffixes begin with `.seconds`, so that none takes the place of events."""

WORD_FORMATS: dict[str, Format[Words]] = {
    "json": WordsJson(),
    "csv": WordsCsv(),
    "textgrid": WordsTextGrid(),
    "audacity": WordsAudacity(),
    "srt": WordsSrt(),
    "vtt": WordsVtt(),
    "ctm": WordsCtm(),
}
"""Every format of words. All suffixes begin with `.words`: a file that a classifier made thus never takes the name, nor
the place, of the ground truth that a person drew beside the same recording."""

F0_FORMATS: dict[str, Format[Words]] = {"json": F0Json(), "csv": F0Csv()}
"""Every format of words that holds F0 every 10 ms."""

CAPTIONS = {"vtt": Vtt, "srt": Srt}


def for_name(
    name: str,
    language: str = "en",
    rules: ReadingRules | None = None,
    include_speech: bool = False,
) -> Format[Timeline]:
    """The format of this name; language, rules and speech matter to captions only."""
    if name in CAPTIONS:
        return CAPTIONS[name](language, rules, include_speech)
    if name not in FORMATS:
        raise EarmarkError(f"format {name}", "is not known", "choose from: " + ", ".join(FORMATS))
    return FORMATS[name]


def read(path: Path) -> Timeline:
    """The timeline in a file, its format told by the file's suffix."""
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


def save(found: Any, path: Path, **options: Any) -> Path:
    """Write a timeline or words to a file, whole or not at all: what `earmark.events.results.Result.save` does.

    Options are those of `for_name`, of captions.
    """
    forms = _forms(found)
    suffix = path.suffix.lower()
    if suffix not in forms:
        raise ArgumentError("path", str(path), "ends as no format does", "end it in " + ", ".join(forms))
    form = forms[suffix]
    if options:
        if form.name not in CAPTIONS:
            name, value = next(iter(options.items()))
            raise ArgumentError(name, value, f"is for captions, not for {suffix}", "end the name in .vtt or .srt")
        form = for_name(form.name, **options)
    write_text(path, form.text(found))
    return path


def _forms(found: object) -> dict[str, Format[Any]]:
    """The formats of such a result, by suffix in small letters: the last one, of `.words.csv`."""
    from earmark.events.timeline import Timeline
    from earmark.speech.segmentation import Words

    if isinstance(found, Words):
        return {Path(f"x{form.suffix}").suffix.lower(): form for form in WORD_FORMATS.values()}
    if isinstance(found, Timeline):
        return {form.suffix.lower(): form for form in (*FORMATS.values(), Jams())}
    raise TypeError(f"a timeline or words are saved, not {type(found).__name__}")


def _encoding(path: Path) -> str:
    """UTF-8, or UTF-16 where a byte order mark says so: Praat writes that for non-ASCII text."""
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
