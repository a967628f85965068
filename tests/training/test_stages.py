"""Training in stages on a backbone: frozen and taught on, resumed after a kill, started from a model file."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
from mn_making import as_published, tiny
from sounds import write_dataset

from earmark.errors import ModelError, RecipeError
from earmark.features.frontend import FrontEnd
from earmark.models.model import load_model
from earmark.training import data as training_data
from earmark.training import prepared, stages
from earmark.training import recipe as recipes
from earmark.training import trainer as fitting
from earmark.training.batches import as_embeddings
from earmark.training.data import Part
from earmark.training.export import quantise
from earmark.training.run import run
from earmark.training.stages import Start, build_network, fit_part, fit_stages, weights_of
from earmark.training.tasks import SoundTask, forgotten_loss
from earmark.training.trainer import in_groups, start_fabric

pytestmark = pytest.mark.usefixtures("rough_pictures")

FAST = {"rate": 8000, "n_fft": 256, "hop": 80, "bands": 32}
LOOP = {"epochs": 2, "batch": 6, "learning_rate": 0.01, "ema": 0.5, "precision": "32-true"}
STAGES = [
    {"training": {"freeze": True, "epochs": 3}},
    {"training": {"epochs": 2, "learning_rate": 1e-3, "layer_decay": 0.8, "batch_norm": "frozen"}},
    {"augment": {"mixup": 0}, "training": {"epochs": 1, "learning_rate": 1e-4}},
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two sounds, four clips of each, and where they are prepared."""
    root = tmp_path_factory.mktemp("stages")
    write_dataset(root / "data", each=4, labels=("hiss", "tone"), seconds=0.6)
    return root


def plan(place, options=None, front_end=None, model=None, **sections):
    content = {
        "name": "x",
        "dataset": {"path": str(place / "data")},
        "split": {"protocol": "none"},
        "front_end": front_end or FAST,
        "augment": {"crop_seconds": 0.5, "mask_frames": 4, "mask_bands": 2},
        "model": {"network": "mn", "options": {"width": 0.1, "window": 0.3} | (options or {})} | (model or {}),
        "training": LOOP | sections.pop("training", {}),
    }
    return recipes.check(content | sections, "x", [])


class Listener:
    def __init__(self, until=None):
        self.prepared, self.epochs, self.until = [], [], until

    def preparing(self, done, total):
        self.prepared.append((done, total))

    def starting(self, networks, at_once): ...

    def epoch(self, part, report):
        self.epochs.append(report.epoch)
        if report.epoch == self.until:
            raise KilledError


class KilledError(Exception):
    pass


def trained(place, made, home, listener=None):
    """The network of all clips, by the recipe's stages, with a checkpoint after each epoch."""
    home.mkdir(exist_ok=True)
    data = training_data.load(made, place / "cache")
    part = Part("final", np.arange(len(data.clips)), np.empty(0, np.int64), np.empty(0, np.int64))
    fabric = start_fabric(made, "cpu")
    return fit_stages(made, data, part, home, "final", fabric, listener or Listener(), (), place / "cache")


def assert_same(one, other, names=""):
    theirs = other.state_dict()
    for name, value in one.state_dict().items():
        if name.startswith(names):
            assert torch.equal(value, theirs[name]), name


def changed(one, other):
    theirs = other.state_dict()
    return {name for name, value in one.state_dict().items() if not torch.equal(value, theirs[name])}


# Frozen


@pytest.fixture
def computed(monkeypatch):
    """The clips whose embeddings were computed, one after the other."""
    clips = []
    plain = prepared._embed_clip

    def counted(network, features, clip):
        clips.append(clip)
        return plain(network, features, clip)

    monkeypatch.setattr(prepared, "_embed_clip", counted)
    return clips


