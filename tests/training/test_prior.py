"""Answers that start from AudioSet's: of labels without a recording, of labels that are learned, in the model file."""

import numpy as np
import onnx
import pytest
import torch
from mn_making import as_published, tiny
from sounds import write_dataset
from test_stages import Listener

from earmark.errors import RecipeError
from earmark.features.frontend import FrontEnd
from earmark.labels import SOUNDS, audioset
from earmark.labels.audioset import nearest_only
from earmark.labels.groups import ancestors, parents
from earmark.models.model import Description, load_model
from earmark.training import data as training_data
from earmark.training import recipe as recipes
from earmark.training.batches import TrainingSet
from earmark.training.export import export, round_weights
from earmark.training.networks.mn import SURER, MobileNet
from earmark.training.run import run
from earmark.training.stages import Start, weights_of
from earmark.training.tasks import loss_of_steps
from earmark.training.trainer import start_fabric

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
