"""An index brought up to date: what is new or has changed is labelled, and nothing twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from earmark.archive import layout, planning, tables
from earmark.archive.batches import Run, replace, sweep
from earmark.archive.hearing import TIMEOUT
from earmark.archive.layout import Options
from earmark.archive.merging import merge, size_of
from earmark.archive.recordings import Found, Recording
from earmark.archive.reporting import Report
from earmark.archive.working import Batch, Done, Job, version_of, work
from earmark.errors import EarmarkError
from earmark.locking import alone
from earmark.model import bundled_models, load_model
from earmark.timeline import EventRules


@dataclass(frozen=True)
class Settings:
    """How an index is made; its rows do not depend on these.

    Attributes:
        jobs: processes at once; None: one for each core.
        scheduler: the address of a Dask scheduler whose workers do it, in place of processes of this machine.
        most: recordings in a batch, the most.
        retry_bad: label again what could not be read.
        prune: drop the rows of recordings that are gone.
        timeout: seconds that a recording may take beside its own length.
    """

    jobs: int | None = None
    scheduler: str | None = None
    most: int = planning.MOST_RECORDINGS
    retry_bad: bool = False
    prune: bool = False
    timeout: float = TIMEOUT


LOCK = "lock"

Begin = Callable[[Report], object]
"""Told what there is to do, before it is done."""

Heed = Callable[[Done], object]
"""Told of each batch that is done."""


def index(
    found: Found,
    out: Path,
    options: Options,
    settings: Settings | None = None,
    begin: Begin | None = None,
    heed: Heed | None = None,
) -> Report:
    """Label what is new or has changed, and keep it in an index.

    It can be killed at any moment: the next run goes on, with nothing done twice but the batches in flight.

    Args:
        found: the recordings that are there.
        out: the folder of the index, made where it is not there.
        options: see `options_for`.
        settings: how.
        begin: told what there is to do.
        heed: told of each batch as it is done.

    Raises:
        EarmarkError: the index is of something else, in use by another run, or cannot be written; or no worker can do
            the work.
        MissingExtraError: several processes are asked for, and Dask is not there.
    """
    try:
        return _index(found, out, options, settings or Settings(), begin, heed)
    except OSError as error:
        reason = f"cannot be read or written ({error.strerror or error})"
        raise EarmarkError(out, reason, "the same command goes on where it stopped") from error


def _index(
    found: Found, out: Path, options: Options, settings: Settings, begin: Begin | None, heed: Heed | None
) -> Report:
    used = EarmarkError(out, "is being written by another `earmark index`", "wait for it, or choose another --out")
    with alone(out / LOCK, used, "be written", "choose another --out"):
        _claim(out, options)
        sweep(out)
        known = planning.rows(out)
        _check_prune(found, known, options.root, settings)
        plan = planning.plan(found.recordings, known, options.version, settings.retry_bad, settings.prune)
        layout.write_options(out, options)
        report = Report.of(plan, len(found.recordings), settings.prune)
        if begin:
            begin(report)
        with ExitStack() as stack:
            run = Run(out)
            stack.callback(run.end)
            for batch, names in plan.drop.items():
                replace(run, [batch], partial(tables.without, names=names))
            for done in _labelled(run, plan.todo, options, settings):
                report.add(done)
                if heed:
                    heed(done)
            merge(run)
        return report.ended(sum(map(size_of, layout.batches(out))))


def options_for(root: str, model: str, sensitivity: float = 0.5) -> Options:
    """What an index of these recordings by this model is made with.

    Raises:
        ModelError: no such model.
    """
    loaded = load_model(model, threads=1)
    about = loaded.description
    thresholds = EventRules(sensitivity=sensitivity).shift(about.on)
    return Options(
        root=root,
        model=model if model in bundled_models() else str(loaded.path.resolve()),
        version=version_of(loaded.path),
        labels=about.labels,
        thresholds={label: round(float(on), 4) for label, on in zip(about.labels, thresholds, strict=True)},
        sensitivity=sensitivity,
    )


def _claim(out: Path, options: Options) -> None:
    """Refuse an index of something else: its rows would be dropped, or mean something else."""
    if not (out / layout.OPTIONS).exists():
        if (out / layout.BATCHES).is_dir() and layout.batches(out):
            raise EarmarkError(out, f"holds batches but no {layout.OPTIONS}", "choose another --out")
        return
    there = layout.read_options(out)
    for what, was, now in (
        ("recordings of", there.root or "a list", options.root or "a list"),
        ("a model,", there.model, options.model),
        ("--sensitivity", there.sensitivity, options.sensitivity),
    ):
        if was != now:
            remedy = "choose another --out"
            if what == "recordings of" and there.root and options.root:
                remedy += f"; or, if the archive has moved, write its new place at root in {out / layout.OPTIONS}"
            raise EarmarkError(out, f"is an index with {what} {was}, not {now}", remedy)


def _check_prune(found: Found, known: dict[str, planning.Row], root: str, settings: Settings) -> None:
    """Refuse to take what cannot be seen just now for gone."""
    if settings.prune and found.left_out:
        raise EarmarkError("--prune", f"cannot tell what is gone: {found.left_out[0]}", "run it without --prune")
    unseen = not any(one.there for one in found.recordings) and any(row.described for row in known.values())
    if settings.prune and known and (unseen or not found.recordings):
        raise EarmarkError("--prune", f"found no recordings in {root or 'the list'} at all", "is it mounted?")


def _labelled(run: Run, todo: list[Recording], options: Options, settings: Settings) -> Iterator[Done]:
    if not todo:
        return
    jobs = min(settings.jobs or os.cpu_count() or 1, len(todo))
    job = Job(str(run.folder.resolve()), options, settings.timeout, expendable=bool(settings.scheduler or jobs > 1))
    with ExitStack() as stack:
        if not job.expendable:
            yield from map(partial(work, job), _batches(run, todo, 1, settings.most))
            return
        from earmark.archive import cluster

        if settings.scheduler:
            client = stack.enter_context(cluster.remote(settings.scheduler, job))
            jobs = len(client.nthreads())
        else:
            client = stack.enter_context(cluster.local(jobs))
        yield from cluster.each(client, run, job, _batches(run, todo, jobs, settings.most))


def _batches(run: Run, todo: list[Recording], jobs: int, most: int) -> Iterator[Batch]:
    for recordings in planning.batched(todo, jobs, most):
        yield Batch(run.begin(), recordings)
