"""What a worker does: labels a batch, takes its embeddings, and writes it.

Runs in the command itself, or in any process of a cluster.
"""

from __future__ import annotations

import faulthandler
import hashlib
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from earmark._version import __version__
from earmark.archive import tables
from earmark.archive.analysis import TIMEOUT, Analysis, analyse
from earmark.archive.batches import attempt
from earmark.archive.layout import Options
from earmark.archive.recordings import Recording, is_there
from earmark.errors import EarmarkError
from earmark.events.hysteresis import EventRules
from earmark.models.model import Model, load_model

VERSION_DIGITS = 16
Pairs = tuple[tuple[str, str], ...]
Wanted = Literal["labels", "embeddings", "both"]


@dataclass(frozen=True)
class Job:
    """What all batches of a run share."""

    folder: str  # `batches.Run.folder`
    options: Options
    wanted: Wanted = "labels"
    beside: str = ""  # the folder of the run beside it, for embeddings where both are wanted
    timeout: float = TIMEOUT
    expendable: bool = False  # whether a process may be ended where a recording hangs: another takes its place


@dataclass(frozen=True)
class Batch:
    """Recordings that are labelled together."""

    name: str
    recordings: tuple[Recording, ...]


@dataclass(frozen=True)
class Done:
    """What came of a batch: recordings, bytes, seconds of sound; (name, why) of bad and of damaged ones."""

    recordings: int
    size: int
    seconds: float
    bad: Pairs = ()
    damaged: Pairs = ()
    wanted: Wanted = "labels"


def work(job: Job, batch: Batch) -> Done:
    """Label a batch and write it; recordings that cannot be read are rows of it, too.

    EarmarkError where none can be done here: this process lacks the model or the recordings, or cannot write.
    """
    options = job.options
    if not is_there(options.root):
        raise EarmarkError(options.root, f"cannot be seen by the process that labels ({platform.node()})")
    model = None if job.wanted == "embeddings" else _model(options.model, options.version)
    embedder = None if job.wanted == "labels" else _model(options.embedder, options.embedder_version)
    if model and embedder and options.embedder_version == options.version:
        embedder = model
    rules = EventRules(sensitivity=options.sensitivity)
    with _watched(job) as moving:
        analyses = [analyse(one, options.root, model, rules, job.timeout, moving, embedder) for one in batch.recordings]
    return keep(job, batch, analyses)


def keep(job: Job, batch: Batch, analyses: Sequence[Analysis]) -> Done:
    """Write what came of a batch; raises as `batches.attempt` does."""
    embeddings = {} if job.wanted == "labels" else tables.embedding_tables(analyses, job.options)
    made = embeddings if job.wanted == "embeddings" else tables.label_tables(analyses, job.options)
    if job.wanted == "both":  # first: a batch of labels is a sign that both are there
        attempt(Path(job.beside), batch.name, embeddings)
    attempt(Path(job.folder), batch.name, made)
    damaged = tuple((one.recording.name, one.damage) for one in analyses if one.damage)
    return replace(counted(made["recordings"], job.wanted), damaged=damaged)


def counted(recordings: pa.Table, wanted: Wanted) -> Done:
    """What the rows of a batch say of it."""
    bad = recordings.filter(pc.is_valid(recordings["error"]))
    return Done(
        recordings.num_rows,
        pc.sum(recordings["bytes"]).as_py() or 0,
        pc.sum(recordings["duration"]).as_py() or 0.0,
        tuple(zip(bad["recording"].to_pylist(), bad["error"].to_pylist(), strict=True)),
        wanted=wanted,
    )


def version_of(model: Path) -> str:
    """The fingerprint of a model file: the beginning of its SHA-256."""
    return hashlib.sha256(model.read_bytes()).hexdigest()[:VERSION_DIGITS]


@lru_cache(maxsize=2)
def _model(name: str, version: str) -> Model:
    """Loaded once in a process; with one thread, as there is a process for each core."""
    model = load_model(name, threads=1)
    if version_of(model.path) != version:
        raise EarmarkError(
            name, f"is another model on {platform.node()}", "install the same Earmark, or the same file, there"
        )
    return model


@contextmanager
def _watched(job: Job) -> Iterator[Callable[[], None] | None]:
    """End this process where nothing has moved for `timeout`, even if it hangs in a library: if it is expendable."""
    if not job.expendable:
        yield None
        return

    def moving() -> None:
        faulthandler.dump_traceback_later(job.timeout, exit=True, file=sys.__stderr__ or 2)

    moving()
    try:
        yield moving
    finally:
        faulthandler.cancel_dump_traceback_later()


def check(root: str, folder: str, version: str) -> str | None:
    """What this process lacks, after 'a worker that ...'; None where nothing.

    It needs the recordings below `root`, to write in the run's folder, and the same version of Earmark.
    """
    if version != __version__:
        return f"has Earmark {__version__} in place of {version}"
    if not is_there(root):
        return f"cannot see {root}"
    if not Path(folder).is_dir():
        return f"cannot see {folder}"
    try:
        probe = Path(folder) / "probe"
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as error:
        return f"cannot write to {folder} ({error.strerror})"
    return None
