"""Which classes occur together: what else the clips of the wanted classes carry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from earmark.datasets.audioset.ontology import Ontology
from earmark.datasets.audioset.segment import Segment
from earmark.datasets.audioset.selection import Selection, Wanted


@dataclass(frozen=True)
class Together:
    """A co-occurrence matrix: of the clips that hold a wanted class, how many carry another.

    A class stands beside its own kin, above and below it in the ontology, in almost every clip: that says nothing of
    what sounds together, and is not counted.
    """

    rows: tuple[str, ...]
    """Labels of the wanted classes."""
    clips: tuple[int, ...]
    """How many hold each of them."""
    columns: tuple[str, ...]
    """The wanted classes again, and then AudioSet's other classes, as displayed: the one that occurs most with each
    wanted class, then the second of each, and so on."""
    matrix: tuple[tuple[int | None, ...], ...]
    """[rows, columns] clips; None for a class and its kin."""
    most: Mapping[str, Sequence[tuple[str, int]]]
    """Of each wanted class the classes that occur with it most, and in how many clips; one by one, whether wanted or
    not."""


def together(selection: Selection, ontology: Ontology, top: int = 10) -> Together:
    """Count what occurs together in all clips that hold a wanted class, before the rules take any of them away.

    Args:
        selection: From `select`.
        ontology: The graph, which says what is kin.
        top: How many of AudioSet's other classes are shown, in the matrix and for each class.
    """
    wanted = selection.rules.wanted
    kin = {one.label: _kin(one, ontology) for one in wanted}
    carried = {one.label: _carried(selection.holding[one.label], kin[one.label]) for one in wanted}
    columns = _columns(selection, carried.values(), ontology)[:top]
    return Together(
        rows=tuple(one.label for one in wanted),
        clips=tuple(len(selection.holding[one.label]) for one in wanted),
        columns=(*(one.label for one in wanted), *map(ontology.name, columns)),
        matrix=tuple(
            (
                *(_both(selection, one, other) for other in wanted),
                *(None if label in kin[one.label] else carried[one.label][label] for label in columns),
            )
            for one in wanted
        ),
        most={
            one.label: [(ontology.name(label), n) for label, n in _ranked(carried[one.label], ontology)[:top]]
            for one in wanted
        },
    )


def _kin(wanted: Wanted, ontology: Ontology) -> frozenset[str]:
    return ontology.ancestors(wanted.named) | ontology.descendants(wanted.named)


def _carried(segments: Iterable[Segment], kin: frozenset[str]) -> Counter[str]:
    """How many of the clips carry each class that is no kin."""
    return Counter(label for segment in segments for label in set(segment.labels) - kin)


def _columns(selection: Selection, carried: Iterable[Counter[str]], ontology: Ontology) -> list[str]:
    """The classes that are not wanted: each wanted one's first, then each one's second, and so on."""
    ranked = [[label for label, _ in _ranked(counted, ontology)] for counted in carried]
    strange = ([label for label in row if label not in selection.rules.carrying] for row in ranked)
    return list(dict.fromkeys(label for place in zip_longest(*strange) for label in place if label is not None))


def _both(selection: Selection, one: Wanted, other: Wanted) -> int | None:
    if one is other:
        return None
    return sum(other.holds(frozenset(segment.labels)) for segment in selection.holding[one.label])


def _ranked(counted: Counter[str], ontology: Ontology) -> list[tuple[str, int]]:
    """Most first; of those that are equal, by name, so that the order does not depend on the tables' order."""
    return sorted(counted.items(), key=lambda pair: (-pair[1], ontology.name(pair[0])))
