"""Sources divided into groups, before anything is drawn: no recording is heard in two of them."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Set
from pathlib import Path

from earmark.datasets.clip import Clip

Kind = Hashable
"""What a source is good for, such as a role and a label: each kind is spread over all groups."""


def one_name_a_recording(clips: Iterable[Clip]) -> dict[str, str]:
    """For each source the name of the recording it belongs to.

    Datasets may call one recording by two names, such as a table that lists files of another dataset: sources
    that share a file are one. The name is the first in the alphabet of those that belong together.
    """
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        while parents.setdefault(name, name) != name:
            parents[name] = parents[parents[name]]
            name = parents[name]
        return name

    first_of: dict[Path, str] = {}
    for clip in clips:
        one, other = sorted((root(clip.source), root(first_of.setdefault(clip.path.resolve(), clip.source))))
        parents[other] = one
    return {name: root(name) for name in list(parents)}


def divide(sources: Mapping[str, Set[Kind]], folds: int, seed: int) -> dict[str, int]:
    """The group, from 0, of each source.

    Each kind's sources are dealt out as evenly as can be, the rarest kind first, in an order that their names and
    the seed make. The order in which sources are given does not matter.

    Args:
        sources: what each is good for, by its name.
        folds: groups.
        seed: another one divides otherwise.
    """
    of_kind: dict[Kind, list[str]] = defaultdict(list)
    for name, kinds in sources.items():
        for kind in kinds:
            of_kind[kind].append(name)
    have: Counter[tuple[int, Kind]] = Counter()
    sizes: Counter[int] = Counter()
    groups: dict[str, int] = {}
    for kind in sorted(of_kind, key=lambda kind: (len(of_kind[kind]), repr(kind))):
        turn = _digest(repr(kind), seed)
        for name in sorted(of_kind[kind], key=lambda name: (_digest(name, seed), name)):
            if name in groups:
                continue
            group = min(range(folds), key=lambda g: (have[g, kind], sizes[g], (g + turn) % folds))
            groups[name] = group
            sizes[group] += 1
            have.update((group, each) for each in sources[name])
    return groups


def _digest(text: str, seed: int) -> int:
    """A number that looks drawn by lot, the same everywhere."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{text}".encode(errors="surrogatepass"), digest_size=8).digest())
