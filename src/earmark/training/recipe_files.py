"""Recipes as files: YAML that lies on a base, values changed by their keys, errors that name the key."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from earmark.errors import RecipeError

Kind = TypeVar("Kind", bound=BaseModel)


def read(path: Path) -> dict[str, Any]:
    """The sections of a recipe as they stand in its file, laid over those of the file that `base` names.

    Its path is seen from the recipe's. What a section does not say, the section of that file says.

    Raises
    ------
    RecipeError
        The file is missing, or is no YAML.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(path, f"cannot be read ({error.strerror})", "give the path of a recipe") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(path, "is not YAML: " + " ".join(str(error).split())) from error
    if not isinstance(content, dict):
        raise RecipeError(path, "holds no sections", "see recipes/ for examples")
    base = content.pop("base", None)
    return content if base is None else laid_over(read(path.parent / str(base)), content)


def laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Sections over sections: what those above do not say, those below say."""
    both = {
        key: laid_over(below[key], above[key])
        for key in below.keys() & above.keys()
        if isinstance(below[key], dict) and isinstance(above[key], dict)
    }
    return {**below, **above, **both}


def named(datasets: Any) -> dict[str, Any] | None:
    """The datasets of a recipe by name, without those that it drops; None: it gives a list, or one without a name."""
    if not isinstance(datasets, dict) or datasets.keys() & {"layout", "path"}:
        return None
    return {str(name): one for name, one in datasets.items() if one is not None}


def check_as(kind: type[Kind], content: dict[str, Any], subject: object, overrides: list[str]) -> Kind:
    """A recipe of some kind, from plain values with overrides applied.

    Raises
    ------
    RecipeError
        There is an unknown key, or a value that does not fit.
    """
    for override in overrides:
        content = _overridden(content, override)
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise RecipeError(subject, explained(error, named(content.get("dataset")))) from error


def _overridden(content: dict[str, Any], override: str) -> dict[str, Any]:
    key, sign, value = override.partition("=")
    if not sign or not key:
        raise RecipeError(override, "is no override", "write section.key=value")
    try:
        new = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise RecipeError(override, "has a value that is not YAML", "close its brackets and quotes") from error
    changed: dict[str, Any] = _changed(content, key.split("."), new, override)
    return changed


def _changed(section: Any, keys: Sequence[str], new: Any, override: str) -> Any:
    """A copy of a section with one value changed: it may stand elsewhere, too, and is not changed there."""
    key, *deeper = keys
    copied: Any
    place: Any
    if isinstance(section, list):
        copied, place = list(section), _position(section, key, override)
        inner = section[place]
    else:
        copied, place = dict(section), key
        inner = section.get(key, {})
    if deeper and not isinstance(inner, dict | list):
        raise RecipeError(override, f"{key} is no section of the recipe")
    copied[place] = _changed(inner, deeper, new, override) if deeper else new
    return copied


def _position(place: list[Any], key: str, override: str) -> int:
    if not key.isdigit() or int(key) >= len(place):
        raise RecipeError(override, f"{key} is no position in a list of {len(place)}")
    return int(key)


def explained(error: ValidationError, datasets: Mapping[str, Any] | None = None) -> str:
    """What is wrong with which keys; datasets are called by their names, if they have any."""
    names = list(datasets or ())
    return "; ".join(_explain(one, names) for one in error.errors())


def _explain(error: Any, names: Sequence[str]) -> str:
    first, *rest = error["loc"] or ("",)
    if first == "dataset" and names and rest:
        rest[0] = names[rest[0]]
    key = ".".join(str(part) for part in (first, *rest))
    if error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"unknown key {key}"
    if error["type"] == "missing":
        return f"{key} is missing"
    reason = error["msg"].removeprefix("Value error, ")
    if isinstance(error["input"], dict | BaseModel):  # of a whole section, which the reason names
        return f"{key}: {reason}" if key else reason
    return f"{key}: {reason} (is {json.dumps(error['input'], default=str)[:60]})"
