"""The figures that the docs quote can be counted again from the committed predictions."""

import csv
import json
from collections import defaultdict
from pathlib import Path

import pytest

from earmark.evaluation import run_table

ROOT = Path(__file__).parent.parent
EVALUATED = sorted(path.parent for path in (ROOT / "results" / "instruments").rglob("predictions.csv"))
RESULTS = sorted({path.parent for path in (ROOT / "results").rglob("predictions.csv")} - set(EVALUATED))

FOLDS = [folder for folder in RESULTS if folder.parent.name in ("esc10", "esc50")]


@pytest.mark.parametrize("folder", RESULTS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_predictions_give_the_metrics(folder):
    metrics = json.loads((folder / "metrics.json").read_text())
    hits = defaultdict(list)
    with (folder / "predictions.csv").open() as file:
        for row in csv.DictReader(file):
            if row["label"]:
                hits[row["fold"]].append(row["predicted"] in row["label"].split(";"))
    accuracies = [sum(found) / len(found) for found in hits.values()]
    assert sum(accuracies) / len(accuracies) == pytest.approx(metrics["accuracy"]["mean"], abs=1e-4)
    assert sorted(round(a, 4) for a in accuracies) == sorted(d["accuracy"] for d in metrics["divisions"])


@pytest.mark.parametrize("folder", FOLDS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_every_clip_of_the_official_folds_is_tested_once(folder):
    with (folder / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len({row["path"] for row in rows}) == len(rows) == {"esc10": 400, "esc50": 2000}[folder.parent.name]
    assert {row["fold"] for row in rows} == set("12345")
    assert all(row["path"].split("/")[-1].startswith(row["fold"] + "-") for row in rows)


def test_the_docs_quote_the_results():
    text = "".join((ROOT / "docs" / name).read_text() for name in ("results.md", "environment.md"))
    for folder in RESULTS:
        metrics = json.loads((folder / "metrics.json").read_text())
        assert f"{metrics['accuracy']['mean']:.3f}" in text, folder


@pytest.mark.parametrize("folder", EVALUATED, ids=lambda folder: folder.name)
def test_scores_of_instruments_give_the_metrics(folder):
    """`accuracy` of clips with one label and `all_in_top` of those with several, counted from the scores."""
    metrics = json.loads((folder / "metrics.json").read_text())
    hits = defaultdict(list)
    with (folder / "predictions.csv").open() as file:
        for row in csv.DictReader(file):
            true = set(filter(None, row["labels"].split(";")))
            scores = {one["label"]: float(row[one["label"]]) for one in metrics["classes"]}
            other = max(score for label, score in scores.items() if label not in true)
            own = min((scores[label] for label in true), default=0.5)
            hits[min(len(true), 2)].append(own > other)  # those alike to the last digit are not told apart
    said = (metrics["no_label"]["silent"], metrics["one_label"]["accuracy"], metrics["several_labels"]["all_in_top"])
    for count, found in hits.items():
        assert sum(found) / len(found) == pytest.approx(said[count], abs=0.5 / len(found))


def test_the_docs_quote_what_was_measured_of_instruments():
    text = (ROOT / "docs" / "instruments.md").read_text()
    found = json.loads((ROOT / "results" / "instruments" / "compared.json").read_text())
    for name, sets in found["models"].items():
        for data, summary in sets.items():
            told = summary["one_label"]["accuracy"], summary["several_labels"]["all_in_top"]
            assert all(f"{share:.3f}" in text for share in told if share is not None), (name, data)


def test_the_docs_hold_the_tables_that_compare_makes():
    """`earmark compare --into docs/results.md`, seen from the repository, would change nothing."""
    text = (ROOT / "docs" / "results.md").read_text()
    assert run_table.refresh(text, ROOT) == text


@pytest.mark.parametrize("table", ["words/table.md", "words/speed.md", "pitch/table.md"])
def test_the_docs_hold_the_tables_of_the_results(table):
    text = (ROOT / "docs" / "results.md").read_text()
    rows = [line for line in (ROOT / "results" / table).read_text().splitlines() if line.startswith("|")]
    assert len(rows) > 5
    assert [row for row in rows if row not in text] == []


def test_the_readme_quotes_what_was_measured():
    """Each row's figure is that of the file that its benchmark wrote."""
    rows = [line.strip("| ").split(" | ") for line in (ROOT / "README.md").read_text().splitlines() if " | " in line]
    told = {row[0]: (row[2], row[3] if len(row) > 3 else "") for row in rows if len(row) > 2}

    def read(name):
        return json.loads((ROOT / "results" / name).read_text())

    foreign = read("sounds/foreign.json")["models"]
    few = [
        row["accuracy"]
        for row in read("environment/few_clips/few_clips.json")["rows"]
        if row["clips"] == 5 and row["way"] == "backbone"
    ]
    real = read("instruments/bundled.json")["models"]["instruments"]["real recordings"]["one_label"]["accuracy"]
    with (ROOT / "results" / "words" / "peers.csv").open() as file:
        words = {row["condition"]: row for row in csv.DictReader(file) if row["detector"] == "gru" and not row["group"]}
    figures = {
        "mark 198 sounds": foreign["sounds"]["scenes_test"]["segments"]["f1"],
        "learn a sound from five clips": sum(few) / len(few),
        "classify environmental sounds": read("backbone/esc50/mn04/metrics.json")["accuracy"]["mean"],
        "mark instruments": real,
        "find words, clean": float(words["clean"]["boundary_f1_50ms"]),
        "find words, 20 dB noise": float(words["20dB"]["boundary_f1_50ms"]),
    }
    for task, figure in figures.items():
        assert float(told[task][0]) == pytest.approx(figure, abs=0.0006), task


def test_the_docs_quote_what_was_measured_of_the_service():
    text = (ROOT / "docs" / "service.md").read_text()
    read = {name: json.loads((ROOT / "results" / name).read_text()) for name in ("service/load.json", "live/page.json")}
    for run in read["service/load.json"].values():
        assert run["done"] == run["distinct_jobs"] == 50
        assert f"{run['seconds_to_do_all']} s" in text
    assert f"{read['live/page.json']['median_seconds']:.2f} s after" in text
