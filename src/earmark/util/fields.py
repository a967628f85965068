"""Dataclasses from JSON that somebody else wrote: every value is what its field says, or an error names it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def from_json_values(kind: type[T], values: object, where: str = "") -> T:
    """A dataclass of what `json.loads` gave, which errors call by `where`.

    Fields may be of plain types, `None`, `Literal`, tuples, mappings by text, and dataclasses. Lists become tuples;
    whole numbers will do for floats, which must be finite.

    Raises
    ------
    ValueError
        A value is of another type, or a key of no field; or the dataclass refuses it.
    TypeError
        A field without a default is missing.
    """
    if not isinstance(values, dict):
        raise ValueError(f"{where or 'it'} is no set of values by name")
    types = _types(kind)  # type: ignore[arg-type]  # to mypy, no class is hashable
    if unknown := sorted(map(str, set(values) - set(types))):
        raise ValueError(f"unknown {where or 'key'}: {unknown[0]!r:.60}")
    return kind(**{key: _value(types[key], value, key) for key, value in values.items()})


@cache
def _types(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _value(wanted: Any, value: object, where: str) -> Any:
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        if value is None and NoneType in inner:
            return None
        return _value(next(one for one in inner if one is not NoneType), value, where)
    if origin is tuple and isinstance(value, list):
        kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
        if len(kinds) == len(value):
            return tuple(_value(one, part, where) for one, part in zip(kinds, value, strict=True))
    elif origin is Mapping and isinstance(value, dict):
        return {key: _value(inner[1], one, where) for key, one in value.items()}
    elif is_dataclass(wanted) and isinstance(wanted, type):
        return from_json_values(wanted, value, where)
    elif _is_plain(wanted, value):
        return value
    raise ValueError(f"{where} is {value!r:.60}")


def _is_plain(wanted: Any, value: object) -> bool:
    if get_origin(wanted) is Literal:
        return isinstance(value, str) and value in get_args(wanted)
    if wanted is float:
        try:
            return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        except OverflowError:  # a whole number beyond all floats
            return False
    return wanted is Any or (wanted in (str, int, bool) and type(value) is wanted)
