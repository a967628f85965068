"""What a model says of the clips of a dataset it has not seen: predictions, their metrics, and a report of both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark import media
from earmark.datasets import Clip, Dataset
from earmark.errors import DatasetError, EarmarkError
from earmark.evaluation import clip_metrics
from earmark.evaluation.annotated import some
from earmark.evaluation.clip_metrics import of_accuracies
from earmark.models import labelling
from earmark.models.model import Model
from earmark.util.text import SheetWriter
from earmark.util.types import Progress


@dataclass(frozen=True)
class Predictions:
    """What a model says of clips, beside what they are."""

    labels: tuple[str, ...]  # of the model
    exclusive: bool  # whether the model knows one label at a time
    clips: tuple[Clip, ...]  # those that could be read
    truth: NDArray[np.bool_]  # which labels each clip has [clips, labels]; a clip may have none that the model knows
    scores: NDArray[np.float32]  # for each clip as a whole [clips, labels]
    unreadable: tuple[EarmarkError, ...] = ()  # why clips are missing


def predict(model: Model, dataset: Dataset, progress: Progress | None = None) -> Predictions:
    """Classify every clip of a dataset. Labels that the model does not know count as none.

    Raises
    ------
    DatasetError
        The dataset has none of the model's labels, or no clip could be read.
    """
    if not set(dataset.labels) & set(model.labels):
        raise DatasetError(
            dataset.name,
            f"has none of the model's labels; it has {some(dataset.labels)}",
            f"rename some with relabel=; the model knows {some(model.labels)}",
        )
    read, scores, wrong = [], [], []
    for done, clip in enumerate(dataset.clips):
        try:
            scores.append(_scores(model, clip))
            read.append(clip)
        except EarmarkError as error:
            wrong.append(error)
        if progress:
            progress(done + 1, len(dataset.clips))
    if not read:
        raise DatasetError(dataset.name, "holds no clip that can be read")
    truth = np.array([[label in clip.labels for label in model.labels] for clip in read])
    exclusive = model.description.exclusive
    return Predictions(model.labels, exclusive, tuple(read), truth, np.array(scores), tuple(wrong))


def _scores(model: Model, clip: Clip) -> NDArray[np.float32]:
    about = model.description
    samples = media.read(clip.path, about.front_end.rate, start=clip.start, end=clip.end)
    return about.pooled(labelling.clip_scores(model, [samples]))


MARKED = 0.5  # the score from which a clip is said to have a label, where labels do not exclude each other
NONE = "(none)"


def marked(predictions: Predictions) -> NDArray[np.bool_]:
    """Which labels each clip is said to have [clips, labels]: the best, or all that are more likely than not."""
    if predictions.exclusive:
        return np.asarray(predictions.scores == predictions.scores.max(1, keepdims=True))
    return np.asarray(predictions.scores >= MARKED)


def confusion(predictions: Predictions) -> NDArray[np.int64]:
    """Counts [true label or none, best label or none] of the clips with one label or none of the model's."""
    single = predictions.truth.sum(1) <= 1
    truth, scores, said = predictions.truth[single], predictions.scores[single], marked(predictions)[single]
    none = len(predictions.labels)
    actual = np.where(truth.any(1), truth.argmax(1), none)
    guess = np.where(said.any(1), scores.argmax(1), none)
    return clip_metrics.confusion_matrix(actual, guess, none + 1)


def errors_together(predictions: Predictions) -> NDArray[np.int64]:
    """How many clips have a label missed (row) while another is wrongly heard (column) [labels, labels]."""
    said = marked(predictions)
    missed, false = predictions.truth & ~said, ~predictions.truth & said
    return np.asarray(missed.T.astype(np.int64) @ false.astype(np.int64))


def summary(predictions: Predictions) -> dict[str, Any]:
    """All figures, by name.

    `accuracy`: share of the clips with one label whose best score is that label's; `all_in_top`: share of those with
    several whose best scores are exactly theirs; `silent`: share of those without any that are said to have none.
    """
    count = predictions.truth.sum(1)
    best = best_are_true(predictions)
    said = marked(predictions)
    result: dict[str, Any] = {"clips": len(count), "unreadable": len(predictions.unreadable)}
    result["one_label"] = _share(best[count == 1], "accuracy")
    result["several_labels"] = _share(best[count > 1], "all_in_top")
    result["no_label"] = _share(~said[count == 0].any(1), "silent")
    result["classes"] = [_class(predictions, said, i) for i in range(len(predictions.labels))]
    present = [entry["f1"] for entry in result["classes"] if entry["clips"]]
    result["macro_f1"] = round(float(np.mean(present)), 4) if present else None
    precisions = [entry["average_precision"] for entry in result["classes"] if entry["clips"]]
    result["mean_average_precision"] = round(float(np.mean(precisions)), 4) if precisions else None
    return result


