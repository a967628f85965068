"""What is said: given text cut into words, and sentences of random words."""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib import resources

import numpy as np

from earmark.errors import EarmarkError

SHORTEST, LONGEST = 3, 8  # words in a random sentence


def is_spoken(text: str) -> bool:
    """Whether a text holds a letter, a mark on one, or a digit: what has none is punctuation, and silent."""
    return any(unicodedata.category(character)[0] in "LMN" for character in text)


def words_of(text: str) -> list[str]:
    """The words of a text: what white space parts, without punctuation around it.

    >>> words_of('"Well," she said -- at 5.')
    ['Well', 'she', 'said', 'at', '5']
    """
    return [bare(token) for token in text.split() if is_spoken(token)]


def bare(token: str) -> str:
    """A token from its first letter or digit to its last."""
    spoken = [place for place, character in enumerate(token) if is_spoken(character)]
    return token[spoken[0] : spoken[-1] + 1]


def languages() -> tuple[str, ...]:
    """The languages that random sentences come in, ISO 639-1 codes."""
    files = resources.files(__package__).joinpath("words").iterdir()
    return tuple(sorted(file.name.removesuffix(".txt") for file in files if file.name.endswith(".txt")))


@cache
def vocabulary(language: str) -> tuple[str, ...]:
    """The words that random sentences of a language are made of.

    Raises EarmarkError: there is no list of that language.
    """
    if language not in languages():
        remedy = f"give sentences with --text or --file, or choose among {', '.join(languages())}"
        raise EarmarkError(f"language {language}", "has no list of words for random sentences", remedy)
    listed = resources.files(__package__).joinpath("words", f"{language}.txt")
    return tuple(listed.read_text(encoding="utf-8").split())


def random_sentence(language: str, random: np.random.Generator) -> str:
    """A few different words of a language in no order."""
    count = int(random.integers(SHORTEST, LONGEST + 1))
    return " ".join(random.choice(vocabulary(language), count, replace=False).tolist())
