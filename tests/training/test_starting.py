"""Training that goes on from a model file."""

import numpy as np
import onnx
import pytest
import torch
from sounds import SMALL, write_dataset

from earmark.errors import ModelError, RecipeError
from earmark.models.model import load_model
from earmark.training import networks
from earmark.training import recipe as recipes
from earmark.training.export import quantise
from earmark.training.run import run
from earmark.training.stages import Start, weights_of
from earmark.training.trainer import start_fabric

pytestmark = pytest.mark.usefixtures("rough_pictures")


class Silent:
    def preparing(self, done, total):
        pass

    def starting(self, networks, at_once):
        pass

    def epoch(self, part, report):
        self.last = report


def plan(data, *words):
    content = {"name": "x", "dataset": {"path": str(data)}, "split": {"protocol": "grouped"}}
    return recipes.check(content, "x", [*SMALL, "export.exclusive=false", *words])


def train(place, out, *words):
    made = plan(place, *words)
    listener = Silent()
    return run(made, out, start_fabric(made, "cpu"), listener, place.parent / "cache"), listener


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("starting") / "data")


@pytest.fixture(scope="module")
def first(place, tmp_path_factory):
    return train(place, tmp_path_factory.mktemp("first"))[0].model


def fresh(made, labels):
    return networks.build(made.model.network, made.front_end.size, labels, made.model.options, None)


def test_every_weight_comes_along(place, first):
    made = plan(place, f"model.start={first}")
    network = fresh(made, 3)
    Start(made).set(network, ("hiss", "rumble", "tone"))
    features = np.random.default_rng(0).normal(-40, 10, (1, 64, 32)).astype(np.float32)
    with torch.no_grad():
        ours = network.eval()(torch.from_numpy(features)).sigmoid().numpy()
    (theirs,) = load_model(first, threads=1).session.run(None, {"features": features})
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_a_file_of_8_bits_will_do(place, first, tmp_path):
    small = tmp_path / "small.onnx"
    small.write_bytes(first.read_bytes())
    rng = np.random.default_rng(0)
    quantise(small, [rng.normal(-40, 10, (200, 32)).astype(np.float32) for _ in range(4)])
    exact, rounded = (weights_of(onnx.load(path)) for path in (first, small))
    assert small.stat().st_size < first.stat().st_size
    for name, values in exact.items():
        np.testing.assert_allclose(rounded[name], values, atol=np.abs(values).max() / 64)
    Start(plan(place, f"model.start={small}")).set(fresh(plan(place), 3), ("hiss", "rumble", "tone"))


def test_answers_follow_their_labels_and_new_ones_begin_anew(place, first):
    made = plan(place, f"model.start={first}")
    start, network = Start(made), fresh(made, 3)
    before = {name: value.clone() for name, value in network.head.state_dict().items()}
    start.set(network, ("bell", "tone", "hiss"))
    weights, bias = start.weights["head.weight"], start.weights["head.bias"]
    np.testing.assert_array_equal(network.head.weight[1].detach(), weights[2])
    np.testing.assert_array_equal(network.head.weight[2].detach(), weights[0])
    np.testing.assert_array_equal(network.head.bias[1:].detach(), bias[[2, 0]])
    assert torch.equal(network.head.weight[0], before["weight"][0])
    assert torch.equal(network.head.bias[0], before["bias"][0])


def test_training_goes_on_from_there(place, first, tmp_path):
    words = ("training={epochs: 1, batch: 8, learning_rate: 1e-6, ema: 0.9, precision: 32-true}",)
    _, from_nothing = train(place, tmp_path, *words)
    _, going_on = train(place, tmp_path / "on", *words, f"model.start={first}")
    assert going_on.last.loss < 0.5 * from_nothing.last.loss


def test_of_several_files_the_mean(place, first, tmp_path):
    words = ("training={epochs: 1, batch: 8, learning_rate: 1e-3, ema: 0.9, precision: 32-true, seed: 1}",)
    other = train(place, tmp_path, *words, f"model.start={first}")[0].model
    both = Start(plan(place, f"model.start=[{first}, {other}]"))
    one, two = (weights_of(onnx.load(path)) for path in (first, other))
    assert any(not np.array_equal(one[name], two[name]) for name in one)
    for name, values in both.weights.items():
        np.testing.assert_allclose(values, (one[name] + two[name]) / 2, atol=1e-6)


def test_several_files_know_the_same_labels(place, first):
    made = plan(place, f"model.start=[{first}, sounds]")
    with pytest.raises(RecipeError, match="sounds: knows other labels than"):
        Start(made)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("front_end.bands=40", "other features; set front_end: {'bands': 32}"),
        ("model.options={width: 8}", "another network"),
        ("model.network=segmenter", "another network"),
    ],
)
def test_what_does_not_fit_is_told(place, first, word, says):
    with pytest.raises(RecipeError) as told:
        Start(plan(place, f"model.start={first}", word))
    assert says in str(told.value)


def test_a_model_that_is_not_there(place, tmp_path):
    with pytest.raises(ModelError, match="no such model"):
        train(place, tmp_path, f"model.start={tmp_path / 'none.onnx'}")
    assert not list(tmp_path.iterdir())
