"""Put subtitles into a copy of a video, its pictures and sound untouched."""

from __future__ import annotations

import contextlib
from pathlib import Path

import av

from earmark.errors import EarmarkError
from earmark.media.copying import Copy, OnProgress
from earmark.media.opening import open_container
from earmark.util.atomic import atomic_write

TITLE = "Sounds (Earmark)"

CONTAINERS = {".mkv": "matroska", ".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".webm": "webm"}
"""FFmpeg's name of each kind of file that subtitles can be put into, by its suffix."""

# ISO 639-1 to ISO 639-2/T, which MP4 wants.
_CODES = (
    "ar:ara bg:bul ca:cat cs:ces da:dan de:deu el:ell en:eng es:spa et:est eu:eus fa:fas fi:fin fr:fra ga:gle gl:glg "
    "he:heb hi:hin hr:hrv hu:hun id:ind is:isl it:ita ja:jpn ko:kor lt:lit lv:lav mk:mkd mt:mlt nb:nob nl:nld no:nor "
    "pl:pol pt:por ro:ron ru:rus sk:slk sl:slv sq:sqi sr:srp sv:swe th:tha tr:tur uk:ukr vi:vie zh:zho"
)
_LANGUAGES = dict(pair.split(":") for pair in _CODES.split())

# ISO 639-2/T to /B, which Matroska wants, where they differ.
_BIBLIOGRAPHIC = {
    "ces": "cze", "deu": "ger", "ell": "gre", "eus": "baq", "fas": "per", "fra": "fre", "isl": "ice", "mkd": "mac",
    "nld": "dut", "ron": "rum", "slk": "slo", "sqi": "alb", "zho": "chi",
}  # fmt: skip
_QUICKTIME = {code: _BIBLIOGRAPHIC[code] for code in ("deu", "ell", "isl", "nld", "sqi", "zho")}  # which mixes the two
_SPELT = {"matroska": _BIBLIOGRAPHIC, "webm": _BIBLIOGRAPHIC, "mov": _QUICKTIME}


def mux(
    video: Path,
    subtitles: str,
    out: Path,
    *,
    language: str = "und",
    title: str = TITLE,
    overwrite: bool = False,
    progress: OnProgress | None = None,
) -> Path:
    """Write a copy of a video that has these subtitles as one more track. Memory hardly grows with its length.

    The packets of pictures, sound and subtitles are copied as they are, with their times; so are chapters, attachments,
    metadata, languages, dispositions, rotation and the like. A copy of another kind than the video begins at 0:00, and
    subtitles in a form that it cannot hold are converted, if they are text. The
    new track is marked as being for the hearing impaired, and not as the one to be shown by default. Tracks of data,
    such as a camera's movements, are left out with an `EarmarkWarning` where the copy cannot hold them.

    Args:
        video: a video, or audio, that FFmpeg can read.
        subtitles: the text of an SRT or VTT file, times from what a player shows as 0:00; may be without any.
        out: the copy; its suffix, one of `CONTAINERS`, says its kind. It is there whole or not at all.
        language: of the subtitles, as an ISO 639 code of two or three letters.
        title: what players call the track.
        overwrite: replace a file that is there.
        progress: told how far the work has come, once for each second of the video at most.

    Returns:
        out.

    Raises:
        EarmarkError: `out` is the video itself, is there already, cannot be written or cannot hold the video's tracks;
            or the subtitles are neither SRT nor VTT.
        MediaError: the video cannot be read, or is damaged.
    """
    container = check_output(out, video, overwrite)
    with open_container(video) as source:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(out) as part, Copy(video, source, part, container) as copy:
                copy.write(subtitles, iso639_2(language, container), title, progress)
        except (OSError, av.FFmpegError) as error:
            raise EarmarkError(out, f"cannot be written ({error.strerror})") from error
    return out


def check_output(out: Path, video: Path, overwrite: bool) -> str:
    """What FFmpeg calls the kind of file that `out` is to be.

    Raises:
        EarmarkError: no subtitles can be put into this kind; it is the video itself, or there already.
    """
    container = CONTAINERS.get(out.suffix.lower())
    if container is None:
        raise EarmarkError(out, "is no kind of file that subtitles are put into", f"end it in {', '.join(CONTAINERS)}")
    with contextlib.suppress(OSError):  # one of them is missing: told elsewhere, if it matters
        if out.samefile(video):
            raise EarmarkError(out, "is the video itself", "give the copy another name")
    if out.exists() and not overwrite:
        raise EarmarkError(out, "is there already", "choose another name, or --overwrite")
    return container


def iso639_2(language: str, container: str = "mp4") -> str:
    """A language's code of three letters, as this kind of file has it; `und` where it is unknown.

    >>> iso639_2("el"), iso639_2("el", "matroska"), iso639_2("pt-BR"), iso639_2("gsw"), iso639_2("Bavarian")
    ('ell', 'gre', 'por', 'gsw', 'und')
    """
    code = language.lower().replace("_", "-").partition("-")[0]
    three = code if len(code) == 3 and code.isascii() and code.isalpha() else _LANGUAGES.get(code, "und")
    return _SPELT.get(container, {}).get(three, three)
