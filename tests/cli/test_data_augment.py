"""`earmark data augment`, as a process where that may matter."""

import sys
from importlib import import_module

import numpy as np
import pytest
import soundfile
from model_making import RATE, tones, write_wav
from warm_commands import MAIN, WarmCommand

from earmark.augment.preview import STYLES

ROUGHLY = """
from matplotlib import rcParams
from matplotlib.figure import Figure
from earmark.plots import style
style.DPI, Figure.get_layout_engine, rcParams["axes.titley"] = 40, lambda _: None, 1.0
"""  # as `rough_pictures` has it
MIXING = "mixup, between_class, overlay"


pytestmark = pytest.mark.usefixtures("rough_pictures")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    write_wav(root / "low.wav", tones(1.0, (0.3, 0.6, 400.0)))
    write_wav(root / "high.wav", tones(1.5, (0.2, 0.9, 4000.0)))
    write_wav(root / "long, really.wav", tones(11.0, (9.0, 10.5, 1000.0)))
    write_wav(root / "silent.wav", np.zeros(RATE // 2, np.float32))
    (root / "bad.wav").write_text("no sound")
    return root


@pytest.fixture
def augment(place, command, monkeypatch):
    monkeypatch.chdir(place)
    return lambda *words: command("data", "augment", *words)


def read_png(path):
    from matplotlib.image import imread

    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    return imread(path)


def test_a_picture_of_everything_and_clips_to_listen_to(augment, place, tmp_path):
    done = augment("low.wav", "--with", "high.wav", "--audio", tmp_path / "heard")
    assert done.returncode == 0
    assert done.stdout == "low.augment.png\n"
    whole = read_png(place / "low.augment.png")
    part = augment("low.wav", "--with", "high.wav", "--style", "batch", "--out", tmp_path / "new" / "batch.png")
    assert (part.returncode, part.stderr) == (0, "")
    assert part.stdout == f"{tmp_path / 'new' / 'batch.png'}\n"
    batch = read_png(tmp_path / "new" / "batch.png")
    assert batch.shape[1] == whole.shape[1]
    assert batch.shape[0] < whole.shape[0]
    written = {path.name: path for path in (tmp_path / "heard").iterdir()}
    assert set(written) == {f"low.{name}.wav" for name in ("original", *STYLES["audio"])}
    assert sorted(done.stderr.splitlines()) == sorted(map(str, written.values()))
    seconds = {name: soundfile.info(path).duration for name, path in written.items()}
    assert seconds["low.original.wav"] == seconds["low.pitch_up.wav"] == seconds["low.shift_left.wav"] == 1.0
    assert seconds["low.slow.wav"] == pytest.approx(1 / 0.7, abs=1e-3)
    assert seconds["low.fast.wav"] == pytest.approx(1 / 1.2, abs=1e-3)


def test_the_same_seed_draws_the_same_picture(augment, tmp_path):
    """In another process too, where sets have another order."""
    some = "low.wav", "--with", "high.wav", "--only", "noise,rotation"
    for name, seed in (("b", 5), ("c", 6)):
        assert augment(*some, "--seed", seed, "--out", tmp_path / f"{name}.png").returncode == 0
    with WarmCommand("data", "augment", *some, "--seed", "5", "--out", tmp_path / "a.png", code=ROUGHLY + MAIN) as one:
        assert one.ended()[0] == 0
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b != c


def test_without_a_second_recording_nothing_is_mixed(augment, tmp_path):
    done = augment("low.wav", "--style", "batch", "--out", tmp_path / "a.png")
    assert done.returncode == 0
    assert done.stderr.startswith(f"{MIXING} are left out")
    assert "--with" in done.stderr
    done = augment("low.wav", "--style", "image", "--only", "zoom", "--out", tmp_path / "a.png")
    assert (done.returncode, done.stderr) == (0, "")


def test_some_by_name_in_a_picture_no_larger_than_it_takes(augment, tmp_path):
    done = augment("low.wav", "--only", "slow, zoom,spec_augment, noise", "--out", tmp_path / "four.png")
    assert (done.returncode, done.stderr) == (0, "")
    augment("low.wav", "--only", "slow", "--out", tmp_path / "one.png")
    assert all(np.less(read_png(tmp_path / "one.png").shape[:2], read_png(tmp_path / "four.png").shape[:2]))


def test_of_a_long_recording_the_beginning(augment, tmp_path):
    done = augment("long, really.wav", "--only", "trim", "--out", tmp_path / "a.png", "--audio", tmp_path)
    assert done.returncode == 0
    assert "long, really.wav is long: only its first 10 s" in done.stderr
    assert soundfile.info(tmp_path / "long, really.original.wav").duration == 10.0


def test_a_silent_clip(augment, tmp_path):
    done = augment("silent.wav", "--only", "trim,noise,image_style,noise_floor", "--out", tmp_path / "a.png")
    assert (done.returncode, done.stderr) == (0, "")
    read_png(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["gone.wav"], ["gone.wav"]),
        (["bad.wav"], ["bad.wav"]),
        (["low.wav", "--only", "slow,louder"], ["--only louder", "unknown", "pitch_up", "spec_augment"]),
        (["low.wav", "--style", "audio", "--only", "zoom"], ["--only zoom", "unknown", "pitch_up"]),
        (["low.wav", "--style", "video"], ["--style video", "audio, image, batch, all"]),
        (["low.wav", "--out", "low.wav"], ["low.wav", ".png"]),
        (["low.wav", "--out", "low.wav/a.png"], ["low.wav", "cannot be"]),
        (["low.wav", "--only", "mixup"], ["--only mixup", "two recordings", "--with"]),
        (["low.wav", "--with", "gone.wav"], ["gone.wav"]),
        (["low.wav", "--style", "image", "--audio", "heard"], ["--audio", "audio style"]),
    ],
)
def test_mistakes_are_told_in_one_line(augment, place, words, says):
    before = {path: path.read_bytes() for path in place.iterdir() if path.suffix == ".wav"}
    done = augment(*words)
    lines = [line for line in done.stderr.splitlines() if not line.startswith(MIXING)]
    assert done.returncode == 1
    (line,) = lines
    assert line.startswith("earmark: ")
    for text in says:
        assert text in line
    assert {path: path.read_bytes() for path in before} == before


