"""Whole runs on a small corpus made here: trained, interrupted, exported, used."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from model_making import write_wav

from earmark.errors import RecipeError
from earmark.models.model import load_model
from earmark.speech.words import words
from earmark.training import trainer
from earmark.training.words import corpus, run

pytestmark = pytest.mark.usefixtures("rough_pictures")

RATE = 16000


def voice(seed, pitch, seconds=0.4):
    """A buzz with formants that move, between silences: a word as far as a frame classifier can tell."""
    rng = np.random.default_rng([seed, pitch])
    time = np.arange(round(seconds * RATE)) / RATE
    partials = np.arange(1, 3500 // pitch)
    formant = rng.uniform(400, 1500) + rng.uniform(-500, 500) * time[:, None] / seconds
    weights = np.exp(-(((partials * pitch - formant) / 400) ** 2)) + 0.05
    buzz = (weights * np.sin(2 * np.pi * pitch * partials * time[:, None])).sum(1) * np.hanning(len(time)) ** 0.3
    silence = 1e-4 * rng.normal(size=round(0.2 * RATE))
    return np.concatenate([silence, 0.3 * buzz / np.abs(buzz).max(), silence])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Speech of four speakers, two of which validate, and hiss."""
    root = tmp_path_factory.mktemp("data")
    for speaker, pitch in (("a", 110), ("b", 210), ("c", 150), ("d", 180)):
        for number in range(6):
            write_wav(root / "speech" / f"{number}_{speaker}.wav", voice(number, pitch), RATE)
    rng = np.random.default_rng(0)
    for number in range(4):
        write_wav(root / "noise" / f"{number}.wav", 0.1 * rng.normal(size=RATE), RATE)
    return root


def part(root, kind, pattern):
    options = {"name": kind, "labels": [kind], "pattern": pattern}
    return {"layout": "files", "path": str(root / kind), "options": options}


def speech_part(root, pattern):
    found = part(root, "speech", pattern)
    found["options"]["source"] = "_([a-d])"
    return found | {"one_word": True}


def recipe(root, network="gru", options=None, **changes):
    """A small recipe for a network, with changes."""
    return {
        "task": "words",
        "train": {
            "speech": [speech_part(root, "*_[ab].wav")],
            "background": [part(root, "noise", "[012].wav")],
            "sentences": 32,
        },
        "validation": {
            "speech": [speech_part(root, "*_[cd].wav")],
            "background": [part(root, "noise", "3.wav")],
            "sentences": 8,
        },
        "mixing": {"seconds": 4, "snr_db": [10, 30], "room": 0, "long_pause": 0},
        "model": {"network": network, "options": options or {}},
        "training": {"epochs": 3, "batch": 8, "learning_rate": 0.01},
        **changes,
    }


@pytest.fixture
def written(data, tmp_path):
    """A function that writes a recipe for a network, with changes, and returns its path."""

    def write(network="gru", options=None, **changes):
        path = tmp_path / "small.yaml"
        path.write_text(yaml.safe_dump(recipe(data, network, options, **changes)))
        return path

    return write


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Where the sentences lie, which are the same for all networks."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def trained(data, cache, tmp_path_factory):
    """A function that trains a network once, and gives its plan and its outcome."""
    done = {}

    def train(network):
        if network not in done:
            path = tmp_path_factory.mktemp(network) / "small.yaml"
            path.write_text(yaml.safe_dump(recipe(data, network, NETWORKS[network])))
            plan = corpus.load(path)
            done[network] = plan, run.run(plan, path.parent / "runs", run.start(plan), Silent(), cache)
        return done[network]

    return train


class Silent:
    def __init__(self):
        self.epochs = []

    def preparing(self, done, total):
        pass

    def epoch(self, part, report):
        self.epochs.append(report)


NETWORKS = {
    "least_squares": {},
    "linear_svm": {},
    "mlp": {"hidden": [16, 8]},
    "rnn": {"units": 8},
    "gru": {"units": 8, "layers": 1},
}


@pytest.mark.parametrize("network", NETWORKS)
def test_every_classifier_is_trained_measured_and_exported(network, trained):
    _, outcome = trained(network)
    figures = json.loads((outcome.folder / "metrics.json").read_text())
    assert figures["validation"]["accuracy"] > 0.8
    assert figures["speakers"] == {"train": ["speech:a", "speech:b"], "validation": ["speech:c", "speech:d"]}
    about = load_model(outcome.model).description
    assert about.labels == ("speech",)
    assert about.card["figures"]["auc"] == figures["validation"]["auc"]
    assert sorted(p.name for p in outcome.folder.iterdir() if p.suffix != ".png") == [
        "metrics.json",
        "model.onnx",
        "recipe.yaml",
    ]


def test_a_trained_classifier_finds_words(trained, tmp_path):
    _, outcome = trained("gru")
    speech = np.concatenate([voice(number, 150) for number in (7, 8, 9)])
    write_wav(tmp_path / "three.wav", speech, RATE)
    found = words(tmp_path / "three.wav", outcome.model)
    assert [w.onset for w in found.words] == pytest.approx([0.2, 1.0, 1.8], abs=0.06)
    assert [w.f0 for w in found.words] == pytest.approx([150] * 3, rel=0.03)


