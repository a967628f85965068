"""Recipes of frame classifiers: which speech, which background, how they are mixed, what learns."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from earmark.features.frontend import FrontEnd
from earmark.training import recipe
from earmark.training.recipe import DatasetPart, Section, Share

Range = tuple[float, float]


class SpeechPart(DatasetPart):
    """Recordings of speech."""

    one_word: bool = False
    """Each recording holds one word: a short silence in it is part of the word, not a pause."""


class BackgroundPart(DatasetPart):
    """Recordings without speech."""

    folds: list[int] | None = None
    """Only these of the dataset's folds."""
    without: tuple[str, ...] = ()
    """Labels that are left out."""


class Corpus(Section):
    """What is mixed, and how much of it is made."""

    speech: tuple[SpeechPart, ...] = ()
    background: tuple[BackgroundPart, ...] = ()
    sentences: Annotated[int, Field(ge=1)] = 1500


class Mixing(Section):
    """How sentences are made of single recordings."""

    seconds: Annotated[float, Field(gt=1)] = 12.0
    """Length of a sentence."""
    pause_seconds: Range = (0.08, 0.7)
    """Between words, most often."""
    long_pause: Share = 0.2
    """Share of the pauses that are longer, up to 4 s."""
    snr_db: Range = (-5.0, 30.0)
    """Speech, while it lasts, over background."""
    clean: Share = 0.3
    """Share of the sentences without background."""
    empty: Share = 0.06
    """Share of the sentences that are background alone."""
    voice: Share = 0.5
    """Share of the sentences whose voice is made slower and lower, or faster and higher."""
    room: Share = 0.35
    """Share of the sentences heard in a room."""
    band: Share = 0.5
    """Share of the sentences whose band is limited, as by a telephone."""
    seed: int = 0


class WordsRecipe(Section):
    """One frame classifier."""

    task: Literal["words"]
    name: str
    description: str = ""
    train: Corpus
    validation: Corpus
    """Other speakers and other background: they choose thresholds and the best epoch, and test nothing."""
    held_out: Corpus | None = None
    """What the test is made of, so that it neither trains nor validates."""
    mixing: Mixing = Mixing()
    front_end: FrontEnd = FrontEnd(rate=16000, n_fft=512, hop=160, bands=40, fmin=60.0, fmax=7600.0)
    model: recipe.ModelChoice
    training: recipe.TrainingLoop = recipe.TrainingLoop(epochs=12, batch=32, learning_rate=4e-3, weight_decay=0.01)
    export: recipe.Export = recipe.Export()

    def dump(self) -> str:
        """The recipe as YAML with every default filled in."""
        return recipe.dump(self)


def load(path: Path, overrides: list[str] | None = None) -> WordsRecipe:
    """Read a recipe of this kind.

    Raises:
        RecipeError: as for `earmark.training.recipe.load`.
    """
    return recipe.check_as(WordsRecipe, {"name": path.stem, **recipe.read(path)}, path, overrides or [])
