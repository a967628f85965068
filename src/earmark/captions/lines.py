"""Phrases as lines on the screen: how wide they are, where they break, how long they take to read."""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import east_asian_width

from earmark.captions.rules import ReadingRules


def width(text: str, rules: ReadingRules) -> float:
    """How many of a line's characters a text takes: one each, or less where the rules say so."""
    if rules.narrow == 1:
        return len(text)
    return sum(1 if east_asian_width(c) in "WF" else rules.narrow for c in text)


def bracketed(phrase: str, rules: ReadingRules) -> tuple[str, ...]:
    """A phrase in brackets, in lines; what does not fit is cut off with an ellipsis."""
    lines = _wrapped(f"[{phrase}]", rules)
    if len(lines) > rules.lines:
        lines = lines[: rules.lines]
        while lines[-1] and width(lines[-1] + "…]", rules) > rules.characters:
            lines[-1] = lines[-1][:-1]
        lines[-1] = lines[-1].rstrip() + "…]"
    return tuple(lines)


def reading_time(lines: Iterable[str], rules: ReadingRules) -> float:
    """Seconds that reading these lines takes: by the word, or by the character where that is longer."""
    lines = tuple(lines)
    words = sum(len(line.split()) for line in lines)
    return max(rules.per_word * words, rules.per_character * sum(width(line, rules) for line in lines))


def _wrapped(text: str, rules: ReadingRules) -> list[str]:
    """Lines broken at spaces; a word that no line holds fills what is left of one and goes on in the next."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if width(joined, rules) <= rules.characters:
            lines[-1] = joined
        elif width(word, rules) <= rules.characters:
            lines.append(word)
        else:
            *full, last = _cut(joined, rules)
            lines[-1:] = [*full, last]
    return lines


def _cut(text: str, rules: ReadingRules) -> list[str]:
    """A text cut to the width of the line, wherever that is."""
    pieces = [""]
    for c in text:
        if width(pieces[-1] + c, rules) > rules.characters:
            pieces.append("")
        pieces[-1] += c
    return [piece.strip() for piece in pieces if piece.strip()]
