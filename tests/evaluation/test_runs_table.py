"""Runs read from their folders, and the tables and pictures of them."""

import csv
import io
import json
import shutil
import subprocess
import sys

import pytest
from run_folders import metrics, write_run

from earmark.errors import EarmarkError
from earmark.evaluation import run_table, runs
from earmark.evaluation.clip_metrics import interval, wilson

LEAKY = {"protocol": "random_after_augmentation", "parts": 5}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Four runs, among other things; no test changes them."""
    tmp_path = tmp_path_factory.mktemp("kept")
    write_run(tmp_path / "esc50" / "compact_cnn")
    write_run(tmp_path / "esc50" / "2026-01-31T12-00-00", metrics((0.9, 0.92), "better", parameters=99))
    esc10 = [{"layout": "esc", "path": "/home/ada/esc50", "options": {"subset": "esc10"}}]
    write_run(tmp_path / "esc10" / "fold", metrics((0.95,), "esc10", calibration={"ece": 0.0312}), dataset=esc10)
    write_run(tmp_path / "esc10" / "leaky", metrics((0.99, 0.98), "mistake"), dataset=esc10, split=LEAKY)
    write_run(tmp_path / "esc10" / "going_on.partial")
    write_run(tmp_path / "words", {"frames": {}})
    (tmp_path / "pitch").mkdir()
    (tmp_path / "pitch" / "metrics.json").write_text("{}")
    return tmp_path


@pytest.fixture
def results(kept, tmp_path):
    """A copy of them."""
    return shutil.copytree(kept, tmp_path, dirs_exist_ok=True)


@pytest.fixture(scope="module")
def four(kept):
    return read(kept)


def read(*places):
    found, wrong = runs.read_all(places)
    assert wrong == []
    return found


def test_runs_are_found_however_deep_and_nothing_else(kept, four):
    assert [run.name for run in four] == ["esc10", "mistake", "better", "esc50"]
    assert [run.name for run in read(kept / "esc50" / "compact_cnn")] == ["esc50"]
    assert len(read(kept, kept / "esc50", kept / "esc50" / "compact_cnn")) == 4, "each once"


def test_what_a_run_is(kept):
    (run,) = read(kept / "esc50" / "compact_cnn")
    assert (run.dataset, run.network, run.parameters, run.date) == ("esc50", "compact_cnn", 1234567, "2026-01-31")
    assert run.front_end == "log-mel 64, 22.05 kHz"
    assert run.augmentation == "gain 10 dB, mixup 0.2, masks 2"
    assert (run.protocol, run.tested) == ("folds", "official folds")
    assert (run.accuracy, run.macro_f1) == (0.82, 0.81)
    assert run.interval == interval([0.8, 0.82, 0.84])
    assert run.epoch_seconds == 2
    assert (run.ece, run.multi_crop) == (None, None)
    assert not run.leaky


def test_figures_that_only_some_runs_have(results):
    (run,) = read(results / "esc10" / "fold")
    assert run.ece == 0.0312
    assert run.interval == wilson(95, 100)
    assert read(write_run(results / "x", metrics(multi_crop={"accuracy": {"mean": 0.9}})))[0].multi_crop == 0.9


@pytest.mark.parametrize(
    ("part", "sections", "says"),
    [
        (runs.dataset_of, {"dataset": {"path": "/data/mine/"}}, "mine"),
        (runs.dataset_of, {"dataset": [{"path": "a"}, {"path": "b", "options": {"name": "birds"}}]}, "a + birds"),
        (runs.dataset_of, {"dataset": [{"path": c} for c in "abcd"]}, "a + b + 2 more"),
        (runs.network_of, {}, "compact_cnn"),
        (
            runs.network_of,
            {"model": {"network": "vgg16", "options": {"weights": "/home/ada/vgg16.pth", "dropout": 0.5}}},
            "vgg16 (weights vgg16.pth, dropout 0.5)",
        ),
        (runs.front_end_of, {}, "log-mel 64, 22.05 kHz"),
        (runs.front_end_of, {"front_end": {"kind": "linear", "rate": 44100}}, "linear, 44.1 kHz"),
        (runs.front_end_of, {"front_end": {"kind": "mfcc", "coefficients": 13}}, "MFCC 13ΔΔ, 22.05 kHz"),
        (
            runs.front_end_of,
            {"front_end": {"kind": "log_mel", "bands": 128, "patch": 5.0, "image": [128, 256]}},
            "log-mel 128, 22.05 kHz, 128x256 of 5 s",
        ),
        (runs.front_end_of, {"front_end": {"kind": "summary", "patch": 5}}, "summary, 22.05 kHz, patches of 5 s"),
        (runs.augmentation_of, {}, "none"),
        (runs.augmentation_of, {"augment": {"crop_seconds": 2.5, "mixup": 0.0, "masks": 0, "copies": []}}, "none"),
        (
            runs.augmentation_of,
            {"augment": {"copies": ["pitch_up", "slow"], "copies_each": 2, "speed": 0.1, "between_class": True}},
            "copies: pitch_up, slow (2 of each); speed 0.1, between-class",
        ),
        (runs.tested_of, {}, "20 % of sources"),
        (runs.tested_of, {"split": {"protocol": "folds", "folds": [5]}}, "official fold 5"),
        (runs.tested_of, {"split": {"protocol": "folds", "folds": [1, 2]}}, "official folds 1, 2"),
        (runs.tested_of, {"split": {"protocol": "stratified", "parts": 4}}, "4 folds by source"),
        (runs.tested_of, {"split": LEAKY}, "random_after_augmentation (leaks)"),
    ],
)
def test_recipes_in_a_few_words(part, sections, says):
    """Also those written before some keys existed."""
    assert part(sections) == says


def test_a_recipe_of_today_is_read_as_it_is_written(tmp_path):
    from earmark.training.recipe import Recipe

    recipe = Recipe.model_validate(
        {
            "name": "today",
            "dataset": [{"path": "esc50"}],
            "augment": {"copies": ["pitch_up"]},
            "split": {"protocol": "stratified"},
        }
    )
    folder = write_run(tmp_path / "run")
    (folder / "recipe.yaml").write_text(recipe.dump())
    (run,) = read(folder)
    assert run.augmentation == "copies: pitch_up; gain 10 dB, mixup 0.2, masks 2"
    assert run.tested == "5 folds by source"
    assert run.network == "compact_cnn"


def damage(folder, name, text):
    (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("metrics.json", "{", "metrics.json: is damaged: it is not JSON"),
        ("metrics.json", "[]", "holds no sections"),
        ("metrics.json", '{"protocol": "nothing held out"}', "has no accuracy"),
        ("metrics.json", '{"accuracy": 0.5, "divisions": [{}]}', "is damaged"),
        ("metrics.json", '{"accuracy": {"mean": 0.5}, "divisions": ["fold-1"]}', "is damaged"),
        ("metrics.json", json.dumps(metrics(times=[3])), "is damaged"),
        ("metrics.json", json.dumps(metrics(parameters="many")), "is damaged"),
        ("recipe.yaml", "a: [", "recipe.yaml: is damaged: it is not YAML"),
        ("recipe.yaml", "just words", "holds no sections"),
        ("recipe.yaml", "name: x", "is damaged"),
        ("recipe.yaml", "name: x\ndataset: [{path: a}]\nsplit: 3", "is damaged"),
        ("recipe.yaml", "name: x\ndataset: [{path: a}]\naugment: {gain_db: loud}", "is damaged"),
    ],
)
def test_a_damaged_run_is_named_and_the_rest_go_on(results, name, text, says):
    bad = results / "esc50" / "compact_cnn"
    damage(bad, name, text)
    found, wrong = runs.read_all([bad, results / "esc10"])
    assert [run.name for run in found] == ["esc10", "mistake"]
    (error,) = wrong
    assert str(bad) in str(error)
    assert says in str(error)
    assert "\n" not in str(error)


def test_a_damaged_run_below_a_folder_is_not_passed_over(results):
    damage(results / "esc50" / "compact_cnn", "metrics.json", "{")
    found, wrong = runs.read_all([results])
    assert len(found) == 3
    assert len(wrong) == 1


def test_foreign_and_missing_folders(results):
    found, wrong = runs.read_all([results / "pitch", results / "nowhere", results / "esc50"])
    assert len(found) == 2
    assert [str(error).partition(": ")[2].split(";")[0] for error in wrong] == [
        "cannot be read (No such file or directory)",
        "is no folder",
    ]
    (results / "empty").mkdir()
    with pytest.raises(EarmarkError, match="holds no finished run"):
        runs.find(results / "empty")


def test_the_usual_order_is_by_dataset_and_then_from_the_best(four):
    assert [run.name for run in run_table.sort(four)] == ["mistake", "esc10", "better", "esc50"]


@pytest.mark.parametrize(
    ("by", "names"),
    [
        (["accuracy"], ["mistake", "esc10", "better", "esc50"]),
        (["name"], ["better", "esc10", "esc50", "mistake"]),
        (["parameters", "name"], ["esc10", "esc50", "mistake", "better"]),
        (["ece", "name"], ["esc10", "better", "esc50", "mistake"]),
        (["divisions", "accuracy"], ["esc50", "mistake", "better", "esc10"]),
    ],
)
def test_any_order(four, by, names):
    assert [run.name for run in run_table.sort(four, by)] == names


@pytest.mark.parametrize("name", run_table.COLUMNS)
def test_every_column_sorts_and_says_something(four, name):
    ordered = run_table.sort(four, [name])
    assert len(ordered) == 4
    assert all(run_table.COLUMNS[name].text(run) for run in ordered)


def test_an_unknown_column():
    with pytest.raises(EarmarkError, match=r"--sort colour: is no column; choose among name, dataset"):
        run_table.names("name,colour", "--sort")


def test_a_plain_table(kept, four):
    lines = run_table.plain(run_table.sort(four)).splitlines()
    assert lines[0].split("  ")[0] == "run"
    assert len({line.index("accuracy") for line in lines[:1]}) == 1
    end = lines[0].index("accuracy") + len("accuracy")
    assert [line[end - 5 : end] for line in lines[1:5]] == ["0.985", "0.950", "0.910", "0.820"]
    assert "random_after_augmentation (leaks)" in lines[1]
    assert any(line.startswith("(leaks): ") for line in lines[5:])
    assert any("expected calibration error" in line for line in lines[5:])
    honest = run_table.plain(read(kept / "esc50"))
    assert "leaks" not in honest
    assert "calibration" not in honest


def test_markdown(kept):
    text = run_table.markdown(run_table.sort(read(kept / "esc50")), ("name", "accuracy", "interval"))
    low, high = interval([0.8, 0.82, 0.84])
    assert text.splitlines() == [
        "| run | accuracy | 95 % interval |",
        "| --- | ---: | ---: |",
        "| better | 0.910 | 0.783 to 1.000 |",
        f"| esc50 | 0.820 | {low:.3f} to {high:.3f} |",
    ]


def test_a_name_cannot_break_a_table(tmp_path):
    write_run(tmp_path / "a", metrics(name="this|that"))
    assert run_table.markdown(read(tmp_path), ("name",)).splitlines()[2] == "| this\\|that |"
    assert next(csv.DictReader(io.StringIO(run_table.as_csv(read(tmp_path)))))["name"] == "this|that"


def test_csv_and_json_say_the_same(four):
    every = tuple(run_table.COLUMNS)
    rows = list(csv.DictReader(io.StringIO(run_table.as_csv(four, every))))
    records = json.loads(run_table.as_json(four, every))
    assert len(rows) == len(records) == 4
    for row, record in zip(rows, records, strict=True):
        low, high = record.pop("interval")
        assert [float(row.pop("low")), float(row.pop("high"))] == [low, high]
        assert row == {key: "" if value is None else str(value) for key, value in record.items()}
    assert records[0]["ece"] == 0.0312
    assert records[1]["protocol"] == "random_after_augmentation"
    assert records[2]["ece"] is None


DOCUMENT = """# Results

