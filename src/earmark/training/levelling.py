"""Thresholds chosen by recordings from elsewhere once a network is trained, and its scores levelled by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from earmark import datasets
from earmark.evaluation.events import annotated, tuning
from earmark.evaluation.events.choosing import ON, By
from earmark.evaluation.events.tuning import Known
from earmark.labels.groups import ancestors
from earmark.model import Description, Model, Threshold
from earmark.timeline import Array, Event, above, joined, log_odds, probabilities
from earmark.training.networks.mn import MobileNet
from earmark.training.recipe import Levelling

LEVEL = 0.5  # the score at which an event of any label begins


def known_of(model: Model, recipe: Levelling) -> Known:
    """What the model hears in the recipe's recordings, and what sounds in them, parents beside their children."""
    about, known = model.description, Known({}, {})
    for table in recipe.recordings:
        recordings = annotated.load(table)
        heard = tuning.hear_all(model, recordings.only(about.labels))
        known.scores.update({f"{table} {name}": scores for name, scores in heard.scores.items()})
        known.truth.update({f"{table} {name}": with_parents(about, own) for name, own in heard.truth.items()})
    return known


def with_parents(about: Description, events: Sequence[Event]) -> list[Event]:
    """Events, and beside each the same of its parent, its parent's parent and so on."""
    return joined(
        replace(event, label=label) for event in events for label in (event.label, *above(event.label, about.parents))
    )


def silence_of(model: Model, recipe: Levelling) -> dict[str, list[Array]]:
    """The scores [steps] that each label gets in recordings that do not hold it."""
    found: dict[str, list[Array]] = {label: [] for label in model.labels}
    for name, held in recipe.nothing.items():
        scores = tuning.scores_of(model, datasets.find(name))
        for column, label in enumerate(model.labels):
            if not {label, *ancestors(label)} & set(held):
                found[label].append(scores[:, column])
    return found


def thresholds(
    about: Description, known: Known, recipe: Levelling, silence: Mapping[str, Sequence[Array]] | None = None
) -> Description:
    """What the model says of itself, with the thresholds that fit what is known best.

    They rise until what is silent is marked for no more than the recipe allows; so do those of labels that sound
    nowhere, which then rise by its margin.

    Args:
        about: the model.
        known: what it hears in recordings whose events are known.
        recipe: what is made as good as can be.
        silence: by label, further scores [steps] where it does not sound.
    """
    best = By(None if recipe.by == "events" else 1.0, None if recipe.by == "segments" else 0.5, beta=recipe.beta)
    there = {event.label for events in known.truth.values() for event in events}
    chosen = dict(about.thresholds)
    for column, label in enumerate(about.labels):
        scores = {name: own[:, [column]] for name, own in known.scores.items()}
        silent_ones = list((silence or {}).get(label, ()))
        if label in there:
            own = tuning.tune(replace(about, labels=(label,)), Known(scores, known.truth), best)
            chosen[label] = own.threshold(label)
        else:
            silent_ones += [one[:, 0] for one in scores.values()]
        if silent_ones:
            nowhere = np.concatenate(silent_ones)
            steps = round(recipe.false_seconds * len(nowhere) / 3600)
            chosen[label] = silent(chosen.get(label, about.threshold(label)), nowhere, steps)
            if label not in there:
                chosen[label] = raised(chosen[label], recipe.margin)
    return replace(about, thresholds=chosen)


def silent(before: Threshold, scores: Array, steps: int) -> Threshold:
    """The threshold of a label that is nowhere: that before, or the first above it that so many steps reach at most."""
    highest = np.sort(scores)[-1 - min(steps, len(scores) - 1)]
    on = next((one for one in ON if one >= before.on and one > highest), ON[-1])
    return Threshold(on, min(before.off, on))


def raised(before: Threshold, odds: float) -> Threshold:
    """The threshold so much higher in log-odds, on and off alike."""
    edges = log_odds(np.array([before.on, before.off], np.float32), exclusive=False) + np.float32(odds)
    return Threshold(*(float(edge) for edge in probabilities(edges, exclusive=False)))


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
