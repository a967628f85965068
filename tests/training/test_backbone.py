"""A backbone as a model file, made in the cache."""

import numpy as np
import pytest
import torch

import earmark
from earmark.errors import ModelError
from earmark.labels import audioset
from earmark.models.model import pretrained_model
from earmark.training.backbone import AudioSetNetwork, converted


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EARMARK_PRETRAINED", raising=False)
    return tmp_path / "cache"


def test_a_model_file_of_audiosets_answers(backbone_file):
    model = earmark.load_model(backbone_file, threads=1)
    about = model.description
    assert model.labels == tuple(one.name for one in audioset.classes())
    assert not about.exclusive
    assert about.step == pytest.approx(0.08)
    assert (about.widths == 1).all()  # the network itself averages
    assert {"licence", "source", "citation", "weights"} <= set(about.card)
    assert "Schmid" in about.card["licence"]


def test_scores_are_those_of_audiosets_layer():
    network = AudioSetNetwork(width=0.1, step=8, window=0.4, mean=0.4).eval()
    features = torch.randn(2, 64, 128)
    with torch.no_grad():
        labels, classes = network.answers(features)
        assert torch.equal(network(features), classes)
    assert labels.shape == classes.shape == (2, 8, 527)


def test_what_is_missing_is_said(cache):
    with pytest.raises(ModelError, match="is not in the cache"):
        converted("mn04_as")
    assert not pretrained_model("mn04_as").exists()


@pytest.mark.shared
class TestPublished:
    @pytest.fixture(autouse=True)
    def weights(self, pretrained, monkeypatch):
        monkeypatch.setenv("EARMARK_PRETRAINED", str(pretrained))

    @pytest.fixture
    def cache(self, tmp_path_factory, monkeypatch):
        """A cache that these tests share."""
        path = tmp_path_factory.getbasetemp() / "converted"
        monkeypatch.setenv("EARMARK_CACHE", str(path))
        return path

    @pytest.fixture
    def made(self, cache):
        """The model file in it."""
        return converted("mn04_as")

    def test_made_once_and_made_anew_where_it_is_damaged(self, made, cache):
        assert made == cache / "pretrained" / "mn04_as.onnx"
        when = made.stat().st_mtime_ns
        assert converted("mn04_as") == made
        assert made.stat().st_mtime_ns == when
        made.write_bytes(made.read_bytes()[:1000])
        assert earmark.load_model(converted("mn04_as")).dimensions == 384

    def test_answers_are_those_of_the_network(self, made, pretrained):
        model = earmark.load_model(made, threads=1)
        network = AudioSetNetwork()
        network.load(pretrained)
        features = np.random.default_rng(0).normal(0, 0.5, (1, 600, 128)).astype(np.float32)
        with torch.no_grad():
            expected = network.eval()(torch.from_numpy(features)).sigmoid().numpy()
        (scores,) = model.session.run(["scores"], {"features": features})
        assert scores == pytest.approx(expected, abs=0.02)  # weights in half precision

    @pytest.mark.usefixtures("made")
    def test_real_sounds_are_known(self, shared):
        clip = next((shared / "esc50" / "audio").glob("1-100032-A-0.opus"))
        labels = [label for label, _ in earmark.classify(clip, "mn04_as")[:6]]
        assert {"Dog", "Bark"} & set(labels)
