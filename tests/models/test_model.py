import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_making import FRONT_END, LOW_HIGH, RATE, causal_model, low_high_model, tones

from earmark.errors import ModelError
from earmark.features.frontend import FrontEnd
from earmark.models import model as models
from earmark.models.model import Description, Threshold, bundled_models, load_model

STEP = 8 * 441  # samples from one step of a compact CNN to the next


@pytest.fixture(scope="module")
def loaded(compact):
    return load_model(compact[1], threads=1)


def network_scores(network, samples):
    """The network on the whole recording at once."""
    import torch

    with torch.no_grad():
        return network(torch.from_numpy(FRONT_END.features(samples))[None]).sigmoid()[0].numpy()


def streamed_scores(model, samples, block):
    blocks = (samples[i : i + block] for i in range(0, len(samples), block))
    return np.concatenate([np.empty((0, len(model.labels)), np.float32), *model.score(blocks)])


@pytest.fixture
def short_chunks(monkeypatch):
    """Chunks of 10 steps, so that seconds of sound need several."""
    monkeypatch.setattr(models, "CHUNK_SECONDS", 10 * STEP / RATE)
    monkeypatch.setattr(models, "CHUNK_CONTEXTS", 0)


# A chunk of 10 steps is full with its context of 5 once there are 15 steps, or 113 to 120 frames.
BORDERS = [steps * STEP + off for steps in (1, 4, 10, 15, 25) for off in (-442, -441, 0, 1)]


@pytest.mark.parametrize("samples", [1, 441, *BORDERS, 40 * STEP + 5])
def test_streamed_scores_are_those_of_the_whole(loaded, compact, short_chunks, samples):
    sound = 0.2 * np.random.default_rng(samples).standard_normal(samples).astype(np.float32)
    found = streamed_scores(loaded, sound, block=5000)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, network_scores(compact[0], sound), atol=1e-4)


@settings(max_examples=15)
@given(samples=st.integers(1, 60 * STEP), block=st.integers(441, 60 * STEP), chunk=st.integers(1, 30))
def test_any_length_any_blocks_any_chunk(loaded, compact, samples, block, chunk):
    sound = 0.2 * np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "CHUNK_SECONDS", chunk * STEP / RATE)
        patch.setattr(models, "CHUNK_CONTEXTS", 0)
        np.testing.assert_allclose(streamed_scores(loaded, sound, block), network_scores(compact[0], sound), atol=1e-4)


def test_usual_chunks(loaded, compact):
    sound = tones(45.0, (3, 40, 700.0))
    np.testing.assert_allclose(streamed_scores(loaded, sound, 10 * RATE), network_scores(compact[0], sound), atol=1e-4)


def test_a_causal_network_streams_with_little_ahead(tmp_path, monkeypatch):
    network = causal_model(tmp_path / "live.onnx")
    model = load_model(tmp_path / "live.onnx", threads=1)
    assert model.description.latency == pytest.approx(24 * 0.02 + 2 * 0.08)
    sound = 0.2 * np.random.default_rng(0).standard_normal(9 * RATE).astype(np.float32)
    whole = network_scores(network, sound)
    for chunk in (0.08, 0.4, 2.0, 20.0):
        monkeypatch.setattr(models, "CHUNK_SECONDS", chunk)
        monkeypatch.setattr(models, "CHUNK_CONTEXTS", 0)
        np.testing.assert_allclose(streamed_scores(model, sound, 4410), whole, atol=1e-4)


def test_nothing_has_no_scores(loaded):
    assert list(loaded.score([])) == []
    assert list(loaded.score([np.empty(0, np.float32)])) == []


def test_scores_come_before_the_recording_ends(loaded, short_chunks):
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield np.zeros(STEP, np.float32)

    scores = loaded.score(endless())
    next(scores)
    scores.close()
    needed = 16  # the last frame reaches half its length into the block after
    assert needed <= len(taken) <= needed + models.PARTS_AHEAD + 2


