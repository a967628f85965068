"""The backbone `mn`: the published network at each width, its answers, its steps, and its model file."""

from functools import cache

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from mn_making import DATA, TINY, as_published, published, synthetic, tiny
from onnx import numpy_helper
from sounds import write_dataset
from test_stages import Listener

from earmark.errors import ModelError, RecipeError
from earmark.features.frontend import FrontEnd
from earmark.labels import SOUNDS, audioset
from earmark.labels.audioset import nearest_only
from earmark.labels.groups import ancestors, parents
from earmark.models import model as models
from earmark.models.model import Description, load_model
from earmark.training import data as training_data
from earmark.training import recipe as recipes
from earmark.training.batches import TrainingSet
from earmark.training.export import export, quantise, round_weights
from earmark.training.networks import build
from earmark.training.networks.mn import SURER, MobileNet, _columns
from earmark.training.run import run
from earmark.training.stages import Start, weights_of
from earmark.training.tasks import loss_of_steps
from earmark.training.trainer import start_fabric

pytestmark = pytest.mark.usefixtures("rough_pictures")

WHOLE = 1000.0  # seconds: longer than any sound here, so that all of it is pooled, as in the original
LABELS = ("a", "b", "c")
FRONT_END = FrontEnd(rate=32000, hop=320, bands=64)


@pytest.mark.parametrize("width", [0.4, 0.5, 1.0])
def test_the_weights_are_the_published_ones(width, tmp_path):
    shapes = published(width)
    path = as_published(MobileNet(128, 3, width), tmp_path / "weights.pt")
    ours = torch.load(path, weights_only=True)
    counted = {name: tuple(value.shape) for name, value in ours.items() if not name.endswith("num_batches_tracked")}
    assert counted == shapes
    values = {name: torch.full(shape, 0.25) for name, shape in shapes.items()}
    torch.save(values | {name: value for name, value in ours.items() if name not in shapes}, path)
    network = MobileNet(128, 3, width, hidden=4)
    own = network.answer.head.weight.clone()
    network.load(path)
    assert (network.features[16][0].weight == 0.25).all()
    assert (network.answer.hidden.weight == 0.25).all()
    assert torch.equal(network.answer.head.weight, own)  # the publisher's file has none


@pytest.mark.shared
@torch.no_grad()
def test_audioset_is_answered_as_by_the_original(pretrained):
    network = MobileNet(128, 3, weights=str(pretrained), window=WHOLE, means=[WHOLE])
    network.initialise()
    network.eval()
    with np.load(DATA / "mn04_as_answers.npz") as expected:
        for name, features in synthetic().items():
            batch = torch.from_numpy(features)[None]
            embedding = network.embed(batch)
            np.testing.assert_allclose(embedding[0].mean(0), expected[name + "_embedding"], atol=1e-4)
            for step in network.answer.answers(embedding)[1][0]:
                np.testing.assert_allclose(step, expected[name], atol=1e-4)


@pytest.mark.shared
@torch.no_grad()
@pytest.mark.parametrize(("step", "unlike"), [(16, 0.1), (8, 0.3)])
def test_shorter_steps_know_what_the_longer_ones_know(pretrained, step, unlike):
    """They pool over other columns, but their weights are used as they were taught."""
    logits = []
    for one in (32, step):
        network = MobileNet(128, 3, weights=str(pretrained), step=one, window=WHOLE, means=[WHOLE]).eval()
        network.initialise()
        logits.append(network.answers(torch.from_numpy(synthetic()["blocks"])[None])[1][0, 0])
    assert (logits[0].sigmoid() - logits[1].sigmoid()).abs().max() < unlike
    assert np.corrcoef(logits[0], logits[1])[0, 1] > 0.95


