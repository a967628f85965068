"""Thresholds chosen by recordings from elsewhere once a network is trained, and its scores levelled by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from earmark.evaluation.events import annotated, tuning
from earmark.evaluation.events.choosing import ON, By
from earmark.evaluation.events.tuning import Known
from earmark.model import Description, Threshold, load_model
from earmark.timeline import Array, Event, joined, log_odds, probabilities
from earmark.training.networks.mn import MobileNet
from earmark.training.recipe import Levelling

LEVEL = 0.5  # the score at which an event of any label begins
SILENT = "where untaught labels do not sound"
FALSE_SECONDS = 0.5  # an hour, at most, of a label that sounds in none of the recordings


def known_of(about: Description, path: Path, recipe: Levelling) -> Known:
    """What the model file hears in the recipe's recordings, and what sounds in them, parents beside their children."""
    model, known = load_model(path), Known({}, {})
    for table in recipe.recordings:
        recordings = annotated.load(table)
        heard = tuning.hear_all(model, recordings.only(about.labels))
        known.scores.update({f"{table} {name}": scores for name, scores in heard.scores.items()})
        known.truth.update({f"{table} {name}": with_parents(about, own) for name, own in heard.truth.items()})
    return known


def with_parents(about: Description, events: Sequence[Event]) -> list[Event]:
    """Events, and beside each the same of its parent, its parent's parent and so on."""
    found: list[Event] = []
    for event in events:
        label: str | None = event.label
        while label is not None:
            found.append(replace(event, label=label))
            label = about.parents.get(label)
    return joined(found)


def thresholds(
    about: Description, known: Known, recipe: Levelling, untaught: Mapping[str, Array] | None = None
) -> Description:
    """What the model says of itself, with the thresholds that fit what is known best.

    Those of labels that sound nowhere rise until they are silent but for `FALSE_SECONDS` an hour.

    Args:
        about: the model.
        known: what it hears in recordings whose events are known.
        recipe: what is made as good as can be.
        untaught: further scores of labels that nothing was taught, where none of them sounds; [steps] by label.
    """
    best = By(None if recipe.by == "events" else 1.0, None if recipe.by == "segments" else 0.5, beta=recipe.beta)
    there = {event.label for events in known.truth.values() for event in events}
    chosen = dict(about.thresholds)
    for column, label in enumerate(about.labels):
        scores = {name: own[:, [column]] for name, own in known.scores.items()}
        if untaught and label in untaught:
            scores[SILENT] = untaught[label][:, None]
        if label in there:
            own = tuning.tune(replace(about, labels=(label,)), Known(scores, known.truth), best)
            chosen[label] = own.threshold(label)
        else:
            everything = np.concatenate(list(scores.values()))[:, 0]
            steps = round(FALSE_SECONDS * len(everything) / 3600)
            chosen[label] = silent(about.threshold(label), everything, steps)
    return replace(about, thresholds=chosen)


def silent(before: Threshold, scores: Array, steps: int) -> Threshold:
    """The threshold of a label that is nowhere: that before, or the first above it that so many steps reach at most."""
    highest = np.sort(scores)[-1 - min(steps, len(scores) - 1)]
    on = next((one for one in ON if one >= before.on and one > highest), ON[-1])
    return Threshold(on, min(before.off, on))


@torch.no_grad()
def level(network: MobileNet, about: Description) -> Description:
    """Move each label's answers so that an event begins at `LEVEL`, whatever its threshold was; and the thresholds.

    So scores of different labels compare, and `sensitivity` moves all alike.
    """
    moved = log_odds(about.on, exclusive=False)
    network.answer.head.shift.sub_(torch.from_numpy(moved))
    off = probabilities(log_odds(about.off, exclusive=False) - moved, exclusive=False)
    chosen = {label: Threshold(LEVEL, round(float(one), 4)) for label, one in zip(about.labels, off, strict=True)}
    return replace(about, thresholds=chosen)
