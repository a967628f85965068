"""Which sounds go first where not all fit the screen; labels/priority.toml says it for ours, and why."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from enum import IntEnum
from functools import cache
from importlib import resources
from types import MappingProxyType

from earmark.errors import EarmarkError


class Priority(IntEnum):
    """The lower goes first."""

    ALARM = 0
    ORDINARY = 1
    AMBIENT = 2


def priorities(table: Mapping[str, object], where: object) -> dict[str, Priority]:
    """The classes of a file's [priority] table: label = "alarm", "ordinary" or "ambient".

    Raises:
        EarmarkError: a class is none of these. `where` names the file.
    """
    names = {priority.name.lower(): priority for priority in Priority}
    found: dict[str, Priority] = {}
    for label, name in table.items():
        if not isinstance(name, str) or name not in names:
            raise EarmarkError(where, f"{label} has the priority {name!r}", "choose from: " + ", ".join(names))
        found[label] = names[name]
    return found


@cache
def usual_priorities() -> Mapping[str, Priority]:
    """The classes of the labels that Earmark knows; others are ordinary."""
    file = resources.files("earmark.labels") / "priority.toml"
    return MappingProxyType(priorities(tomllib.loads(file.read_text(encoding="utf-8"))["priority"], file))
