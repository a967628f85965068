"""Labels of a dataset beside those of a model: what is said where they do not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from earmark.errors import ArgumentError

SOME = 8  # labels that a message names


def check_new_names(names: Mapping[str, str], known: Sequence[str]) -> None:
    """Refuse to call a label what the model does not know.

    Raises:
        ArgumentError: a new name is none of the model's labels.
    """
    for new in sorted(set(names.values()) - set(known)):
        close = get_close_matches(new, known) or known
        raise ArgumentError("relabel", new, "is no label of the model", f"it knows {', '.join(close)}")


def some(labels: Sequence[str]) -> str:
    """The first of many labels."""
    return ", ".join(labels[:SOME]) + (", ..." if len(labels) > SOME else "")
