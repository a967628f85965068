"""An index brought up to date: what is new or has changed is labelled, and nothing twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from earmark.archive import layout, planning, similarity, tables
from earmark.archive.analysis import TIMEOUT
from earmark.archive.batches import Run, merge_small, replace, size_of, sweep
from earmark.archive.embeddings import Store
from earmark.archive.layout import Options
from earmark.archive.planning import Report
from earmark.archive.recordings import Listing, Recording
from earmark.archive.workers import Batch, Done, Job, Wanted, version_of, work
from earmark.errors import EarmarkError, ModelError
from earmark.events.hysteresis import EventRules
from earmark.models.model import Model, bundled_models, load_model
from earmark.util.locks import alone


@dataclass(frozen=True)
class Settings:
    """How an index is made; its rows do not depend on these."""

    jobs: int | None = None  # processes at once; None: one for each core
    scheduler: str | None = None  # the address of Dask's, whose workers do it in place of processes of this machine
    most: int = planning.MOST_RECORDINGS  # in a batch
    retry_bad: bool = False  # label again what could not be read
    prune: bool = False  # drop the rows of recordings that are gone
    timeout: float = TIMEOUT  # seconds that a recording may take beside its own length


LOCK = "lock"

OnPlan = Callable[[Report], object]
"""Told what there is to do, before it is done."""

OnBatch = Callable[[Done], object]
"""Told of each batch that is done."""


def index(
    found: Listing,
    out: Path,
    options: Options,
    settings: Settings | None = None,
    on_plan: OnPlan | None = None,
    on_batch: OnBatch | None = None,
) -> Report:
    """Label what is new or has changed of the recordings found, and keep it in an index, made where it is not there.

    It can be killed at any moment: the next run goes on, with nothing done twice but the batches in flight.

    Raises
    ------
    EarmarkError
        The index is of something else, in use by another run, or cannot be written; or no worker can do the work.
    MissingExtraError
        Several processes are asked for, and Dask is not there.
    """
    try:
        return _index(found, out, options, settings or Settings(), on_plan, on_batch)
    except OSError as error:
        reason = f"cannot be read or written ({error.strerror or error})"
        raise EarmarkError(out, reason, "the same command goes on where it stopped") from error


def _index(
    found: Listing, out: Path, options: Options, settings: Settings, on_plan: OnPlan | None, on_batch: OnBatch | None
) -> Report:
    used = EarmarkError(out, "is being written by another `earmark index`", "wait for it, or choose another --out")
    with alone(out / LOCK, used, "be written", "choose another --out"):
        _claim(out, options)
        store = out / layout.EMBEDDINGS
        sweep(out)
        known = planning.known_rows(out)
        _check_prune(found, known, options.root, settings)
        plan = planning.plan(found.recordings, known, options.version, settings.retry_bad, settings.prune)
        later = planning.Plan()
        if options.embedder:
            sweep(store)
            embedded = planning.known_rows(store)
            later = planning.plan(
                found.recordings, embedded, options.embedder_version, settings.retry_bad, settings.prune
            )
        layout.write_options(out, options)
        report = Report.of(plan, later, len(found.recordings), settings.prune)
        if on_plan:
            on_plan(report)
        with ExitStack() as stack:
            embeddings = Run(store, layout.EMBEDDED) if options.embedder else None
            labels = Run(out, beside=embeddings)
            for run, drop in ((labels, plan.drop), (embeddings, later.drop)):
                if run is not None:
                    stack.callback(run.end)
                    for batch, names in drop.items():
                        replace(run, [batch], partial(tables.without, names=names))
            for done in _processed(_parts(labels, plan, embeddings, later), options, settings):
                report.add(done)
                if on_batch:
                    on_batch(done)
            for run in filter(None, (labels, embeddings)):
                merge_small(run)
            if options.embedder and layout.batches(store):
                similarity.update_graphs(Store(out, options), settings.jobs or os.cpu_count() or 1)
        report.embedding_bytes = _bytes(store) if options.embedder else 0
        return report.ended(_bytes(out))


def _bytes(store: Path) -> int:
    return sum(map(size_of, layout.batches(store)))


@dataclass(frozen=True)
class _Part:
    """Recordings of which the same is wanted, and the run that batches of them are written by."""

    run: Run
    wanted: Wanted
    todo: list[Recording]

    def job(self, options: Options, settings: Settings, expendable: bool) -> Job:
        beside = str(self.run.beside.folder.resolve()) if self.run.beside else ""
        return Job(str(self.run.folder.resolve()), options, self.wanted, beside, settings.timeout, expendable)

    def batches(self, jobs: int, most: int) -> Iterator[Batch]:
        most_bytes = planning.MOST_BYTES if self.wanted == "labels" else planning.MOST_BYTES_EMBEDDED
        for recordings in planning.batched(self.todo, jobs, most, most_bytes):
            yield Batch(self.run.begin(), recordings)


def _parts(labels: Run, plan: planning.Plan, embeddings: Run | None, later: planning.Plan) -> list[_Part]:
    """What is wanted of both kinds is done in one pass; an index that has labels gets embeddings alone."""
    embed = {recording.name for recording in later.todo}
    label = {recording.name for recording in plan.todo}
    parts = [
        _Part(labels, "both", [one for one in plan.todo if one.name in embed]),
        _Part(labels, "labels", [one for one in plan.todo if one.name not in embed]),
    ]
    if embeddings is not None:
        parts.append(_Part(embeddings, "embeddings", [one for one in later.todo if one.name not in label]))
    return [part for part in parts if part.todo]


def kept_embedder(out: Path) -> str | None:
    """The model that an index's embeddings are made with; None where it keeps none, or is not there."""
    return layout.read_options(out).embedder or None if (out / layout.OPTIONS).exists() else None


