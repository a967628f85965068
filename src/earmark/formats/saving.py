"""A file for what was found, its format told by the file's suffix."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from earmark.errors import ArgumentError
from earmark.events.timeline import Timeline
from earmark.formats import FORMATS, Format, for_name
from earmark.formats.jams_format import Jams
from earmark.formats.words_files import WORD_FORMATS
from earmark.speech.segmentation import Words
from earmark.util.atomic import write_whole

CAPTIONS = (".vtt", ".srt")


def save(found: Any, path: Path, **options: Any) -> Path:
    """Write a timeline or words to a file, whole or not at all; see `earmark.results.Result.save`.

    Parameters
    ----------
    found
        A `Timeline` or `Words`.
    path
        The file, with the suffix of a format. One that is there is replaced.
    **options
        Of captions: those of `for_name`.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ArgumentError
        The suffix is that of no format, or the format has no options.
    EarmarkError
        The file cannot be written.
    """
    forms = _forms(found)
    suffix = path.suffix.lower()
    if suffix not in forms:
        raise ArgumentError("path", str(path), "ends as no format does", "end it in " + ", ".join(forms))
    form = forms[suffix]
    if options:
        if suffix not in CAPTIONS:
            name, value = next(iter(options.items()))
            raise ArgumentError(name, value, f"is for captions, not for {suffix}", "end the name in .vtt or .srt")
        form = for_name(form.name, **options)
    text = io.StringIO(newline="")
    form.write(found, text)
    write_whole(path, text.getvalue())
    return path


def _forms(found: object) -> dict[str, Format[Any]]:
    """The formats of such a result, by suffix in small letters: the last one, of `.words.csv`."""
    if isinstance(found, Words):
        return {Path(f"x{form.suffix}").suffix.lower(): form for form in WORD_FORMATS.values()}
    if isinstance(found, Timeline):
        return {form.suffix.lower(): form for form in (*FORMATS.values(), Jams())}
    raise TypeError(f"a timeline or words are saved, not {type(found).__name__}")
