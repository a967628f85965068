"""Whether a recording's own licence lets everybody use what is learned from it, also for money."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from earmark.datasets.clip import Clip
from earmark.errors import DatasetError

Use = Literal["any", "commercial"]

_FREE = re.compile(r"CC0|CC[ -]BY|Public Domain|GPL|MPL|ODbL|Free Art|Pixabay|Apache|\bMIT\b|BSD", re.IGNORECASE)
_NOT = re.compile(r"\bNC\b|non-?commercial|sampling|not stated|not known", re.IGNORECASE)


def allows_commercial_use(licence: str) -> bool:
    """Whether a licence, as tables name it, is known to allow commercial use.

    What stands in brackets tells who gives it, and does not count; of one that is not named, nothing is known.

    >>> allows_commercial_use("CC BY 3.0 (someone)"), allows_commercial_use("CC BY-NC 3.0"), allows_commercial_use("")
    (True, False, False)
    """
    named = licence.split("(")[0]
    return bool(_FREE.search(named)) and not _NOT.search(named)


def of_use(subject: object, clips: Iterable[tuple[Clip, str]], use: str) -> list[Clip]:
    """The clips, given with their licences, that may be used so.

    Raises:
        DatasetError: the use is none of those known, or no clip is left.
    """
    if use not in ("any", "commercial"):
        raise DatasetError(subject, f"use={use!r} is no choice", "choose any or commercial")
    kept = [clip for clip, licence in clips if use == "any" or allows_commercial_use(licence)]
    if not kept:
        raise DatasetError(subject, "has no clip whose licence is known to allow commercial use", "leave out use")
    return kept
