"""The same sound twice in an archive: copies, also re-encoded, and parts."""

import json

import numpy as np
import pytest
from media_files import Track, write
from model_making import RATE, low_high_model, write_wav
from scipy.signal import lfilter, resample_poly

from earmark.archive.database import Index
from earmark.archive.duplicates import Candidate, candidates, duplicates
from earmark.archive.embeddings import Store
from earmark.archive.indexing import Settings, index, options_for
from earmark.archive.recordings import Archive, below
from earmark.archive.search import durations


def street(seed, seconds=12.0):
    """Noise whose level and colour change a few times a second, as no other's do."""
    rng = np.random.default_rng(seed)
    pieces = [
        rng.uniform(0.02, 0.3) * lfilter([1.0], [1.0, rng.uniform(-0.9, 0.9)], rng.standard_normal(RATE // 5))
        for _ in range(round(seconds * 5))
    ]
    return (0.3 * np.concatenate(pieces)).clip(-1, 1).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("duplicates") / "recordings"
    sound = street(1)
    write_wav(folder / "a.wav", sound)
    write_wav(folder / "other.wav", street(2))
    write_wav(folder / "part.wav", 0.9 * sound[int(4.05 * RATE) : int(10.1 * RATE)])
    write(folder / "copy.ogg", "ogg", Track(resample_poly(sound, 48_000, RATE)[None], 48_000, codec="libopus"))
    write_wav(folder / "silence.wav", np.zeros(5 * RATE, np.float32))
    write_wav(folder / "more silence.wav", np.zeros(5 * RATE, np.float32))
    return folder


@pytest.fixture(scope="module")
def out(folder):
    out = folder.parent / "index"
    options = options_for(str(folder), str(low_high_model(folder.parent / "model.onnx", embedding=True)))
    index(below(str(folder)), out, options, Settings(jobs=1, most=3))
    return out


def found(out, root, **options):
    opened = Index(out)
    return duplicates(Store(out, opened.options), Archive(str(root)), durations(opened), **options)


def test_copies_and_parts_are_found_and_nothing_else(folder, out):
    pairs = {(one.recording, one.duplicate): one for one in found(out, folder)}
    assert set(pairs) == {("a.wav", "copy.ogg"), ("a.wav", "part.wav"), ("copy.ogg", "part.wav")}
    whole, part = pairs["a.wav", "copy.ogg"], pairs["a.wav", "part.wav"]
    assert (whole.onset, whole.duplicate_onset) == pytest.approx((0.0, 0.0), abs=0.06)
    assert whole.length == pytest.approx(12.0, abs=0.1)
    assert (part.onset, part.offset, part.duplicate_onset) == pytest.approx((4.05, 10.1, 0.0), abs=0.06)
    assert min(one.score for one in pairs.values()) > 0.65


def test_of_some_recordings_alone(folder, out):
    assert found(out, folder, only={"other.wav"}) == []
    assert [one.duplicate for one in found(out, folder, only={"copy.ogg"})] == ["copy.ogg", "part.wav"]


def test_embeddings_say_where_to_look(out):
    """How far apart the two are is known to a second."""
    by_name = {(one.recording, one.duplicate): one.lag for one in candidates(Store(out, Index(out).options))}
    assert by_name["a.wav", "copy.ogg"] == 0
    assert by_name["a.wav", "part.wav"] == 4
    assert Candidate("a.wav", "copy.ogg", 0) < Candidate("a.wav", "part.wav", 4)


def test_long_ones_are_compared_in_three_parts(folder, out, monkeypatch):
    monkeypatch.setattr("earmark.archive.duplicates.WHOLE", 5.0)
    monkeypatch.setattr("earmark.archive.duplicates.PART", 1.5)
    assert {(one.recording, one.duplicate) for one in found(out, folder)} >= {("a.wav", "copy.ogg")}


def test_what_is_gone_is_told_once(folder, out, tmp_path):
    for file in folder.iterdir():
        if file.name != "copy.ogg":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    failed = []
    pairs = found(out, tmp_path, failed=failed.append)
    assert [(one.recording, one.duplicate) for one in pairs] == [("a.wav", "part.wav")]
    assert len(failed) == 1
    assert "copy.ogg" in str(failed[0])


def test_the_command(out, command):
    done = command("find", "--duplicates", "--in", out, "--recording", "copy*")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["recording", "time", "length", "is", "also", "in", "time", "score"]
    assert [line.split()[0] for line in lines[1:]] == ["a.wav", "copy.ogg"]
    (one,) = json.loads(command("find", "--duplicates", "--in", out, "--to", "json", "--limit", 1).stdout)
    assert (one["recording"], one["duplicate"]) == ("a.wav", "copy.ogg")
    done = command("find", "--duplicates", "--in", out, "--recording", "other*")
    assert (done.returncode, done.stdout) == (0, "no duplicates found\n")


def test_copies_too_short_to_compare_are_said(tmp_path, command):
    folder, out = tmp_path / "recordings", tmp_path / "index"
    sound = street(3)
    for name, seconds in (("a.wav", 0.3), ("b.wav", 0.3), ("long.wav", 2.0), ("again.wav", 2.0)):
        write_wav(folder / name, sound[: round(seconds * RATE)])
    options = options_for(str(folder), str(low_high_model(tmp_path / "model.onnx", embedding=True)))
    index(below(str(folder)), out, options, Settings(jobs=1, most=4))
    run = command("find", "--duplicates", "--in", out, "--to", "json")
    assert [(one["recording"], one["duplicate"]) for one in json.loads(run.stdout)] == [("again.wav", "long.wav")]
    note = "note: 2 recordings hold less than half a second of sound, too little to compare: a.wav, b.wav"
    assert note in run.stderr
    assert run.returncode == 0


@pytest.mark.parametrize("more", [["dog"], ["--like", "a.wav"], ["--count"], ["--longer", "2s"], ["--cut", "out"]])
def test_what_does_not_go_with_it(out, more, command):
    done = command("find", "--duplicates", "--in", out, *more)
    assert done.returncode == 1
    assert "--duplicates" in done.stderr
