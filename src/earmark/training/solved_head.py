"""A frozen backbone's head, solved at once on prepared embeddings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from earmark.errors import RecipeError
from earmark.events.boundaries import loud_steps
from earmark.training import negatives
from earmark.training.activity import LOUD_DB
from earmark.training.batches import TrainingSet
from earmark.training.embeddings import as_embeddings
from earmark.training.fit import EpochReport, Report
from earmark.training.linear_head import Array, LinearHead, Rows, solve
from earmark.training.negatives import Negatives
from earmark.training.networks.mn import EmbeddingHead, MobileNet
from earmark.training.recipe import Recipe


def solve_head(
    recipe: Recipe,
    network: MobileNet,
    data: TrainingSet,
    original: MobileNet | None,
    report: Report | None = None,
    cache: Path | None = None,
) -> MobileNet:
    """Solve what answers for the labels, on embeddings of a backbone that stays as it is.

    Args:
        recipe: its `weight_decay` is the penalty.
        network: whose head is filled.
        data: prepared clips.
        original: the backbone as it was published, where the bundled negatives teach, too.
        report: told when it is done.
        cache: where embeddings are kept.

    Raises:
        RecipeError: the table of negatives was made by another backbone.
    """
    began = time.monotonic()
    nobodys = None if original is None else rows_of_table(network.answer, table_for(original))
    train = as_embeddings(data, network, cache)
    loud = [loud_steps(data.features.levels(i), network.stride, LOUD_DB) for i in range(len(data.features))]
    own, targets = rows_of(network.answer, train, loud)
    head = solve(own, targets, recipe.training.weight_decay, nobodys)
    fill(network.answer, head)
    if report:
        loss = float(np.average(_cross_entropy(head(own.values), targets), weights=own.weights))
        report(EpochReport(1, recipe.training.epochs, loss, time.monotonic() - began))
    return network.eval()


def table_for(original: MobileNet) -> Negatives:
    """The bundled negatives, which the backbone must have made.

    Raises:
        RecipeError: it has not.
    """
    table = negatives.bundled()
    original.eval()
    if original.answer.means != (3,) or not table.fits(lambda features: _embed(original, features)):
        options = ", ".join(f"{key}: {value}" for key, value in negatives.OPTIONS.items())
        remedy = f"set model.options to {{{options}}}, or training.negatives to false"
        raise RecipeError("training.negatives", "the bundled table was made by another backbone", remedy)
    return table


def rows_of(head: EmbeddingHead, data: TrainingSet, loud: Sequence[np.ndarray]) -> tuple[Rows, Array]:
    """What the head sees in the loud steps of each clip, and which labels hold there."""
    values, targets, weights = [], [], []
    for clip in range(len(data.features)):
        heard = loud[clip][: data.features.length[clip]]
        values.append(joined(head, data.features[clip])[heard])
        held = data.targets[clip] if data.activity is None else data.activity[clip][heard]
        targets.append(np.broadcast_to(held, (heard.sum(), data.targets.shape[1])))
        weights.append(np.full(heard.sum(), 1 / heard.sum()))
    seen = np.concatenate(values)
    return Rows(seen, np.concatenate(weights), known(head, seen)), np.concatenate(targets).astype(np.float32)


def rows_of_table(head: EmbeddingHead, table: Negatives) -> Rows:
    """What the head sees in each row of the table; of the bundled one kept for the run's other heads."""
    layers = (head.hidden.weight, head.hidden.bias, head.audioset.weight, head.audioset.bias)
    if table is negatives.bundled():
        return _rows_of_bundled(*(layer.detach().numpy().tobytes() for layer in layers))
    return _rows_of_table(table, *(layer.detach().numpy() for layer in layers))


@lru_cache(maxsize=1)
def _rows_of_bundled(*layers: bytes) -> Rows:
    weight, bias, last, last_bias = (np.frombuffer(layer, np.float32) for layer in layers)
    shaped = weight.reshape(len(bias), -1), bias, last.reshape(len(last_bias), -1), last_bias
    return _rows_of_table(negatives.bundled(), *shaped)


def _rows_of_table(table: Negatives, weight: Array, bias: Array, last: Array, last_bias: Array) -> Rows:
    """By AudioSet's hidden layer, with hard swish, and its last one."""
    linear = table.embeddings @ weight.T + bias
    hidden = linear * np.clip(linear / 6 + 0.5, 0, 1)
    values = np.concatenate([table.embeddings, hidden], axis=1)
    return Rows(values, np.ones(len(values), np.float32), np.asarray(hidden @ last.T + last_bias, np.float32))


@torch.no_grad()
def known(head: EmbeddingHead, seen: Array) -> Array:
    """Logits of AudioSet's classes [rows, classes] by what the head has seen [rows, size]."""
    logits: Tensor = head.audioset(torch.from_numpy(seen[:, -head.hidden.out_features :]))
    return logits.numpy()


@torch.no_grad()
def fill(head: EmbeddingHead, solved: LinearHead) -> None:
    """Give the head what was solved."""
    assert isinstance(head.normalise.running_mean, Tensor)
    assert isinstance(head.normalise.running_var, Tensor)
    head.normalise.running_mean.copy_(torch.from_numpy(solved.mean))
    head.normalise.running_var.copy_(torch.from_numpy(solved.deviation**2) - head.normalise.eps)
    head.head.weight.copy_(torch.from_numpy(solved.weight))
    head.head.bias.copy_(torch.from_numpy(solved.bias))


@torch.no_grad()
def joined(head: EmbeddingHead, embeddings: Array) -> Array:
    """What the head sees in one clip, [steps, size] of its embeddings [steps, bands]."""
    return np.asarray(head.joined(torch.from_numpy(embeddings)[None])[0].numpy())


@torch.no_grad()
def _embed(network: MobileNet, features: Array) -> Array:
    return np.asarray(network.embed(torch.from_numpy(features)[None])[0].numpy())


def _cross_entropy(logits: Array, targets: Array) -> Array:
    return np.asarray((np.logaddexp(0, logits) - targets * logits).sum(1), np.float32)
