"""What a listener tells: a sound begins, its caption changes, it ends."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Begin:
    """A sound has begun.

    Attributes:
        id: counts the sounds that one listener has heard; its changes and its end name it.
        label: the model's name for it.
        text: its caption, without brackets.
        onset: where it began, seconds since the first sample.
        score: its best score so far, 0..1.
        alarm: whether it calls for something to be done at once: see labels/priority.toml.
    """

    id: int
    label: str
    text: str
    onset: float
    score: float
    alarm: bool


@dataclass(frozen=True, slots=True)
class Change:
    """It goes on, and its caption or its best score has changed."""

    id: int
    label: str
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class End:
    """It has ended, `offset` seconds since the first sample."""

    id: int
    offset: float


AnyChange = Begin | Change | End


def message(change: AnyChange) -> dict[str, Any]:
    """A change as the plain values that a socket or a pipe carries."""
    return {"type": type(change).__name__.lower(), **asdict(change)}
