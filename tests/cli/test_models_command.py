"""`earmark models`: pretrained weights listed, shown and fetched. Bundled models: see test_commands.py."""

import hashlib
import json
from dataclasses import replace

import pytest
from model_making import LOW_HIGH, low_high_model
from server import Server

from earmark.labels import SOUNDS
from earmark.models.model import bundled_models
from earmark.models.pretrained import PRETRAINED

CONTENT = bytes(range(256)) * 3000
BUNDLED = "earmark.models.model.bundled_models"
"""What is replaced where a list is not looked at for bundled models, which take a while to open."""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and an `mn04_as` whose content the tests have."""
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EARMARK_PRETRAINED", raising=False)
    monkeypatch.chdir(tmp_path)
    weights = replace(PRETRAINED["mn04_as"], sha256=hashlib.sha256(CONTENT).hexdigest(), bytes=len(CONTENT))
    monkeypatch.setitem(PRETRAINED, "mn04_as", weights)
    return tmp_path / "cache" / "pretrained"


def test_the_list(command):
    lines = command("models").stdout.splitlines()
    assert [line.split()[0] for line in lines[: len(bundled_models())]] == list(bundled_models())
    assert lines[-3:] == [
        "mn04_as  1 MB, MIT licence  not here: earmark models get mn04_as",
        "mn05_as  MIT licence  not here: earmark models get mn05_as",
        "mn10_as  20 MB, MIT licence  not here: earmark models get mn10_as",
    ]


def test_the_list_where_a_copy_is_misnamed(command, monkeypatch):
    monkeypatch.setenv("EARMARK_PRETRAINED", "/no/such/folder")
    monkeypatch.setattr(BUNDLED, dict)
    done = command("models")
    assert done.returncode == 0
    assert "mn04_as  1 MB, MIT licence  EARMARK_PRETRAINED=/no/such/folder: no such file or folder" in done.stdout


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["sounds", "--help"]], ids=" ".join)
def test_help(command, words):
    done = command("models", *words)
    assert done.returncode == 0
    assert "earmark models get mn04_as" in done.stdout
    assert "--to" in done.stdout


def test_options_may_come_first(command):
    assert json.loads(command("models", "--to", "json", "sounds").stdout)["name"] == "sounds"


class TestLabels:
    """The labels of a model's card; the models here only have the labels that they are given."""

    @pytest.fixture
    def card(self, command, tmp_path):
        def shown(*labels):
            description = replace(LOW_HIGH, labels=labels)
            path = low_high_model(tmp_path / "m.onnx", description.to_json(), len(labels))
            done = command("models", str(path))
            assert done.returncode == 0, done.stderr
            assert json.loads(command("models", str(path), "--to", "json").stdout)["labels"] == list(labels)
            text = done.stdout
            return text[text.index("Labels: ") : text.index("Answers: ")].splitlines()

        return shown

    def test_stand_in_groups(self, card):
        assert card("dog", "my_bell", "animal", "speech") == [
            "Labels: 4, by group; before > the label for any of the group",
            "  voices: speech",
            "  animals: animal > dog",
            "  other: my_bell",
        ]
        assert card("smoke_alarm", "music") == [
            "Labels: 2, by group; before > the label for any of the group",
            "  alarms: smoke_alarm",
            "  music: music",
        ]

    def test_that_stand_in_none_are_listed_as_they_come(self, card):
        assert card("my_bell", "Dog") == ["Labels: my_bell, Dog"]

    def test_fit_a_terminal(self, card):
        lines = card(*sorted(SOUNDS))
        assert max(map(len, lines)) <= 80
        words = set(" ".join(lines).replace(",", " ").replace(":", " ").split())
        assert words >= SOUNDS


class TestCard:
    def test_of_what_is_not_here(self, command):
        done = command("models", "mn04_as")
        assert done.returncode == 0
        assert done.stderr == ""
        card = dict(line.split(": ", 1) for line in done.stdout.splitlines())
        assert card["licence"].startswith("MIT, 2022 Florian Schmid")
        assert card["address"] == PRETRAINED["mn04_as"].url
        assert card["SHA-256"] == hashlib.sha256(CONTENT).hexdigest()
        assert card["size"] == "768,000 bytes"
        assert card["file"].startswith("is not in the cache")
        assert "`earmark models get mn04_as`" in card["file"]

    def test_of_what_is_here(self, command, cache):
        cache.mkdir(parents=True)
        (cache / "mn04_as_mAP_432.pt").write_bytes(CONTENT)
        assert f"file: {cache / 'mn04_as_mAP_432.pt'}\n" in command("models", "mn04_as").stdout
        (cache / "mn04_as_mAP_432.pt").write_bytes(CONTENT[1:])
        assert "file: is damaged" in command("models", "mn04_as").stdout

    def test_for_machines(self, command):
        card = json.loads(command("models", "mn05_as", "--to", "json").stdout)
        assert (card["kind"], card["width"], card["sha256"], card["path"]) == ("pretrained", 0.5, None, None)
        assert "earmark models get mn05_as" in card["problem"]

    def test_an_unknown_checksum_is_said(self, command):
        assert "SHA-256: not known, so that the file cannot be checked" in command("models", "mn05_as").stdout


class TestGet:
    def test_help(self, command):
        done = command("models", "get", "--help")
        assert done.returncode == 0
        assert "earmark models get mn04_as --out weights/" in done.stdout

    def test_fetched_once(self, command, cache, monkeypatch):
        monkeypatch.setattr(BUNDLED, dict)
        with Server(CONTENT) as server:
            first = command("models", "get", "mn04_as", "--url", server.url)
            again = command("models", "get", "mn04_as", "--url", server.url)
            assert len(server.asked) == 1
        for done in (first, again):
            assert done.returncode == 0, done.stderr
            assert done.stdout == f"{cache / 'mn04_as_mAP_432.pt'}\n"
            assert "Licence: MIT, 2022 Florian Schmid" in done.stderr
            assert f"Address: {server.url}" in done.stderr
        assert "is there already" not in first.stderr
        assert "mn04_as is there already: nothing was fetched." in again.stderr
        assert str(cache) in command("models").stdout

    def test_into_a_folder(self, command, tmp_path):
        with Server(CONTENT) as server:
            done = command("models", "get", "mn04_as", "--url", server.url, "--out", "weights")
        assert done.stdout == "weights/mn04_as_mAP_432.pt\n"
        assert (tmp_path / "weights" / "mn04_as_mAP_432.pt").read_bytes() == CONTENT

    def test_without_a_checksum_the_one_that_came_is_shown(self, command, cache):
        with Server(CONTENT) as server:
            done = command("models", "get", "mn05_as", "--url", server.url)
        assert done.returncode == 0
        assert "earmark: warning: " in done.stderr
        assert f"has SHA-256 {hashlib.sha256(CONTENT).hexdigest()}" in done.stderr

    @pytest.mark.parametrize(
        ("script", "says"), [("404", "the server answers 404"), ("wrong", "what came is not mn04_as: its SHA-256 is")]
    )
    def test_failures_are_one_line(self, command, cache, script, says):
        with Server(CONTENT, (script,)) as server:
            done = command("models", "get", "mn04_as", "--url", server.url)
        assert done.returncode == 1
        assert done.stdout == ""
        (line,) = [line for line in done.stderr.splitlines() if line.startswith("earmark: ")]
        assert says in line
        assert list(cache.iterdir()) == []

    def test_an_unknown_name(self, command):
        done = command("models", "get", "sounds")
        assert done.returncode == 1
        assert done.stderr.startswith(
            "earmark: sounds: is neither a file nor the name of pretrained weights; choose mn"
        )
