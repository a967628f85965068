"""What a plan would make, before it is made: counts by label, sources by fold, hours, size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from earmark.datasets.scenes.plan import Plan, Scene, draw
from earmark.datasets.scenes.pools import EVENTS, MUSIC, ROLES, SPEECH

FLAC_SHARE = 0.4  # of 16 bit samples that noisy scenes take as FLAC


def text(plan: Plan) -> str:
    """Some lines that say what a plan would make."""
    return "\n".join([*_size(plan), "", *_folds(plan), "", *_labels(plan)])


def counts(plan: Plan) -> dict[str, tuple[int, int]]:
    """For each label how many events are drawn, and in how many scenes it is.

    A talk, music or a background counts once. What finds no place or is covered by louder sounds is counted, too.
    """
    drawn: Counter[str] = Counter()
    scenes: Counter[str] = Counter()
    for number in range(plan.count):
        labels = list(_drawn(draw(plan, number)))
        drawn.update(labels)
        scenes.update(set(labels))
    return {label: (drawn[label], scenes[label]) for label in sorted(drawn)}


def megabytes(plan: Plan) -> float:
    """About how much the scenes take on disk."""
    return plan.count * plan.seconds * plan.rate * 2 * FLAC_SHARE / 1e6


def _drawn(scene: Scene) -> Iterator[str]:
    yield from {label for taken in scene.background for label in taken.clip.labels}
    yield from (label for event in scene.events for label in event.taken.clip.labels)
    yield from (label for label, track in ((SPEECH, scene.speech), (MUSIC, scene.music)) if track is not None)


def _size(plan: Plan) -> Iterator[str]:
    hours = plan.count * plan.seconds / 3600
    scenes = f"{plan.count:,} scenes of {plan.seconds:g} s at {plan.rate:,} Hz"
    yield f"{scenes}: {hours:,.1f} h, about {megabytes(plan):,.0f} MB"


def _folds(plan: Plan) -> Iterator[str]:
    yield f"{'':>4}  {'':<10}  {'':>6}  sources of"
    yield f"{'fold':>4}  {'split':<10}  {'scenes':>6}" + "".join(f"  {role:>10}" for role in ROLES)
    for fold, group in enumerate(plan.groups):
        scenes = len(range(fold, plan.count, len(plan.groups)))
        sources = "".join(f"  {len(group[role].sources):>10,}" for role in ROLES)
        yield f"{fold + 1:>4}  {plan.split(fold) or '':<10}  {scenes:>6,}{sources}"


def _labels(plan: Plan) -> Iterator[str]:
    found = counts(plan)
    width = max([5, *(len(label) for label in found)])
    yield f"{'label':<{width}}  {'events':>7}  {'scenes':>7}"
    for label, (events, scenes) in found.items():
        yield f"{label:<{width}}  {events:>7,}  {scenes:>7,}{_lacking(plan, label)}"


def _lacking(plan: Plan, label: str) -> str:
    """In which folds an event cannot happen, as no source there has it."""
    without = [str(n) for n, group in enumerate(plan.groups, start=1) if label not in group[EVENTS].labels]
    if not without or len(without) == len(plan.groups):
        return ""
    return f"  (no clip for events in fold {', '.join(without)})"
