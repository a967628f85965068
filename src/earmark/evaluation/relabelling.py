"""Labels of a dataset beside those of a model: called as the model calls them, and what is said of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from earmark.datasets import Clip, Dataset
from earmark.errors import ArgumentError
from earmark.models.model import Model

SOME = 8  # labels that a message names


def renamed(dataset: Dataset, names: Mapping[str, str], model: Model) -> Dataset:
    """A dataset with labels called as the model calls them.

    Raises
    ------
    ArgumentError
        One is no label of the dataset, or its new name none of the model.
    """
    for name in sorted(set(names) - set(dataset.labels)):
        has = f"it has {', '.join(dataset.labels)}"
        raise ArgumentError("relabel", name, "is no label of the dataset", has)
    check_new_names(names, model.labels)

    def rename(clip: Clip) -> Clip:
        return replace(clip, labels=tuple(dict.fromkeys(names.get(label, label) for label in clip.labels)))

    return dataset.map(rename)


def check_new_names(names: Mapping[str, str], known: Sequence[str]) -> None:
    """Refuse to call a label what the model does not know.

    Raises
    ------
    ArgumentError
        A new name is none of the model's labels.
    """
    for new in sorted(set(names.values()) - set(known)):
        close = get_close_matches(new, known) or known
        raise ArgumentError("relabel", new, "is no label of the model", f"it knows {', '.join(close)}")


def some(labels: Sequence[str]) -> str:
    """The first of many labels."""
    return ", ".join(labels[:SOME]) + (", ..." if len(labels) > SOME else "")
