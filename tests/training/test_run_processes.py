"""Runs in processes of their own: killed and taken up, side by side, two for one network. What a run does: test_run.py.

This file imports no torch: every process of the later tests imports it, and few train.
"""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from run_folders import LEFT
from sounds import SMALL, write_dataset
from warm_commands import WarmCommand, import_first

pytestmark = pytest.mark.usefixtures("rough_pictures")

# `earmark`, but with a checkpoint after each epoch, so that a kill can come early; a late one is waited for.
HELD = """
import itertools, time
from earmark.cli import main
from earmark.training import run, trainer

epochs, note = itertools.count(1), trainer.BestEpoch.note

def held(*words):
    note(*words)
    if next(epochs) == 6:
        time.sleep(3600)

trainer.CHECKPOINT_SECONDS = 0.0
trainer.BestEpoch.note = held
run._follow = lambda *words: time.sleep(3600)  # networks side by side are trained by processes that are not held
main()
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("run")
    write_dataset(root / "data")
    return root


def words_of_training(place, *words):
    return ["train", *map(str, words), "--cache", str(place / "cache"), "--accelerator", "cpu"]


def one_in(folder):
    (found,) = folder.iterdir()
    return found


def rows_of(folder):
    with (folder / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def metrics_of(folder):
    return json.loads((folder / "metrics.json").read_text())


def figures(metrics):
    """What must not depend on how the run went."""
    return {key: value for key, value in metrics.items() if key not in ("times", "date", "machine")}


def held(place, *words):
    import_first("earmark.cli.progress", "earmark.training.run", "earmark.training.presets", "torch._dynamo")
    return WarmCommand(*words_of_training(place, *words), code=HELD)


def wait_for_epochs(process, out, epochs, parts=1):
    """Wait until each part of a run has been trained for so many epochs."""
    until = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < until:
        histories = list(out.glob("*/*.partial/*/history.jsonl"))
        if len(histories) == parts and all(len(path.read_text().splitlines()) >= epochs for path in histories):
            return
        time.sleep(0.01)
    process.kill()
    pytest.fail(f"the run does not get so far: {process.said()}")


@pytest.mark.kill
def test_a_killed_run_is_taken_up(place, early_command, command):
    whole, out = place / "whole", place / "killed"
    words = (place / "data", *SMALL, "--out")
    done = early_command(*words_of_training(place, *words, whole))
    assert done.returncode == 0, done.stderr
    with held(place, *words, out) as process:
        wait_for_epochs(process, out, 3)
    left = one_in(out / "data")
    assert left.name.endswith(".partial")

    done = command(*words_of_training(place, *words, out))
    assert done.returncode == 0, done.stderr
    folder, other = one_in(out / "data"), one_in(whole / "data")
    assert folder.name == left.name.removesuffix(".partial")
    assert {path.name for path in folder.iterdir()} == LEFT
    metrics = metrics_of(folder)
    assert figures(metrics) == figures(metrics_of(other))
    assert rows_of(folder) == rows_of(other)
    assert metrics["times"]["held-out"]["epochs"] == 12
    assert f"Model: {folder / 'model.onnx'}" in done.stdout


@pytest.mark.slow
def test_two_processes_train_one_network(place):
    out = place / "two"
    words = words_of_training(place, place / "data", *SMALL, "--out", out, "--devices", "2")
    program = [Path(sys.executable).with_name("earmark"), *words]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        output, errors = process.communicate(timeout=600)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    folder = one_in(out / "data")
    assert {path.name for path in folder.iterdir()} == LEFT
    metrics = metrics_of(folder)
    assert metrics["accuracy"]["mean"] > 0.6
    assert metrics["times"]["held-out"]["epochs"] == 12  # one of the processes writes
    assert output.count("Model: ") == 1


@pytest.fixture
def folds(place, tmp_path):
    """A recipe with two folds."""
    table = place / "folds.csv"
    lines = [
        f"data/{p.parent.name}/{p.name},{p.parent.name},{n % 2 + 1}"
        for n, p in enumerate(sorted((place / "data").rglob("*.wav")))
    ]
    table.write_text("\n".join(["path,labels,fold", *lines]) + "\n")
    path = tmp_path / "folds.yaml"
    path.write_text(f"dataset: {{path: {table}}}\nsplit: {{protocol: folds}}\n")
    return path


@pytest.mark.kill
def test_networks_trained_side_by_side_end_with_a_kill_and_are_taken_up(place, folds, tmp_path, command):
    words = (folds, *SMALL, "training.epochs=8", "--out", tmp_path)
    with held(place, *words, "--jobs", "2") as process:
        wait_for_epochs(process, tmp_path, 1, parts=2)
        workers = psutil.Process(process.pid).children(recursive=True)
        assert workers
        os.kill(process.pid, signal.SIGKILL)  # it alone
        _, alive = psutil.wait_procs(workers, timeout=300)
        assert not alive  # or two processes would write one checkpoint

    done = command(*words_of_training(place, *words, "--jobs", "1"))
    assert done.returncode == 0, done.stderr
    folder = one_in(tmp_path / "folds")
    rows = rows_of(folder)
    assert len({row["path"] for row in rows}) == len(rows) == 24
    assert [row["fold"] for row in rows] == ["1"] * 12 + ["2"] * 12
    metrics = metrics_of(folder)
    assert [d["name"] for d in metrics["divisions"]] == ["fold-1", "fold-2"]
    assert metrics["accuracy"]["mean"] == pytest.approx(np.mean([r["label"] == r["predicted"] for r in rows]), abs=1e-4)
    assert {name: t["epochs"] for name, t in metrics["times"].items()} == {"fold-1": 8, "fold-2": 8}
    assert "fold-2" in done.stdout


class Told:
    """What a run tells of its networks."""

    def preparing(self, done, total): ...

    def starting(self, networks, at_once):
        self.networks, self.at_once = networks, at_once

    def epoch(self, part, report): ...


@pytest.mark.slow
def test_ensembles_teach_side_by_side(place):
    from earmark.training.presets import recipe_for
    from earmark.training.run import run
    from earmark.training.trainer import start_fabric

    changes = ["training.distillation={members: 2, epochs: 3}", "split={protocol: stratified, parts: 2}"]
    plan, told = recipe_for(place / "data", [*SMALL, *changes]), Told()
    outcome = run(plan, place / "ensembles", start_fabric(plan, "cpu"), told, place / "cache", 2)
    assert (told.networks, told.at_once) == (6, 2)
    assert {d["name"] for d in outcome.metrics["divisions"]} == {"fold-1", "fold-2"}
    assert set(outcome.metrics["times"]) == {"fold-1", "fold-2"}
    assert outcome.metrics["accuracy"]["mean"] > 0.6
