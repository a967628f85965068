"""`earmark train` with a recipe that starts from pretrained weights."""

import pytest

RECIPE = """
dataset: {path: nowhere}
front_end: audioset
model: {network: mn, options: {weights: mn04_as}}
"""


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EARMARK_PRETRAINED", raising=False)
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE)
    return path


def test_missing_weights_are_the_first_thing_that_is_told(command, recipe, tmp_path):
    """Before the dataset that is missing too."""
    done = command("train", recipe, "--out", tmp_path / "runs")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "mn04_as: is not in the cache" in done.stderr
    assert "get it with `earmark models get mn04_as`" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_weights_of_no_such_name(command, recipe, tmp_path):
    done = command("train", recipe, "model.options.weights=mn99", "--out", tmp_path / "runs")
    assert done.returncode == 1
    assert "mn99: is neither a file nor the name of pretrained weights; choose mn04_as" in done.stderr


def test_a_study_tells_it_too(command, recipe, tmp_path):
    study = tmp_path / "study.yaml"
    study.write_text("task: study\nrecipe: recipe.yaml\nvariants: [{name: one}, {name: two}]\n")
    done = command("train", study, "--out", tmp_path / "runs")
    assert done.returncode == 1
    assert "mn04_as: is not in the cache" in done.stderr
