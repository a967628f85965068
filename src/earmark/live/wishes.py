"""What a client of the live socket asks for, checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from earmark.captions import languages
from earmark.errors import EarmarkError
from earmark.live.sources import RATES

Format = Literal["s16", "webm"]
SUBJECT = "the first message"
MOST_LABELS = 1000  # that have a sensitivity of their own


@dataclass(frozen=True)
class Wish:
    """How one client wants to be listened to.

    Attributes:
        format: `s16`, little-endian mono samples of 16 bits; or `webm`, with Opus.
        rate: samples a second of `s16`.
        model: a model's name, or where its file is.
        language: of the captions.
        sensitivity: 0..1, see `EventRules`.
        include_speech: tell of speech too.
        sensitivities: those of single labels, instead of `sensitivity`.
    """

    format: Format
    rate: int = 16_000
    model: str = "sounds"
    language: str = "en"
    sensitivity: float = 0.5
    include_speech: bool = False
    sensitivities: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Wish:
        """The wish that a message holds; what it says beyond is not looked at.

        Raises:
            EarmarkError: it is no JSON object, or a value is none that there is.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise EarmarkError(SUBJECT, "is no JSON", 'send for example {"format": "s16", "rate": 16000}') from error
        if not isinstance(values, dict):
            raise EarmarkError(SUBJECT, "is no JSON object", 'send for example {"format": "s16", "rate": 16000}')
        _check(values)
        return cls(**{name: values[name] for name in cls.__dataclass_fields__ if name in values})

    def to_json(self) -> str:
        """The text that `read` takes."""
        return json.dumps(asdict(self))


def _check(values: Mapping[str, Any]) -> None:
    rate, sensitivity = values.get("rate", 16_000), values.get("sensitivity", 0.5)
    _one_of("format", values.get("format"), get_args(Format))
    _one_of("language", values.get("language", "en"), languages())
    if isinstance(rate, bool) or not isinstance(rate, int) or rate not in RATES:
        raise EarmarkError(SUBJECT, "has a rate that no microphone has", f"choose {RATES[0]} to {RATES[-1]}")
    single = values.get("sensitivities", {})
    if not isinstance(single, dict) or len(single) > MOST_LABELS:
        raise EarmarkError(SUBJECT, "has sensitivities that are no object of numbers by label")
    for value in (sensitivity, *single.values()):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise EarmarkError(SUBJECT, "has a sensitivity that means nothing", "choose a number from 0 to 1")
    if not isinstance(values.get("model", ""), str):
        raise EarmarkError(SUBJECT, "has a model that is no name")
    if not isinstance(values.get("include_speech", False), bool):
        raise EarmarkError(SUBJECT, "has an include_speech that is neither true nor false")


def _one_of(name: str, value: object, known: Any) -> None:
    if not isinstance(value, str) or value not in known:
        raise EarmarkError(SUBJECT, f"has no {name} that is known", "choose from: " + ", ".join(known))
