"""A run from its recipe to its folder. Runs in processes of their own: test_run_processes.py."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
from run_folders import LEFT
from sounds import SMALL, write_dataset

from earmark.errors import DatasetError, EarmarkWarning, RecipeError
from earmark.models.model import load_model
from earmark.training import data as training_data
from earmark.training import recipe as recipes
from earmark.training import trainer
from earmark.training.presets import recipe_for
from earmark.training.run import run
from earmark.training.trainer import start_fabric

pytestmark = pytest.mark.usefixtures("rough_pictures")


class Listener:
    def __init__(self):
        self.prepared, self.epochs = [], []

    def preparing(self, done, total):
        self.prepared.append((done, total))

    def starting(self, networks, at_once):
        self.networks = networks

    def epoch(self, part, report):
        self.epochs.append((part, report.epoch))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("run")
    write_dataset(root / "data")
    return root


@pytest.fixture(scope="module")
def finished(place):
    """A run that nobody killed."""
    plan = recipe_for(place / "data", list(SMALL))
    listener = Listener()
    outcome = run(plan, place / "runs", start_fabric(plan, "cpu"), listener, place / "cache")
    return SimpleNamespace(plan=plan, listener=listener, **vars(outcome))


def rows_of(folder):
    with (folder / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def figures(metrics):
    """What must not depend on how the run went."""
    return {key: value for key, value in metrics.items() if key not in ("times", "date", "machine")}


def test_a_run_leaves_its_folder_and_nothing_else(finished, place):
    assert {path.name for path in finished.folder.iterdir()} == LEFT
    assert list((place / "runs").rglob("*.part*")) == []
    assert finished.model == finished.folder / "model.onnx"
    assert recipes.load(finished.folder / "recipe.yaml") == finished.plan
    for name in ("confusion.png", "curves.png"):
        assert (finished.folder / name).read_bytes()[:4] == b"\x89PNG"


def test_hits_counted_again_give_the_figures(finished):
    metrics = json.loads((finished.folder / "metrics.json").read_text())
    assert metrics == finished.metrics
    rows = rows_of(finished.folder)
    hits = [row["label"] == row["predicted"] for row in rows]
    assert metrics["accuracy"]["mean"] == pytest.approx(np.mean(hits), abs=1e-4)
    assert metrics["divisions"][0]["clips"] == len(rows) == 6  # two of eight in each of three classes
    assert metrics["accuracy"]["mean"] > 0.6
    assert all((finished.folder.parents[2] / "data" / row["path"]).is_file() for row in rows)
    assert all(0 <= float(row["score"]) <= 1 for row in rows)
    for one in metrics["classes"]:
        own = [row for row in rows if row["label"] == one["label"]]
        assert one["clips"] == len(own)
        assert one["recall"] == pytest.approx(np.mean([row["predicted"] == one["label"] for row in own]), abs=1e-4)


@pytest.mark.parametrize(("supported", "precision"), [(True, "bf16-mixed"), (False, "32-true")])
def test_the_precision_that_auto_became_is_said(place, monkeypatch, supported, precision):
    monkeypatch.setattr(trainer, "computes_bfloat16", lambda _: supported)
    plan = recipe_for(place / "data", [*SMALL, "training.precision=auto", "training.epochs=1"])
    outcome = run(plan, place / precision, start_fabric(plan, "cpu"), Listener(), place / "cache")
    assert outcome.metrics["precision"] == precision


def test_a_class_of_which_nothing_can_be_read_is_said(tmp_path):
    write_dataset(tmp_path / "data")
    for number in range(2):
        (tmp_path / "data" / "lost").mkdir(exist_ok=True)
        (tmp_path / "data" / "lost" / f"{number}.wav").write_text("no sound")
    with pytest.warns(EarmarkWarning, match="data: none of the clips of lost can be read; nothing is learned of that"):
        data = training_data.load(recipe_for(tmp_path / "data", list(SMALL)), tmp_path / "cache")
    assert data.labels == ("hiss", "rumble", "tone")


def test_a_run_tells_how_it_goes(finished):
    assert finished.listener.prepared == [(24, 24)]
    assert finished.listener.networks == 1
    assert finished.listener.epochs == [("held-out", epoch) for epoch in range(1, 13)]
    assert finished.metrics["times"]["held-out"]["epochs"] == 12


def test_the_model_gives_the_predictions_again(finished, place):
    from earmark.models.labelling import classify

    model = load_model(finished.model, threads=1)
    for row in rows_of(finished.folder):
        label, score = classify(place / "data" / row["path"], model)[0]
        assert label == row["predicted"]
        assert score == pytest.approx(float(row["score"]), abs=0.02)  # training keeps features in half precision


def test_the_model_carries_its_card(finished):
    about = load_model(finished.model).description
    assert about.labels == ("hiss", "rumble", "tone")
    assert set(about.thresholds) == set(about.labels)
    assert all(0 < t.off < t.on < 1 for t in about.thresholds.values())
    assert about.card["figures"]["accuracy"] == finished.metrics["accuracy"]
    assert "20% of each label's sources held out" in about.card["protocol"]
    assert about.card["clips"] == 18


def test_a_run_killed_before_its_folder_got_its_name(finished, place, monkeypatch):
    """All is there already: nothing is trained again."""
    home = place / "named" / "data"
    home.mkdir(parents=True)
    for path in finished.folder.iterdir():
        left = home / "2026-01-31T12-00-00.partial" / path.name
        left.parent.mkdir(exist_ok=True)
        left.write_bytes(path.read_bytes())
    listener = Listener()
    outcome = run(finished.plan, place / "named", start_fabric(finished.plan, "cpu"), listener, place / "cache")
    assert listener.epochs == []
    assert outcome.metrics == finished.metrics
    assert [path.name for path in home.iterdir()] == ["2026-01-31T12-00-00"]


def test_an_unfinished_run_of_another_recipe_is_left_alone(finished, place):
    home = place / "other" / "data"
    left = home / "2026-01-31T12-00-00.partial"
    left.mkdir(parents=True)
    (left / "recipe.yaml").write_text(finished.plan.dump().replace("epochs: 12", "epochs: 13"))
    plan = recipe_for(place / "data", [*SMALL, "split.protocol=none", "training.epochs=1"])
    outcome = run(plan, place / "other", start_fabric(plan, "cpu"), Listener(), place / "cache")
    assert left.is_dir()
    assert outcome.folder != left
    assert "accuracy" not in outcome.metrics
    assert {path.name for path in outcome.folder.iterdir()} == LEFT - {"predictions.csv", "confusion.png", "scores.npz"}
    assert load_model(outcome.model).description.thresholds == {}


def start(place, content):
    plan = recipes.check({"name": "x", **content}, "x", list(SMALL))
    return run(plan, place / "never", start_fabric(plan, "cpu"), Listener(), place / "cache")


def test_data_that_does_not_do(place, tmp_path):
    one = tmp_path / "one.csv"
    path = next((place / "data").rglob("*.wav"))
    one.write_text(f"path,labels\n{path},dog\n")
    with pytest.raises(DatasetError, match="training needs two"):
        start(place, {"dataset": {"path": str(one)}})
    with pytest.raises(DatasetError, match="nowhere"):
        start(place, {"dataset": {"path": str(tmp_path / "nowhere")}})
    several = tmp_path / "several.csv"
    several.write_text(f"path,labels\n{path},dog;cat\n{path},cat\n")
    with pytest.raises(RecipeError, match=r"export\.exclusive"):
        start(place, {"dataset": {"path": str(several)}, "export": {"exclusive": True}})
    with pytest.raises(DatasetError, match="no folds"):
        start(place, {"dataset": {"path": str(place / "data")}, "split": {"protocol": "folds"}})
    assert not list(place.glob("never/*/*"))
