"""The groups that sounds stand in, and the parent of each: what an uncertain model says instead."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Group:
    """Sounds of a kind.

    Attributes:
        heading: what the group is called, such as `animals`.
        parent: the label for a sound that is surely one of the group and not surely which; None where they have
            nothing in common to the ear.
        labels: of the group, without the parent.
    """

    heading: str
    parent: str | None
    labels: tuple[str, ...]


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


def ancestors(label: str) -> tuple[str, ...]:
    """The parent of a label, the parent's parent and so on, the nearest first.

    >>> ancestors("crow"), ancestors("speech")
    (('bird', 'animal'), ())
    """
    found: list[str] = []
    while (parent := parents().get(found[-1] if found else label)) is not None:
        found.append(parent)
    return tuple(found)
