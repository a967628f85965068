"""Finished runs, read back from their folders: what was trained, how it was tested, and the metrics.

Recipes are written with every key, so a key that is missing belongs to something that did not exist yet and was not
done. What a recipe says is put into a few words for a cell of a table.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from earmark.errors import EarmarkError, MissingExtraError
from earmark.evaluation.clip_metrics import Interval, of_accuracies

METRICS, RECIPE = "metrics.json", "recipe.yaml"
UNFINISHED = ".partial"
LEAKY = "random_after_augmentation"
"""A protocol that tests copies of what trained: its figures are too good to be true."""
MOST_DATASETS = 2  # named; of more, only their number is said
KINDS = {"log_mel": "log-mel", "linear": "linear", "mfcc": "MFCC", "summary": "summary"}

Recipe = Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """One finished run."""

    folder: Path
    name: str  # of the recipe
    dataset: str  # what it was trained on, in short, as are the next ones
    network: str  # with its options
    parameters: int | None
    front_end: str
    augmentation: str
    protocol: str  # as the recipe names it
    tested: str  # how it was tested, in short
    divisions: tuple[Mapping[str, Any], ...]  # figures of each: `name`, `clips`, `accuracy`, `macro_f1`
    accuracy: float  # mean over divisions
    interval: Interval | None  # of the mean accuracy, 95 %: Student's t over divisions, Wilson's where there is one
    macro_f1: float  # mean over divisions
    multi_crop: float | None  # mean accuracy by multi-crop testing, None without
    ece: float | None  # expected calibration error, None where it was not measured
    epoch_seconds: float | None  # median over networks of their median
    date: str  # YYYY-MM-DD

    @property
    def leaky(self) -> bool:
        """Whether copies of what trained were tested: the figures are then too good to be true."""
        return self.protocol == LEAKY


def find(place: Path) -> list[Path]:
    """The folder itself if it is a run, or all finished runs below it, sorted.

    What lies below and is something else, such as the figures of another command, is passed over.

    Raises
    ------
    EarmarkError
        There is no such folder, or no run in it.
    """
    if not place.is_dir():
        raise EarmarkError(place, "is no folder", "give folders of runs; classifiers of words need --on FOLDER")
    if (place / METRICS).exists():
        return [place]
    found = sorted(path.parent for path in place.rglob(METRICS) if _is_run(path.parent))
    if not found:
        raise EarmarkError(place, f"holds no finished run: no folder with {METRICS} and {RECIPE}", "train first")
    return found


def _is_run(folder: Path) -> bool:
    """Whether it looks like one. A damaged one does, so that it is told of when it is read."""
    if folder.name.endswith(UNFINISHED) or not (folder / RECIPE).exists():
        return False
    try:
        return {"accuracy", "divisions"} <= set(_metrics(folder))
    except EarmarkError:
        return True


def read_all(roots: Iterable[Path]) -> tuple[list[Run], list[EarmarkError]]:
    """The runs below several folders, each once, and what was wrong with those that could not be read."""
    found: dict[Path, Run] = {}
    wrong: dict[Path, EarmarkError] = {}
    for root in roots:
        try:
            folders = find(root)
        except EarmarkError as error:
            wrong[root] = error
            continue
        for folder in folders:
            key = folder.resolve()
            if key in found or key in wrong:
                continue
            try:
                found[key] = read(folder)
            except MissingExtraError:
                raise
            except EarmarkError as error:
                wrong[key] = error
    return list(found.values()), list(wrong.values())


def read(folder: Path) -> Run:
    """One run.

    Raises
    ------
    EarmarkError
        A file is missing or damaged, or there are no figures in it.
    MissingExtraError
        PyYAML is not installed.
    """
    metrics, recipe = _metrics(folder), _recipe(folder)
    if "accuracy" not in metrics or not metrics.get("divisions"):
        raise EarmarkError(folder, f"has no accuracy in {METRICS}", "give a run that has tested clips")
    try:
        return _run(folder, metrics, recipe)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        reason = f"is damaged: {METRICS} or {RECIPE} holds other things than a run writes ({error})"
        raise EarmarkError(folder, reason, "train it again, or leave it out") from error


def _run(folder: Path, metrics: Mapping[str, Any], recipe: Mapping[str, Any]) -> Run:
    divisions = tuple(dict(division) for division in metrics["divisions"])
    accuracies = [float(division["accuracy"]) for division in divisions]
    seconds = [float(times["median_epoch_seconds"]) for times in metrics.get("times", {}).values()]
    return Run(
        folder=folder,
        name=str(metrics.get("recipe") or recipe.get("name") or folder.name),
        dataset=dataset_of(recipe),
        network=network_of(recipe),
        parameters=_number(metrics.get("parameters"), int),
        front_end=front_end_of(recipe),
        augmentation=augmentation_of(recipe),
        protocol=protocol_of(recipe),
        tested=tested_of(recipe),
        divisions=divisions,
        accuracy=float(metrics["accuracy"]["mean"]),
        interval=of_accuracies(accuracies, [int(division["clips"]) for division in divisions]),
        macro_f1=float(metrics["macro_f1"]["mean"]),
        multi_crop=_number(metrics.get("multi_crop", {}).get("accuracy", {}).get("mean"), float),
        ece=_number(metrics.get("calibration", {}).get("ece"), float),
        epoch_seconds=round(float(np.median(seconds)), 2) if seconds else None,
        date=str(metrics.get("date", "")),
    )


def _number(value: Any, kind: Any) -> Any:
    return None if value is None else kind(value)


def _metrics(folder: Path) -> dict[str, Any]:
    return _sections(folder / METRICS, "JSON", json.loads, ValueError)


def _recipe(folder: Path) -> dict[str, Any]:
    """The recipe as plain values. Keys that it was written without are those of what it did not do."""
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError("PyYAML, which reads recipes,", "train") from error
    return _sections(folder / RECIPE, "YAML", yaml.safe_load, yaml.YAMLError)


def _sections(path: Path, form: str, parse: Callable[[str], Any], refused: type[Exception]) -> dict[str, Any]:
    try:
        content = parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EarmarkError(path, f"cannot be read ({error.strerror})", "give the folder of a finished run") from error
    except (refused, UnicodeDecodeError) as error:
        raise EarmarkError(path, f"is damaged: it is not {form}", "train it again, or leave it out") from error
    if not isinstance(content, dict):
        raise EarmarkError(path, "is damaged: it holds no sections", "train it again, or leave it out")
    return content


def dataset_of(recipe: Recipe) -> str:
    """`esc50`, `esc50 (subset esc10)`, `esc50 + urbansound8k + 6 more`."""
    parts = recipe["dataset"]
    names = [_dataset(part) for part in ([parts] if isinstance(parts, Mapping) else parts)]
    more = [f"{len(names) - MOST_DATASETS} more"] if len(names) > MOST_DATASETS else []
    return " + ".join(names[:MOST_DATASETS] + more)


def _dataset(part: Mapping[str, Any]) -> str:
    options = part.get("options") or {}
    return str(options.get("name") or options.get("subset") or PurePath(part["path"]).name)


def network_of(recipe: Recipe) -> str:
    """`mobilenet_v2 (weights imagenet)`."""
    model = _section(recipe, "model")
    options = [f"{key} {_plain(value)}" for key, value in (model.get("options") or {}).items()]
    return str(model.get("network", "compact_cnn")) + (f" ({', '.join(options)})" if options else "")


def _plain(value: Any) -> str:
    """Of a path only the name: where somebody keeps files is nobody's business."""
    if isinstance(value, list):
        return "x".join(_plain(item) for item in value)
    return PurePath(value).name if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


