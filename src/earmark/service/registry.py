"""The models that jobs can name: bundled ones, those that the operator added, and those that were taught here."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Mapping
from itertools import chain, count
from pathlib import Path
from threading import Lock
from types import MappingProxyType

from earmark.errors import EarmarkError
from earmark.models.model import Description, Model, bundled_models, load_model
from earmark.service.problems import refusal
from earmark.service.schemas import Taught
from earmark.service.settings import Settings
from earmark.service.storage import is_id
from earmark.speech.words import BUNDLED, DEFAULT
from earmark.util.atomic import settle

USUAL: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("label", "caption", "classify"), "sounds"),
        "instruments": "instruments",
        "words": BUNDLED + DEFAULT,
    }
)
"""Each task's own model."""
MOST = 50  # taught models that are kept
LONGEST = 200  # letters of a model's name

_BEGUN = re.compile(r"\.[0-9a-f]{12}\.part")  # files of `atomic_write` that are not whole

logger = logging.getLogger(__name__)


class ModelRegistry:
    """All models, by name; those that were taught lie in a folder as `ID.onnx`. Several threads may use it.

    Raises
    ------
    ModelError
        One that was added by the operator cannot be read.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.added = dict(settings.models)  # files of the operator's and of taught ones, as others see them, too
        self.taught: dict[str, Taught] = {}  # how they were taught
        self._bundled = bundled_models()
        self._folder = folder
        self._described: dict[str, Description] = {}
        self._changing = Lock()
        for path in settings.models.values():
            load_model(path, threads=1)

    def recall(self) -> None:
        """Learn which models were taught before, and remove what a killed server had begun to write.

        Raises
        ------
        EarmarkError
            Their folder cannot be used.
        """
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            there = sorted(self._folder.iterdir())
        except OSError as error:
            raise EarmarkError(self._folder, f"cannot be used ({error.strerror})", "move it away") from error
        for path in there:
            if _BEGUN.fullmatch(path.name):
                path.unlink()
            if not is_id(path.stem) or path.suffix != ".onnx":
                continue
            try:
                about = load_model(path, threads=1).description
                if about.name not in self.files:
                    self._keep(path, about)
            except (EarmarkError, LookupError, TypeError, ValueError) as error:
                logger.warning("no taught model, or a damaged one, which is left out: %s (%s)", path, error)

    def _keep(self, path: Path, about: Description) -> None:
        self.taught[about.name] = Taught(id=path.stem, **about.card["taught"][-1])
        self._described[about.name] = about
        self.added[about.name] = path

    @property
    def files(self) -> dict[str, Path]:
        """Of all models."""
        return {**self._bundled, **self.added}

    @property
    def descriptions(self) -> dict[str, Description]:
        """By name."""
        return {name: self._description(name, path) for name, path in sorted(self.files.items())}

    def _description(self, name: str, path: Path) -> Description:
        if name not in self._described:
            self._described[name] = load_model(path, threads=1).description
        return self._described[name]

    def name_for(self, task: str, wanted: str | None) -> str:
        """The name of the model that does a task; 422 where there is none of that name, or it does something else."""
        for_words = task == "words"
        if wanted is None:
            return USUAL.get(task, USUAL["label"])
        files = self.files
        name = BUNDLED + wanted if for_words and BUNDLED + wanted in files else wanted
        if name not in files or name.startswith(BUNDLED) is not for_words:
            known = [known for known in files if known.startswith(BUNDLED) is for_words]
            raise refusal(422, f"there is no model {wanted!r} for {task}; choose from: {', '.join(known)}")
        return name

    def loaded(self, name: str) -> Model:
        """The model of that name; 409 where it is gone."""
        path = self.files.get(name)
        if path is None:
            raise refusal(409, f"the model {name} is gone")
        return load_model(path, threads=1)

    def add(self, base: str, label: str, write: Callable[[Path, str], None]) -> str:
        """Keep a model that adds a label to another one, whole or not at all; its id.

        `write` writes the model's file, and is told the name that the model has.
        """
        with self._changing:
            if len(self.taught) >= MOST:
                raise refusal(409, f"{MOST} sounds were taught: delete the model of one first")
            files, named = self.files, f"{base}+{label}"
            name = next(n for n in chain([named], (f"{named}_{i}" for i in count(2))) if n not in files)
            if len(name) > LONGEST:
                raise refusal(422, f"the name of the model would have more than {LONGEST} letters: {name}")
            path = self._folder / f"{secrets.token_hex(8)}.onnx"
            write(path, name)
            for one in (path, self._folder):
                settle(one)
            self._keep(path, load_model(path, threads=1).description)
            return path.stem

    def name_of(self, model_id: str) -> str:
        """The name of a taught model; 404 where there is none of that id."""
        name = next((name for name, one in self.taught.copy().items() if one.id == model_id), None)
        if name is None:
            raise refusal(404, "there is no such taught model")
        return name

    def remove(self, name: str) -> None:
        """Delete a taught model."""
        with self._changing:
            path = self.added.pop(name, None)
            self.taught.pop(name, None)
            self._described.pop(name, None)
            if path:
                path.unlink(missing_ok=True)
