"""Thresholds chosen by recordings from elsewhere once a network is trained, and its scores levelled by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from earmark import datasets
from earmark.captions import Priority
from earmark.captions.phrases import usual_priorities
from earmark.evaluation import annotated, tuning
from earmark.evaluation.clip_metrics import confidences
from earmark.evaluation.thresholds import ON, Objective, line_above, measures, of_label, rising
from earmark.evaluation.tuning import Known
from earmark.events.hysteresis import EventRules
from earmark.events.scores import log_odds, probabilities
from earmark.events.timeline import Event, joined
from earmark.labels.groups import above, ancestors
from earmark.models.labelling import recorded_scores
from earmark.models.model import Description, Model, Threshold
from earmark.training.networks.mn import MobileNet
from earmark.training.recipe import Levelling
from earmark.util.types import Array


def known_of(model: Model, recipe: Levelling) -> Known:
    """What the model hears in the recipe's recordings, and what sounds in them, parents beside their children."""
    about, known = model.description, Known({}, {})
    for table in recipe.recordings:
        recordings = annotated.load(table)
        scored = tuning.score_all(model, recordings.only(about.labels))
        known.scores.update({f"{table} {name}": scores for name, scores in scored.scores.items()})
        known.truth.update({f"{table} {name}": with_parents(about, own) for name, own in scored.truth.items()})
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
        scores = recorded_scores(model, datasets.find(name)).scores
        for column, label in enumerate(model.labels):
            if not {label, *ancestors(label)} & set(held):
                found[label].append(scores[:, column])
    return found


def floors_of(model: Model, recipe: Levelling) -> dict[str, float]:
    """By label, the score that it reaches in scenes of other sounds no longer than the recipe allows."""
    floors: dict[str, float] = {}
    for table, seconds in recipe.untaught.items():
        recordings = annotated.load(table)
        there = {own for label in recordings.labels for own in (label, *ancestors(label))}
        columns = [column for column, label in enumerate(model.labels) if label not in there]
        scores = np.concatenate([recorded_scores(model, clip.path).scores[:, columns] for clip in recordings.clips])
        highest = np.sort(scores, axis=0)[-1 - round(seconds * len(scores) / 3600)]
        for column, score in zip(columns, highest, strict=True):
            floors[model.labels[column]] = max(floors.get(model.labels[column], 0.0), float(score))
    return floors


def thresholds(
    about: Description,
    known: Known,
    recipe: Levelling,
    silence: Mapping[str, Sequence[Array]] | None = None,
    floors: Mapping[str, float] | None = None,
) -> Description:
    """What the model says of itself, with the thresholds that fit what is known best.

    They rise as long as an event where nothing happens costs more, by the recipe's price, than what is missed. Those of
    labels that sound nowhere rise above all they get, and then by the recipe's margin. By label, `silence` has further
    scores [steps] where it does not sound, and `floors` a score that its events begin above.
    """
    best = Objective(None if recipe.by == "events" else 1.0, None if recipe.by == "segments" else 0.5, beta=recipe.beta)
    there = {event.label for events in known.truth.values() for event in events}
    chosen = dict(about.thresholds)
    for column, label in enumerate(about.labels):
        alone = Known({name: own[:, [column]] for name, own in known.scores.items()}, known.truth)
        nothing = list((silence or {}).get(label, ()))
        if label in there:
            own = tuning.tune(replace(about, labels=(label,)), alone, best)
            alarm = usual_priorities().get(label) is Priority.ALARM
            price = recipe.alarm_price if alarm else recipe.price
            chosen[label] = worthwhile(own, alone, nothing, best, price)
        else:
            nowhere = np.concatenate([*nothing, *(one[:, 0] for one in alone.scores.values())])
            before = chosen.get(label, about.threshold(label))
            chosen[label] = with_margin(silent(before, float(nowhere.max())), recipe.margin)
        if floors and label in floors:
            chosen[label] = silent(chosen[label], floors[label])
    return replace(about, thresholds=chosen)


def worthwhile(about: Description, known: Known, nothing: Sequence[Array], by: Objective, price: float) -> Threshold:
    """The threshold of a model's one label with the best F, less the price of each event where nothing happens.

    Where events end stays as it is: what has surely begun is heard to its end.
    """
    (label,) = about.labels
    before = about.threshold(label)
    if not nothing:
        return before
    line = line_above({name: own[:, 0] for name, own in known.scores.items()}, about.step, before)
    silence = line_above({str(number): one for number, one in enumerate(nothing)}, about.step, before)
    counted = measures(of_label(known.truth, known.scores, label), line, by)

    def value(on: float) -> float:
        found = line.spans(line.stretches(on, before.off))
        false = silence.spans(silence.stretches(on, before.off))
        return by.value(count(found) for count in counted) - price * len(false.onset)

    return Threshold(max(rising(before), key=value), before.off)


def silent(before: Threshold, score: float) -> Threshold:
    """The threshold before, or the first above it that this score does not reach."""
    on = next((one for one in ON if one >= before.on and one > score), ON[-1])
    return Threshold(on, min(before.off, on))


def with_margin(before: Threshold, odds: float) -> Threshold:
    """The threshold so much higher in log-odds, on and off alike."""
    edges = log_odds(np.array([before.on, before.off], np.float32), exclusive=False) + np.float32(odds)
    return Threshold(*(float(edge) for edge in probabilities(edges, exclusive=False)))


@torch.no_grad()
def level(network: MobileNet, about: Description, known: Known) -> Description:
    """Move each label's answers so that events of all labels begin at one score, and what the model says of itself.

    So scores of different labels compare, and `sensitivity` moves all alike. They are stretched as well, so that an
    event's score is the share of such events that are right; where nothing known tells that, events begin at a half.
    """
    moved = log_odds(about.on, exclusive=False)
    off = log_odds(about.off, exclusive=False) - moved
    slope, shift = confidence(about, known)
    head = network.answer.head
    for part in (head.weight, head.bias, head.scale, head.shift):
        part.mul_(slope)
    head.shift.add_(torch.from_numpy(shift - slope * moved))
    on, *offs = probabilities(np.append(shift, slope * off + shift).astype(np.float32), exclusive=False)
    chosen = {
        label: Threshold(round(float(on), 4), round(float(one), 4))
        for label, one in zip(about.labels, offs, strict=True)
    }
    return replace(about, thresholds=chosen)


def confidence(about: Description, known: Known) -> tuple[float, float]:
    """What makes the odds of an event, over those at which one of its label begins, the odds that it is right.

    Platt (1999): a logistic regression, of all labels together. An event is right where its label sounds through half
    of it.

    Returns
    -------
    tuple[float, float]
        The slope, and the log-odds of an event that only just begins.
    """
    found: dict[str, list[Event]] = {}
    for name, own in known.scores.items():
        finder = about.finder(EventRules())
        finder.add(own)
        found[name] = finder.events(len(own) * about.step)
    scores, right = confidences(found, known.truth)
    if len(set(right)) < 2:
        return 1.0, 0.0
    from sklearn.linear_model import LogisticRegression  # takes longer to import than most runs need it

    starts = [about.threshold(event.label).on for own in found.values() for event in own]
    beyond = log_odds(np.array([scores, starts], np.float32).T, exclusive=False) @ [1, -1]
    fitted = LogisticRegression(C=np.inf).fit(beyond[:, None], right)
    slope = float(fitted.coef_[0, 0])
    return (slope, float(fitted.intercept_[0])) if slope > 0 else (1.0, 0.0)
