"""As many pairs as possible between two sets, each member in at most one (Hopcroft and Karp, SIAM J. Comput. 2, 1973).

Which of several equally large matchings comes out decides what is left over, and so how many substitutions there are.
The order in which paths are tried is that of sed_eval, which has it from mir_eval, so that figures agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Reached = dict[int, list[int]]
"""For each right vertex that alternating paths reached, the left vertices just before it."""


def maximum_matching(graph: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """The largest matching of a bipartite graph.

    Args:
        graph: for each left vertex, the right ones that it fits.

    Returns:
        For each right vertex that is matched, its left one.
    """
    matched = _greedy(graph)
    while True:
        reached, before, ends = _layers(graph, matched)
        if not ends:
            return matched
        for end in ends:
            _augment(end, matched, reached, before)


def _greedy(graph: Mapping[int, Sequence[int]]) -> dict[int, int]:
    matched: dict[int, int] = {}
    for left, rights in graph.items():
        free = next((right for right in rights if right not in matched), None)
        if free is not None:
            matched[free] = left
    return matched


def _layers(
    graph: Mapping[int, Sequence[int]], matched: Mapping[int, int]
) -> tuple[Reached, dict[int, int | None], list[int]]:
    """The shortest alternating paths from free left vertices, and the free right vertices where they end.

    Beside what is reached, the right vertex before each left one, or None where a path begins.
    """
    taken = set(matched.values())
    before: dict[int, int | None] = {left: None for left in graph if left not in taken}
    reached: Reached = {}
    ends: list[int] = []
    layer = list(before)
    while layer and not ends:
        new: Reached = {}
        for left in layer:
            for right in graph[left]:
                if right not in reached:
                    new.setdefault(right, []).append(left)
        reached.update(new)
        ends = [right for right in new if right not in matched]
        layer = [matched[right] for right in new if right in matched]
        before.update((matched[right], right) for right in new if right in matched)
    return reached, before, ends


def _augment(right: int, matched: dict[int, int], reached: Reached, before: dict[int, int | None]) -> bool:
    """Turn a path over that ends in `right`, so that it holds one pair more; False where it is used up."""
    for left in reached.pop(right, ()):
        if left in before:
            previous = before.pop(left)
            if previous is None or _augment(previous, matched, reached, before):
                matched[right] = left
                return True
    return False