def test_onnx_runtime_alone_runs_the_file(compact):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(compact[1]))
    assert [(i.name, i.type, i.shape[2]) for i in session.get_inputs()] == [("features", "tensor(float)", 64)]
    assert [(o.name, o.type) for o in session.get_outputs()] == [("scores", "tensor(float)")]
    scores = session.run(["scores"], {"features": np.zeros((2, 50, 64), np.float32)})[0]
    assert scores.shape == (2, 7, 3)
    assert ((scores >= 0) & (scores <= 1)).all()
    about = json.loads(session.get_modelmeta().custom_metadata_map["earmark"])
    assert about["format"] == 1
    assert about["kind"] == "segmenter"
    assert about["labels"] == ["label 0", "label 1", "label 2"]
    assert about["front_end"]["bands"] == 64


def test_metadata_round_trip():
    about = Description(
        name="häuser",
        labels=("dog", "büro", "犬"),
        exclusive=True,
        front_end=FrontEnd(rate=16000, image=(32, 64), kind="linear"),
        stride=8,
        context=41,
        window=0.5,
        thresholds={"dog": Threshold(0.7, 0.3)},
        card={"licence": "CC0", "figures": {"accuracy": 0.9}},
    )
    again = Description.from_json(about.to_json())
    assert again == about
    assert again.on.tolist() == pytest.approx([0.7, 0.5, 0.5])
    assert again.off.tolist() == pytest.approx([0.3, 0.25, 0.25])


def test_metadata_comes_from_the_file(loaded):
    assert loaded.description.card == {"licence": "π"}
    assert loaded.labels == ("label 0", "label 1", "label 2")


@pytest.mark.parametrize(("window", "steps"), [(0.01, 1), (1.0, 7), (0.48, 3), (10.0, 63)])
def test_windows_have_an_odd_number_of_steps(window, steps):
    about = Description("m", ("a",), False, FRONT_END, stride=8, context=0, window=window)
    assert about.step == pytest.approx(0.16)
    assert about.widths.tolist() == [steps]
    assert abs(steps * about.step - window) <= about.step or steps == 1


def assert_one_line(error, *words):
    text = str(error.value)
    assert "\n" not in text
    for word in words:
        assert word in text


def test_no_such_model(tmp_path):
    with pytest.raises(ModelError) as error:
        load_model(tmp_path / "none.onnx")
    assert_one_line(error, "none.onnx", "no such model", "earmark train")


def test_a_folder_is_a_model_only_with_one_inside(tmp_path, compact):
    with pytest.raises(ModelError, match="no such model"):
        load_model(tmp_path)
    (tmp_path / "model.onnx").write_bytes(compact[1].read_bytes())
    assert load_model(tmp_path).labels


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x00" * 100, b"RIFF\x00\x00\x00\x00WAVE"])
def test_no_onnx_file(tmp_path, content):
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError) as error:
        load_model(path)
    assert_one_line(error, "broken.onnx")


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.999])
def test_a_truncated_file(tmp_path, compact, share):
    whole = compact[1].read_bytes()
    path = tmp_path / "cut.onnx"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelError) as error:
        load_model(path)
    assert_one_line(error, "cut.onnx")


def test_a_model_of_others(tmp_path):
    path = low_high_model(tmp_path / "foreign.onnx", metadata=None)
    with pytest.raises(ModelError) as error:
        load_model(path)
    assert_one_line(error, "foreign.onnx", "not made by Earmark")


def changed(**values):
    return json.dumps({**json.loads(LOW_HIGH.to_json()), **values})


@pytest.mark.parametrize(
    "metadata",
    [
        changed(format=2),
        changed(colour="red"),
        changed(front_end={"rate": 0}),
        changed(front_end={"key": 1}),
        changed(front_end=[]),
        changed(thresholds=3),
        "{}",
        "null",
        "[]",
        '"text"',
        "{",
    ],
)
def test_metadata_of_another_version(tmp_path, metadata):
    path = low_high_model(tmp_path / "other.onnx", metadata)
    with pytest.raises(ModelError) as error:
        load_model(path)
    assert_one_line(error, "other.onnx", "cannot read")


def test_bundled_models_are_known_by_name():
    bundled = bundled_models()
    for name, path in bundled.items():
        assert load_model(name).path == path
        assert path.stat().st_size <= (6_000_000 if name == "instruments" else 4_000_000)


def test_bundled_sounds():
    about = load_model().description
    assert {"dog", "rain", "siren", "speech", "music"} <= set(about.labels)
    assert not about.exclusive
    assert about.card["licence"]
    assert ((about.off <= about.on) & (about.on < 1)).all()
