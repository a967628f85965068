import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from earmark.errors import EarmarkError
from earmark.training import recipe
from earmark.training import trainer as fitting
from earmark.training.batches import TrainingSet, excerpts, loud_frames
from earmark.training.held_out import answer
from earmark.training.networks import Network
from earmark.training.prepared import Prepared
from earmark.training.stages import fit_network
from earmark.training.tasks import SoundTask, cross_entropy, loss_of
from earmark.training.trainer import BestEpoch, scheduled, start_fabric

BANDS, FRAMES, CLIPS = 16, 60, 24


def small(**training):
    content = {
        "name": "small",
        "dataset": [{"path": "nowhere"}],
        "front_end": {"bands": BANDS},
        "augment": {"crop_seconds": 0.5, "mask_frames": 4, "mask_bands": 2},
        "model": {"options": {"width": 4}},
        "training": {"epochs": 6, "batch": 8, "learning_rate": 0.01, "ema": 0.8, "precision": "32-true"} | training,
    }
    return recipe.check(content, "small", [])


@pytest.fixture(scope="module")
def data():
    """Three classes, each loud in bands of its own, in clips of different lengths."""
    rng = np.random.default_rng(0)
    kinds = np.arange(CLIPS) % 3
    length = FRAMES + np.arange(CLIPS) % 5
    clips = [rng.normal(-60, 5, (n, BANDS)) for n in length]
    for clip, kind in zip(clips, kinds, strict=True):
        clip[10:, 5 * kind : 5 * kind + 5] += 50
    first = np.cumsum([0, *length[:-1]])
    features = Prepared(np.concatenate(clips).astype(np.float16), first, length)
    return TrainingSet(features, np.eye(3, dtype=np.float32)[kinds], exclusive=True)


def trained(data, checkpoint=None, report=None, **training):
    plan = small(**training)
    return fit_network(plan, data, start_fabric(plan, "cpu"), checkpoint, report)


def assert_same(one, other):
    theirs = other.state_dict()
    for name, value in one.state_dict().items():
        assert torch.equal(value, theirs[name]), name


@pytest.fixture(scope="module")
def whole(data):
    """A network that was trained without an interruption."""
    return trained(data)


@pytest.mark.parametrize("exclusive", [True, False])
def test_learns_what_is_easy(data, exclusive):
    losses = []
    data = TrainingSet(data.features, data.targets, exclusive)
    network = trained(data, report=lambda r: losses.append(r.loss), epochs=12)
    answers = answer(network, data.features, np.arange(CLIPS), exclusive, width=3)
    assert (answers.whole.argmax(1) == data.targets.argmax(1)).all()
    assert np.mean(losses[-3:]) < 0.7 * losses[0]
    assert len(losses) == 12
    assert not network.training
    assert next(network.parameters()).device.type == "cpu"


def test_the_seed_alone_decides(data, whole):
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    state = torch.get_rng_state()
    one = trained(data)
    assert torch.equal(torch.get_rng_state(), state)  # nobody else's generator is touched
    assert_same(one, whole)
    other = trained(data, seed=1)
    assert not torch.equal(one.head.weight, other.head.weight)


@pytest.mark.parametrize(
    ("asked", "able", "expected"),
    [
        ({}, True, "bf16-mixed"),
        ({}, False, "32-true"),
        ({"precision": "bf16-mixed"}, False, "bf16-mixed"),
        ({"precision": "32-true"}, True, "32-true"),
    ],
)
def test_half_precision_where_it_is_computed_in(monkeypatch, asked, able, expected):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: able)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    content = {"name": "x", "dataset": {"path": "nowhere"}, "training": asked}
    assert start_fabric(recipe.check(content, "x", []), "cpu").strategy.precision.precision == expected


class KilledError(Exception):
    pass


@pytest.mark.parametrize("precision", ["bf16-mixed", "32-true"])
def test_interrupted_and_resumed_is_as_uninterrupted(data, whole, tmp_path, monkeypatch, precision):
    monkeypatch.setattr(fitting, "CHECKPOINT_SECONDS", 0.0)
    checkpoint = tmp_path / "deep" / "checkpoint.pt"

    def until(epoch):
        def report(r):
            told.append(r.epoch)
            if r.epoch == epoch:
                raise KilledError

        return report

    told = []
    for epoch in (1, 3, 5):
        with pytest.raises(KilledError):
            trained(data, checkpoint, until(epoch), precision=precision)
    resumed = trained(data, checkpoint, until(None), precision=precision)
    assert told == [1, 1, 2, 3, 3, 4, 5, 5, 6]  # each time the epoch after the last that was kept
    assert_same(resumed, whole if precision == "32-true" else trained(data, precision=precision))
    assert [path.name for path in checkpoint.parent.iterdir()] == ["checkpoint.pt"]


