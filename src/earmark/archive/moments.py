"""Spans of time as people write them: lengths, times of the day, dates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import MAXYEAR, datetime, time, timedelta

from earmark.errors import EarmarkError

UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
"""Seconds of each."""

_LENGTH = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)", re.ASCII)
_HOURS = re.compile(r"(\d\d?):(\d\d)-(\d\d?):(\d\d)", re.ASCII)
_DATE = re.compile(r"(\d{4})(?:-(\d\d?)(?:-(\d\d?))?)?", re.ASCII)
_FORMS = "write 22:00-06:00, 2026, 2026-05, 2026-05-14 or 2026-05-01..2026-05-14"


@dataclass(frozen=True)
class Hours:
    """From one time of the day until another; past midnight where that is not later."""

    begin: time
    end: time


@dataclass(frozen=True)
class Dates:
    """From a moment until another."""

    begin: datetime
    end: datetime


During = Hours | Dates


def seconds(text: str, option: str) -> float:
    """The length that `5s`, `2min`, `1.5h`, `300ms` or plain seconds say.

    Raises:
        EarmarkError: it says none.
    """
    found = _LENGTH.fullmatch(text.strip().lower())
    if found is None or found[2] not in UNITS:
        raise EarmarkError(f"{option} {text}", "is no length of time", "write 5s, 2min, 1h or seconds")
    return float(found[1]) * UNITS[found[2]]


def during(text: str) -> During:
    """The span that `--during` names; of two dates both are in it.

    Raises:
        EarmarkError: it names none.
    """
    hours = _HOURS.fullmatch(text.strip())
    try:
        if hours is not None:
            begin, end = (_time(int(hours[i]), int(hours[i + 1])) for i in (1, 3))
            return Hours(begin, end)
        first, _, last = text.strip().partition("..")
        span = Dates(_dates(first).begin, _dates(last or first).end)
    except (ValueError, OverflowError) as error:
        raise EarmarkError(f"--during {text}", "is no span of time", _FORMS) from error
    if span.end <= span.begin:
        raise EarmarkError(f"--during {text}", "ends before it begins", _FORMS)
    return span


def _time(hour: int, minute: int) -> time:
    return time(0) if (hour, minute) == (24, 0) else time(hour, minute)


def _dates(text: str) -> Dates:
    """A year, a month or a day."""
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError(text)
    year, month, day = (int(part) if part else None for part in found.groups())
    assert year is not None
    if year == MAXYEAR:
        raise ValueError(text)
    if month is None:
        return Dates(datetime(year, 1, 1), datetime(year + 1, 1, 1))
    if day is None:
        return Dates(datetime(year, month, 1), datetime(year + month // 12, month % 12 + 1, 1))
    return Dates(datetime(year, month, day), datetime(year, month, day) + timedelta(days=1))