def options_for(root: str, model: str, sensitivity: float = 0.5, embedder: str | None = None) -> Options:
    """What an index of the recordings below `root` by this model is made with.

    The embedder is the model that gives embeddings; None: the same, if it has any; empty: none are kept.
    """
    loaded = load_model(model, threads=1)
    about = loaded.description
    thresholds = EventRules(sensitivity=sensitivity).shift(about.on)
    if embedder is None:
        embedder = model if loaded.dimensions else ""
    chosen = _embedder(embedder) if embedder else None
    return Options(
        root=root,
        model=_named(loaded, model),
        version=version_of(loaded.path),
        embedder=_named(chosen, embedder) if chosen else "",
        embedder_version=version_of(chosen.path) if chosen else "",
        dimensions=chosen.dimensions if chosen else 0,
        labels=about.labels,
        thresholds={label: round(float(on), 4) for label, on in zip(about.labels, thresholds, strict=True)},
        sensitivity=sensitivity,
    )


def _named(model: Model, name: str) -> str:
    """A bundled model's name is the same elsewhere, a path is not."""
    return name if name in bundled_models() else str(model.path.resolve())


def _embedder(name: str) -> Model:
    chosen = load_model(name, threads=1)
    chosen.check_embeddings()
    if chosen.description.step > 1.0:
        raise ModelError(name, "gives fewer embeddings than one a second", "choose another for --embeddings")
    return chosen


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
        ("embeddings by", there.embedder or options.embedder or "none", options.embedder or "none"),
    ):
        if was != now:
            remedy = "choose another --out"
            if what == "recordings of" and there.root and options.root:
                remedy += f"; or, if the archive has moved, write its new place at root in {out / layout.OPTIONS}"
            raise EarmarkError(out, f"is an index with {what} {was}, not {now}", remedy)


def _check_prune(found: Listing, known: dict[str, planning.Row], root: str, settings: Settings) -> None:
    """Refuse to take what cannot be seen just now for gone."""
    if settings.prune and found.left_out:
        raise EarmarkError("--prune", f"cannot tell what is gone: {found.left_out[0]}", "run it without --prune")
    unseen = not any(one.there for one in found.recordings) and any(row.described for row in known.values())
    if settings.prune and known and (unseen or not found.recordings):
        raise EarmarkError("--prune", f"found no recordings in {root or 'the list'} at all", "is it mounted?")


def _processed(parts: list[_Part], options: Options, settings: Settings) -> Iterator[Done]:
    if not parts:
        return
    jobs = min(settings.jobs or os.cpu_count() or 1, sum(len(part.todo) for part in parts))
    expendable = bool(settings.scheduler or jobs > 1)
    with ExitStack() as stack:
        if not expendable:
            for part in parts:
                yield from map(partial(work, part.job(options, settings, False)), part.batches(1, settings.most))
            return
        from earmark.archive import cluster

        if settings.scheduler:
            client = stack.enter_context(cluster.remote(settings.scheduler, parts[0].job(options, settings, True)))
            jobs = len(client.nthreads())
        else:
            client = stack.enter_context(cluster.local(jobs))
        for part in parts:
            job = part.job(options, settings, True)
            yield from cluster.each(client, part.run, job, part.batches(jobs, settings.most))
