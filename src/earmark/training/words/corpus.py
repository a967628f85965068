"""What frame classifiers learn from: recipes of it, and sentences as features and marks, made once and kept on disk."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from earmark import datasets, media
from earmark.datasets import Clip
from earmark.errors import DatasetError, EarmarkWarning, MediaError, RecipeError
from earmark.features.frontend import FrontEnd
from earmark.training import recipe
from earmark.training.prepared import Progress, clip_key, default_cache
from earmark.training.recipe import DatasetPart, Section
from earmark.training.recipe_files import check_as, read
from earmark.training.words.sentences import Cutting, Mixing, Piece, read_pieces, sentence
from earmark.util.atomic import atomic_write
from earmark.util.locks import lock_of
from earmark.util.types import Samples


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
    cutting: Cutting = Cutting()
    mixing: Mixing = Mixing()
    front_end: FrontEnd = FrontEnd(rate=16000, n_fft=512, hop=160, bands=40, fmin=60.0, fmax=7600.0)
    model: recipe.ModelChoice
    training: recipe.TrainingLoop = recipe.TrainingLoop(epochs=12, batch=32, learning_rate=4e-3, weight_decay=0.01)
    export: recipe.Export = recipe.Export()


def load(path: Path, overrides: list[str] | None = None) -> WordsRecipe:
    """Read a recipe of this kind.

    Raises
    ------
    RecipeError
        As for `earmark.training.recipe.load`.
    """
    return check_as(WordsRecipe, {"name": path.stem, **read(path)}, path, overrides or [])


VERSION = 4  # raise when the making of sentences changes: older corpora are then left alone
SHARD = 50  # sentences in a file
SHORTEST_BACKGROUND = 0.5  # seconds


@dataclass(frozen=True)
class Sentences:
    """Sentences of one length."""

    features: NDArray[np.float16]  # [sentences, frames, bands]
    labels: NDArray[np.uint8]  # [sentences, frames]: BACKGROUND, SPEECH or UNSURE


@dataclass(frozen=True)
class Chosen:
    """Recordings of a corpus, before they are read."""

    speech: list[Clip]
    one_word: list[bool]
    background: list[Clip]

    @property
    def sources(self) -> frozenset[str]:
        """Speakers, and original recordings of background."""
        return frozenset(clip.source for clip in (*self.speech, *self.background))


@dataclass(frozen=True)
class Material:
    """What sentences are made of: pieces by speaker, and stretches of background."""

    speakers: dict[str, list[Piece]]
    backgrounds: list[Samples]


def divide(recipe: WordsRecipe) -> tuple[Chosen, Chosen]:
    """The recordings that train and those that validate: none of a speaker, or of an original recording of background,
    that does both, or that the recipe holds out for a test. Who validates does not train.
    """
    held_out = _choose(recipe.held_out, frozenset()) if recipe.held_out else Chosen([], [], [])
    validation = _choose(recipe.validation, held_out.sources)
    return _choose(recipe.train, held_out.sources | validation.sources), validation


def _choose(part: Corpus, without: frozenset[str]) -> Chosen:
    speech = [(clip, p.one_word) for p in part.speech for clip in _clips(p) if clip.source not in without]
    background = [clip for p in part.background for clip in _clips(p) if clip.source not in without]
    return Chosen([clip for clip, _ in speech], [one for _, one in speech], background)


def prepare(
    recipe: WordsRecipe, chosen: Chosen, sentences: int, cache: Path | None = None, progress: Progress | None = None
) -> Sentences:
    """A corpus, from where it is kept, or made: resumable at any moment, the same for the same recipe."""
    folder = (cache or default_cache()) / "words" / _fingerprint(recipe, chosen)
    folder.mkdir(parents=True, exist_ok=True)
    shards = [folder / f"{first:06}.npz" for first in range(0, sentences, SHARD)]
    with lock_of(folder / "lock"):
        missing = [shard for shard in shards if not shard.exists()]
        if missing:
            _make(recipe, chosen, missing, progress)
    loaded = [np.load(shard) for shard in shards]
    features = np.concatenate([shard["features"] for shard in loaded])[:sentences]
    return Sentences(features, np.concatenate([shard["labels"] for shard in loaded])[:sentences])


def _fingerprint(recipe: WordsRecipe, chosen: Chosen) -> str:
    clips = [clip_key(clip) for clip in (*chosen.speech, *chosen.background)]
    sections = [section.model_dump(mode="json") for section in (recipe.cutting, recipe.mixing)]
    content = [VERSION, SHARD, clips, chosen.one_word, *sections, recipe.front_end.to_dict()]
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _make(recipe: WordsRecipe, chosen: Chosen, shards: list[Path], progress: Progress | None) -> None:
    material = read_material(chosen, recipe.front_end.rate, recipe.cutting)
    work = partial(_make_shard, material, recipe.mixing, recipe.front_end)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # NumPy and SciPy let the others work meanwhile
        for done, _ in enumerate(pool.map(work, shards), start=1):
            if progress:
                progress(done, len(shards))


def _make_shard(material: Material, mixing: Mixing, front_end: FrontEnd, shard: Path) -> None:
    features, labels = [], []
    for number in range(int(shard.stem), int(shard.stem) + SHARD):
        rng = np.random.default_rng([mixing.seed, number])
        samples, truth = sentence(material.speakers, material.backgrounds, mixing, front_end.rate, rng)
        features.append(front_end.features(samples).astype(np.float16))
        labels.append(truth)
    with atomic_write(shard) as part, part.open("wb") as file:
        np.savez(file, features=np.stack(features), labels=np.stack(labels))


def read_material(chosen: Chosen, rate: int, cutting: Cutting) -> Material:
    """Decode and cut all the recordings of a corpus.

    Raises
    ------
    RecipeError
        Nothing usable is there.
    """
    speakers: dict[str, list[Piece]] = defaultdict(list)
    for clip, pieces in read_pieces(chosen.speech, chosen.one_word, rate, cutting):
        speakers[clip.source].extend(pieces)
    backgrounds = [samples for clip in chosen.background if (samples := _read(clip, rate)) is not None]
    if not speakers or not backgrounds:
        missing = "background" if speakers else "speech"
        raise RecipeError(missing, "none of its recordings can be used", "see `earmark data list`")
    return Material(dict(speakers), backgrounds)


def _read(clip: Clip, rate: int) -> Samples | None:
    try:
        samples = media.read(clip.path, rate, start=clip.start, end=clip.end)
    except MediaError:
        return None
    loud = np.flatnonzero(np.abs(samples) > 1e-4)  # clips are often filled up with digital silence
    if len(loud) == 0 or loud[-1] - loud[0] < SHORTEST_BACKGROUND * rate:
        return None
    return samples[loud[0] : loud[-1] + 1]


def _clips(part: DatasetPart) -> list[Clip]:
    """The clips of a part; their sources are named after the dataset too, as names such as `nl` say little alone."""
    try:
        dataset = datasets.load(part.layout, part.path, **part.options)
    except DatasetError as error:
        if not part.optional:
            raise
        warnings.warn(EarmarkWarning(f"left out: {error}"), stacklevel=2)
        return []
    clips: Sequence[Clip] = dataset.clips
    if isinstance(part, BackgroundPart):
        clips = [c for c in clips if part.folds is None or c.fold in part.folds]
        clips = [c for c in clips if not set(c.labels) & set(part.without)]
    prefix = dataset.sources or dataset.name
    return [replace(clip, source=f"{prefix}:{clip.source}") for clip in clips]
