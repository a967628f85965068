"""Live scores against those of whole recordings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_making import FRONT_END, RATE, causal_model, tones

from earmark.events.boundaries import FrameLevels
from earmark.features.frontend import FrontEnd
from earmark.live.scoring import MIRRORED, FrameStream, LiveScorer
from earmark.models.labelling import scored
from earmark.models.model import METADATA_KEY, Description, load_model
from earmark.util.streams import concatenate

PICTURES = FrontEnd(rate=8000, n_fft=256, hop=80, bands=16, patch=0.5, patch_hop=0.1, image=(6, 8))
SUMMARIES = FrontEnd(kind="summary", rate=8000, n_fft=256, hop=80, bands=16, coefficients=8, patch=0.5, patch_hop=0.2)
PATCHES = FrontEnd(kind="mfcc", rate=8000, n_fft=256, hop=80, bands=16, coefficients=8, patch=0.4, patch_hop=0.1)
KINDS = {
    "mel": FrontEnd(rate=8000, n_fft=256, hop=80, bands=16),
    "linear": FrontEnd(kind="linear", rate=8000, n_fft=128, hop=100),
    "cepstra": FrontEnd(kind="mfcc", rate=8000, n_fft=256, hop=80, bands=16, coefficients=8, deltas=2),
    "descriptors": SUMMARIES,
}


def linear_model(path, front_end, exclusive, window):
    """A model for patches: each is a step, and its scores are a random linear map of it."""
    from onnx import TensorProto, helper, numpy_helper

    stride, size = front_end.rows, front_end.size
    weights = 0.01 * np.random.default_rng(0).standard_normal((stride * size, 3)).astype(np.float32)
    shape = np.array([0, -1, stride * size], np.int64)
    nodes = [
        helper.make_node("Reshape", ["features", "shape"], ["patches"]),
        helper.make_node("MatMul", ["patches", "weights"], ["logits"]),
        helper.make_node("Softmax" if exclusive else "Sigmoid", ["logits"], ["scores"]),
    ]
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", "frames", size])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", "steps", 3])
    constants = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(shape, "shape")]
    graph = helper.make_graph(nodes, "linear", [features], [scores], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    about = Description("linear", ("a", "b", "c"), exclusive, front_end, stride, 0, window)
    helper.set_model_props(model, {METADATA_KEY: about.to_json()})
    path.write_bytes(model.SerializeToString())
    return load_model(path, threads=1)


@pytest.fixture(scope="module")
def models(tmp_path_factory, compact):
    folder = tmp_path_factory.mktemp("live")
    return {
        "network": load_model(compact[1], threads=1),
        "pictures": linear_model(folder / "pictures.onnx", PICTURES, False, window=0.5),
        "summaries": linear_model(folder / "summaries.onnx", SUMMARIES, True, window=0.2),
        "patches": linear_model(folder / "patches.onnx", PATCHES, True, window=0.3),
    }


def noise(samples, seed=0):
    rng = np.random.default_rng(seed)
    loudness = np.repeat(rng.uniform(-4, -1, samples // 2000 + 1), 2000)[:samples]
    return (10**loudness * rng.standard_normal(samples)).astype(np.float32)


def cut(samples, sizes, most=200):
    """Blocks of these sizes, again and again, and what is left after so many: of tiny ones more would show no more."""
    ends = np.cumsum([sizes[turn % len(sizes)] for turn in range(most)])
    yield from np.split(samples, ends[ends < len(samples)])


def live_scores(model, blocks, **options):
    scorer = LiveScorer(model, **options)
    parts = [part for block in blocks for part in scorer.add(block)]
    return concatenate([*parts, *scorer.finish()], len(model.labels))


def whole_scores(model, samples):
    return concatenate(scored(model, [samples], FrameLevels(0.01)), len(model.labels))


SIZES = st.lists(st.integers(1, 9000), min_size=1, max_size=4)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8)
@given(samples=st.integers(0, 20_000), sizes=SIZES)
def test_frames_that_are_pushed_are_those_that_are_pulled(kind, samples, sizes):
    sound = noise(samples)
    stream = FrameStream(KINDS[kind])
    found = concatenate([*map(stream.add, cut(sound, sizes)), stream.finish()], KINDS[kind].frame_size)
    wanted = concatenate(KINDS[kind].frame_stream([sound]), KINDS[kind].frame_size)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=2e-3)


@pytest.mark.parametrize("kind", ["network", "pictures", "summaries", "patches"])
@settings(max_examples=8)
@given(seconds=st.floats(0, 2), sizes=SIZES, chunk=st.sampled_from([0.0, 0.16, 0.5]))
def test_with_all_the_look_ahead_scores_are_those_of_the_whole(models, kind, seconds, sizes, chunk):
    model = models[kind]
    sound = noise(round(seconds * model.description.front_end.rate))
    found = live_scores(model, cut(sound, sizes), ahead=100.0, chunk=chunk)
    np.testing.assert_allclose(found, whole_scores(model, sound), atol=2e-4)


@pytest.mark.parametrize("kind", ["network", "pictures", "summaries", "patches"])
@settings(max_examples=5)
@given(sizes=SIZES, ahead=st.floats(0, 1.5))
def test_blocks_change_nothing(models, kind, sizes, ahead):
    model = models[kind]
    sound = noise(2 * model.description.front_end.rate)
    whole = live_scores(model, [sound], ahead=ahead)
    np.testing.assert_allclose(live_scores(model, cut(sound, sizes), ahead=ahead), whole, atol=2e-4)
    assert len(whole) == len(whole_scores(model, sound))


@pytest.mark.parametrize("kind", ["network", "pictures", "summaries"])
@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_a_step_is_scored_by_itself_and_what_is_known_behind_it(models, kind, ahead):
    """The last moments mirrored stand for what has not sounded; of patches the last whole one does, as at the end."""
    model = models[kind]
    about, front_end = model.description, model.description.front_end
    sound = noise(2 * front_end.rate)
    frames = concatenate(front_end.frame_stream([sound]), front_end.frame_size)
    found = live_scores(model, [sound], ahead=ahead * about.step, chunk=about.step)
    hop = about.stride if front_end.patch is None else round(front_end.patch_hop * front_end.rate / front_end.hop)
    for step in range(len(found) - 1 - ahead):
        known = frames[: (step + 1 + ahead) * hop]
        if kind == "network":
            known = np.concatenate([known, known[::-1][: round(MIRRORED / front_end.seconds)]])
        answers = concatenate(model.score_features(front_end.cut([known])), 3)
        behind = np.log(answers / (1 - answers))[step : step + 1 + min(ahead, int(about.widths.max()) // 2)]
        np.testing.assert_allclose(found[step], 1 / (1 + np.exp(-behind.mean(0))), atol=2e-4)


@pytest.mark.parametrize("kind", ["network", "pictures", "summaries", "patches"])
def test_scores_come_when_they_are_promised(models, kind):
    model = models[kind]
    rate, step = model.description.front_end.rate, model.description.step
    scorer = LiveScorer(model, ahead=0.2, chunk=0.2)
    known = heard = 0
    for block in cut(noise(4 * rate), [rate // 50]):
        heard += len(block)
        known += sum(len(part) for part in scorer.add(block))
        assert known * step >= heard / rate - scorer.latency - 2 * model.description.front_end.hop / rate


@pytest.mark.parametrize("kind", ["network", "pictures", "summaries", "patches"])
def test_memory_does_not_grow(models, kind):
    model = models[kind]
    rate = model.description.front_end.rate
    scorer = LiveScorer(model, ahead=0.2)
    held = set()
    for second in range(12):
        assert sum(len(part) for part in scorer.add(noise(rate, second))) > 0
        held.add(max(len(scorer.held), len(scorer.stream.held) // 100))
    assert max(held) <= 4 * FRONT_END.rate / FRONT_END.hop
    assert scorer.held.base is None or len(scorer.held.base) < 500


def test_a_causal_network_waits_no_longer_than_it_must(tmp_path):
    causal_model(tmp_path / "live.onnx")
    model = load_model(tmp_path / "live.onnx", threads=1)
    sound = tones(4.0, (1, 2, 300.0), (2.5, 3.0, 2000.0))
    assert LiveScorer(model, ahead=100.0).latency < model.description.latency + 0.3
    found = live_scores(model, cut(sound, [RATE // 20]), ahead=100.0)
    np.testing.assert_allclose(found, whole_scores(model, sound), atol=6e-3)  # a recurrent layer remembers beyond