def test_a_finished_checkpoint_is_taken_as_it_is(data, whole, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    trained(data, checkpoint)
    assert_same(whole, trained(data, checkpoint, report=lambda r: pytest.fail("trained again")))


def test_few_clips(data):
    """Fewer than a batch, and one epoch."""
    few = TrainingSet(data.features.take([0, 1, 2]), data.targets[:3], exclusive=True)
    network = trained(few, epochs=1)
    assert all(torch.isfinite(value).all() for value in network.parameters())


def test_excerpts_hold_what_is_loud(data):
    rng = np.random.default_rng(0)
    quiet = np.full((200, 4), -80, np.float16)
    quiet[150:153] = -10
    features = Prepared(np.concatenate([quiet, quiet + 5]), np.array([0, 200]), np.array([200, 200]))
    loud = loud_frames(features)
    assert loud[0].tolist() == [150, 151, 152]
    place = excerpts(features, loud, np.array([0, 1, 1, 0] * 20), 30, rng)
    assert place.shape == (80, 30)
    assert ((place >= 0) & (place < 200)).all()
    assert ((place >= 150) & (place < 153)).any(axis=1).all()


def test_excerpts_of_short_clips_go_round(data):
    count = np.arange(7, dtype=np.float16)[:, None]
    features = Prepared(np.concatenate([count + 100, count]), np.array([7, 0]), np.array([7, 7]))
    place = excerpts(features, loud_frames(features), np.array([0]), 20, np.random.default_rng(1))[0]
    assert (np.diff(place) % 7 == 1).all()
    assert place.min() == 0
    assert place.max() == 6


def test_losses_are_those_of_torch():
    torch.manual_seed(0)
    logits, kinds = torch.randn(9, 4), torch.arange(9) % 4
    targets = functional.one_hot(kinds, 4).float()
    torch.testing.assert_close(loss_of(logits, targets, True), functional.cross_entropy(logits, kinds))
    soft = targets * 0.6 + 0.1
    torch.testing.assert_close(loss_of(logits, soft, True), functional.cross_entropy(logits, soft))
    each = functional.binary_cross_entropy_with_logits(logits, targets)
    torch.testing.assert_close(loss_of(logits, targets, False), each * 4)


@pytest.mark.parametrize(("accelerator", "devices"), [("abacus", "auto"), ("cpu", "0"), ("cpu", "many")])
def test_devices_that_are_not_there(accelerator, devices):
    with pytest.raises(EarmarkError) as error:
        start_fabric(small(), accelerator, devices)
    assert "\n" not in str(error.value)
    assert accelerator in str(error.value)


def test_steps_of_time_are_learned(data):
    """Two labels that follow one another in every clip: the clip as a whole says nothing of when."""
    length, clips = 64, 16
    rng = np.random.default_rng(0)
    frames = rng.normal(-60, 5, (clips, length, BANDS))
    early, late = slice(0, length // 2), slice(length // 2, length)
    frames[:, early, :5] += 50
    frames[:, late, 8:13] += 50
    active = np.zeros((length, 2), np.uint8)
    active[early, 0] = active[late, 1] = 1
    features = Prepared(frames.reshape(-1, BANDS).astype(np.float16), length * np.arange(clips), np.full(clips, length))
    timed = TrainingSet(features, np.ones((clips, 2), np.float32), False, [active] * clips)
    plan = recipe.check(
        small(epochs=20).model_dump() | {"augment": {"crop_seconds": 0.64, "overlay": 0.3, "mixup": 0.2}}, "small", []
    )
    network = fit_network(plan, timed, start_fabric(plan, "cpu")).eval()
    with torch.no_grad():
        steps = network(torch.from_numpy(features[0])[None]).sigmoid()[0].numpy()
    assert (steps[:2].argmax(1) == 0).all()
    assert (steps[-2:].argmax(1) == 1).all()
    assert (steps[[0, -1]].max(1) > 0.6).all()
    assert (steps[[0, -1]].min(1) < 0.4).all()


def test_the_learning_rate_may_stay():
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=0.01)
    schedule = scheduled(optimizer, small(schedule="constant", learning_rate=0.01).training, 10, (10, 100))
    rates = []
    for _ in range(10):
        optimizer.step()
        schedule.step()
        rates += schedule.get_last_lr()
    assert rates == [0.01] * 10


class Sure(Network):
    """Always the same answer: how sure it is of the second label."""

    stride = 1
    context = 0

    def __init__(self, sure):
        super().__init__()
        self.sure = nn.Parameter(torch.tensor(sure))

    def forward(self, features):
        return torch.stack([torch.zeros(features.shape[:2]), self.sure.expand(features.shape[:2])], 2)


@pytest.fixture
def held():
    features = Prepared(np.zeros((8, 3), np.float16), np.arange(4) * 2, np.full(4, 2))
    return TrainingSet(features, np.tile([0, 1], (4, 1)).astype(np.float32), exclusive=True)


def test_the_loss_is_cross_entropy(held):
    assert cross_entropy(Sure(1.5), held) == pytest.approx(np.log1p(np.exp(-1.5)), abs=1e-5)
    several = TrainingSet(held.features, held.targets, exclusive=False)
    expected = np.log(2) + np.log1p(np.exp(-1.5))  # that of the first label, which does not hold, and of the second
    assert cross_entropy(Sure(1.5), several) == pytest.approx(expected, abs=1e-5)


def test_stops_after_so_many_epochs_without_a_better_one(held):
    best = BestEpoch(patience=2)
    for sure, over in ((0.0, False), (1.0, False), (0.5, False), (0.9, True)):
        best.note(Sure(sure), cross_entropy(Sure(sure), held))
        assert best.over == over
    assert best.weights["sure"].item() == 1.0


def test_is_taken_up_where_it_stopped(held):
    best, later = BestEpoch(patience=2), BestEpoch(patience=2)
    for sure in (1.0, 0.5):
        best.note(Sure(sure), cross_entropy(Sure(sure), held))
    later.load(best.state())
    later.note(Sure(0.7), cross_entropy(Sure(0.7), held))
    assert later.over
    assert later.weights["sure"].item() == 1.0


@pytest.mark.parametrize("settings", [None, {"patience": 1}])
def test_without_settings_or_clips_it_never_stops(held, settings):
    content = {"name": "x", "dataset": [{"path": "x"}], "training": {"early_stopping": settings}}
    plan, best = recipe.check(content, "x", []), BestEpoch(patience=1)
    task = SoundTask(plan, held, start_fabric(plan, "cpu"), held if settings is None else None)
    for _ in range(30):
        best.note(Sure(3.0), task.validation_loss(Sure(3.0)))
    assert not best.over
    assert best.weights is None