<!-- compare: esc50 --columns name,accuracy --sort name -->
| an old table |
<!-- end -->

Words between.

<!-- compare: esc10 "esc50/compact_cnn" -->
<!-- end -->
The end."""


def test_a_document_gets_its_tables(results):
    fresh = run_table.refresh(DOCUMENT, results)
    assert "old table" not in fresh
    assert "| better | 0.910 |\n| esc50 | 0.820 |\n<!-- end -->\n\nWords between." in fresh
    assert fresh.count("random_after_augmentation (leaks)") == 1
    assert fresh.startswith("# Results\n\n<!-- compare: esc50 --columns name,accuracy --sort name -->\n| run ")
    assert fresh.endswith("<!-- end -->\nThe end.")
    assert run_table.refresh(fresh, results) == fresh


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# nothing", "holds no table of runs"),
        ("<!-- compare: esc50 -->\n| a |\n", "holds no table of runs"),
        ("<!-- compare: esc50 -->\n\n<!-- compare: esc10 -->\n<!-- end -->\n", "not closed"),
        ("<!-- compare: -->\n<!-- end -->\n", "names no folder"),
        ("<!-- compare: nowhere -->\n<!-- end -->\n", "is no folder"),
        ("<!-- compare: esc50 --colour red -->\n<!-- end -->\n", "--colour does not fit"),
        ("<!-- compare: esc50 --sort -->\n<!-- end -->\n", "--sort does not fit"),
        ("<!-- compare: esc50 --sort red -->\n<!-- end -->\n", "--sort red: is no column"),
        ('<!-- compare: "esc50 -->\n<!-- end -->\n', "No closing quotation"),
    ],
)
def test_markers_that_say_nothing_sensible(kept, text, says):
    with pytest.raises(EarmarkError, match=says):
        run_table.refresh(text, kept)


def test_a_document_does_not_lose_a_row_unnoticed(results):
    damage(results / "esc50" / "compact_cnn", "metrics.json", "{")
    with pytest.raises(EarmarkError, match="it is not JSON"):
        run_table.refresh(DOCUMENT, results)


def test_tables_need_neither_torch_nor_matplotlib(kept):
    code = """
import sys
from pathlib import Path
from earmark.evaluation import run_table, runs
print(run_table.plain(runs.read_all([Path(sys.argv[1])])[0]))
assert not {"torch", "matplotlib", "pydantic", "sklearn"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code, kept], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "better" in done.stdout
