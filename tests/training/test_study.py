import csv
import json

import pytest
from sounds import SMALL, write_dataset

from earmark.errors import RecipeError
from earmark.training.study import load, run_study
from earmark.training.trainer import start_fabric

pytestmark = pytest.mark.usefixtures("rough_pictures")

SHORT = "training={epochs: 2, batch: 8, ema: 0.9, precision: 32-true}"
STUDY = """
task: study
name: levels
description: What a change of level adds.
recipe: small.yaml
changes: [training.epochs=2]
variants:
  - {name: none, changes: [augment.gain_db=0]}
  - {name: gain, series: strong, changes: [augment.gain_db=20]}
"""


class Listener:
    def __init__(self):
        self.epochs = 0

    def preparing(self, done, total): ...

    def starting(self, networks, at_once): ...

    def epoch(self, part, report):
        self.epochs += 1


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    write_dataset(root / "data")
    (root / "small.yaml").write_text(f"dataset: {{path: {root / 'data'}}}\n")
    (root / "levels.yaml").write_text(STUDY)
    return root


def carry_out(place, path):
    study, plans = load(path, [*SMALL[:-1], SHORT])
    listener = Listener()
    outcome = run_study(
        study, plans, place / "runs", start_fabric(plans[0], "cpu"), lambda _: listener, place / "cache"
    )
    return outcome, listener.epochs


def test_a_study_leaves_a_table_and_a_picture_and_runs_nothing_twice(place):
    outcome, epochs = carry_out(place, place / "levels.yaml")
    assert epochs == 4
    assert outcome.folder == place / "runs" / "levels"
    assert (outcome.folder / "study.png").read_bytes()[:4] == b"\x89PNG"
    with (outcome.folder / "table.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [(row["variant"], row["series"]) for row in table] == [("none", ""), ("gain", "strong")]
    content = json.loads((outcome.folder / "study.json").read_text())
    for row, told in zip(table, content["variants"], strict=True):
        (run,) = (outcome.folder / f"levels-{'-'.join(filter(None, [row['variant'], row['series']]))}").iterdir()
        metrics = json.loads((run / "metrics.json").read_text())
        assert float(row["accuracy"]) == told["accuracy"] == metrics["accuracy"]["mean"]
        assert told["protocol"] == metrics["protocol"]

    again, epochs = carry_out(place, place / "levels.yaml")
    assert epochs == 0
    assert again.rows == outcome.rows


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("augment.gain_db=0", "augment.gian_db=0", ["wrong.yaml, variant none", "unknown key augment.gian_db"]),
        ("small.yaml", "nowhere.yaml", ["nowhere.yaml", "cannot be read"]),
        ("name: gain, series: strong", "name: none", ["two have the same name and series"]),
        ("recipe: small.yaml\n", "", ["recipe is missing"]),
        ("variants", "variant", ["unknown key variant", "variants is missing"]),
    ],
)
def test_studies_that_cannot_be(place, old, new, words):
    path = place / "wrong.yaml"
    path.write_text(STUDY.replace(old, new))
    with pytest.raises(RecipeError) as error:
        load(path, [])
    for word in words:
        assert word in str(error.value)
