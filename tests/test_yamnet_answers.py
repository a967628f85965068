"""The benchmark of sounds: YAMNet's events and clips by scores made here, and what is laid out for it."""

import json
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

IDS = ("/m/0bt9lr", "/m/03qc9zr")
"""A dog, screaming."""


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    import sounds_compared
    import yamnet_answers

    return sounds_compared, yamnet_answers


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "recording.flac"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 4 * 22050), 22050)
    return path


def scored(folder, values):
    """Put scores where the one laid out recording is."""
    (laid_out,) = folder.glob("*.wav")
    np.savez(laid_out.with_suffix(".npz"), scores=np.array(values, np.float32), ids=np.array(IDS), seconds=4.0)
    laid_out.unlink()


@pytest.fixture
def folder(bench, recording, tmp_path):
    """Scores of a dog around 1.44 s, and now and then some of a scream."""
    folder = tmp_path / "scores"
    bench[1].lay_out(folder, [recording])
    dog, scream = [0, 0.1, 0.9, 0.5, 0.3, 0, 0, 0], [0.2] * 8
    scored(folder, np.transpose([dog, scream]))
    return folder


def test_only_what_has_no_scores_is_laid_out(bench, recording, tmp_path):
    folder = tmp_path / "scores"
    assert bench[1].lay_out(folder, [recording, recording]) == 1
    (path,) = folder.glob("*.wav")
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)
        assert file.getnframes() == pytest.approx(4 * 16000, abs=2)
    scored(folder, np.zeros((8, 2)))
    assert bench[1].lay_out(folder, [recording]) == 0
    assert not list(folder.glob("*.wav"))


def test_events_are_around_the_middles_of_windows_and_end_at_half(bench, folder, recording):
    timeline = bench[1].Yamnet(folder, on=0.7).label(recording)
    assert [(e.label, e.onset, e.offset) for e in timeline.events] == [("Dog", 1.2, 2.16)]
    assert timeline.duration == 4.0


def test_events_at_the_ends_reach_them(bench, folder, recording):
    events = bench[1].Yamnet(folder, on=0.2).label(recording).events
    assert [(e.onset, e.offset) for e in events if e.label == "Screaming"] == [(0.0, 4.0)]


def test_clips_are_pooled(bench, folder, recording):
    said = {way: dict(bench[1].Yamnet(folder, pooling=way).classify(recording)) for way in ("mean", "max")}
    assert said["mean"] == pytest.approx({"Dog": 0.225, "Screaming": 0.2})
    assert said["max"] == pytest.approx({"Dog": 0.9, "Screaming": 0.2})


def test_yamnet_is_compared_at_what_was_chosen(bench, folder, recording, tmp_path, monkeypatch, capsys):
    (tmp_path / "clips.csv").write_text("path,labels\nrecording.flac,dog\n")
    (tmp_path / "events.csv").write_text("path,onset,offset,label\nrecording.flac,1.1,2.3,dog\n")
    out = tmp_path / "out.json"
    chosen = ["--choose-scenes", tmp_path, "--choose-clips", tmp_path / "clips.csv"]
    given = ["--yamnet", folder, *chosen, "--scenes", tmp_path, "--clips", tmp_path / "clips.csv", "--out", out]
    monkeypatch.setattr(sys, "argv", ["sounds_compared.py", *map(str, given)])
    bench[0].main()
    found = json.loads(out.read_text())["models"]["yamnet"]
    assert found[tmp_path.name]["events"]["f1"] == 1
    assert found["clips"]["accuracy"] == 1
    assert 0.2 < found["on"] <= 0.9  # at half of 0.2 the event would begin in the second before
    assert "yamnet" in capsys.readouterr().out


def test_what_is_to_be_scored_is_told(bench, recording, tmp_path, monkeypatch):
    (tmp_path / "clips.csv").write_text("path,labels\nrecording.flac,dog\n")
    (tmp_path / "events.csv").write_text("path,onset,offset,label\nrecording.flac,1.1,2.3,dog\n")
    chosen = ["--choose-scenes", tmp_path, "--choose-clips", tmp_path / "clips.csv", "--out", tmp_path / "out.json"]
    monkeypatch.setattr(sys, "argv", ["sounds_compared.py", "--yamnet", str(tmp_path / "scores"), *map(str, chosen)])
    with pytest.raises(SystemExit, match="1 recordings have no scores yet; run yamnet_scores"):
        bench[0].main()
