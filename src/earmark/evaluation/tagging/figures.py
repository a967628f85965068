"""Figures for what a model says of clips: of each label, of clips as a whole, and of errors that come together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark.evaluation import clips as figures
from earmark.evaluation.intervals import of_accuracies
from earmark.evaluation.tagging.answers import Answers

MARKED = 0.5  # the score from which a clip is said to have a label, where labels do not exclude each other
NONE = "(none)"


def marked(answers: Answers) -> NDArray[np.bool_]:
    """Which labels each clip is said to have [clips, labels]: the best, or all that are more likely than not."""
    if answers.exclusive:
        return np.asarray(answers.scores == answers.scores.max(1, keepdims=True))
    return np.asarray(answers.scores >= MARKED)


def confusion(answers: Answers) -> NDArray[np.int64]:
    """Counts [true label or none, best label or none] of the clips with one label or none of the model's."""
    single = answers.truth.sum(1) <= 1
    truth, scores, said = answers.truth[single], answers.scores[single], marked(answers)[single]
    none = len(answers.labels)
    actual = np.where(truth.any(1), truth.argmax(1), none)
    guess = np.where(said.any(1), scores.argmax(1), none)
    return figures.confusion(actual, guess, none + 1)


def errors_together(answers: Answers) -> NDArray[np.int64]:
    """How many clips have a label missed (row) while another is wrongly heard (column) [labels, labels]."""
    said = marked(answers)
    missed, false = answers.truth & ~said, ~answers.truth & said
    return np.asarray(missed.T.astype(np.int64) @ false.astype(np.int64))


def summary(answers: Answers) -> dict[str, Any]:
    """All figures, by name.

    `accuracy`: share of the clips with one label whose best score is that label's; `all_in_top`: share of those with
    several whose best scores are exactly theirs; `silent`: share of those without any that are said to have none.
    """
    count = answers.truth.sum(1)
    best = best_are_true(answers)
    said = marked(answers)
    result: dict[str, Any] = {"clips": len(count), "unreadable": len(answers.unreadable)}
    result["one_label"] = _share(best[count == 1], "accuracy")
    result["several_labels"] = _share(best[count > 1], "all_in_top")
    result["no_label"] = _share(~said[count == 0].any(1), "silent")
    result["classes"] = [_class(answers, said, i) for i in range(len(answers.labels))]
    present = [entry["f1"] for entry in result["classes"] if entry["clips"]]
    result["macro_f1"] = round(float(np.mean(present)), 4) if present else None
    precisions = [entry["average_precision"] for entry in result["classes"] if entry["clips"]]
    result["mean_average_precision"] = round(float(np.mean(precisions)), 4) if precisions else None
    return result


def best_are_true(answers: Answers) -> NDArray[np.bool_]:
    """Whether the best scores of each clip, as many as it has labels, are those of its labels [clips]."""
    order = np.argsort(-answers.scores, axis=1, kind="stable")
    ranked = np.take_along_axis(answers.truth, order, 1)
    wanted = np.arange(ranked.shape[1]) < answers.truth.sum(1, keepdims=True)
    return np.asarray((ranked == wanted).all(1))


def _share(hits: NDArray[np.bool_], name: str) -> dict[str, Any]:
    if not len(hits):
        return {"clips": 0, name: None, "interval": None}
    interval = of_accuracies([float(hits.mean())], [len(hits)])
    return {
        "clips": len(hits),
        name: round(float(hits.mean()), 4),
        "interval": interval and [round(interval[0], 4), round(interval[1], 4)],
    }


def _class(answers: Answers, said: NDArray[np.bool_], column: int) -> dict[str, Any]:
    truth, own = answers.truth[:, column], said[:, column]
    hits = int((truth & own).sum())
    precision = figures.average_precision(answers.scores[:, column], truth)
    return {
        "label": answers.labels[column],
        "clips": int(truth.sum()),
        "precision": round(hits / max(1, int(own.sum())), 4),
        "recall": round(hits / max(1, int(truth.sum())), 4),
        "f1": round(2 * hits / max(1, int(truth.sum() + own.sum())), 4),
        "average_precision": None if np.isnan(precision) else round(precision, 4),
    }
