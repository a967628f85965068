import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.main import get_command
from typer.testing import CliRunner

from earmark.cli.data import app
from earmark.datasets import archives
from earmark.errors import DatasetError, EarmarkWarning


@pytest.fixture(scope="module", autouse=True)
def put_together():
    """Typer's runner puts all commands together anew for each call."""
    group = get_command(app)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", lambda _: group)
        yield


@pytest.fixture
def run(monkeypatch):
    monkeypatch.delenv("EARMARK_DATA", raising=False)

    def invoke(*words, **options):
        return CliRunner().invoke(app, [str(word) for word in words], **options)

    return invoke


@pytest.fixture
def sounds(tmp_path):
    """Two classes of three sounds."""
    for number in range(6):
        path = tmp_path / "data" / "sounds" / ("dog" if number % 2 else "cat") / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.random.default_rng(number).normal(size=16000) * 0.1, 16000)
    return tmp_path / "data" / "sounds"


@pytest.mark.parametrize("command", ["get", "list", "check", "table"])
def test_every_command_has_examples(run, command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"earmark data {command}" in result.stdout


def test_check(run, sounds):
    result = run("check", sounds)
    assert result.exit_code == 0
    assert "6 clips, 2 labels" in result.stdout
    assert "balance: 3 clips of each of the 2 labels" in result.stdout


def test_check_json_and_exit_code(run, sounds):
    (sounds / "dog" / "1.wav").write_bytes(b"broken")
    result = run("check", sounds, "--to", "json")
    assert result.exit_code == 1
    assert result.exception is None or isinstance(result.exception, SystemExit)
    content = json.loads(result.stdout)
    assert [Path(one["path"]).name for one in content["unreadable"]] == ["1.wav"]


def test_check_by_name_in_the_data_folder(run, sounds):
    assert run("check", "sounds", "--data-dir", sounds.parent).exit_code == 0


def test_check_of_a_table_with_missing_files(run, sounds):
    run("table", sounds, "--out", sounds / "clips.csv")
    (sounds / "dog" / "1.wav").unlink()
    with pytest.warns(EarmarkWarning):
        result = run("check", sounds / "clips.csv")
    assert "1 row of the table lacks its file" in result.stdout


def test_table(run, sounds):
    out = sounds / "clips.csv"
    result = run("table", sounds, "--out", out)
    assert result.stdout.strip() == str(out)
    lines = out.read_text().splitlines()
    assert lines[0] == "path,start,end,labels,fold,source,split"
    assert lines[1] == "cat/0.wav,,,cat,,0,"
    assert isinstance(run("table", sounds, "--out", out).exception, DatasetError)
    assert run("table", sounds, "--out", out, "--force").exit_code == 0


def test_options_of_a_layout(run, sounds, tmp_path):
    words = ("table", sounds, "--out", tmp_path / "x.csv", "--layout", "files", "-o", "labels=animal")
    assert run(*words, "-o", "limit_per_source=1").exit_code == 0
    assert (tmp_path / "x.csv").read_text().count("animal") == 6
    assert run(*words, "--force", "-o", "cut=0.2,0.4").exit_code == 0
    assert (tmp_path / "x.csv").read_text().splitlines()[1].split(",")[1:3] == ["", "0.2"]
    for wrong in ("5", "5,20,3", "0,5", "long"):
        assert "no length and spacing" in str(run(*words, "--force", "-o", f"cut={wrong}").exception)
    assert "no option speed" in str(run(*words, "--force", "-o", "speed=1").exception)
    assert "write KEY=VALUE" in str(run(*words, "--force", "-o", "speed").exception)


def test_list(run, sounds):
    result = run("list", "--data-dir", sounds.parent)
    assert "earmark data get esc50" in result.stdout
    assert "(folder: 6 clips, 2 labels)" in result.stdout
    content = json.loads(run("list", "--data-dir", sounds.parent, "--to", "json").stdout)
    assert [one["name"] for one in content["known"]] == ["esc50", "urbansound8k"]
    assert content["found"][0]["clips"] == 6


def test_list_without_a_data_folder(run, tmp_path):
    assert run("list", "--data-dir", tmp_path / "nowhere").exit_code == 0


@pytest.mark.parametrize("command", [("check",), ("table", "--out", "x.csv")])
def test_what_is_not_there(run, tmp_path, command):
    result = run(*command, "esc50", "--data-dir", tmp_path)
    assert isinstance(result.exception, DatasetError)
    assert "earmark data get esc50" in str(result.exception)


def test_get_asks_first(run, tmp_path, monkeypatch):
    got = []

    def get(dataset, target, **options):
        got.append((dataset.name, target, options["url"]))
        options["stage"]("download")(1, 2)

    monkeypatch.setattr(archives, "fetch_dataset", get)
    words = ("get", "esc50", "--data-dir", tmp_path)
    for answer in ("n\n", ""):
        result = run(*words, input=answer)
        assert "was not fetched" in str(result.exception)
        assert "CC BY-NC 3.0" in result.stderr
        assert "Piczak" in result.stderr
    assert not got
    assert run(*words, input="y\n").stdout.splitlines()[-1] == str(tmp_path / "esc50")
    run("get", "urbansound8k", "--yes", "--out", tmp_path / "u", "--url", "http://mirror/x")
    assert got == [("esc50", tmp_path / "esc50", ""), ("urbansound8k", tmp_path / "u", "http://mirror/x")]


def test_get_of_what_is_there(run, tmp_path):
    table = tmp_path / "esc50" / "meta" / "esc50.csv"
    table.parent.mkdir(parents=True)
    table.write_text("")
    result = run("get", "esc50", "--data-dir", tmp_path)
    assert result.exit_code == 0
    assert "is there already" in result.stderr


def test_get_of_an_unknown_name(run):
    assert "choose esc50" in str(run("get", "esc51").exception)
