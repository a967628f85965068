"""What an archive is searched for by example: excerpts of files, or of its own recordings, as one direction."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from earmark import media
from earmark.archive.layout import Options
from earmark.archive.moments import seconds
from earmark.archive.similarity import direction
from earmark.archive.store import Store
from earmark.archive.vectors import Bytes, PerSecond
from earmark.archive.working import version_of
from earmark.errors import EarmarkError, ModelError
from earmark.models.embedding import embedded
from earmark.models.model import Model, load_model
from earmark.util.types import Array

_SPAN = re.compile(r"(?P<place>.+)@(?P<begin>[\d:.a-z]+)-(?P<end>[\d:.a-z]+)", re.ASCII)
_CLOCK = re.compile(r"(?:(\d+):)?(\d?\d):(\d\d(?:\.\d*)?)", re.ASCII)


@dataclass(frozen=True)
class Example:
    """An excerpt: of a file, or of a recording of the index by its name; seconds, all of it if `end` is infinite."""

    place: str
    begin: float = 0.0
    end: float = math.inf

    @property
    def name(self) -> str:
        """Of its file, without folders and suffix."""
        return PurePosixPath(self.place).stem


@dataclass(frozen=True, eq=False)
class Likeness:
    """What is looked for: its direction [dimensions], what it is to be called, and what was asked for."""

    wanted: Array
    label: str
    asked: tuple[tuple[Example, ...], tuple[Example, ...]]


def example(text: str, option: str = "--like") -> Example:
    """What `CLIP` or `CLIP@FROM-TO` names; times are 1.5, 1.5s, 2min or 1:03.2.

    Raises:
        EarmarkError: it ends before it begins.
    """
    found = None if Path(text).exists() else _SPAN.fullmatch(text)
    if found is None:
        return Example(text)
    begin, end = _moment(found["begin"], option), _moment(found["end"], option)
    if end <= begin:
        raise EarmarkError(f"{option} {text}", "ends before it begins", "write CLIP@FROM-TO, such as dog.wav@1.2-3.4")
    return Example(found["place"], begin, end)


def _moment(text: str, option: str) -> float:
    found = _CLOCK.fullmatch(text)
    if found is None:
        return seconds(text, option)
    return int(found[1] or 0) * 3600 + int(found[2]) * 60 + float(found[3])


def likeness(
    store: Store, options: Options, like: Sequence[Example], unlike: Sequence[Example] = (), label: str | None = None
) -> Likeness:
    """Look at examples with the model that made an index's embeddings.

    Args:
        store: the embeddings.
        options: of the index.
        like: what is looked for.
        unlike: what it must not be like.
        label: what it is to be called; None: as the first example's file.

    Raises:
        EarmarkError: an example is neither a file nor a recording of the index, or holds nothing there; or that model
            is not here.
    """
    model: Model | None = None
    rows: list[Bytes] = []
    for one in (*like, *unlike):
        if Path(one.place).is_file():
            model = model or embedder(options)
            rows.append(_heard(one, model))
        else:
            rows.append(_known(one, store))
    wanted = direction(rows[: len(like)], rows[len(like) :], store.centre)
    return Likeness(wanted, label or like[0].name, (tuple(like), tuple(unlike)))


def embedder(options: Options) -> Model:
    """The model that made an index's embeddings.

    Raises:
        EarmarkError: it is not here, or is another file.
    """
    try:
        model = load_model(options.embedder)
    except ModelError as error:
        if Path(options.embedder).is_file():
            raise
        name = Path(options.embedder).stem
        remedy = f"put it there; a backbone comes with `earmark models get {name}`"
        raise EarmarkError(options.embedder, "made the embeddings of this index, and is not here", remedy) from error
    if version_of(model.path) != options.embedder_version:
        remedy = "put that one there, or run `earmark index` again, which takes the embeddings anew"
        raise EarmarkError(options.embedder, "is not the file that made the embeddings of this index", remedy)
    return model


def _heard(one: Example, model: Model) -> Bytes:
    vectors = PerSecond(model.description.step, model.dimensions)
    if math.isinf(one.end):
        with media.open_recording(one.place) as recording:
            for part in embedded(recording, model):
                vectors.add(part)
    else:
        samples = media.read(one.place, model.description.front_end.rate, start=one.begin, end=one.end)
        for part in model.embed([samples]):
            vectors.add(part)
    return _something(one, vectors.rows())


def _known(one: Example, store: Store) -> Bytes:
    rows = store.of(one.place)
    if not len(rows):
        raise EarmarkError(one.place, "is neither a file nor a recording of this index", "check its name")
    return _something(one, rows[int(one.begin) : None if math.isinf(one.end) else math.ceil(one.end)])


def _something(one: Example, rows: Bytes) -> Bytes:
    if not len(rows):
        raise EarmarkError(one.place, f"holds nothing from {one.begin:g} s on", "choose another span")
    return rows