def front_end_of(recipe: Recipe) -> str:
    """`log-mel 64, 22.05 kHz`, `linear, 44.1 kHz, 128x128 of 1 s`."""
    section = _section(recipe, "front_end")
    kind = section.get("kind", "log_mel")
    words = [KINDS.get(kind, str(kind)) + _bands(kind, section), f"{section.get('rate', 22050) / 1000:g} kHz"]
    patch, image = section.get("patch"), section.get("image")
    if patch:
        words.append((f"{image[0]}x{image[1]} of " if image else "patches of ") + f"{patch:g} s")
    return ", ".join(words)


def _bands(kind: str, section: Mapping[str, Any]) -> str:
    if kind == "mfcc":
        return f" {section.get('coefficients', 20)}" + "Δ" * int(section.get("deltas", 2))
    return f" {section.get('bands', 64)}" if kind == "log_mel" else ""


def augmentation_of(recipe: Recipe) -> str:
    """`copies: pitch_up, slow; gain 10 dB, mixup 0.2, masks 2`, or `none`. The length of excerpts is none."""
    section = _section(recipe, "augment")
    copies, each = ", ".join(section.get("copies") or []), int(section.get("copies_each", 1))
    made = f"copies: {copies}" + (f" ({each} of each)" if each > 1 else "") if copies else ""
    return "; ".join(filter(None, [made, ", ".join(_varied(section))])) or "none"


def _varied(section: Mapping[str, Any]) -> list[str]:
    """What is drawn anew for each batch."""
    words = [
        f"{name} {section[key]:g}{unit}"
        for key, name, unit in (
            ("gain_db", "gain", " dB"),
            ("response_db", "response", " dB"),
            ("speed", "speed", ""),
            ("pitch_bands", "pitch", " bands"),
            ("overlay", "overlay", ""),
        )
        if section.get(key)
    ]
    if section.get("noise_floor"):
        words.append("noise floor")
    if section.get("between_class"):
        words.append("between-class")
    elif section.get("mixup"):
        words.append(f"mixup {section['mixup']:g}")
    if section.get("masks") and (section.get("mask_frames") or section.get("mask_bands")):
        words.append(f"masks {section['masks']}")
    return words


def protocol_of(recipe: Recipe) -> str:
    """As the recipe names it."""
    return str(_section(recipe, "split").get("protocol", "grouped"))


def tested_of(recipe: Recipe) -> str:
    """`official folds`, `official fold 5`, `5 folds by source`, `20 % of sources`, or `... (leaks)`."""
    split = _section(recipe, "split")
    kind = protocol_of(recipe)
    if kind == "folds":
        folds = split.get("folds") or []
        return "official folds" if not folds else f"official fold{'s' * (len(folds) > 1)} {', '.join(map(str, folds))}"
    if kind == "stratified":
        return f"{split.get('parts', 5)} folds by source"
    if kind == "grouped":
        return f"{100 * split.get('held_out', 0.2):g} % of sources"
    return f"{kind} (leaks)" if kind == LEAKY else kind


def _section(recipe: Recipe, name: str) -> Mapping[str, Any]:
    section = recipe.get(name) or {}
    if not isinstance(section, Mapping):
        raise TypeError(f"{name} is no section")
    return section
