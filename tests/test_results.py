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
            scores = {label: float(row[label]) for label in ("brass", "drum_kit", "guitar", "piano", "violin")}
            best = sorted(scores, key=scores.__getitem__, reverse=True)[: len(true)]
            hits[min(len(true), 2)].append(set(best) == true if true else max(scores.values()) < 0.5)
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
    text = (ROOT / "docs" / (table.split("/")[0] + ".md")).read_text()
    rows = [line for line in (ROOT / "results" / table).read_text().splitlines() if line.startswith("|")]
    assert len(rows) > 5
    assert [row for row in rows if row not in text] == []


def test_the_readme_quotes_the_figures_of_words():
    text = (ROOT / "README.md").read_text()
    with (ROOT / "results" / "words" / "comparison.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["by"] == "condition" and row["classifier"] == "gru"]
    for row in rows:
        if row["value"] != "0dB":
            assert f"{float(row['token_f1']):.3f}" in text, row


@pytest.mark.parametrize("path", sorted((ROOT / "results").rglob("study.json")), ids=lambda path: path.parent.name)
def test_the_docs_quote_the_studies(path):
    text = (ROOT / "docs" / "environment.md").read_text()
    for variant in json.loads(path.read_text())["variants"]:
        assert variant["accuracy"] == pytest.approx(sum(variant["divisions"]) / len(variant["divisions"]), abs=1e-4)
        assert f"{variant['accuracy']:.3f}" in text, variant["variant"]


def test_the_docs_quote_what_was_measured_of_the_service():
    text = (ROOT / "docs" / "service.md").read_text()
    read = {name: json.loads((ROOT / "results" / name).read_text()) for name in ("service/load.json", "live/page.json")}
    for run in read["service/load.json"].values():
        assert run["done"] == run["distinct_jobs"] == 50
        assert f"{run['seconds_to_do_all']} s" in text
    assert f"{read['live/page.json']['median_seconds']:.2f} s after" in text


@pytest.mark.parametrize(
    "path", sorted((ROOT / "results" / "captions").glob("*/events_metrics.json")), ids=lambda path: path.parent.name
)
def test_the_docs_quote_what_was_measured_of_scenes(path):
    found = json.loads(path.read_text())
    events = {one["collar"]: one["micro"]["f1"] for one in found["events"]}
    cells = [found["segments"]["micro"]["f1"], found["segments"]["macro"]["f1"], events[0.5], events[0.2]]
    cells += [found["psds"]["exact"], found["psds"]["distinct"]]
    row = " | ".join(f"{cell:.3f}" for cell in cells) + f" | {found['false_events_an_hour']:.0f} |"
    assert row in (ROOT / "docs" / "scenes.md").read_text()
