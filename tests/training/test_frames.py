"""The frame classifiers: what they see, and that their files answer as they do."""

import numpy as np
import onnxruntime
import pytest
import torch

from earmark.features.frontend import FrontEnd
from earmark.models.model import Description, Threshold, load_model
from earmark.training import networks
from earmark.training.export import export, round_weights
from earmark.training.networks.frames import LOCAL_REACH, FrameClassifier, LocalLevels, around, stacked

FRONT_END = FrontEnd(rate=16000, n_fft=512, hop=160, bands=40, fmin=60, fmax=7600)
CLASSIFIERS = [name for name, kind in networks.NETWORKS.items() if issubclass(kind, FrameClassifier)]


def build(name, seed=0):
    torch.manual_seed(seed)
    return round_weights(networks.build(name, FRONT_END.bands, 1, {})).eval()


def features(frames, seed=0, batch=1):
    """Noise with some loud stretches, dB."""
    rng = np.random.default_rng(seed)
    loud = np.repeat(rng.random((batch, frames // 20 + 1, 1)) < 0.4, 20, axis=1)[:, :frames]
    return torch.from_numpy((rng.normal(-60, 3, (batch, frames, 40)) + 40 * loud).astype(np.float32))


@pytest.fixture(scope="module", params=CLASSIFIERS)
def exported(request, tmp_path_factory):
    network = build(request.param)
    path = tmp_path_factory.mktemp(request.param) / "model.onnx"
    about = Description(
        request.param,
        ("speech",),
        False,
        FRONT_END,
        network.stride,
        network.context,
        thresholds={"speech": Threshold()},
    )
    export(network, about, path)
    return network, path


@pytest.mark.parametrize(("batch", "frames"), [(1, 1), (1, 2), (3, 57), (2, 701)])
def test_the_file_answers_as_the_network(exported, batch, frames):
    network, path = exported
    heard = features(frames, batch=batch)
    with torch.no_grad():
        expected = network(heard).sigmoid().numpy()
    found = onnxruntime.InferenceSession(str(path)).run(["scores"], {"features": heard.numpy()})[0]
    assert found.shape == (batch, frames, 1)
    assert np.abs(found - expected).max() < 1e-4


def test_a_recording_in_blocks_scores_as_the_whole(exported):
    """The memory of a recurrent network is cut where a chunk begins: what is left of the difference is small."""
    _, path = exported
    model = load_model(path)
    heard = features(5000, seed=4)[0].numpy()
    whole = np.concatenate(list(model.score_features([heard])))
    parts = np.concatenate(list(model.score_features(np.array_split(heard, 17))))
    one = model.session.run(["scores"], {"features": heard[None]})[0][0]
    assert np.array_equal(whole, parts)
    assert np.abs(whole - one).max() < 5e-3


def test_files_are_small_and_name_no_path(exported):
    content = exported[1].read_bytes()
    assert len(content) < 400_000
    assert b"site-packages" not in content


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_level_and_channel_drop_out(name):
    """A louder recording gives the same answers; so does a microphone that colours the sound a little."""
    network = build(name)
    heard = features(600, seed=1)
    colour = torch.linspace(-2, 2, 40)
    with torch.no_grad():
        expected = network(heard)
        assert torch.allclose(network(heard + 25.0), expected, atol=1e-3)
        assert torch.allclose(network(heard - 30.0), expected, atol=1e-3)
        local, coloured = LocalLevels()(heard), LocalLevels()(heard + colour)
        assert torch.allclose(local[..., :40], coloured[..., :40], atol=1e-4)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_an_answer_depends_on_its_context_alone(name):
    network = build(name)
    heard = features(3000, seed=2)
    other = heard.clone()
    other[:, : 1500 - network.context] = -20.0
    other[:, 1500 + network.context + 1 :] = -90.0
    with torch.no_grad():
        same = network(heard)[0, 1500], network(other)[0, 1500]
    assert torch.allclose(*same, atol=5e-3)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_digital_silence_is_as_good_as_a_quiet_room(name):
    """No level is beyond what a recording can hold: nothing overflows."""
    silent = torch.full((1, 900, 40), -100.0)
    with torch.no_grad():
        assert torch.isfinite(build(name)(silent)).all()


def test_the_largest_around():
    values = torch.zeros(1, 1, 2000)
    values[0, 0, 1000] = 5.0
    found = around(values)[0, 0].numpy()
    reach = LOCAL_REACH - 2
    assert (found[1000 - reach : 1001 + reach] == 5).all()
    assert (found[: 1000 - reach] == 0).all()
    assert (found[1001 + reach :] == 0).all()


def test_stacked_frames_stand_where_they_should():
    frames = torch.arange(100.0)[None, :, None]
    assert stacked(frames)[0, 50].tolist() == [26, 38, 44, 47, 49, 50, 51, 53, 56, 62, 74]
    assert stacked(frames)[0, 0].tolist() == [0, 0, 0, 0, 0, 0, 1, 3, 6, 12, 24]
    assert stacked(frames)[0, 99].tolist() == [75, 87, 93, 96, 98, 99, 99, 99, 99, 99, 99]


def test_none_holds_a_convolution(exported):
    import onnx

    operators = {node.op_type for node in onnx.load(exported[1]).graph.node}
    assert not {operator for operator in operators if "Conv" in operator}
