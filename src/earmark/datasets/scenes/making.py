"""A batch of scenes of one group, whose clips are decoded once for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earmark.datasets.scenes.plan import Plan, Scene, draw
from earmark.datasets.scenes.rendering import render
from earmark.datasets.scenes.store import Store
from earmark.events.timeline import Event
from earmark.media.writing import write_samples


@dataclass(frozen=True)
class Batch:
    """Scenes of one group that are made together."""

    numbers: tuple[int, ...]

    @property
    def name(self) -> str:
        """The file that notes what was made."""
        return f"{self.numbers[0]:06}-{self.numbers[-1]:06}.json"


def make(plan: Plan, out: Path, batch: Batch) -> list[dict[str, Any]]:
    """Write a batch's scenes below a folder; what is noted of each: path, labels, source, fold, split, events.

    Raises:
        EarmarkError: a clip cannot be read, or the disk does not take the scenes.
    """
    sounds = Store(plan.rate)
    made = []
    for number in batch.numbers:
        scene = draw(plan, number)
        samples, events = render(plan, scene, sounds)
        write_samples(out / scene.name, [samples], plan.rate)
        made.append(_noted(plan, scene, events))
    return made


def _noted(plan: Plan, scene: Scene, events: list[Event]) -> dict[str, Any]:
    return {
        "path": scene.name,
        "labels": sorted({event.label for event in events}),
        "source": f"scenes/fold-{scene.fold + 1}",
        "fold": scene.fold + 1,
        "split": plan.split(scene.fold),
        "events": [[event.onset, event.offset, event.label] for event in events],
    }
