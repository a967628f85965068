import json

import numpy as np
import pytest
from model_making import write_wav
from sounds import SMALL, sound_of, write_dataset

from earmark.errors import DatasetError, RecipeError
from earmark.models.labelling import label as earmark_label
from earmark.models.model import load_model
from earmark.training.presets import WITHOUT_BACKBONE, recipe_for
from earmark.training.stages import Start

pytestmark = pytest.mark.usefixtures("rough_pictures")


def test_from_a_folder_to_the_labels_of_a_recording(command, tmp_path, monkeypatch):
    """The whole way, as a user goes it."""
    monkeypatch.chdir(tmp_path)
    write_dataset(tmp_path / "My Sounds", labels=("hiss", "tone"), each=10)
    (tmp_path / "My Sounds" / "tone" / "broken.wav").write_bytes(b"no sound")
    (tmp_path / "My Sounds" / "tone" / "notes.txt").write_text("never mind")
    # Noise of any level and mixtures teach little in so few steps.
    easy = ["augment.overlay=0", "augment.noise_floor=false", "training.epochs=30"]
    words = ("train", "My Sounds", *SMALL, *easy, "--cache", "cache", "--accelerator", "cpu")
    done = command(*words)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("earmark: warning: left out:") == 1
    assert "broken.wav" in done.stderr
    assert "accuracy 1.000" in done.stdout
    assert "Confusion matrix: runs/my_sounds/" in done.stdout
    (model,) = (tmp_path / "runs").glob("my_sounds/*/model.onnx")
    assert f"earmark label VIDEO --model {model.relative_to(tmp_path)}" in done.stdout

    quiet = np.zeros(22_050)
    parts = [quiet, sound_of("tone", 100), sound_of("tone", 100), quiet, sound_of("hiss", 101), sound_of("hiss", 102)]
    write_wav(tmp_path / "new.wav", np.clip(np.concatenate(parts), -1, 1))
    done = command("label", "new.wav", "--model", model, "--to", "json")
    assert done.returncode == 0, done.stderr
    timeline = json.loads(done.stdout)
    assert timeline["model"] == "my_sounds"

    def seconds(label, onset, offset):
        spans = [(e["onset"], e["offset"]) for e in timeline["events"] if e["label"] == label]
        return sum(max(0, min(b, offset) - max(a, onset)) for a, b in spans)

    assert seconds("tone", 1, 3) > 1.2
    assert seconds("hiss", 4, 6) > 1.2
    assert seconds("tone", 1, 3) > seconds("hiss", 1, 3)
    assert seconds("hiss", 4, 6) > seconds("tone", 4, 6)

    done = command("models", model)
    assert "Labels: hiss, tone" in done.stdout
    done = command("classify", "My Sounds/tone/tone_0.wav", "--model", model, "--to", "json")
    assert json.loads(done.stdout)["labels"][0]["label"] == "tone"


def empty_files(folder, each):
    for label in ("a", "b", "c"):
        for number in range(each):
            path = folder / label / f"{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


