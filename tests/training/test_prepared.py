import itertools
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from model_making import write_wav

from earmark.augment.copies import of_each
from earmark.datasets import Clip
from earmark.errors import EarmarkWarning
from earmark.features.frontend import FrontEnd
from earmark.training import prepared
from earmark.training.prepared import clip_key, prepare

FRONT_END = FrontEnd(rate=8000, n_fft=256, hop=100, bands=10)
BYTES = FRONT_END.size * 2


def noise(seed, samples):
    return 0.1 * np.random.default_rng(seed).standard_normal(samples)


@pytest.fixture
def clips(tmp_path):
    """Six clips of different lengths."""
    paths = [write_wav(tmp_path / "wav" / f"{i}.wav", noise(i, 3000 + 500 * i), 8000) for i in range(6)]
    return [Clip(path, labels=("a",), source=path.stem) for path in paths]


@pytest.fixture
def computed(monkeypatch):
    """What was computed, in any order."""
    paths = []
    plain = prepared._compute

    def counted(clip, versions, front_end):
        paths.append(clip.path.name)
        return plain(clip, versions, front_end)

    monkeypatch.setattr(prepared, "_compute", counted)
    return paths


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def store(cache):
    (folder,) = cache.iterdir()
    return folder


def assert_right(found, clips):
    from earmark import media

    assert len(found) == len(clips)
    for i, clip in enumerate(clips):
        expected = FRONT_END.features(media.read(clip.path, 8000, start=clip.start, end=clip.end))
        np.testing.assert_array_equal(found[i], expected.astype(np.float16).astype(np.float32))


def test_made_once(clips, cache, computed):
    assert_right(prepare(clips, FRONT_END, cache), clips)
    assert sorted(computed) == [f"{i}.wav" for i in range(6)]
    assert_right(prepare(clips[::-1], FRONT_END, cache), clips[::-1])
    assert_right(prepare(clips[2:4], FRONT_END, cache), clips[2:4])
    assert len(computed) == 6


def test_only_what_is_new_is_made(clips, cache, computed):
    prepare(clips[:4], FRONT_END, cache)
    computed.clear()
    assert_right(prepare(clips, FRONT_END, cache), clips)
    assert sorted(computed) == ["4.wav", "5.wav"]


def test_a_clip_twice_is_made_once(clips, cache, computed):
    assert_right(prepare([clips[0], clips[0]], FRONT_END, cache), [clips[0], clips[0]])
    assert computed == ["0.wav"]


def test_another_front_end_has_its_own_store(clips, cache, computed):
    prepare(clips, FRONT_END, cache)
    prepare(clips, replace(FRONT_END, bands=12), cache)
    assert len(computed) == 12
    assert len(list(cache.iterdir())) == 2


def test_spans_of_one_file_are_told_apart(clips, cache):
    spans = [replace(clips[5], start=0.1, end=0.3), replace(clips[5], start=0.3), clips[5]]
    found = prepare(spans, FRONT_END, cache)
    assert_right(found, spans)
    assert found.length.tolist() == [17, 32, 56]


def test_a_changed_file_is_prepared_anew(clips, cache, computed):
    prepare(clips, FRONT_END, cache)
    computed.clear()
    write_wav(clips[1].path, noise(99, 3500), 8000)
    os.utime(clips[1].path, ns=(1, 1))
    assert_right(prepare(clips, FRONT_END, cache), clips)
    assert computed == ["1.wav"]


def test_what_cannot_be_read_is_left_out_and_tried_again(clips, cache, computed):
    good = clips[2].path.read_bytes()
    clips[2].path.write_bytes(b"no sound")
    clips[4].path.unlink()
    with pytest.warns(EarmarkWarning) as warned:
        found = prepare(clips, FRONT_END, cache)
    assert sorted(str(w.message).split(".wav")[0][-1] for w in warned) == ["2", "4"]
    assert all("\n" not in str(w.message) for w in warned)
    assert np.flatnonzero(found.first < 0).tolist() == [2, 4]
    rest = [0, 1, 3, 5]
    assert_right(found.take(rest), [clips[i] for i in rest])
    clips[2].path.write_bytes(good)
    computed.clear()
    with pytest.warns(EarmarkWarning, match=r"4\.wav"):
        found = prepare(clips, FRONT_END, cache)
    assert sorted(computed) == ["2.wav", "4.wav"]
    assert found.first[2] >= 0