def test_frozen_only_the_head_learns(place, tmp_path):
    made = plan(place, training={"freeze": True}, options={"hidden": 4})
    data = training_data.load(made, place / "cache")
    network = tiny(labels=2, bands=32, hidden=4)
    before = tiny(labels=2, bands=32, hidden=4)
    after = fit_part(made, network, data.subset(np.arange(8)), start_fabric(made, "cpu"), cache=tmp_path)
    assert_same(before, after, "features.")
    assert_same(before, after, "answer.hidden.")
    assert_same(before, after, "answer.audioset.")
    assert {"answer.head.weight", "answer.own.0.weight", "answer.normalise.running_mean"} <= changed(before, after)


def test_what_answers_beside_a_backbone_learns_alone(place):
    options = {"step": 8, "beside": 8}
    made = plan(place, options, training={"beside": True})
    data = training_data.load(made, place / "cache").subset(np.arange(8))
    network, before = (tiny(labels=2, bands=32, **options) for _ in range(2))
    after = fit_part(made, network, data, start_fabric(made, "cpu"))
    assert_same(before, after, "features.")
    assert_same(before, after, "answer.")
    assert {"beside.head.weight", "beside.layers.0.weight", "beside.normalise.running_mean"} <= changed(before, after)


def test_a_run_of_both_is_taken_up_after_its_first_stage(place, tmp_path, monkeypatch):
    both = [{"training": {"freeze": True}}, {"training": {"beside": True, "epochs": 1}}]
    made = plan(place, {"step": 8, "beside": 8}, stages=both)

    def interrupted(phase, *rest):
        if phase.training.beside:
            raise KeyboardInterrupt
        return fit_part(phase, *rest)

    with monkeypatch.context() as broken:
        broken.setattr(stages, "fit_part", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(made, tmp_path, start_fabric(made, "cpu"), Listener(), place / "cache")
    listener = Listener()
    done = run(made, tmp_path, start_fabric(made, "cpu"), listener, place / "cache")
    assert listener.epochs == [3]  # two came before
    weights = weights_of(onnx.load(done.model))
    assert {"answer.head.weight", "beside.head.weight"} <= weights.keys()
    assert load_model(done.model, threads=1).dimensions == 96


@pytest.mark.parametrize(
    ("options", "training", "says"),
    [
        ({}, {"beside": True}, "needs model.options.beside"),
        ({"beside": 8}, {"beside": True, "freeze": True}, "neither training.freeze nor keep"),
    ],
)
def test_training_beside_that_cannot_be(place, options, training, says):
    with pytest.raises(RecipeError, match=says):
        plan(place, options, training=training)


def test_embeddings_are_computed_once(place, tmp_path, computed):
    made = plan(place, training={"freeze": True})
    data = training_data.load(made, place / "cache")
    network, clips = tiny(labels=2, bands=32), data.subset(np.arange(8))
    first = prepared.embedded(network, clips.features, tmp_path)
    assert sorted(computed) == list(range(8))
    other = tiny(labels=7, bands=32, hidden=4)  # another head on the same backbone
    other.features.load_state_dict(network.features.state_dict())
    again = prepared.embedded(other, clips.features, tmp_path)
    assert len(computed) == 8
    some = prepared.embedded(network, clips.features.take([5, 2]), tmp_path)
    assert len(computed) == 8
    for clip in range(8):
        with torch.no_grad():
            expected = network.embed(torch.from_numpy(data.features[clip])[None])[0]
        np.testing.assert_allclose(first[clip], expected, rtol=2e-3, atol=1e-2)
        np.testing.assert_array_equal(again[clip], first[clip])
    np.testing.assert_array_equal(some[0], first[5])


def test_another_backbone_step_or_front_end_has_another_store(place, tmp_path, computed):
    features = training_data.load(plan(place), place / "cache").features.take([0])
    other = tiny(labels=2, bands=32)
    torch.nn.init.normal_(other.features[0][0].weight)
    for network in (tiny(labels=2, bands=32), other, tiny(labels=2, bands=32, step=8)):
        prepared.embedded(network, features, tmp_path)
    prepared.embedded(tiny(labels=2, bands=32), replace(features, front_end=FrontEnd()), tmp_path)
    assert len(computed) == len(list(tmp_path.iterdir())) == 4


def test_a_second_frozen_run_computes_nothing(place, tmp_path, computed):
    made = plan(place, training={"freeze": True, "epochs": 1}, options={"step": 16})
    listener = Listener()
    done = run(made, tmp_path / "one", start_fabric(made, "cpu"), listener, place / "cache")
    assert len(computed) == 8
    assert listener.prepared[-1] == (8, 8)
    again = run(made, tmp_path / "two", start_fabric(made, "cpu"), Listener(), place / "cache")
    assert len(computed) == 8
    assert done.model.read_bytes() == again.model.read_bytes()
    assert load_model(done.model, threads=1).dimensions == 96


def test_the_card_says_whose_weights_they_were(place, weights, tmp_path):
    made = plan(place, {"weights": weights}, "audioset", training={"freeze": True, "epochs": 1})
    done = run(made, tmp_path, start_fabric(made, "cpu"), Listener(), place / "cache")
    assert load_model(done.model, threads=1).description.card["backbone"] == "tiny.pt, of unknown source and licence"


def test_frozen_steps_learn_the_share_of_each_in_which_a_label_holds(place):
    data = training_data.load(plan(place), place / "cache").subset(np.arange(2))
    active = [np.zeros((int(length), 2), np.uint8) for length in data.features.length]
    active[0][30:34, 1] = 1  # 40 ms in a step of 320
    steps = as_embeddings(replace(data, activity=active), tiny(labels=2, bands=32), place / "cache")
    assert steps.stride == 32
    assert [len(own) for own in steps.activity] == steps.features.length.tolist() == [2, 2]
    np.testing.assert_allclose(steps.activity[0], [[0, 2 / 32], [0, 2 / 29]])  # the last has 61 - 32 frames


def test_events_are_learned_on_a_frozen_backbone(place, tmp_path):
    table = place / "data" / "events.csv"
    lines = [f"{kind}/{kind}_{i}.wav,0.1,0.5,{kind}" for kind in ("hiss", "tone") for i in range(4)]
    table.write_text("\n".join(["path,onset,offset,label", *lines]) + "\n")
    dataset = {"path": str(place / "data"), "events": "events.csv"}
    listener = Listener()
    made = plan(place, {"step": 8}, dataset=dataset, training={"freeze": True}, export={"exclusive": False})
    trained(place, made, tmp_path / "home", listener)
    assert listener.epochs == [1, 2]


def test_early_stopping_looks_at_embeddings(place, tmp_path):
    made = plan(place, training={"freeze": True, "epochs": 60, "learning_rate": 0.3, "early_stopping": {"patience": 1}})
    data = training_data.load(made, place / "cache").subset(np.arange(8))
    told = []
    held = replace(data, targets=1 - data.targets)  # what is learned is wrong here: it becomes no better
    network = tiny(labels=2, bands=32)
    fit_part(made, network, data, start_fabric(made, "cpu"), None, told.append, held, place / "cache")
    assert 2 <= len(told) < 30
    assert all(np.isfinite(epoch.validation) for epoch in told)


# Stages


@pytest.fixture(scope="module")
def uninterrupted(place, tmp_path_factory):
    made, listener = plan(place, stages=STAGES), Listener()
    return SimpleNamespace(
        plan=made, network=trained(place, made, tmp_path_factory.mktemp("whole"), listener), listener=listener
    )


def test_stages_follow_one_another(place, uninterrupted, monkeypatch):
    assert uninterrupted.listener.epochs == [1, 2, 3, 4, 5, 6]
    phases = uninterrupted.plan.phases()
    assert [phase.training.epochs for phase in phases] == [3, 2, 1]
    assert [phase.training.freeze for phase in phases] == [True, False, False]
    assert [phase.augment.mixup for phase in phases] == [0.2, 0.2, 0]
    assert all(phase.training.batch == 6 and phase.stages == [] for phase in phases)


def test_each_stage_goes_on_from_the_one_before(place, tmp_path):
    """One that cannot move leaves what came before it."""
    still = {"training": {"learning_rate": 1e-12, "weight_decay": 0, "batch_norm": "frozen", "epochs": 1}}
    one = trained(place, plan(place, stages=STAGES[:1]), tmp_path / "one")
    both = trained(place, plan(place, stages=[*STAGES[:1], still]), tmp_path / "two")
    later = both.state_dict()
    for name, value in one.state_dict().items():
        torch.testing.assert_close(later[name], value, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("epoch", [2, 5, 6])
def test_killed_in_any_stage_it_ends_as_uninterrupted(place, uninterrupted, tmp_path, monkeypatch, epoch):
    monkeypatch.setattr(fitting, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(KilledError):
        trained(place, uninterrupted.plan, tmp_path, Listener(epoch))
    listener = Listener()
    assert_same(uninterrupted.network, trained(place, uninterrupted.plan, tmp_path, listener))
    assert listener.epochs == list(range(epoch, 7))
    stages.clear_checkpoints(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["history.jsonl"]


# Fine-tuning that keeps what it knows


def test_a_loss_of_what_is_forgotten():
    wanted = torch.randn(2, 3, 527)
    assert forgotten_loss(wanted, wanted) == pytest.approx(0, abs=1e-4)
    near, far = forgotten_loss(wanted + 0.1, wanted), forgotten_loss(wanted + 1, wanted)
    assert 0 < near < far
    p, q = torch.sigmoid(wanted), torch.sigmoid(wanted + 1)
    expected = (p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()).sum(-1).mean()
    torch.testing.assert_close(far, expected, rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file as the publisher's, of a network of a tenth of the width."""
    return str(as_published(tiny(bands=128), tmp_path_factory.mktemp("weights") / "tiny.pt"))


def knows(place, weights, training, **sections):
    return plan(place, {"weights": weights, "means": [0.6]}, "audioset", training=training, **sections)


@torch.no_grad()
def drift(place, made, network):
    """How far AudioSet's answers to the clips are from those of the original."""
    data = training_data.load(made, place / "cache")
    original = stages._original(made, data).eval()
    features = torch.from_numpy(np.stack([data.features[i] for i in range(8)]))
    return forgotten_loss(network.eval().answers(features)[1], original.answers(features)[1]).item()


def test_what_is_kept_drifts_less(place, weights, tmp_path):
    training = {"epochs": 4, "learning_rate": 0.01, "batch_norm": "frozen"}
    away = {}
    for keep in (None, "audioset"):
        made = knows(place, weights, training | {"keep": keep, "keep_weight": 1.0})
        away[keep] = drift(place, made, trained(place, made, tmp_path / str(keep)))
    assert 0 <= away["audioset"] < 0.5 * away[None]


def test_nothing_is_lost_at_the_start(place, weights):
    made = knows(place, weights, {"keep": "audioset", "batch_norm": "frozen", "keep_weight": 100})
    data = training_data.load(made, place / "cache")
    network = stages._original(made, data)
    task = SoundTask(made, data.subset(np.arange(8)), start_fabric(made, "cpu"), original=stages._original(made, data))
    _, forgotten = task.loss(network.eval(), np.arange(6), np.random.default_rng(0))
    assert forgotten.item() == pytest.approx(0, abs=1e-2)


def test_rates_fall_from_the_answer_to_the_input():
    network, loop = tiny(), plan_of_rates(0.5)
    groups = in_groups(network, loop)
    assert [group["lr"] for group in groups] == pytest.approx([0.01 * 0.5**depth for depth in range(7)])
    parameters = [p for group in groups for p in group["params"]]
    assert len({id(p) for p in parameters}) == len(parameters) == len(list(network.parameters()))
    assert groups[0]["params"][0] is network.answer.hidden.weight
    assert any(p is network.features[0][0].weight for p in groups[-1]["params"])


def plan_of_rates(decay):
    return recipes.TrainingLoop(learning_rate=0.01, layer_decay=decay)


def statistics(network):
    return {name: v for name, v in network.state_dict().items() if "running" in name}


@pytest.mark.parametrize("norm", ["frozen", "trained"])
def test_statistics_are_frozen(place, weights, norm, tmp_path):
    made = knows(place, weights, {"epochs": 1, "batch_norm": norm})
    after = statistics(trained(place, made, tmp_path / "home"))
    before = statistics(stages._original(made, training_data.load(made, place / "cache")))
    same = all(torch.equal(value, after[name]) for name, value in before.items())
    assert same == (norm == "frozen")


# Going on from a model file


@pytest.fixture(scope="module", params=[0, 4])
def file(request, place, tmp_path_factory):
    made = plan(place, {"hidden": request.param, "means": [0.0, 0.5]})
    done = run(made, tmp_path_factory.mktemp("file"), start_fabric(made, "cpu"), Listener(), place / "cache")
    return SimpleNamespace(path=done.model, options={"hidden": request.param, "means": [0.0, 0.5]})


HIDDEN = pytest.mark.parametrize("file", [4], indirect=True)


def started(place, file, labels, path=None, **options):
    made = plan(place, file.options | options, model={"start": str(path or file.path)})
    data = replace(training_data.load(made, place / "cache"), labels=labels)
    network = build_network(made, data).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    Start(made).set(network, labels)
    return network, before


def scores(path, features):
    return load_model(path, threads=1).session.run(None, {"features": features})


@torch.no_grad()
def test_every_weight_comes_along(place, file):
    network, _ = started(place, file, ("hiss", "tone"))
    features = np.random.default_rng(0).normal(-40, 10, (1, 100, 32)).astype(np.float32)
    theirs, embedding = scores(file.path, features)
    np.testing.assert_allclose(network(torch.from_numpy(features)).softmax(-1), theirs, atol=1e-4)
    np.testing.assert_allclose(network.embed(torch.from_numpy(features)), embedding, atol=1e-3, rtol=1e-3)


@torch.no_grad()
def test_answers_follow_their_labels(place, file):
    network, before = started(place, file, ("bell", "hiss", "siren"))
    known = started(place, file, ("hiss", "tone"))[0]
    assert_same(known, network, "features.")
    if not file.options["hidden"]:
        assert torch.equal(network.answer.head.weight[1], known.answer.head.weight[0])
    for row in (0, 2):
        assert torch.equal(network.answer.head.weight[row], before["answer.head.weight"][row])
    assert torch.equal(network.answer.head.bias[1], known.answer.head.bias[0])
    assert torch.equal(network.answer.audioset.weight, before["answer.audioset.weight"])


@HIDDEN
def test_a_file_of_8_bits_will_do(place, file, tmp_path):
    small = tmp_path / "small.onnx"
    small.write_bytes(file.path.read_bytes())
    rng = np.random.default_rng(0)
    quantise(small, [rng.normal(-40, 10, (320, 32)).astype(np.float32) for _ in range(4)])
    exact, rounded = (weights_of(onnx.load(path)) for path in (file.path, small))
    assert set(exact) <= set(rounded)
    for name, values in exact.items():
        np.testing.assert_allclose(rounded[name], values, atol=np.abs(values).max() / 64)
    started(place, file, ("hiss", "tone"), small)


@HIDDEN
def test_of_several_files_the_mean(place, file, tmp_path):
    made = plan(place, file.options, model={"start": str(file.path)}, training={"epochs": 1, "seed": 3})
    other = run(made, tmp_path, start_fabric(made, "cpu"), Listener(), place / "cache").model
    both = Start(plan(place, file.options, model={"start": [str(file.path), str(other)]}))
    one, two = (weights_of(onnx.load(path)) for path in (file.path, other))
    assert any(not np.array_equal(one[name], two[name]) for name in one if name.startswith("answer."))
    for name, values in both.weights.items():
        np.testing.assert_allclose(values, (one[name] + two[name]) / 2, atol=1e-5, rtol=1e-5)


@HIDDEN
def test_a_file_of_another_width_is_refused(place, file):
    with pytest.raises(RecipeError, match="holds another network than mn"):
        started(place, file, ("hiss", "tone"), width=0.4)


@HIDDEN
def test_frozen_on_a_model_file_its_backbone_stays(place, file, tmp_path):
    made = plan(place, file.options, model={"start": str(file.path)}, training={"freeze": True, "epochs": 1})
    after = trained(place, made, tmp_path / "home")
    assert_same(started(place, file, ("hiss", "tone"))[0], after, "features.")


@pytest.fixture(scope="module")
def own(place, tmp_path_factory):
    """The model file of a network of our own, with frames twice as long as the plan's and half as many bands."""
    model = {"network": "earmark", "options": {"width": 8}}
    made = plan(place, front_end=FAST | {"hop": 160, "bands": 16})
    made = made.model_copy(update={"model": made.model.model_copy(update=model)})
    return run(made, tmp_path_factory.mktemp("own"), start_fabric(made, "cpu"), Listener(), place / "cache").model


def begun(place, own, labels, **options):
    made = plan(place, {"step": 16, "beside": 8} | options, model={"beside_start": str(own)})
    network = build_network(made, replace(training_data.load(made, place / "cache"), labels=labels)).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    Start(made, beside=True).set(network, labels)
    return network, before


def test_what_answers_beside_goes_on_from_a_model_file(place, own):
    network, before = begun(place, own, ("bell", "hiss", "tone"))
    given, now = weights_of(onnx.load(own)), network.state_dict()
    for name, value in before.items():
        mine = name.removeprefix("beside.")
        if mine == name or mine.startswith("normalise.") or not value.is_floating_point():
            assert torch.equal(now[name], value), name  # the backbone's, and statistics of bands that are not the same
        elif not mine.startswith("head."):
            np.testing.assert_array_equal(now[name], given[mine])
    np.testing.assert_array_equal(network.beside.head.weight[1:].detach(), given["head.weight"])
    assert torch.equal(network.beside.head.weight[0], before["beside.head.weight"][0])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"beside": 16}, "model.beside_start: .*holds another network than earmark"),
        ({"step": 8}, "hears other frames or bands.*frames of 10 ms in 32 bands"),
        ({"beside": 0}, "there is no network beside a backbone"),
    ],
)
def test_a_file_that_does_not_fit_beside_is_refused(place, own, options, says):
    with pytest.raises(RecipeError, match=says):
        begun(place, own, ("hiss", "tone"), **options)


def test_all_starts_are_checked_before_anything_is_prepared(place, own, tmp_path):
    made = plan(place, {"step": 8, "beside": 8}, model={"beside_start": str(own)})
    listener = Listener()
    with pytest.raises(RecipeError, match="hears other frames"):
        run(made, tmp_path, start_fabric(made, "cpu"), listener, place / "cache")
    assert listener.prepared == []


# What is missing is told first


def test_missing_weights_are_told_before_anything_is_prepared(place, tmp_path, monkeypatch):
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "none"))
    monkeypatch.delenv("EARMARK_PRETRAINED", raising=False)
    listener = Listener()
    for training in ({}, {"freeze": True}, {"keep": "audioset"}):
        made = plan(place, {"weights": "mn04_as", "width": 0.4}, "audioset", training=training)
        with pytest.raises(ModelError, match=r"mn04_as: is not in the cache.*earmark models get mn04_as"):
            run(made, tmp_path / "runs", start_fabric(made, "cpu"), listener, tmp_path / "cache")
    assert listener.prepared == []
    assert list(tmp_path.iterdir()) == []


@HIDDEN
def test_a_model_file_needs_no_other_weights_but_to_keep_them(place, file):
    model, options = {"start": str(file.path)}, {"weights": "mn04_as"}
    assert not stages.needs_weights(plan(place, options, "audioset", model))
    assert stages.needs_weights(plan(place, options, "audioset"))
    assert stages.needs_weights(plan(place, options, "audioset", model, training={"keep": "audioset"}))
    later = [{}, {"training": {"keep": "audioset"}}]
    assert stages.needs_weights(plan(place, options, "audioset", model, stages=later))
