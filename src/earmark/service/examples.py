"""Recordings to try the page on: those of the repository's `examples`, which come with the package."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path


@dataclass(frozen=True)
class Recording:
    """One of them: its file, the key of its title in the page's words, and what to look for."""

    name: str
    title_key: str
    task: str


EXAMPLES = (
    Recording("street.mp4", "example_street", "caption"),
    Recording("five_words.flac", "example_words", "words"),
)


def folder() -> Path:
    """Where they lie: in the package, or beside it in a checkout."""
    packaged = Path(str(resources.files("earmark"))) / "examples"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "examples"
