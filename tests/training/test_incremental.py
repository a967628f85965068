import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from sounds import sound_of, write_dataset

from earmark.datasets import Clip, Dataset, tables
from earmark.errors import DatasetError
from earmark.models.model import load_model
from earmark.training.incremental import add, graft
from earmark.training.networks.mn import EmbeddingHead
from earmark.training.presets import recipe_for
from earmark.training.ridge import LinearHead
from earmark.training.run import run
from earmark.training.train import Lines
from earmark.training.trainer import start_fabric

pytestmark = pytest.mark.usefixtures("rough_pictures")


def scores(model, samples):
    return np.concatenate(list(model.score([np.asarray(samples, np.float32)])))


def test_a_model_without_embeddings_learns_two_labels_and_keeps_its_own_to_the_bit(tmp_path):
    write_dataset(tmp_path / "mine", labels=("hiss", "tone"), each=6)
    added = add("sounds", tmp_path / "mine", tmp_path / "runs", tmp_path / "cache")
    old, new = load_model("sounds"), load_model(added.model)
    assert new.labels == (*old.labels, "hiss", "tone")
    assert added.labels == ("hiss", "tone")
    assert not added.negatives
    for label in old.labels:
        assert new.description.threshold(label) == old.description.threshold(label)
    for seed, label in enumerate(("tone", "hiss", "rumble")):
        samples = sound_of(label, 90 + seed, 3.0)
        before, after = scores(old, samples), scores(new, samples)
        np.testing.assert_array_equal(after[:, : len(old.labels)], before)
        if label != "rumble":
            own = after[:, list(new.labels).index(label)]
            other = after[:, list(new.labels).index("tone" if label == "hiss" else "hiss")]
            assert own.mean() > 0.5 > other.mean()
    assert new.description.card["added"][0]["labels"] == ["hiss", "tone"]
    assert json.loads((added.model.parent / "metrics.json").read_text())["added"] == added.figures


def test_one_label_and_what_is_none(tmp_path):
    """As a review in an archive writes them: clips with the label, and clips without any."""
    clips = [
        Clip(path, labels=("hiss",) if path.parent.name == "hiss" else ())
        for path in sorted(write_dataset(tmp_path / "sounds", each=5).rglob("*.wav"))
    ]
    (tmp_path / "review").mkdir()
    tables.write_clips(Dataset("hiss", tuple(clips), exclusive=False), tmp_path / "review" / "clips.csv")
    added = add("sounds", tmp_path / "review", tmp_path / "runs", tmp_path / "cache")
    assert (added.labels, added.clips, added.negatives) == (("hiss",), 15, True)
    assert added.figures["hiss"]["false"] == 0.0
    new = load_model(added.model)
    marked = {label: scores(new, sound_of(label, 90, 3.0))[:, -1].mean() for label in ("hiss", "tone", "rumble")}
    assert marked["hiss"] > 0.5 > max(marked["tone"], marked["rumble"])


def test_one_more_time(tmp_path):
    """To what was added to, more can be added."""
    write_dataset(tmp_path / "mine", labels=("hiss", "tone"), each=3)
    write_dataset(tmp_path / "more", labels=("rumble", "tone"), each=3)
    (tmp_path / "more" / "tone").rename(tmp_path / "more" / "chirp")
    first = add("sounds", tmp_path / "mine", tmp_path / "runs", tmp_path / "cache")
    second = add(str(first.model), tmp_path / "more", tmp_path / "runs", tmp_path / "cache")
    samples = sound_of("tone", 5, 2.0)
    before, after = scores(load_model(first.model), samples), scores(load_model(second.model), samples)
    np.testing.assert_array_equal(after[:, : before.shape[1]], before)
    assert second.labels == ("chirp", "rumble")
    assert len(load_model(second.model).description.card["added"]) == 2


