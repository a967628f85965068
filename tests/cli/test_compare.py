"""`earmark compare` on folders of runs."""

import csv
import io
import json
import sys
from importlib.util import find_spec

import pytest
from run_folders import metrics, write_run

from earmark.cli import common


@pytest.fixture
def place(tmp_path, monkeypatch):
    write_run(tmp_path / "runs" / "esc50" / "2026-01-31T12-00-00")
    write_run(tmp_path / "runs" / "better" / "2026-02-01T12-00-00", metrics((0.9, 0.95, 0.94), "better"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def earmark(command, place):
    return command


def assert_one_line(done, *says):
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert all(text in line for text in says), line


def test_a_table(earmark):
    done = earmark("compare", "runs")
    assert (done.returncode, done.stderr) == (0, "")
    head, first, second, *_ = done.stdout.splitlines()
    assert head.split()[:3] == ["run", "dataset", "network"]
    assert (first.split()[0], second.split()[0]) == ("better", "esc50")
    assert "0.930" in first
    assert "0.820" in second


def test_a_damaged_run_is_named_and_the_rest_go_on(earmark, place):
    bad = place / "runs" / "esc50" / "2026-01-31T12-00-00" / "metrics.json"
    bad.write_text("{")
    done = earmark("compare", "runs", "nowhere")
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert "2026-01-31T12-00-00/metrics.json: is damaged" in first
    assert second.startswith("earmark: nowhere: is no folder")
    assert "0.930" in done.stdout


def test_forms_and_order(earmark):
    done = earmark("compare", "runs", "--to", "csv", "--sort", "accuracy")
    assert [row["name"] for row in csv.DictReader(io.StringIO(done.stdout))] == ["better", "esc50"]
    done = earmark("compare", "runs", "--to", "json", "--sort", "dataset,epoch_seconds,name", "--columns", "all")
    assert [run["name"] for run in json.loads(done.stdout)] == ["better", "esc50"]
    assert json.loads(done.stdout)[0]["folder"] == "runs/better/2026-02-01T12-00-00"
    done = earmark("compare", "runs/esc50", "--to", "markdown", "--columns", "name, accuracy")
    assert done.stdout == "| run | accuracy |\n| --- | ---: |\n| esc50 | 0.820 |\n"


@pytest.mark.usefixtures("rough_pictures")
def test_a_picture(earmark, place):
    done = earmark("compare", "runs", "--plot", "pictures/runs.png")
    assert done.returncode == 0
    assert done.stderr.strip() == "pictures/runs.png"
    assert (place / "pictures" / "runs.png").read_bytes().startswith(b"\x89PNG")


def test_the_tables_of_a_document(earmark, place):
    document = place / "results.md"
    document.write_bytes(b"# Mine\r\n\n<!-- compare: runs/esc50 --columns name,accuracy -->\nold\n<!-- end -->\n")
    done = earmark("compare", "--into", document)
    assert (done.returncode, done.stdout) == (0, "")
    assert "made anew" in done.stderr
    fresh = document.read_bytes()
    assert fresh.startswith(b"# Mine\r\n\n<!-- compare:")
    assert b"| esc50 | 0.820 |\n<!-- end -->\n" in fresh
    done = earmark("compare", "--into", document)
    assert "up to date" in done.stderr
    assert document.read_bytes() == fresh


def test_a_document_that_cannot_be_made_anew_stays_as_it_was(earmark, place):
    document = place / "results.md"
    document.write_text("<!-- compare: gone -->\nold\n<!-- end -->\n")
    assert_one_line(earmark("compare", "--into", document), "gone", "is no folder")
    assert "old" in document.read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], ["nothing to compare", "folders of runs", "--on FOLDER"]),
        (["runs", "--to", "xml"], ["--to xml", "table, markdown, csv, json"]),
        (["runs", "--sort", "colour"], ["--sort colour", "is no column", "macro_f1"]),
        (["runs", "--columns", "name,"], ["--columns", "is no column"]),
        (["runs", "--plot", "runs"], ["--plot runs", ".png"]),
        (["runs", "--plot", "runs/esc50/2026-01-31T12-00-00/metrics.json/a.png"], ["cannot be written"]),
        (["runs", "--out", "report"], ["--out", "--plot"]),
        (["--on", "runs", "--sort", "name"], ["--sort", "is for runs"]),
        (["--on", "runs", "--plot", "a.png"], ["--plot", "is for runs"]),
        (["runs", "--into", "a.md"], ["does not go with --into"]),
        (["--into", "a.md", "--columns", "name"], ["--columns", "does not go with --into"]),
        (["--into", "gone.md"], ["gone.md", "cannot be read"]),
        (["gru"], ["gru: is no folder", "--on"]),
    ],
)
def test_mistakes_are_told_in_one_line(earmark, words, says):
    assert_one_line(earmark("compare", *words), *says)


@pytest.mark.parametrize(
    ("module", "extra", "words"), [("yaml", "train", []), ("matplotlib", "plot", ["--plot", "a.png"])]
)
def test_what_is_not_installed_is_said(earmark, monkeypatch, module, extra, words):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(common, "find_spec", lambda name: None if name == module else find_spec(name))
    done = earmark("compare", "runs", *words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert f"earmark[{extra}]" in done.stderr