class Interrupting(Silent):
    def epoch(self, part, report):
        super().epoch(part, report)
        if report.epoch == 3:
            raise KeyboardInterrupt


def test_an_interrupted_run_ends_as_an_uninterrupted_one(trained, cache, tmp_path, monkeypatch):
    plan, whole = trained("mlp")
    monkeypatch.setattr(trainer, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        run.run(plan, tmp_path / "parts", run.start(plan), Interrupting(), cache)
    heard = Silent()
    parts = run.run(plan, tmp_path / "parts", run.start(plan), heard, cache)
    assert [e.epoch for e in heard.epochs] == [3]
    assert parts.model.read_bytes() == whole.model.read_bytes()


def test_a_corpus_is_made_once_and_is_the_same_again(written, tmp_path):
    plan = corpus.load(written())
    chosen, _ = corpus.divide(plan)
    first = corpus.prepare(plan, chosen, 12, tmp_path / "one")
    calls = []
    again = corpus.prepare(plan, chosen, 12, tmp_path / "one", lambda *progress: calls.append(progress))
    elsewhere = corpus.prepare(plan, chosen, 12, tmp_path / "two")
    assert calls == []
    assert np.array_equal(first.features, again.features)
    assert np.array_equal(first.features, elsewhere.features)
    assert first.features.shape == (12, 401, 40)
    assert first.labels.shape == (12, 401)


def test_who_validates_does_not_train(written, data):
    both = speech_part(data, "*.wav")
    plan = corpus.load(written(train={"speech": [both], "background": [part(data, "noise", "*.wav")], "sentences": 9}))
    training, validating = corpus.divide(plan)
    assert {clip.source for clip in training.speech} == {"speech:a", "speech:b"}
    assert {clip.source for clip in training.background} == {"noise:0", "noise:1", "noise:2"}
    assert not training.sources & validating.sources


def test_what_is_held_out_does_neither(written, data):
    held_out = {"speech": [speech_part(data, "*_[bc].wav")], "background": []}
    training, validating = corpus.divide(corpus.load(written(held_out=held_out)))
    assert {clip.source for clip in training.speech} == {"speech:a"}
    assert {clip.source for clip in validating.speech} == {"speech:d"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "compact_cnn"}, "classifies no frames"),
        ({"network": "perceptron"}, "is unknown"),
        ({"options": {"depth": 3}}, "depth"),
        ({"mixing": {"snr": 3}}, "unknown key mixing.snr"),
        ({"task": "sentences"}, "task"),
    ],
)
def test_mistakes_in_a_recipe_are_explained(written, tmp_path, changes, message):
    def carry_out():
        plan = corpus.load(written(**changes))
        run.run(plan, tmp_path / "runs", run.start(plan), Silent(), tmp_path / "cache")

    with pytest.raises(RecipeError, match=message):
        carry_out()


def test_a_corpus_without_speech_is_explained(written, data, tmp_path):
    quiet = {"speech": [], "background": [part(data, "noise", "*.wav")], "sentences": 9}
    plan = corpus.load(written(train=quiet))
    with pytest.raises(RecipeError, match="speech: none of its recordings"):
        run.run(plan, tmp_path / "runs", run.start(plan), Silent(), tmp_path / "cache")


def test_the_command_trains_a_classifier(written, command, cache, tmp_path):
    done = command("train", written("least_squares"), "--out", tmp_path / "runs", "--cache", cache)
    assert done.returncode == 0, done.stderr
    (model,) = (tmp_path / "runs" / "small").glob("*/model.onnx")
    assert str(model) in done.stdout
    assert "frame accuracy" in done.stdout


@pytest.mark.slow
def test_two_processes_train_one_classifier(written, cache, tmp_path):
    words = ["train", written(), "--out", tmp_path / "runs", "--cache", cache, "--devices", "2"]
    program = [Path(sys.executable).with_name("earmark"), *words]
    done = subprocess.run(program, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    (model,) = (tmp_path / "runs" / "small").glob("*/model.onnx")
    assert done.stdout.count(f"Model: {model}") == 1  # one of the processes tells
    assert json.loads(model.with_name("metrics.json").read_text())["validation"]["accuracy"] > 0.8


def test_recipes_of_the_repository_can_be_read():
    home = Path(__file__).parents[3] / "recipes" / "words"
    plans = {path.stem: corpus.load(path) for path in home.glob("*.yaml") if path.stem != "corpus"}
    assert set(plans) == {"least_squares", "svm", "mlp", "rnn", "gru"}
    assert len({json.dumps(plan.model_dump(mode="json")["train"], sort_keys=True) for plan in plans.values()}) == 1
    assert plans["mlp"].model.options == {"hidden": [128, 64, 32]}
    assert plans["rnn"].model.options == {"units": 32}