@pytest.mark.parametrize(("each", "batch"), [(2, 2), (20, 7), (200, 32)])
@pytest.mark.parametrize(
    ("words", "wanted", "fewest"), [(["model.start=sounds"], 400, 10), (["model.network=compact_cnn"], 1500, 30)]
)
def test_size_decides_batch_and_epochs(tmp_path, each, batch, words, wanted, fewest):
    empty_files(tmp_path / "data", each)
    plan = recipe_for(tmp_path / "data", words)
    assert plan.training.batch == batch
    assert fewest <= plan.training.epochs <= 150
    steps = plan.training.epochs * (3 * each * 4 // 5 // batch)
    assert steps >= wanted or plan.training.epochs == 150
    assert plan.split.protocol == "grouped"
    assert plan.export.exclusive is False
    assert plan.export.final == "all"


@pytest.mark.parametrize(
    ("words", "network", "start"),
    [
        ([], "mn", None),
        (["split.protocol=none"], "mn", None),
        ([WITHOUT_BACKBONE], "mn", "sounds"),
        (["model.start=mine.onnx"], "mn", "mine.onnx"),
        (["model.network=segmenter", "model.start=mine.onnx"], "segmenter", "mine.onnx"),
        (["model.network=segmenter"], "segmenter", None),
        (["front_end.bands=40"], "compact_cnn", None),
        (["front_end={bands: 40}"], "compact_cnn", None),
    ],
)
def test_the_backbone_is_the_start_unless_another_is_asked_for(tmp_path, words, network, start):
    empty_files(tmp_path / "data", 2)
    plan = recipe_for(tmp_path / "data", words)
    assert (plan.model.network, plan.model.start) == (network, start)
    if start == "sounds":
        Start(plan)  # whatever is bundled fits what is trained
    assert plan.solved == (network == "mn" and start is None)


@pytest.mark.parametrize(("each", "protocol"), [(2, "grouped"), (5, "stratified")])
def test_sources_decide_whether_folds_are_made(tmp_path, each, protocol):
    empty_files(tmp_path / "data", each)
    assert recipe_for(tmp_path / "data", []).split.protocol == protocol


def test_overrides_are_for_one_stage_of_one_recipe(tmp_path):
    empty_files(tmp_path / "data", 2)
    plan = recipe_for(tmp_path / "data", ["stages.0.training.negatives=false"], thorough=True)
    assert [phase.training.negatives for phase in plan.phases()] == [False, False, True]
    plan = recipe_for(tmp_path / "data", [], thorough=True)
    assert [phase.training.negatives for phase in plan.phases()] == [True, False, True]


def test_the_thorough_way_teaches_the_backbone_on_and_solves_the_head_again(tmp_path):
    empty_files(tmp_path / "data", 2)
    plan = recipe_for(tmp_path / "data", [], thorough=True)
    phases = [phase.training for phase in plan.phases()]
    assert [phase.optimizer for phase in phases] == ["ridge", "adamw", "ridge"]
    assert [phase.freeze for phase in phases] == [True, False, True]
    assert phases[1].keep == "audioset"
    assert phases[1].batch_norm == "frozen"
    assert phases[1].layer_decay < 1


def test_without_the_weights_the_error_says_how_to_get_them_and_what_needs_none(command, tmp_path, monkeypatch):
    empty_files(tmp_path / "data", 2)
    monkeypatch.delenv("EARMARK_PRETRAINED", raising=False)
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "cache"))
    done = command("train", tmp_path / "data", "--out", tmp_path / "runs")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "earmark models get mn04_as" in line
    assert WITHOUT_BACKBONE in line
    assert not (tmp_path / "runs").exists()


@pytest.mark.shared
def test_five_clips_of_each_are_learned_and_noise_is_none_of_them(command, tmp_path, pretrained, monkeypatch):
    monkeypatch.setenv("EARMARK_PRETRAINED", str(pretrained))
    write_dataset(tmp_path / "mine", labels=("hiss", "tone"), each=5)
    words = ("train", tmp_path / "mine", "--out", tmp_path / "runs", "--cache", tmp_path / "cache")
    done = command(*words, "--accelerator", "cpu")
    assert done.returncode == 0, done.stderr
    assert "5 folds by source" in done.stdout
    assert "mean accuracy 1.000" in done.stdout
    (path,) = (tmp_path / "runs").glob("mine/*/model.onnx")
    model = load_model(path)
    assert model.dimensions == 384
    assert set(model.description.thresholds) == {"hiss", "tone"}
    rng = np.random.default_rng(3)
    write_wav(tmp_path / "quiet.wav", 0.001 * rng.standard_normal(5 * 22_050))
    assert earmark_label(tmp_path / "quiet.wav", model).events == ()
    write_wav(tmp_path / "new.wav", np.clip(sound_of("tone", 50, 3.0), -1, 1))
    assert {event.label for event in earmark_label(tmp_path / "new.wav", model).events} == {"tone"}


def test_mistakes_in_overrides(tmp_path):
    empty_files(tmp_path / "data", 2)
    assert recipe_for(tmp_path / "data", ["training.epochs=3", "export.exclusive=true"]).training.epochs == 3
    with pytest.raises(RecipeError, match="unknown key"):
        recipe_for(tmp_path / "data", ["training.epoch=3"])


def test_no_such_folder(tmp_path):
    with pytest.raises(DatasetError, match="nowhere"):
        recipe_for(tmp_path / "nowhere", [])
    with pytest.raises(DatasetError):
        recipe_for(tmp_path, [])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nowhere",), "nowhere: "),
        (("nowhere.yaml",), "nowhere.yaml: cannot be read"),
        (("nowhere.csv",), "nowhere.csv: "),
        ((".",), ": "),
        (("mine.yaml", "training.epoch=3"), "unknown key training.epoch"),
        (("mine.yaml", "split.folds=[1"), "split.folds=[1: "),
        (("mine.yaml", "--accelerator", "abacus"), "abacus"),
        (("mine.yaml",), "gone"),
    ],
)
def test_mistakes_are_told_in_one_line(command, tmp_path, monkeypatch, words, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("dataset: {path: gone}\n")
    done = command("train", *words)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("earmark: ")
    assert says in line
