"""Runs that do more than train one network on clips: copies, pictures, ensembles, early stopping, multi-crop."""

import copy
import csv
import json
from collections import Counter

import numpy as np
import pytest
from sounds import SMALL, write_dataset

from earmark.models.labelling import classify, label
from earmark.models.model import load_model
from earmark.training import recipe as recipes
from earmark.training.recipe_files import check_as
from earmark.training.run import run
from earmark.training.study import LeakyRecipe
from earmark.training.trainer import start_fabric

pytestmark = pytest.mark.usefixtures("rough_pictures")

PICTURES = {
    "front_end": {"rate": 8000, "n_fft": 256, "hop": 80, "bands": 32, "patch": 1.0, "image": [32, 32]},
    "augment": {"gain_db": 3, "mixup": 0, "masks": 0},
    "model": {"network": "cnn_small"},
    "training": {"epochs": 10, "batch": 8, "learning_rate": 0.01, "ema": 0.8, "precision": "32-true"},
}


class Listener:
    def __init__(self):
        self.epochs = Counter()

    def preparing(self, done, total): ...

    def starting(self, networks, at_once):
        self.networks = networks

    def epoch(self, part, report):
        self.epochs[part] += 1
        self.last = report


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("ways")
    write_dataset(root / "data")
    return root


def carry_out(place, content, *overrides, kind=recipes.Recipe):
    whole = {"name": "x", "dataset": {"path": str(place / "data")}, **copy.deepcopy(content)}
    plan = check_as(kind, whole, "x", list(overrides))
    listener = Listener()
    outcome = run(plan, place / "runs", start_fabric(plan, "cpu"), listener, place / "cache")
    return outcome, listener


def test_pictures_with_copies(place):
    outcome, _ = carry_out(
        place, PICTURES, "augment.copies=[zoom, noise]", "augment.copies_each=2", "training.epochs=6"
    )
    assert outcome.metrics["copies"] == 4
    assert outcome.metrics["clips"] == 24
    assert outcome.metrics["divisions"][0]["clips"] == 6  # copies are not tested
    assert outcome.metrics["accuracy"]["mean"] > 0.6
    model = load_model(outcome.model)
    for path in sorted((place / "data").rglob("*_7.wav")):
        timeline = label(path, model)
        assert timeline.duration == pytest.approx(1.0)
        assert all(0 <= event.onset < event.offset <= 1 for event in timeline.events)


def test_the_mistake_is_named_wherever_its_figures_stand(place):
    outcome, _ = carry_out(
        place,
        PICTURES,
        "augment.copies=[zoom]",
        "split.protocol=random_after_augmentation",
        "training.epochs=1",
        kind=LeakyRecipe,
    )
    assert "random_after_augmentation" in outcome.metrics["protocol"]
    assert "random_after_augmentation" in load_model(outcome.model).description.card["protocol"]
    with (outcome.folder / "predictions.csv").open(newline="") as file:
        tested = [row["path"] for row in csv.DictReader(file)]
    assert len(set(tested)) == len(tested) == 48  # copies are tested too, by their own names
    assert sum(path.endswith("#zoom-1") for path in tested) == 24


def test_summaries(place):
    content = {
        "front_end": {"kind": "summary", "rate": 8000, "n_fft": 256, "hop": 80, "bands": 32, "patch": 1.0},
        "augment": {"mixup": 0},
        "model": {"network": "mlp_baseline"},
        "training": {**PICTURES["training"], "epochs": 15},
    }
    outcome, _ = carry_out(place, content)
    assert outcome.metrics["accuracy"]["mean"] > 0.6
    path = next((place / "data" / "tone").glob("*.wav"))
    answers = dict(classify(path, load_model(outcome.model)))
    assert sum(answers.values()) == pytest.approx(1, abs=1e-3)


def test_an_ensemble_teaches_and_is_not_tested(place):
    settings = "training.distillation={members: 2, epochs: 3}"
    outcome, listener = carry_out(place, {}, *SMALL, settings, "split={protocol: stratified, parts: 2}")
    assert listener.networks == 6
    names = [f"fold-{fold}{member}" for fold in (1, 2) for member in ("/member-1", "/member-2", "")]
    assert listener.epochs == {name: 3 if "member" in name else 12 for name in names}
    assert {d["name"] for d in outcome.metrics["divisions"]} == {"fold-1", "fold-2"}
    assert set(outcome.metrics["times"]) == {"fold-1", "fold-2"}
    assert outcome.metrics["accuracy"]["mean"] > 0.6


def test_stops_early(place):
    stopping = "training.early_stopping={patience: 2, share: 0.2}"
    outcome, listener = carry_out(place, {}, *SMALL, "training.epochs=200", stopping)
    assert listener.epochs["held-out"] < 200
    assert listener.last.validation is not None
    assert outcome.metrics["times"]["held-out"]["epochs"] == listener.epochs["held-out"]
    assert outcome.metrics["accuracy"]["mean"] > 0.6


def test_multi_crop_stands_beside_the_figures(place):
    outcome, _ = carry_out(place, {}, *SMALL, "training.epochs=3", "test.crops=4")
    assert 0 < outcome.metrics["multi_crop"]["accuracy"]["mean"] <= 1
    assert json.loads((outcome.folder / "metrics.json").read_text())["multi_crop"] == outcome.metrics["multi_crop"]
    assert np.isfinite(outcome.metrics["accuracy"]["mean"])
