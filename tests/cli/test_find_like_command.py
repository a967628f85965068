"""`earmark find --like` and `earmark index --embeddings` as a user meets them."""

import csv
import json

import pytest
from model_making import tones, write_wav

from earmark import media


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds") / "recordings"
    write_wav(folder / "20260511_220000.wav", tones(6.0, (1.0, 3.0, 300.0)))
    write_wav(folder / "other.wav", tones(6.0, (2.0, 4.0, 3000.0)))
    return folder


@pytest.fixture(scope="module")
def index(early_command, recordings, sensing_file, tmp_path_factory):
    out = tmp_path_factory.mktemp("indexes") / "my index"
    done = early_command("index", recordings, "--out", out, "--model", sensing_file, "--jobs", "1", "--to", "json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["embedded"] == 2
    assert report["embedding_bytes"] > 0
    return out


@pytest.fixture
def hum(tmp_path):
    return write_wav(tmp_path / "hum.wav", tones(2.0, (0.0, 2.0, 300.0)))


def refused(done, *says):
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    for text in says:
        assert text in line


def test_found_by_example(command, index, hum):
    done = command("find", "--like", hum, "--in", index, "--limit", "1", "--to", "json")
    (one,) = json.loads(done.stdout)
    assert (one["recording"], one["label"]) == ("20260511_220000.wav", "hum")
    assert one["onset"] < 3.0 < one["offset"] + 1
    assert 0.5 < one["score"] <= 1
    head, line = command("find", "--like", hum, "--in", index, "--limit", "1", "--as", "low").stdout.splitlines()
    assert head.split() == ["recording", "time", "length", "sound", "score", "date"]
    assert "low" in line.split()


def test_cut_out_under_a_name(command, index, hum, tmp_path):
    words = ["find", "--like", hum, "--in", index, "--min-score", "0.5", "--as", "my hum", "--cut", tmp_path / "cut"]
    assert command(*words).returncode == 0
    rows = list(csv.DictReader((tmp_path / "cut" / "clips.csv").open()))
    assert {row["source"] for row in rows} == {"20260511_220000.wav"}
    assert all("my hum" in row["labels"] for row in rows)
    assert command(*words).returncode == 0
    refused(command(*words, "--unlike", "other.wav@2-4"), "made with other options")


def test_played(command, index, recordings, hum, monkeypatch):
    played = []
    monkeypatch.setattr(media, "play_spans", lambda *given: played.append(given))
    done = command("find", "--like", hum, "--in", index, "--limit", "1", "--play")
    assert done.returncode == 0
    assert "20260511_220000.wav: 0:00 to 0:0" in done.stderr
    ((source, [(onset, offset)]),) = played
    assert str(source) == str(recordings / "20260511_220000.wav")
    assert 0 <= onset < 1
    assert onset < 3 < offset


def test_embeddings_are_left_out_and_added(command, recordings, sensing_file, low_high_file, hum, tmp_path):
    words = ["index", recordings, "--out", tmp_path / "index", "--jobs", "1", "--to", "json", "--model"]
    for model, more in ((low_high_file, ()), (low_high_file, ("--embeddings", "none"))):
        assert json.loads(command(*words, model, *more).stdout)["embedded"] == 0
    refused(command("find", "--like", hum, "--in", tmp_path / "index"), "keeps no embeddings", "--embeddings mn04_as")
    report = json.loads(command(*words, low_high_file, "--embeddings", sensing_file).stdout)
    assert (report["labelled"], report["embedded"]) == (0, 2)
    assert json.loads(command(*words, low_high_file).stdout)["embedded"] == 0
    refused(command(*words, low_high_file, "--embeddings", "none"), "embeddings by", "choose another --out")
    refused(
        command(*words[:3], tmp_path / "new", *words[4:], low_high_file, "--embeddings", low_high_file), "has no emb"
    )
    assert command("find", "--like", hum, "--in", tmp_path / "index", "--limit", "1").returncode == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["low", "--like", "a.wav"], "LABEL: does not go with --like"),
        (["--like", "a.wav", "--count"], "--count: does not go with --like"),
        (["--like", "a.wav", "--uncertain"], "--uncertain: does not go with --like"),
        (["low", "--unlike", "a.wav"], "say --like CLIP, too"),
        (["low", "--as", "mine"], "say --like CLIP, too"),
        (["--like", "a.wav", "--as", " "], "names no label"),
        (["--like", "nowhere.wav"], "neither a file nor a recording of this index"),
        (["--like", "a.wav@5-4"], "ends before it begins"),
        (["--like", "a.wav", "--unlike", "a.wav@5-4"], "--unlike a.wav@5-4"),
    ],
)
def test_mistakes(command, index, words, says):
    refused(command("find", *words, "--in", index), says)
