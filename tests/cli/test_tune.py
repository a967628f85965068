"""`earmark tune`."""

import numpy as np
import pytest
from model_making import LOW_HIGH, tones, write_wav

from earmark.models.labelling import label
from earmark.models.model import load_model


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Tones so faint that the model as it is hears none of them; one is not in the split."""
    write_wav(tmp_path / "a.wav", 0.003 * tones(12.0, (1.0, 3.0, 300.0), (6.0, 8.5, 300.0)))
    write_wav(tmp_path / "b.wav", 0.003 * tones(6.0, (2.0, 4.0, 4000.0)))
    (tmp_path / "clips.csv").write_text(
        "path,start,end,labels,split\na.wav,0,5,low,one\na.wav,5,,low,one\nb.wav,,,high,two\n"
    )
    (tmp_path / "events.csv").write_text("path,onset,offset,label\na.wav,1,3,low\na.wav,6,8.5,low\nb.wav,2,4,high\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def f1(command, model):
    said = command("evaluate", model, "--on", ".", "--events", "--split", "one", "--to", "csv").stdout
    return float(said.splitlines()[1].split(",")[7])


@pytest.mark.parametrize("by", ["segments", "events", "both"])
def test_thresholds_fit_the_recordings(command, place, low_high_file, by):
    done = command("tune", low_high_file, "--on", ".", "--split", "one", "--by", by, "--out", "tuned.onnx")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "tuned.onnx\n"
    before, after = load_model(low_high_file), load_model("tuned.onnx")
    assert after.description.threshold("low") != before.description.threshold("low")
    assert after.description.threshold("high") == before.description.threshold("high"), "it never occurs there"
    assert "low: 0.50" in done.stderr
    assert "high" not in done.stderr
    assert f1(command, "tuned.onnx") > f1(command, low_high_file)


def test_nothing_else_changes(command, place, low_high_file):
    command("tune", low_high_file, "--on", ".", "--out", "tuned.onnx")
    after = load_model("tuned.onnx")
    assert after.description.labels == LOW_HIGH.labels
    noise = np.random.default_rng(0).normal(0, 0.1, 40_000).astype(np.float32)
    one, other = (np.concatenate(list(m.score([noise]))) for m in (load_model(low_high_file), after))
    np.testing.assert_array_equal(one, other)


def test_windows_as_long_as_the_events(command, place, low_high_file):
    done = command("tune", low_high_file, "--on", ".", "--split", "one", "--windows", "--out", "tuned.onnx")
    assert done.returncode == 0, done.stderr
    about = load_model("tuned.onnx").description
    assert about.windows == {"low": 0.75}  # a third of 2.25 s
    assert about.widths[about.labels.index("low")] == pytest.approx(0.75 / about.step, abs=1)
    assert f1(command, "tuned.onnx") > f1(command, low_high_file)


def test_false_marks_may_weigh_more_than_misses(command, place, low_high_file):
    """A faint tone that counts, and a louder one that does not: no threshold tells them apart."""
    loud, faint = tones(12.0, (1.0, 3.0, 300.0), level=1e-3), tones(12.0, (6.0, 8.5, 300.0), level=3e-4)
    write_wav(place / "a.wav", loud + faint + tones(12.0, (4.0, 5.0, 300.0), level=6e-4))
    on = {}
    for beta in ("0.1", "10"):
        done = command("tune", low_high_file, "--on", ".", "--split", "one", "--beta", beta, "--out", "t.onnx")
        assert done.returncode == 0, done.stderr
        on[beta] = load_model("t.onnx").description.threshold("low").on
    assert on["0.1"] > on["10"]


def test_what_is_heard_where_nothing_happens_is_no_longer_marked(command, place, low_high_file, tmp_path):
    (tmp_path / "rooms").mkdir()
    (tmp_path / "short").mkdir()
    write_wav(tmp_path / "rooms" / "hum.wav", tones(30.0, (1.0, 29.0, 300.0), level=2e-3))
    write_wav(tmp_path / "short" / "hum.wav", tones(5.0, (1.0, 4.0, 300.0), level=2e-3))
    words = ("tune", low_high_file, "--on", ".", "--out")
    assert command(*words, "t.onnx").returncode == 0
    assert command(*words, "q.onnx", "--quiet", "rooms").returncode == 0
    assert command(*words, "b.onnx", "--quiet", "rooms", "--but", "low").returncode == 0
    assert command(*words, "w.onnx", "--quiet", "short").returncode == 0

    def marked(model):
        return [event.label for event in label(tmp_path / "rooms" / "hum.wav", model).events]

    assert "low" in marked("t.onnx")
    assert "low" not in marked("q.onnx")
    assert "low" in marked("b.onnx")
    assert "low" in marked("w.onnx"), "three false seconds less are not worth as many of what is there"
    before, after = (load_model(name).description.threshold("low") for name in ("t.onnx", "q.onnx"))
    assert after.on > before.on
    assert after.off == before.off
    assert "no recordings" in command(*words, "n.onnx", "--quiet", "nowhere").stderr


def test_thresholds_and_windows_come_from_another_model(command, place, low_high_file):
    """As for a model that has learned from the recordings that chose them."""
    assert command("tune", low_high_file, "--on", ".", "--windows", "--out", "tuned.onnx").returncode == 0
    done = command("tune", low_high_file, "--like", "tuned.onnx", "--out", "like.onnx")
    assert done.returncode == 0, done.stderr
    tuned, taught = (load_model(name).description for name in ("tuned.onnx", "like.onnx"))
    assert taught == tuned
    assert "low: 0.50" in done.stderr


def test_quiet_recordings_raise_thresholds_that_were_taken(command, place, low_high_file, tmp_path):
    (tmp_path / "rooms").mkdir()
    write_wav(tmp_path / "rooms" / "hum.wav", tones(30.0, (1.0, 29.0, 300.0), level=2e-3))
    assert command("tune", low_high_file, "--on", ".", "--out", "tuned.onnx").returncode == 0
    words = ("--like", "tuned.onnx", "--on", ".", "--quiet", "rooms", "--out", "raised.onnx")
    done = command("tune", low_high_file, *words)
    assert done.returncode == 0, done.stderr
    before, after = (load_model(name).description.threshold("low") for name in ("tuned.onnx", "raised.onnx"))
    assert after.on > before.on
    assert after.off == before.off


def test_the_other_model_has_the_same_labels(command, place, low_high_file):
    done = command("tune", low_high_file, "--like", "sounds", "--out", "like.onnx")
    assert done.returncode == 1
    assert "other labels" in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--out", "tuned.onnx"], "give --on"),
        (["--like", "sounds", "--quiet", ".", "--out", "tuned.onnx"], "what --quiet would cost"),
        (["--on", ".", "--out", "tuned.txt"], "no place for a model"),
        (["--on", ".", "--out", "nowhere/tuned.onnx"], "no place for a model"),
        (["--on", "nowhere", "--out", "tuned.onnx"], "nowhere"),
        (["--on", ".", "--out", "tuned.onnx", "--by", "luck"], "luck"),
        (["--on", ".", "--out", "tuned.onnx", "--split", "three"], "three"),
    ],
)
def test_what_cannot_be_is_told(command, place, low_high_file, words, says):
    done = command("tune", low_high_file, *words)
    assert done.returncode == 1
    assert says in done.stderr