def test_a_file_that_is_no_media_is_all_that_is_told(augment):
    (line,) = augment("bad.wav").stderr.splitlines()
    assert line.startswith("earmark: bad.wav: is not a recording")


def test_help_has_examples(augment):
    done = augment("--help")
    assert done.returncode == 0
    assert "earmark data augment dog.wav" in done.stdout


@pytest.mark.parametrize(
    ("module", "user", "extra"),
    [
        ("matplotlib", "earmark.plots.spectrogram", "plot"),
        ("torch", "earmark.augment.batch", "train"),
        ("python_stretch", None, "train"),
    ],
)
def test_what_is_not_installed_is_named(augment, tmp_path, monkeypatch, module, user, extra):
    monkeypatch.setitem(sys.modules, module, None)
    if user:  # which has imported it for good
        package, name = user.rsplit(".", 1)
        monkeypatch.delitem(sys.modules, user, raising=False)
        monkeypatch.delattr(import_module(package), name, raising=False)
    done = augment("low.wav", "--only", "slow,gain", "--out", tmp_path / "a.png")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"earmark[{extra}]" in line
    assert not (tmp_path / "a.png").exists()


@pytest.mark.shared
def test_real_clips(augment, shared, tmp_path):
    audio = shared / "esc50" / "audio"
    dog, birds = audio / "1-100032-A-0.opus", audio / "1-100038-A-14.opus"
    some = "--only", "slow,zoom,mixup"
    done = augment(dog, "--with", birds, *some, "--out", tmp_path / "a.png")
    assert (done.returncode, done.stderr) == (0, "")
    picture = read_png(tmp_path / "a.png")
    assert len(np.unique((picture[..., :3] * 255).astype(np.uint8).reshape(-1, 3), axis=0)) > 200  # it is full of sound
