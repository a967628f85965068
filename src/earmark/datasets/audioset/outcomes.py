"""What can become of a clip that was asked for, and why."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What became of a clip."""

    DONE = "done"
    """Its file is in place."""
    GONE = "gone"
    """The video was removed, or its account closed."""
    PRIVATE = "private"
    """The video is for its owner, for members or for those who pay."""
    AGE = "age"
    """The video asks for a signed-in grown-up."""
    REGION = "region"
    """The video is not shown in this country."""
    REFUSED = "refused"
    """The server did not give it this time, or did not say why: a later run tries again."""
    EMPTY = "empty"
    """There is no sound where the clip should be."""
    DAMAGED = "damaged"
    """It cannot be decoded, or much of its span is missing."""


LASTING = frozenset(Outcome) - {Outcome.DONE, Outcome.REFUSED}
"""Failures that asking again does not mend."""


class ClipError(Exception):
    """A clip that was not had.

    `str(failure)` is what the ledger keeps. A failure that is `REFUSED` may pass.
    """

    def __init__(
        self,
        outcome: Outcome,
        message: str,
        *,
        again: bool = False,
        blocked: bool = False,
        wait: float | None = None,
    ) -> None:
        """See the attributes.

        Args:
            outcome: What it is.
            message: Why, in one line.
            again: Whether it may have passed in a while, within the same run.
            blocked: Whether the server turns us away rather than this clip: all workers must hold back.
            wait: Seconds that the server asked us to wait.
        """
        super().__init__(" ".join(message.split()))
        self.outcome = outcome
        self.again = again
        self.blocked = blocked
        self.wait = wait
