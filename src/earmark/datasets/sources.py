"""Sources: which clips were cut from one recording, told by their file names, and how many of them are taken."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from earmark.datasets.clip import Clip
from earmark.errors import DatasetError


def compile_rule(root: Path, rule: str) -> re.Pattern[str]:
    """A regular expression with groups, whose matched groups name the source."""
    try:
        pattern = re.compile(rule)
    except re.error as error:
        raise DatasetError(root, f"source={rule!r} is not a regular expression ({error})") from error
    if not pattern.groups:
        raise DatasetError(root, f"source={rule!r} has no group", "put ( ) around what names the source")
    return pattern


def by_rule(root: Path, path: Path, rule: re.Pattern[str]) -> str:
    """What the groups of `rule` match in the path below `root`, joined by `-`."""
    name = path.relative_to(root).as_posix()
    found = rule.search(name)
    if found is None:
        raise DatasetError(path, f"the source rule {rule.pattern!r} does not fit {name}", "widen the rule")
    return "-".join(group for group in found.groups() if group)


def thin(root: Path, clips: Sequence[Clip], limit: int) -> list[Clip]:
    """At most `limit` clips of each source, taken evenly from its clips in order.

    Raises:
        DatasetError: the limit leaves nothing; `root` names the dataset.
    """
    if limit < 1:
        raise DatasetError(root, f"limit_per_source={limit} leaves nothing", "give 1 or more")
    groups: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        groups[clip.source].append(clip)
    return [clip for group in groups.values() for clip in _evenly(group, limit)]


def _evenly(group: list[Clip], limit: int) -> list[Clip]:
    if len(group) <= limit:
        return group
    return [group[number * len(group) // limit] for number in range(limit)]
