import numpy as np
import onnx
import pytest
from model_making import random_network

from earmark.features.frontend import FrontEnd
from earmark.models.model import Description, Threshold, load_model
from earmark.training.export import LONGEST, excerpts, export, quantise


def features(frames, seed=0):
    """Something like log-mel: smooth in time, tens of dB."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 4, (frames, 64)).cumsum(0) * 0.3
    return (steps - steps.mean() - 40).astype(np.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A model file before and after."""
    folder = tmp_path_factory.mktemp("quantised")
    network = random_network(width=16)
    about = Description(
        "random", ("a", "b", "c"), False, FrontEnd(), network.stride, network.context, 0.5,
        thresholds={"a": Threshold(0.7, 0.3)}, card={"licence": "none"},
    )  # fmt: skip
    for name in ("before.onnx", "after.onnx"):
        export(network, about, folder / name)
    quantise(folder / "after.onnx", [features(600, seed) for seed in range(8)])
    return folder / "before.onnx", folder / "after.onnx"


def test_it_says_the_same_of_itself_and_is_smaller(files):
    before, after = files
    assert load_model(after).description == load_model(before).description
    assert after.stat().st_size < 0.75 * before.stat().st_size


def test_scores_change_little(files):
    heard = features(800, seed=99)
    one, other = (np.concatenate(list(load_model(path).score_features([heard]))) for path in files)
    assert one.shape == other.shape
    assert np.abs(one - other).mean() < 0.03
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.98


def test_convolutions_are_done_with_integers_that_no_processor_overflows(files):
    graph = onnx.load(files[1]).graph
    weights = [onnx.numpy_helper.to_array(one) for one in graph.initializer]
    eighth = [one for one in weights if one.dtype == np.int8 and one.ndim > 1]
    assert len(eighth) >= sum(node.op_type == "Conv" for node in graph.node)
    assert max(np.abs(one).max() for one in eighth) <= 64


def test_recordings_of_any_length_can_be_heard(files):
    model = load_model(files[1])
    stride = model.description.stride
    for frames in (stride, 7 * stride, 501 * stride):
        assert sum(map(len, model.score_features([features(frames)]))) == frames // stride


def test_nothing_of_the_machine_that_made_it_is_in_the_file(files, tmp_path):
    text = files[1].read_bytes()
    assert str(tmp_path.parent).encode() not in text
    assert b"site-packages" not in text


def test_excerpts_are_whole_steps():
    found = list(excerpts([features(10), features(3), features(5000)], 4))
    assert [len(one) for one in found] == [8, LONGEST]
