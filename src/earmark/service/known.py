"""The models that a service knows, and what they say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType

from earmark.models.model import Description, bundled_models, load_model
from earmark.service.problems import refusal
from earmark.service.settings import Settings
from earmark.speech.words import BUNDLED, DEFAULT

USUAL: Mapping[str, str] = MappingProxyType(
    {"label": "sounds", "caption": "sounds", "instruments": "instruments", "words": BUNDLED + DEFAULT}
)
"""Each task's own model."""


class KnownModels:
    """Bundled models and those that the operator added.

    Raises:
        ModelError: one that was added cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        self._paths = {**bundled_models(), **settings.models}
        for path in settings.models.values():
            load_model(path, threads=1)

    @cached_property
    def descriptions(self) -> dict[str, Description]:
        """By name."""
        return {name: load_model(path, threads=1).description for name, path in sorted(self._paths.items())}

    def name_for(self, task: str, wanted: str | None) -> str:
        """The name of the model that does a task; 422 where there is none of that name, or it does something else."""
        for_words = task == "words"
        if wanted is None:
            return USUAL.get(task, USUAL["label"])
        name = BUNDLED + wanted if for_words and BUNDLED + wanted in self._paths else wanted
        if name not in self._paths or name.startswith(BUNDLED) is not for_words:
            known = [known for known in self._paths if known.startswith(BUNDLED) is for_words]
            raise refusal(422, f"there is no model {wanted!r} for {task}; choose from: {', '.join(known)}")
        return name