@torch.no_grad()
@pytest.mark.parametrize("step", [16, 8])
@pytest.mark.parametrize("frames", [65, 250, 333])
def test_shorter_steps_hold_the_longer_ones(step, frames):
    """Where nothing pools over time, filters between which columns were put see what they saw before."""
    features = torch.randn(2, frames, 64, generator=torch.Generator().manual_seed(1))
    coarse, fine = (tiny(step=one, window=1e-3) for one in (32, step))
    fine.load_state_dict(coarse.state_dict())
    found, wanted = fine.embed(features), coarse.embed(features)
    assert found.shape == (2, -(-frames // step), wanted.shape[2])
    torch.testing.assert_close(found[:, :: 32 // step], wanted, atol=1e-5, rtol=1e-5)
    assert wanted.std(1).max() > 0.01


@torch.no_grad()
def test_squeeze_and_excitation_looks_at_its_window_alone():
    """With all of a short sound in its window, every moment is weighed as the original does: by the mean of all."""
    features = torch.randn(1, 200, 64, generator=torch.Generator().manual_seed(1))
    near, far = tiny(window=WHOLE), tiny(window=10 * WHOLE)
    torch.testing.assert_close(near.embed(features), far.embed(features), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(tiny().embed(features), near.embed(features), atol=1e-3)
    assert tiny().reach < tiny(window=1.0).reach < tiny(window=3.0).reach


@pytest.mark.parametrize(
    ("seconds", "frames", "columns"),
    [(0, 32, 1), (0.3, 32, 1), (0.6, 32, 3), (0.9, 32, 3), (1.0, 32, 5), (2.2, 32, 7), (3.0, 8, 39), (0.001, 8, 1)],
)
def test_windows_reach_half_of_their_seconds_to_either_side(seconds, frames, columns):
    assert _columns(seconds, frames) == columns


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"step": 64}, "model.options.step: 64: is not possible; choose 32, 16 or 8 frames"),
        ({"window": 0}, "window must be positive"),
        ({"means": []}, "means at least 0"),
        ({"means": [-1.0]}, "means at least 0"),
        ({"depth": 3}, "depth"),
    ],
)
def test_options_that_make_no_sense(options, says):
    with pytest.raises(RecipeError, match=r"model\.options") as told:
        build("mn", 64, 3, TINY | options)
    assert says in str(told.value)
    assert "\n" not in str(told.value)


def damaged(path, rng):
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def without_one(path, rng):
    state = torch.load(path, weights_only=True)
    del state["classifier.5.bias"]
    torch.save(state, path)


def with_one_more(path, rng):
    torch.save(torch.load(path, weights_only=True) | {"classifier.7.bias": torch.zeros(3)}, path)


def of_another_width(path, rng):
    as_published(MobileNet(64, 3, width=0.4), path)


def a_list(path, rng):
    torch.save([torch.zeros(3)], path)


def numbers(path, rng):
    torch.save({1: torch.zeros(3)}, path)


def noise(path, rng):
    path.write_bytes(rng.bytes(3000))


def nothing(path, rng):
    path.write_bytes(b"")


def code(path, rng):
    torch.save({"features.0.0.weight": DATA}, path)  # a path is no tensor: loading it would run its code


ANOTHER = "holds the weights of another network; set model.options.width"
DAMAGED = "is damaged, or holds no weights; get it anew"


@pytest.mark.parametrize(
    ("harm", "says"),
    [(harm, ANOTHER) for harm in (without_one, with_one_more, of_another_width)]
    + [(harm, DAMAGED) for harm in (damaged, a_list, numbers, noise, nothing, code)],
)
def test_weights_that_cannot_be_taken(harm, says, tmp_path):
    path = as_published(tiny(), tmp_path / "weights.pt")
    harm(path, np.random.default_rng(0))
    with pytest.raises(ModelError) as told:
        tiny(weights=str(path)).initialise()
    assert str(told.value) == f"{path}: {says}"


def test_weights_come_back_from_the_publishers_form(tmp_path):
    first = tiny(labels=3)
    other = tiny(labels=5, weights=str(as_published(first, tmp_path / "weights.pt")))
    torch.nn.init.zeros_(other.answer.hidden.weight)
    other.initialise()
    features = torch.randn(1, 100, 64)
    with torch.no_grad():
        torch.testing.assert_close(other.eval().answers(features)[1], first.answers(features)[1])


def test_audiosets_last_layer_is_never_trained():
    network = tiny()
    for stages in (1, 3, 1000):
        network.unfreeze(stages)
        assert not any(p.requires_grad for p in network.answer.audioset.parameters())
        assert network.answer.head.weight.requires_grad
        assert network.features[0][0].weight.requires_grad == (stages == 1000)
    parts = [p for part in network.stages() for p in part.parameters()]
    assert len(parts) == len(set(parts)) == len(list(network.parameters()))  # each part has its own, and none is left


@torch.no_grad()
@pytest.mark.parametrize("step", [32, 16, 8])
def test_log_odds_are_the_mean_of_the_backbones_and_of_those_beside_it(step):
    network = tiny(step=step, beside=8, prior=0.64)
    batch = features(frames=203)
    alone = network.answer(network.embed(batch))
    torch.testing.assert_close(network(batch), (alone + network.beside(batch)) / 2)
    logits, known = network.answers(batch)
    torch.testing.assert_close(logits, network(batch))
    torch.testing.assert_close(known, network.answer.answers(network.embed(batch))[1])


# Model files


def assert_close(found, expected):
    """Embeddings of networks that were not taught are of any size."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=3e-5 * np.abs(expected).max())


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """A function that exports a network with such options once."""

    @cache
    def once(**options):
        network = round_weights(tiny(**options, hidden=8, means=[0.0, 0.6]))
        path = tmp_path_factory.mktemp("mn") / "model.onnx"
        about = Description("x", LABELS, False, FRONT_END, network.stride, network.context, window=0.3)
        export(network, about, path)
        return network, path

    return once


@pytest.fixture(scope="module", params=[{"step": 32}, {"step": 8}, {"step": 16, "beside": 8}], ids=str)
def exported(request, exports):
    """A network with a hidden layer and two means, its weights as stored, and its model file."""
    return exports(**request.param)


@pytest.fixture(scope="module")
def session(exported):
    return onnxruntime.InferenceSession(str(exported[1]))


@torch.no_grad()
@pytest.mark.parametrize(("batch", "frames"), [(1, 1), (1, 32), (3, 57), (2, 401)])
def test_the_file_gives_scores_and_embeddings(exported, session, batch, frames):
    network, _ = exported
    assert [out.name for out in session.get_outputs()] == ["scores", "embedding"]
    features = torch.randn(batch, frames, 64, generator=torch.Generator().manual_seed(frames))
    scores, embedding = session.run(None, {"features": features.numpy()})
    np.testing.assert_allclose(scores, network(features).sigmoid(), atol=1e-4)
    assert_close(embedding, network.embed(features).numpy())
    assert embedding.shape == (batch, -(-frames // network.stride), network.size)


def test_the_file_slides_its_means_by_running_sums(exported):
    network, path = exported
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    assert "CumSum" in kinds
    assert kinds.count("AveragePool") == (network.beside is not None)  # which takes finer frames together


def test_of_the_long_windows_most_is_not_felt():
    assert tiny(window=3.0).felt < tiny(window=3.0).context
    assert tiny(window=0.3).felt == tiny(window=0.3).context


@pytest.fixture
def short_chunks(monkeypatch):
    monkeypatch.setattr(models, "CHUNK_SECONDS", 0.5)
    monkeypatch.setattr(models, "CHUNK_CONTEXTS", 0)


@torch.no_grad()
@pytest.mark.parametrize("block", [1777, 32000])
def test_streamed_it_is_as_the_whole(exported, short_chunks, block):
    network, path = exported
    model = load_model(path, threads=1)
    samples = np.random.default_rng(0).normal(0, 0.1, 13 * 32000).astype(np.float32)
    features = torch.from_numpy(FRONT_END.features(samples))[None]
    assert features.shape[1] > 2 * network.context  # or no chunk would be cut

    def blocks():
        return (samples[i : i + block] for i in range(0, len(samples), block))

    embedding = np.concatenate(list(model.embed(blocks())))
    scores = np.concatenate(list(model.score(blocks())))
    assert_close(embedding, network.embed(features)[0].numpy())
    np.testing.assert_allclose(scores, network(features)[0].sigmoid(), atol=1e-4)
    assert model.dimensions == embedding.shape[1] == network.size


def test_models_without_embeddings_say_so(low_high):
    assert low_high.dimensions == 0
    with pytest.raises(ModelError, match="has no embeddings; give a model that was trained on a backbone"):
        low_high.embed([np.zeros(100, np.float32)])


@pytest.mark.parametrize("exported", [{"step": 8}], indirect=True, ids=str)
def test_a_file_of_8_bits(exported, tmp_path):
    network, path = exported
    small = tmp_path / "small.onnx"
    small.write_bytes(path.read_bytes())
    rng = np.random.default_rng(0)
    examples = [rng.normal(0, 1, (320, 64)).astype(np.float32) for _ in range(6)]
    quantise(small, examples)
    exact, rounded = (load_model(file, threads=1) for file in (path, small))
    assert rounded.description == exact.description
    assert rounded.dimensions == network.size
    assert any(node.op_type == "QuantizeLinear" for node in onnx.load(small).graph.node)
    for one in examples[:2]:
        pairs = [np.concatenate([*model.score_features([one])]) for model in (exact, rounded)]
        assert np.abs(pairs[0] - pairs[1]).max() < 0.15
        for output in exact.score_features([one], "embedding"), rounded.score_features([one], "embedding"):
            pairs.append(np.concatenate([*output]))
        assert np.corrcoef(pairs[2].ravel(), pairs[3].ravel())[0, 1] > 0.85  # of a network that was never taught


@pytest.mark.parametrize("exported", [{"step": 16, "beside": 8}], indirect=True, ids=str)
def test_of_8_bits_is_what_answers_beside_the_backbone(exported, tmp_path):
    small = tmp_path / "small.onnx"
    small.write_bytes(exported[1].read_bytes())
    quantise(small, [np.random.default_rng(seed).normal(0, 1, (320, 64)).astype(np.float32) for seed in range(6)])
    before, after = ({w.name: w for w in onnx.load(path).graph.initializer} for path in (exported[1], small))
    kept = [name for name in before if name.startswith("network.") and not name.startswith("network.beside.")]
    assert kept
    for name in kept:
        np.testing.assert_array_equal(numpy_helper.to_array(before[name]), numpy_helper.to_array(after[name]))
    eighth = [name for name in after if name.endswith("_quantized")]
    assert any("beside.layers" in name for name in eighth)
    assert small.stat().st_size < exported[1].stat().st_size
    exact, rounded = (weights_of(onnx.load(path)) for path in (exported[1], small))
    assert set(exact) <= set(rounded)


def test_the_file_is_small(exported):
    network, path = exported
    model = onnx.load(path)
    held = sum(np.prod(weight.dims) for weight in model.graph.initializer)
    used = sum(p.numel() for name, p in network.named_parameters() if "audioset" not in name)
    statistics = sum(value.numel() for _, value in network.named_buffers())
    assert held <= used + statistics  # nothing twice, and nothing that the answers do not need
    assert not any("audioset" in weight.name for weight in model.graph.initializer)


NAMES = ("dog", "animal", "nothing_known", "siren")


def known(labels=NAMES, **options):
    network = tiny(labels=len(labels), prior=0.64, **options)
    network.name_labels(labels)
    return network.eval()


def features(frames=400, bands=64):
    return torch.from_numpy(np.random.default_rng(0).normal(size=(2, frames, bands)).astype(np.float32))


@torch.no_grad()
def test_untaught_labels_have_the_odds_of_their_classes():
    network = MobileNet(64, len(NAMES), width=0.1, window=0.3, means=(0, 0.64), prior=0.64)
    network.name_labels(NAMES)
    network.eval()
    embeddings = network.embed(features())
    answers = network.answer.answers(embeddings)
    odds = answers[1].exp()  # over 0.64 s, the longest window, as the prior
    ids = {label: audioset.standing_for(label) for label in NAMES}
    places = audioset.answering(ids, for_parents=True)
    for column, label in enumerate(NAMES):
        expected = (odds[..., places[label]].sum(-1) + 1e-6).log() + SURER
        torch.testing.assert_close(answers[0][..., column], expected, atol=1e-4, rtol=1e-4)
    assert (answers[0][..., 2] < -12).all()  # no class stands for it
    assert (answers[0][..., 1] >= answers[0][..., 0] - 1e-4).all()  # a dog is an animal


def test_labels_that_no_clip_has_are_not_learned():
    network = known().train()
    steps = network(features())
    taught = torch.tensor([True, False, False, True])
    loss_of_steps(steps[..., taught], torch.zeros_like(steps[..., taught])).backward()
    for parameter in (network.answer.head.scale, network.answer.head.shift, network.answer.head.bias):
        assert parameter.grad is not None
        assert (parameter.grad[~taught] == 0).all()
        assert (parameter.grad[taught] != 0).all()


@torch.no_grad()
def test_the_model_file_answers_as_the_network_and_gives_it_back(tmp_path):
    network = round_weights(known(means=(0, 0.64), hidden=8))
    front_end = FrontEnd(rate=32000, hop=320, bands=64)
    about = Description("x", NAMES, False, front_end, network.stride, network.context, parents={"dog": "animal"})
    export(network, about, tmp_path / "x.onnx")
    model = load_model(tmp_path / "x.onnx")
    assert model.description.parents == {"dog": "animal"}
    picture = features()[0].numpy()
    answered = np.concatenate(list(model.score_features([picture])))
    np.testing.assert_allclose(answered, network(features()[:1])[0].sigmoid(), atol=2e-3)
    held = weights_of(onnx.load(tmp_path / "x.onnx"))
    assert {"answer.head.scale", "answer.head.shift", "answer.audioset.weight"} <= held.keys()


@pytest.fixture
def recipe(tmp_path):
    """Clips of a dog and of a siren, all sounds as labels, a published file of a tiny backbone."""
    write_dataset(tmp_path / "data", each=4, labels=("dog", "siren"), seconds=0.6)
    weights = as_published(tiny(bands=128), tmp_path / "weights.pt")
    options = {"weights": str(weights), "width": 0.1, "window": 0.3, "prior": 0.64}
    content = {
        "name": "x",
        "labels": "sounds",
        "dataset": {"path": str(tmp_path / "data")},
        "split": {"protocol": "none"},
        "front_end": "audioset",
        "augment": {"crop_seconds": 0.5, "masks": 0, "mixup": 0},
        "model": {"network": "mn", "options": options},
        "training": {"epochs": 1, "batch": 4, "precision": "32-true"},
        "export": {"exclusive": False},
    }
    return recipes.check(content, "x", [])


def test_a_model_has_all_sounds_and_learns_of_those_there_are(recipe, tmp_path):
    data = training_data.load(recipe, tmp_path / "cache")
    assert data.labels == tuple(sorted(SOUNDS - nearest_only()))
    told = {label for label, taught in zip(data.labels, data.taught, strict=True) if taught}
    assert told == {"dog", "siren", *ancestors("dog"), *ancestors("siren")}
    for clip in data.clips:
        assert set(clip.labels) == {clip.labels[0], *ancestors(clip.labels[0])}
    assert isinstance(data.subset(np.arange(2)), TrainingSet)
    found = run(recipe, tmp_path / "runs", start_fabric(recipe, "cpu", "1"), Listener(), tmp_path / "cache")
    about = load_model(found.model).description
    assert about.labels == data.labels
    assert about.parents == {label: parent for label, parent in parents().items() if label in data.labels}
    start = Start(recipe.model_copy(update={"model": recipe.model.model_copy(update={"start": str(found.model)})}))
    assert start.labels == data.labels


@pytest.mark.parametrize("taken", ["prior", "weights"])
def test_sounds_without_recordings_need_what_audioset_knows(recipe, taken):
    content = recipe.model_dump()
    del content["model"]["options"][taken]
    with pytest.raises(RecipeError, match=r"model\.options\.prior"):
        recipes.check(content, "x", [])
