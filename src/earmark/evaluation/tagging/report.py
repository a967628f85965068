"""What was measured, as text, as files and as pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark.errors import EarmarkError
from earmark.evaluation.tagging.answers import Answers
from earmark.evaluation.tagging.figures import NONE, confusion, errors_together
from earmark.util.text import SheetWriter

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


def write(answers: Answers, summary: dict[str, Any], folder: Path) -> list[Path]:
    """metrics.json, predictions.csv, confusion.png and errors.png, in a folder that is made.

    Raises:
        EarmarkError: they cannot be written.
    """
    from earmark.evaluation.report import draw_confusion, draw_errors

    paths = [folder / name for name in ("metrics.json", "predictions.csv", "confusion.png", "errors.png")]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths[0].write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        _write_predictions(answers, paths[1])
        draw_confusion(*occurring(confusion(answers), (*answers.labels, NONE)), paths[2])
        draw_errors(*occurring(errors_together(answers), answers.labels), paths[3])
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


def _write_predictions(answers: Answers, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = SheetWriter(file)
        writer.writerow(("path", "start", "labels", *answers.labels))
        for clip, truth, scores in zip(answers.clips, answers.truth, answers.scores, strict=True):
            labels = ";".join(label for label, held in zip(answers.labels, truth, strict=True) if held)
            writer.writerow((_name(clip.path), f"{clip.start:g}", labels, *(f"{score:.4f}" for score in scores)))


def _name(path: Path) -> str:
    """The file and its folder: enough to find it, and nothing of the machine."""
    return "/".join(path.parts[-2:])
