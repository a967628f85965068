"""The groups that sounds stand in, and the parent of each: what an uncertain model says instead."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

OTHER = "other"  # the heading of labels that stand in no group, such as a user's own


@dataclass(frozen=True, slots=True)
class Group:
    """Sounds of a kind."""

    heading: str  # what the group is called, such as `animals`
    parent: str | None
    """The label for a sound that is surely one of the group and not surely which; None where they have nothing in
    common to the ear."""
    labels: tuple[str, ...]  # of the group, without the parent


@cache
def groups() -> tuple[Group, ...]:
    """All groups, in the order of `groups.toml`; each label stands in one of them, or is only a parent."""
    text = (resources.files("earmark.labels") / "groups.toml").read_text(encoding="utf-8")
    return tuple(
        Group(heading, table.get("parent"), tuple(table["labels"])) for heading, table in tomllib.loads(text).items()
    )


@cache
def grouped() -> frozenset[str]:
    """Every label that stands in a group or is the parent of one."""
    return frozenset(label for one in groups() for label in (*one.labels, one.parent) if label is not None)


@cache
def parents() -> Mapping[str, str]:
    """The parent of each label that has one; a parent may have a parent.

    >>> parents()["dog"], parents()["crow"], parents()["bird"], parents().get("speech")
    ('animal', 'bird', 'animal', None)
    """
    return MappingProxyType({label: one.parent for one in groups() if one.parent for label in one.labels})


def sorted_by_group(labels: Iterable[str]) -> tuple[Group, ...]:
    """The groups of these labels alone; those that stand in none come last, under `other`.

    A parent that is not among the labels is left out, and so is a group of which only a parent is there that another
    group has as a label.

    >>> [(one.heading, one.parent, one.labels) for one in sorted_by_group(["dog", "animal", "crow", "bird", "my_bell"])]
    [('animals', 'animal', ('bird', 'dog')), ('birds', 'bird', ('crow',)), ('other', None, ('my_bell',))]
    """
    given = dict.fromkeys(labels)
    in_a_group = {label for one in groups() for label in one.labels}
    found = []
    for one in groups():
        parent = one.parent if one.parent in given else None
        own = tuple(label for label in one.labels if label in given)
        if own or (parent is not None and parent not in in_a_group):
            found.append(Group(one.heading, parent, own))
    others = tuple(label for label in given if label not in grouped())
    return (*found, Group(OTHER, None, others)) if others else tuple(found)


def ancestors(label: str) -> tuple[str, ...]:
    """The parent of a label, the parent's parent and so on, the nearest first.

    >>> ancestors("crow"), ancestors("speech")
    (('bird', 'animal'), ())
    """
    return tuple(above(label, parents()))


def above(label: str, parents: Mapping[str, str]) -> Iterator[str]:
    """The labels above one by these parents, such as a model's, the nearest first."""
    while label in parents:
        label = parents[label]
        yield label