def test_nothing_readable(tmp_path, cache):
    with pytest.warns(EarmarkWarning, match="gone"):
        found = prepare([Clip(tmp_path / "gone.wav")], FRONT_END, cache)
    assert found.first.tolist() == [-1]
    assert found.frames.shape == (0, 10)


@pytest.mark.parametrize(
    ("surplus", "torn"),
    [
        *((surplus, "") for surplus in (0, 1, BYTES // 2 + 1, BYTES * 3, BYTES * 3 + 7)),
        *((BYTES * 3 + 7, torn) for torn in ("\n", '["0123', '["0123", 12', '["0123", 12, 4')),
        (0, '["0123", 12, 4'),
    ],
)
def test_any_moment_of_a_kill(clips, cache, surplus, torn):
    prepare(clips[:4], FRONT_END, cache)
    folder = store(cache)
    with (folder / "features.f16").open("ab") as file:
        file.write(b"\x7b" * surplus)
    with (folder / "index.jsonl").open("a") as file:
        file.write(torn)
    assert_right(prepare(clips[:3], FRONT_END, cache), clips[:3])  # nothing is missing
    assert_right(prepare(clips, FRONT_END, cache), clips)
    assert_right(prepare(clips, FRONT_END, cache), clips)


def test_the_last_line_may_lack_its_end(clips, cache, computed):
    prepare(clips[:4], FRONT_END, cache)
    index = store(cache) / "index.jsonl"
    index.write_text(index.read_text().rstrip("\n"))
    prepare(clips, FRONT_END, cache)
    computed.clear()
    assert_right(prepare(clips, FRONT_END, cache), clips)
    assert computed == []


def test_frames_that_someone_removed_are_made_anew(clips, cache):
    prepare(clips, FRONT_END, cache)
    data = store(cache) / "features.f16"
    data.write_bytes(data.read_bytes()[: 50 * BYTES])
    assert_right(prepare(clips, FRONT_END, cache), clips)
    data.unlink()
    assert_right(prepare(clips, FRONT_END, cache), clips)


def test_batches_are_told(clips, cache, monkeypatch):
    monkeypatch.setattr(prepared, "AT_ONCE", 4)
    told = []
    prepare(clips, FRONT_END, cache, lambda done, total: told.append((done, total)))
    assert told == [(4, 6), (6, 6)]
    prepare(clips, FRONT_END, cache, lambda done, total: told.append("again"))
    assert len(told) == 2


def prepare_in_process(clips, cache, results):
    results.put("ready")
    found = prepare(clips, FRONT_END, cache)
    results.put([float(found[i].sum()) for i in range(len(clips))])


def test_two_processes_at_once(clips, cache):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    other = context.Process(target=prepare_in_process, args=(clips[::-1], cache, results))
    other.start()
    assert results.get(timeout=600) == "ready"
    assert_right(prepare(clips[:5], FRONT_END, cache), clips[:5])
    answers = results.get(timeout=600)
    other.join(600)
    assert other.exitcode == 0
    found = prepare(clips, FRONT_END, cache)
    assert_right(found, clips)
    assert answers == [float(found[i].sum()) for i in range(6)][::-1]
    assert len((store(cache) / "index.jsonl").read_text().splitlines()) == 6


CODE = """
import sys, time
from pathlib import Path
from earmark.datasets import Clip
from earmark.features.frontend import FrontEnd
from earmark.training import prepared
prepared.AT_ONCE = 1
print("started", flush=True)
clips = [Clip(path) for path in sorted(Path(sys.argv[1]).glob("*.wav"))]
# Where whoever is to kill it is slow, it waits for that.
wait = lambda done, total: done < 100 or time.sleep(3600)
prepared.prepare(clips, FrontEnd(rate=8000, n_fft=256, hop=100, bands=10), Path(sys.argv[2]), wait)
"""


@pytest.mark.kill
def test_a_killed_process(clips, cache, computed, tmp_path):
    for i in range(6, 150):
        shutil.copy(clips[i % 6].path, tmp_path / "wav" / f"{i}.wav")
    process = subprocess.Popen([sys.executable, "-c", CODE, tmp_path / "wav", cache], stdout=subprocess.PIPE)
    index, until = None, time.monotonic() + 600
    while process.poll() is None and not index and time.monotonic() < until:
        index = next((p for p in cache.glob("*/index.jsonl") if p.stat().st_size > 200), None)
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert index, "no clip was prepared"
    process.wait(600)
    process.stdout.close()
    done = len(index.read_text().splitlines())
    assert done < 150
    every = [Clip(path) for path in sorted((tmp_path / "wav").glob("*.wav"))]
    assert_right(prepare(every, FRONT_END, cache), every)
    assert 150 - done <= len(computed) <= 150 - done + 1


def test_keys_tell_what_features_depend_on(clips):
    assert clip_key(clips[0]) == clip_key(replace(clips[0], labels=("b",), fold=3, source="x"))
    assert clip_key(clips[0]) != clip_key(replace(clips[0], start=0.1))
    assert clip_key(clips[0]) != clip_key(replace(clips[0], end=0.1))
    assert clip_key(clips[0]) != clip_key(clips[1])


COPIES = of_each(["noise", "shift_left"], 2, seed=0)


def test_copies_follow_the_clips(clips, cache):
    found = prepare(clips, FRONT_END, cache, copies=COPIES)
    assert len(found) == 5 * len(clips)
    np.testing.assert_array_equal(found[2], prepare(clips, FRONT_END, cache)[2])
    versions = [found[2 + n * len(clips)] for n in range(5)]
    assert all(version.shape == versions[0].shape for version in versions)
    for one, other in itertools.combinations(versions, 2):
        assert np.abs(one - other).max() > 0.1


def test_copies_are_made_once_and_only_those_that_are_missing(clips, cache, computed):
    prepare(clips, FRONT_END, cache, copies=COPIES[:1])
    before = prepare(clips, FRONT_END, cache, copies=COPIES[:1])[7]
    assert len(computed) == len(clips)
    after = prepare(clips, FRONT_END, cache, copies=COPIES)
    assert len(computed) == 2 * len(clips)
    np.testing.assert_array_equal(after[7], before)


def test_a_copy_is_the_same_wherever_its_clip_lies(clips, cache, tmp_path):
    elsewhere = [replace(clip, path=shutil.copy(clip.path, tmp_path / clip.path.name)) for clip in clips]
    here, there = prepare(clips, FRONT_END, cache, copies=COPIES), prepare(elsewhere, FRONT_END, cache, copies=COPIES)
    np.testing.assert_array_equal(here[8], there[8])
    other = prepare(clips, FRONT_END, cache, copies=of_each(["noise"], 1, seed=1))
    assert np.abs(here[8] - other[8]).max() > 0.1


def test_copies_of_what_cannot_be_read_are_left_out_with_one_warning(clips, cache):
    clips[1].path.write_bytes(b"no sound")
    with pytest.warns(EarmarkWarning) as told:
        found = prepare(clips, FRONT_END, cache, copies=COPIES)
    assert len(told) == 1
    assert (found.first.reshape(5, -1)[:, 1] == -1).all()
    assert (np.delete(found.first.reshape(5, -1), 1, axis=1) >= 0).all()


def test_copies_of_pictures(clips, cache):
    front_end = replace(FRONT_END, patch=0.3, image=(12, 16))
    found = prepare(clips, front_end, cache, copies=of_each(["flip", "zoom"], 1, seed=0))
    patches = found[0].reshape(-1, 12, 16)
    assert found[6].shape == found[12].shape == found[0].shape
    flipped = found[6].reshape(-1, 12, 16)
    for before, after in zip(patches, flipped, strict=True):  # half of the draws flip
        assert np.array_equal(after, before) or np.array_equal(after, before[:, ::-1])
