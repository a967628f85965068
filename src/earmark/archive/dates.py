"""When a recording began, as its name or its header says: never its modification time, which copying changes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import BinaryIO

from earmark.errors import MediaError
from earmark.media.opening import open_container

_NAME = re.compile(
    r"(?<!\d)(?P<year>\d{4})[-_.]?(?P<month>\d\d)[-_.]?(?P<day>\d\d)[T_\-. ]{0,3}"
    r"(?P<hour>\d\d)[-_.:h]?(?P<minute>\d\d)[-_.:m]?(?P<second>\d\d)(?:[.,](?!3g[p2]$)(?P<fraction>\d{1,6}))?(?!\d)",
    re.IGNORECASE,
)
_AUDIOMOTH = re.compile(r"Recorded at (\d\d):(\d\d):(\d\d)(?:\.\d+)? (\d\d)/(\d\d)/(\d{4})")
_CLOCKS_START = (1904, 1970)  # MP4's and Unix's: a device whose clock was never set says that


def from_name(name: str) -> datetime | None:
    """The date and time in a file's name: 20260511_053000, 2026-05-11T05-30-00, SITE_20260511_053000.wav and so on.

    No time zone: it is whatever the recorder's clock showed. None where the name holds no whole date and time.
    """
    for found in _NAME.finditer(PurePosixPath(name).name):
        parts = [int(found[key]) for key in ("year", "month", "day", "hour", "minute", "second")]
        moment = _moment(*parts, int((found["fraction"] or "0").ljust(6, "0")))
        if moment is not None:
            return moment
    return None


def from_header(source: str | BinaryIO) -> datetime | None:
    """The date and time in a recording's header, as it stands there; None where there is none. A file is begun anew.

    MP4, MOV and Matroska say `creation_time`, in UTC as a rule; Broadcast WAV has a date and a time of day (EBU Tech
    3285); AudioMoth recorders write a comment.
    """
    try:
        with open_container(source, tried=True) as container:
            return from_metadata(container.metadata)
    except MediaError:
        return None


def from_metadata(metadata: Mapping[str, str]) -> datetime | None:
    """The same from the header's fields, by FFmpeg's names."""
    fields = {key.lower(): value.strip() for key, value in metadata.items()}
    created, day = fields.get("creation_time", ""), fields.get("date", "")
    for text in (created, f"{day}T{created}", day):
        moment = _iso(text)
        if moment is not None:
            return moment
    found = _AUDIOMOTH.search(fields.get("comment", ""))
    if found is None:
        return None
    hour, minute, second, day_, month, year = map(int, found.groups())
    return _moment(year, month, day_, hour, minute, second)


def _iso(text: str) -> datetime | None:
    if ":" not in text:  # a date alone, as music has it, says when it was published
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return _believed(moment.replace(tzinfo=None))


def _moment(*parts: int) -> datetime | None:
    try:
        return _believed(datetime(*parts))  # type: ignore[arg-type]
    except ValueError:
        return None


def _believed(moment: datetime) -> datetime | None:
    first_day = (moment.month, moment.day) == (1, 1) and moment.year in _CLOCKS_START
    return None if first_day or not 1900 <= moment.year <= datetime.now(UTC).year + 1 else moment
