import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from model_making import FRONT_END, compact_model, random_network
from patch_making import shaken

from earmark.features.frontend import FrontEnd
from earmark.models.model import Description, Threshold, load_model
from earmark.training import export as exporting
from earmark.training.export import LONGEST, excerpts, export, quantise, round_weights
from earmark.training.networks import NETWORKS, PatchNetwork, build

LABELS = tuple(f"class_{i}" for i in range(50))


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """A network of the usual size, whose labels exclude each other."""
    return compact_model(tmp_path_factory.mktemp("usual") / "usual.onnx", exclusive=True, labels=50, width=32)


def largest_difference(network, path, activation, shape):
    session = onnxruntime.InferenceSession(str(path))
    sound = np.random.default_rng(sum(shape)).normal(-40, 25, (*shape, 64)).astype(np.float32)
    with torch.no_grad():
        expected = activation(network(torch.from_numpy(sound))).numpy()
    found = session.run(["scores"], {"features": sound})[0]
    assert found.shape == expected.shape
    return np.abs(found - expected).max()


def test_every_network_has_its_parity_test():
    """That of the backbone is in test_mn.py, those of the frame classifiers in test_frames.py, those for
    patches in test_patch_networks.py."""
    for_frames = {name for name, kind in NETWORKS.items() if not issubclass(kind, PatchNetwork)}
    classifiers = {"least_squares", "linear_svm", "mlp", "rnn", "gru"}
    assert for_frames == {"compact_cnn", "earmark", "segmenter", "mn"} | classifiers


@pytest.mark.parametrize("shape", [(1, 1), (1, 8), (3, 57), (2, 251)])
def test_the_file_answers_as_the_network(usual, compact, shape):
    assert largest_difference(*usual, lambda x: x.softmax(-1), shape) < 1e-4
    assert largest_difference(*compact, torch.sigmoid, shape) < 1e-4


@pytest.mark.parametrize(("name", "options"), [("earmark", {}), ("segmenter", {}), ("segmenter", {"causal": True})])
def test_our_own_networks_answer_from_their_files_too(tmp_path, name, options):
    small = build(name, 64, 3, {"width": 4, "hidden": 32, **options})
    network = round_weights(shaken(small, torch.randn(4, 200, 64) * 20 - 40))
    path = tmp_path / "model.onnx"
    export(network, Description("x", ("a", "b", "c"), True, FRONT_END, network.stride, network.context), path)
    for shape in [(1, 1), (3, 57), (2, 251)]:
        assert largest_difference(network, path, lambda x: x.softmax(-1), shape) < 1e-4


def test_the_file_is_small(usual):
    assert usual[1].stat().st_size <= 4_000_000
    parameters = sum(p.numel() for p in usual[0].parameters())
    assert usual[1].stat().st_size < 2.3 * parameters  # two bytes a weight


def test_batch_normalisation_is_folded_as_the_file_is_loaded(usual, tmp_path):
    """Which a bias that is made in each run would prevent."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(tmp_path / "loaded.onnx")
    onnxruntime.InferenceSession(str(usual[1]), options)
    before, after = (
        sum(node.op_type == "BatchNormalization" for node in onnx.load(path).graph.node)
        for path in (usual[1], tmp_path / "loaded.onnx")
    )
    assert before > 10
    assert after == 1  # that of the features, before all layers


def test_rounded_weights_are_half_precision_numbers():
    network = random_network(seed=3)
    before = {name: value.clone() for name, value in network.named_parameters()}
    round_weights(network)
    for name, value in network.named_parameters():
        assert torch.equal(value, value.half().float())
        torch.testing.assert_close(value, before[name], rtol=1e-3, atol=1e-6)


def test_a_failed_export_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"the old one")
    network = random_network()
    about = Description("x", ("a", "b", "c"), False, FRONT_END, network.stride, network.context)

    def fail(*arguments, **options):
        raise RuntimeError("no")

    monkeypatch.setattr(exporting, "_to_onnx", fail)
    with pytest.raises(RuntimeError):
        export(network, about, path)
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_names_no_path_of_the_machine(usual):
    content = usual[1].read_bytes()
    assert b"site-packages" not in content
    assert b".py" not in content


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
    export(network, about, folder / "before.onnx")
    (folder / "after.onnx").write_bytes((folder / "before.onnx").read_bytes())
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