def test_mistakes(tmp_path):
    write_dataset(tmp_path / "known", labels=("hiss", "tone"), each=2)
    (tmp_path / "known" / "tone").rename(tmp_path / "known" / "dog")
    with pytest.raises(DatasetError, match="holds dog, which sounds knows"):
        add("sounds", tmp_path / "known", tmp_path / "runs", tmp_path / "cache")
    write_dataset(tmp_path / "one", labels=("hiss",), each=2)
    with pytest.raises(DatasetError, match="holds one class"):
        add("sounds", tmp_path / "one", tmp_path / "runs", tmp_path / "cache")
    assert not (tmp_path / "runs").exists()


def test_the_command(command, tmp_path):
    write_dataset(tmp_path / "mine", labels=("hiss", "tone"), each=5)
    words = (
        "train",
        tmp_path / "mine",
        "--add-to",
        "sounds",
        "--out",
        tmp_path / "runs",
        "--cache",
        tmp_path / "cache",
    )
    done = command(*words)
    assert done.returncode == 0, done.stderr
    assert "hiss, tone (10 clips)" in done.stdout
    assert "expect false marks" in done.stdout
    (model,) = (tmp_path / "runs").glob("*/*/model.onnx")
    assert str(model) in done.stdout
    done = command(*words, "training.epochs=3")
    assert done.returncode == 1
    assert done.stderr.startswith("earmark: --add-to: ")


def test_columns_are_those_of_the_head(tmp_path):
    """What is put into the file computes what the head does in training, the window's mean included."""
    rng = np.random.default_rng(2)
    head = EmbeddingHead(6, 3, 4, (3,)).eval()
    size = 6 + 4
    mean, weight = rng.standard_normal(size).astype(np.float32), rng.standard_normal((3, size)).astype(np.float32)
    deviation, bias = rng.uniform(0.5, 2, size).astype(np.float32), rng.standard_normal(3).astype(np.float32)
    solved = LinearHead(mean, deviation, weight, bias)
    values = onnx.helper.make_tensor_value_info
    floats, shape = onnx.TensorProto.FLOAT, ["batch", "steps", 6]
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Identity", ["features"], ["embedding"]),
            onnx.helper.make_node("Sigmoid", ["features"], ["scores"]),
        ],
        "old",
        [values("features", floats, shape)],
        [values("scores", floats, shape), values("embedding", floats, shape)],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    hidden = head.hidden.weight.detach().numpy(), head.hidden.bias.detach().numpy()
    graft(model, solved, 3, hidden)
    features = rng.standard_normal((2, 7, 6)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    got = session.run(["scores"], {"features": features})[0]
    with torch.no_grad():
        seen = head.joined(torch.from_numpy(features)).numpy()
    wanted = 1 / (1 + np.exp(-solved(seen)))
    np.testing.assert_allclose(got[..., 6:], wanted, atol=1e-5)
    np.testing.assert_allclose(got[..., :6], 1 / (1 + np.exp(-features)), atol=1e-6)


@pytest.mark.shared
def test_a_model_on_the_backbone_learns_one_label_alone(tmp_path, pretrained, monkeypatch):
    monkeypatch.setenv("EARMARK_PRETRAINED", str(pretrained))
    write_dataset(tmp_path / "mine", labels=("hiss", "tone"), each=3)
    plan = recipe_for(tmp_path / "mine", ["split.protocol=none"])
    base = run(plan, tmp_path / "runs", start_fabric(plan, "cpu", "1"), Lines(shown=False), tmp_path / "cache").model
    write_dataset(tmp_path / "one", labels=("rumble",), each=3)
    added = add(str(base), tmp_path / "one", tmp_path / "runs", tmp_path / "cache")
    assert added.negatives
    old, new = load_model(base), load_model(added.model)
    assert new.labels == ("hiss", "tone", "rumble")
    for label in ("tone", "rumble"):
        samples = np.repeat(sound_of(label, 70, 3.0), 2)[: 3 * 32_000]
        before, after = scores(old, samples), scores(new, samples)
        np.testing.assert_array_equal(after[:, :2], before)
    assert new.dimensions == old.dimensions
