"""The benchmark of hostile files: that it sees what goes wrong, and that the page says what it found."""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SECTIONS = {"playlists", "bombs", "mutants", "kills", "disk", "connections"}


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tests" / "service")
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import hostile
    import hostile_trying

    hostile.trying = hostile_trying
    return hostile


@pytest.mark.parametrize(
    ("program", "outcome"),
    [
        ("pass", "done"),
        ("import sys; sys.exit('earmark: a.wav: is empty')", "refused"),
        ("raise ValueError", "crashed"),
        ("import sys; sys.exit('no line of ours')", "crashed"),
        ("import sys; sys.exit(1)", "crashed"),
        ("import os; os.kill(os.getpid(), 11)", "crashed"),
        ("import time; time.sleep(60)", "hung"),
    ],
)
def test_how_a_command_ended(bench, program, outcome):
    ended = bench.trying.run([sys.executable, "-c", program], limit=0.5 if outcome == "hung" else 60.0)
    assert ended.outcome == outcome
    assert ended.seconds < 60


def test_what_becomes_of_files(bench, monkeypatch):
    monkeypatch.setattr(bench.trying, "_label_files", _strange)
    labeller = bench.trying.Labeller(limit=1.0)
    outcomes = [labeller.label(Path(name))[0] for name in ("good", "dies", "good", "hangs", "good")]
    labeller.end()
    assert outcomes == ["labelled", "crashed", "labelled", "hung", "labelled"]


def _strange(pipe):
    import os
    import time

    pipe.send("ready")
    while True:
        name = pipe.recv().name
        if name == "dies":
            os._exit(3)
        if name == "hangs":
            time.sleep(60)
        pipe.send(("labelled", ""))


def test_files_are_labelled_or_refused(bench, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"nothing")
    labeller = bench.trying.Labeller()
    assert labeller.label(ROOT / "examples" / "five_words.flac")[0] == "labelled"
    assert labeller.label(tmp_path / "bad.wav")[0] == "refused"
    labeller.end()


def test_all_of_it_holds_and_stands_on_the_page(bench):
    report = json.loads(bench.RESULTS.read_text())
    text = bench.DOCS.read_text()
    assert set(report) == SECTIONS
    assert [name for name in re.findall(r"<!-- (\w+) -->", text) if name != "end"] == list(report)
    for name, found in report.items():
        assert found["left_out"] is None, name
        assert [one["what"] for one in found["tried"] if not one["holds"]] == []
    assert sum(one["times"] for one in report["mutants"]["tried"]) == 2000
    assert {one["found"][bad] for one in report["mutants"]["tried"] for bad in ("crashed", "hung")} == {0}
    assert all(bench.table(found) in text for found in report.values())
    assert bench.refreshed(text, report) == text
