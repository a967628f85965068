"""Numbers as people choose them from a list: `3`, `2,4-6`, `all`."""

from __future__ import annotations

from earmark.errors import EarmarkError

LONGEST = 9  # digits: no list is longer, and Python refuses to read thousands of them


def chosen(text: str, count: int, option: str = "") -> list[int]:
    """The numbers from 1 to `count` that a text stands for, in the order given.

    Raises
    ------
    EarmarkError
        It stands for none, or one is out of range; `option` names where it was given.
    """
    wanted = ranges(text, option)
    if wanted is None:
        return list(range(1, count + 1))
    for each in wanted:
        if each[-1] > count:
            remedy = f"choose from 1 to {count}" if count > 1 else "there is only 1" if count else "there are none"
            raise EarmarkError(_subject(text, option), f"there is no {max(each[0], count + 1)}", remedy)
    return [number for each in wanted for number in each]


def ranges(text: str, option: str = "") -> list[range] | None:
    """The ranges that a text names; None for all. Errors as for `chosen`, but for numbers that are too large."""
    if text.strip().lower() == "all":
        return None
    found = []
    for part in text.split(","):
        ends = [end.strip() for end in part.split("-")]
        if len(ends) > 2 or not all(map(_is_number, ends)) or not 1 <= int(ends[0]) <= int(ends[-1]):
            raise EarmarkError(_subject(text, option), "is no list of numbers from 1", "write 3, or 2,4-6, or all")
        found.append(range(int(ends[0]), int(ends[-1]) + 1))
    return found


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= LONGEST


def _subject(text: str, option: str) -> str:
    return f"{option} {text.strip()}".strip()
