"""What can go wrong for a user: one small family, each error one line that says which, what, and what to do."""

from __future__ import annotations

from typing import Any


class EarmarkError(Exception):
    """A mistake or a broken input that a user can mend.

    `str(error)` is the one line that a user reads: subject, reason, remedy.
    """

    def __init__(self, subject: object, reason: str, remedy: str = "") -> None:
        self.subject = str(subject)
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{self.subject}: {reason}" + (f"; {remedy}" if remedy else ""))

    def __reduce__(self) -> tuple[Any, ...]:
        """So that it comes whole out of another process."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[EarmarkError], args: tuple[Any, ...], state: dict[str, Any]) -> EarmarkError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class MediaError(EarmarkError):
    """A recording that cannot be opened or holds no audio that can be decoded."""


class DatasetError(EarmarkError):
    """A dataset that is missing, laid out differently, or inconsistent."""


class RecipeError(EarmarkError):
    """A recipe with an unknown key or a value that does not fit."""


class ModelError(EarmarkError):
    """A model file that is missing, damaged, or not one of ours."""


class ArgumentError(EarmarkError, ValueError):
    """An argument with a value that it cannot have.

    Attributes
    ----------
    argument
        Its name, as the function has it.
    value
        What was given.
    """

    def __init__(self, argument: str, value: object, reason: str, remedy: str = "") -> None:
        self.argument, self.value = argument, value
        super().__init__(f"{argument}={value!r}", reason, remedy)


class MissingExtraError(EarmarkError):
    """A part of Earmark whose optional dependencies are not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(what, "is not installed here", f"pip install 'earmark[{extra}]'")


class EarmarkWarning(UserWarning):
    """Something was wrong, and the work went on without it: the message says what and how much."""
