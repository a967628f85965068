"""The models: listed, one taught a sound that a person marked, one deleted."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Path, Request, Response

from earmark.archive.classifier import steps_of_second, write_model
from earmark.features.frontend import FrontEnd
from earmark.models import negatives
from earmark.models.model import Description, Model
from earmark.service.lesson import LEAST, learn
from earmark.service.problems import described, refusal
from earmark.service.registry import USUAL
from earmark.service.routes.results import kept_timeline
from earmark.service.routes.views import kept_embeddings, with_events
from earmark.service.schemas import Models, ModelView, Teaching
from earmark.service.state import Service, one_of, service_of
from earmark.service.storage import ID
from earmark.util.types import Array

router = APIRouter(prefix="/v1/models", tags=["models"])

ModelId = Annotated[str, Path(pattern=ID, examples=["5c1d0a7b9e2f4863"])]


@router.get("")
def models(request: Request) -> Models:
    """The models that jobs can name, with their labels, thresholds and cards."""
    service = service_of(request)
    return Models(models=[_seen(service, name, about) for name, about in service.models.descriptions.items()])


@router.post("", status_code=201, responses=described(404, 409, 410, 413, 422, 503))
def learned(request: Request, response: Response, wanted: Teaching) -> ModelView:
    """Teach a sound: a model with what the job's has and one label more, learned from the job's events of a label.

    All else in the recording is something else, and so are the sounds, speech, music and rooms of a bundled table.
    """
    service = service_of(request)
    job, folder = with_events(request, wanted.job)
    label = wanted.called
    kept = kept_embeddings(job, folder)
    events = [event for event in kept_timeline(folder).events if event.label == wanted.label]
    if not events:
        raise refusal(422, f"{job.name} has no events of {wanted.label!r}: mark one, and save it")
    base = service.models.loaded(job.model)
    if label in base.labels:
        raise refusal(422, f"{job.model} knows {label!r} already: give the sound another name")
    if kept.rows.shape[1] != base.dimensions or kept.step != base.description.step:
        raise refusal(409, f"{job.name} was done by another model than {job.model} is now: send it again")
    with one_of(service.teaching, "other sounds are being taught", 5):
        lesson = learn(kept, events, steps_of_second(base.description), _background(base), np.random.default_rng(0))
        if lesson is None:
            reason = f"{job.name} has fewer than {LEAST} s beside {wanted.label!r}"
            raise refusal(422, f"{reason}, and what else occurs is not known to {job.model}: take a longer recording")
        card = lesson.figures | {"recording": job.name}
        model_id = service.models.add(
            job.model, label, lambda path, name: write_model(path, label, lesson.head, lesson.centre, base, card, name)
        )
    response.headers["location"] = f"/v1/models/{model_id}"
    return one(request, model_id)


@router.get("/{model_id}", responses=described(404, 422))
def one(request: Request, model_id: ModelId) -> ModelView:
    """One taught model."""
    service = service_of(request)
    name = service.models.name_of(model_id)
    return _seen(service, name, service.models.descriptions[name])


@router.delete("/{model_id}", status_code=204, responses=described(404, 409, 422))
def forget(request: Request, model_id: ModelId) -> None:
    """Delete a taught model; results that it made stay, and so do models that were taught more upon it."""
    service = service_of(request)
    name = service.models.name_of(model_id)
    if any(job.model == name and job.finished is None for job in service.store.every()):
        raise refusal(409, f"jobs wait for {name}: try again when they are done")
    service.models.remove(name)


def _background(base: Model) -> Array:
    """Embeddings of what is nobody's own sound; none where the model is no relative of that which made the table."""
    table = negatives.bundled("background")

    def embed(features: Array) -> Array:
        return np.concatenate(list(base.score_features([features], "embedding")))

    if base.description.front_end == FrontEnd.audioset() and table.fits(embed):
        return table.embeddings
    return np.empty((0, base.dimensions), np.float32)


def _seen(service: Service, name: str, about: Description) -> ModelView:
    return ModelView(
        name=name,
        labels=list(about.labels),
        exclusive=about.exclusive,
        default_for=[task for task, usual in USUAL.items() if usual == name],
        latency=round(about.latency, 3),
        thresholds={
            label: {"on": about.threshold(label).on, "off": about.threshold(label).off} for label in about.labels
        },
        card=dict(about.card),
        taught=service.models.taught.get(name),
    )