def best_are_true(predictions: Predictions) -> NDArray[np.bool_]:
    """Whether the best scores of each clip, as many as it has labels, are those of its labels [clips]."""
    order = np.argsort(-predictions.scores, axis=1, kind="stable")
    ranked = np.take_along_axis(predictions.truth, order, 1)
    wanted = np.arange(ranked.shape[1]) < predictions.truth.sum(1, keepdims=True)
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


def _class(predictions: Predictions, said: NDArray[np.bool_], column: int) -> dict[str, Any]:
    truth, own = predictions.truth[:, column], said[:, column]
    hits = int((truth & own).sum())
    precision = clip_metrics.average_precision(predictions.scores[:, column], truth)
    return {
        "label": predictions.labels[column],
        "clips": int(truth.sum()),
        "precision": round(hits / max(1, int(own.sum())), 4),
        "recall": round(hits / max(1, int(truth.sum())), 4),
        "f1": round(2 * hits / max(1, int(truth.sum() + own.sum())), 4),
        "average_precision": None if np.isnan(precision) else round(precision, 4),
    }


FEW = 12  # labels that are all shown, also those without a clip
SHARES = (
    ("one_label", "accuracy", "clips with one label: the best score is its own"),
    ("several_labels", "all_in_top", "clips with several: the best scores are theirs"),
    ("no_label", "silent", "clips with none of the labels: nothing is heard"),
)


def plain(summary: dict[str, Any]) -> str:
    """For reading."""
    lines = [f"{'label':<22}{'clips':>7}{'precision':>11}{'recall':>8}{'F1':>7}"]
    for entry in summary["classes"]:
        if not entry["clips"] and len(summary["classes"]) > FEW:
            continue
        values = f"{entry['precision']:>11.3f}{entry['recall']:>8.3f}{entry['f1']:>7.3f}" if entry["clips"] else ""
        lines.append(f"{entry['label']:<22}{entry['clips']:>7}{values}")
    lines.append("")
    for key, figure, words in SHARES:
        found = summary[key]
        if found["clips"]:
            lines.append(f"{found[figure]:.3f}  {words} ({found['clips']} clips, {_between(found['interval'])})")
    if summary["macro_f1"] is not None:
        lines.append(f"{summary['macro_f1']:.3f}  macro-F1 over the labels that occur")
    return "\n".join(lines) + "\n"


def write(predictions: Predictions, summary: dict[str, Any], folder: Path) -> list[Path]:
    """metrics.json, predictions.csv, confusion.png and errors.png, in a folder that is made.

    Raises
    ------
    EarmarkError
        They cannot be written.
    """
    from earmark.plots.metrics import draw_confusion, draw_label_errors

    paths = [folder / name for name in ("metrics.json", "predictions.csv", "confusion.png", "errors.png")]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths[0].write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        _write_predictions(predictions, paths[1])
        draw_confusion(*occurring(confusion(predictions), (*predictions.labels, NONE)), paths[2])
        draw_label_errors(*occurring(errors_together(predictions), predictions.labels), paths[3])
    except OSError as error:
        raise EarmarkError(folder, f"cannot be written ({error.strerror})", "choose another folder") from error
    return paths


def occurring(matrix: NDArray[np.int64], labels: Sequence[str]) -> tuple[NDArray[np.int64], list[str]]:
    """The rows and columns of labels that occur in either; the first two where none does."""
    kept = np.flatnonzero(matrix.any(0) | matrix.any(1))
    kept = kept if len(kept) else np.arange(min(2, len(labels)))
    return matrix[np.ix_(kept, kept)], [labels[int(i)] for i in kept]


def _between(interval: Sequence[float] | None) -> str:
    return "" if interval is None else f"95 %: {interval[0]:.3f} to {interval[1]:.3f}"


def _write_predictions(predictions: Predictions, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = SheetWriter(file)
        writer.writerow(("path", "start", "labels", *predictions.labels))
        for clip, truth, scores in zip(predictions.clips, predictions.truth, predictions.scores, strict=True):
            labels = ";".join(label for label, held in zip(predictions.labels, truth, strict=True) if held)
            writer.writerow((_name(clip.path), f"{clip.start:g}", labels, *(f"{score:.4f}" for score in scores)))


def _name(path: Path) -> str:
    """The file and its folder: enough to find it, and nothing of the machine."""
    return "/".join(path.parts[-2:])
