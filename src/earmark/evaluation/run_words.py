"""What a recipe says, in a few words for a cell of a table; from the plain values of its file.

Recipes are written with every key, so a key that is missing belongs to something that did not exist yet and was not
done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

Recipe = Mapping[str, Any]

LEAKY = "random_after_augmentation"
"""A protocol that tests copies of what trained: its figures are too good to be true."""
MOST_DATASETS = 2  # named; of more, only their number is said
KINDS = {"log_mel": "log-mel", "linear": "linear", "mfcc": "MFCC", "summary": "summary"}


def dataset(recipe: Recipe) -> str:
    """`esc50`, `esc50 (subset esc10)`, `esc50 + urbansound8k + 6 more`."""
    parts = recipe["dataset"]
    names = [_dataset(part) for part in ([parts] if isinstance(parts, Mapping) else parts)]
    more = [f"{len(names) - MOST_DATASETS} more"] if len(names) > MOST_DATASETS else []
    return " + ".join(names[:MOST_DATASETS] + more)


def _dataset(part: Mapping[str, Any]) -> str:
    options = part.get("options") or {}
    return str(options.get("name") or options.get("subset") or PurePath(part["path"]).name)


def network(recipe: Recipe) -> str:
    """`mobilenet_v2 (weights imagenet)`."""
    model = _section(recipe, "model")
    options = [f"{key} {_plain(value)}" for key, value in (model.get("options") or {}).items()]
    return str(model.get("network", "compact_cnn")) + (f" ({', '.join(options)})" if options else "")


def _plain(value: Any) -> str:
    """Of a path only the name: where somebody keeps files is nobody's business."""
    if isinstance(value, list):
        return "x".join(_plain(item) for item in value)
    return PurePath(value).name if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


def front_end(recipe: Recipe) -> str:
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


def augmentation(recipe: Recipe) -> str:
    """`copies: pitch_up, slow; gain 10 dB, mixup 0.2, masks 2`, or `none`. The length of excerpts is none."""
    section = _section(recipe, "augment")
    copies = _copies(section.get("copies") or [], int(section.get("copies_each", 1)))
    varied = ", ".join(_varied(section))
    return "; ".join(words for words in (copies, varied) if words) or "none"


def _copies(names: Sequence[str], each: int) -> str:
    times = f" ({each} of each)" if each > 1 else ""
    return f"copies: {', '.join(names)}{times}" if names else ""


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


def protocol(recipe: Recipe) -> str:
    """As the recipe names it."""
    return str(_section(recipe, "split").get("protocol", "grouped"))


def tested(recipe: Recipe) -> str:
    """`official folds`, `official fold 5`, `5 folds by source`, `20 % of sources`, or `... (leaks)`."""
    split = _section(recipe, "split")
    kind = protocol(recipe)
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
