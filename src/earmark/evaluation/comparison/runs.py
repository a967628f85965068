"""Classifiers let loose on recordings whose words are known."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earmark.datasets.ground_truth import find_truths
from earmark.errors import DatasetError, MediaError
from earmark.evaluation.words import frames_of
from earmark.models.model import Model
from earmark.speech.energy import STEP
from earmark.speech.segmentation import Words
from earmark.speech.words import analyse, loaded_classifier
from earmark.util.text import unguarded

CONDITIONS = "conditions.csv"
FILE = "file"  # the column of it that names the recording, as seen from its own folder


@dataclass(frozen=True)
class Recording:
    """A recording whose words are known.

    Attributes:
        path: where it is.
        name: the same, as seen from the folder that is measured.
        truth: its words.
        tags: what `conditions.csv` says of it, by column.
    """

    path: Path
    name: str
    truth: Words
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What one classifier says of one recording.

    Attributes:
        recording: which.
        found: its words.
        scores: probability of speech, float32 [frames], as far as the truth lasts.
    """

    recording: Recording
    found: Words
    scores: NDArray[np.float32]

    @property
    def truth(self) -> NDArray[np.bool_]:
        """Which frames lie in a true word [frames]."""
        return self._frames(self.recording.truth)

    @property
    def marked(self) -> NDArray[np.bool_]:
        """Which frames lie in a word that was found [frames]."""
        return self._frames(self.found)

    def _frames(self, words: Words) -> NDArray[np.bool_]:
        return frames_of(words.words, max(0, len(self.scores) - 1) * STEP)[: len(self.scores)]


def find_recordings(folder: Path) -> list[Recording]:
    """The recordings below a folder that have their ground truth beside them, and what its `conditions.csv` says.

    They come in the order of that table, and where it does not name them, sorted.

    Raises:
        EarmarkError: there is none, or a truth or the table cannot be read.
    """
    truths = find_truths(folder)
    if not truths:
        remedy = "put talk.words.json or talk.TextGrid beside talk.wav, or make some with `earmark data speech`"
        raise DatasetError(folder, "holds no recording with its ground truth beside it", remedy)
    tags = _tags(folder / CONDITIONS)
    named = ((path.relative_to(folder).as_posix(), path, truth) for path, truth in truths)
    recordings = [Recording(path, name, truth, tags.get(name, {})) for name, path, truth in named]
    place = {name: number for number, name in enumerate(tags)}
    return sorted(recordings, key=lambda recording: place.get(recording.name, len(place)))


def load(classifiers: Sequence[str]) -> dict[str, Model]:
    """Frame classifiers by name: as they call themselves, or as they are given where two have one name.

    Raises:
        ModelError: one cannot be read, or is no frame classifier of speech.
    """
    models = {given: loaded_classifier(given) for given in classifiers}
    own = [model.description.name for model in models.values()]
    return {
        name if own.count(name) == 1 else given: model for (given, model), name in zip(models.items(), own, strict=True)
    }


def answers(recording: Recording, models: Iterable[Model]) -> list[Answer]:
    """What each classifier says of a recording.

    Frames and words count as far as the truth lasts: nobody says what is behind its end.

    Raises:
        MediaError: it cannot be read, or holds no sound.
    """
    said = [_answer(recording, model) for model in models]
    if any(len(answer.scores) == 0 for answer in said):
        raise MediaError(recording.path, "holds no sound")
    return said


def _answer(recording: Recording, model: Model) -> Answer:
    heard, end = analyse(recording.path, model), recording.truth.duration
    found = heard.words.with_words(word for word in heard.words.words if word.onset < end)
    return Answer(recording, found, heard.scores[: int(end / STEP + 1e-6) + 1])


def _tags(table: Path) -> dict[str, dict[str, str]]:
    if not table.is_file():
        return {}
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            return dict(_rows(csv.DictReader(file), table))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(table, f"cannot be read ({error})") from error


def _rows(reader: csv.DictReader[str], table: Path) -> Iterator[tuple[str, dict[str, str]]]:
    if FILE not in (reader.fieldnames or ()):
        raise DatasetError(table, f"has no column {FILE}", "write one that names each recording, such as a/talk.wav")
    for row in reader:
        name = unguarded(row.pop(FILE) or "")
        yield name.replace("\\", "/"), {key: unguarded(value or "") for key, value in row.items() if key}
