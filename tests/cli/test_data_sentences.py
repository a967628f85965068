"""`earmark data sentences` as a user runs it."""

import numpy as np
import pytest
import soundfile

from earmark.datasets.ground_truth import find_truths

RATE = 16000


@pytest.fixture
def words(tmp_path):
    """Two speakers with twelve words each."""
    for speaker in ("anna", "boris"):
        for number in range(12):
            path = tmp_path / "words" / speaker / f"{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            tone = 0.3 * np.sin(2 * np.pi * (250 + 50 * number) * np.arange(round(0.3 * RATE)) / RATE)
            soundfile.write(path, np.pad(tone, RATE // 10), RATE)
    return tmp_path / "words"


@pytest.fixture
def noise(tmp_path):
    """A folder of sounds, a folder for each class."""
    rng = np.random.default_rng(0)
    for label in ("rain", "laughing"):
        for number in range(2):
            path = tmp_path / "noise" / label / f"{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, 0.05 * rng.standard_normal(2 * RATE), RATE)
    return tmp_path / "noise"


def test_sentences_clean_and_in_noise(command, words, noise, tmp_path, monkeypatch):
    monkeypatch.delenv("EARMARK_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    options = ["--from", "words", "--noise", "noise", "--snr", "10", "--sentences", "2", "--out", "out"]
    done = command("data", "sentences", *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "out\n"
    assert done.stderr == "2 speakers, 2 x clean + 10dB\n"
    found = find_truths(tmp_path / "out")
    assert [path.relative_to(tmp_path / "out").as_posix() for path, _ in found] == [
        f"{condition}/{speaker}-00{number}.flac"
        for condition in ("10dB", "clean")
        for speaker in ("anna", "boris")
        for number in (1, 2)
    ]
    assert all(len(truth.words) >= 5 for _, truth in found)
    assert (tmp_path / "out" / "conditions.csv").is_file()


def test_clean_alone_needs_no_noise(command, words, tmp_path):
    done = command("data", "sentences", "--from", words, "--snr", "clean", "--sentences", 1, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert {path.parent.name for path, _ in find_truths(tmp_path / "out")} == {"clean"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--snr", "loud"], "--snr loud: are no levels"),
        (["--snr", "10,10"], "are no levels"),
        (["--snr", "clean", "--noise", "noise"], "--noise: means nothing"),
        (["--from", "nowhere"], "nowhere"),
        (["--noise", "nowhere"], "nowhere"),
        (["--noise", "noise/laughing:4"], "noise/laughing"),
    ],
)
def test_mistakes_are_one_line(command, words, noise, tmp_path, monkeypatch, options, says):
    monkeypatch.chdir(tmp_path)
    usual = {"--from": "words", "--out": "out", "--noise": "noise"}
    for option in options[::2]:
        usual.pop(option, None)
    if "clean" in options:
        usual.pop("--noise", None)
    rest = [word for pair in usual.items() for word in pair]
    done = command("data", "sentences", *options, *rest)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert says in line
    assert not (tmp_path / "out").exists()


def test_help_has_examples(command):
    done = command("data", "sentences", "--help")
    assert done.returncode == 0
    assert "earmark data sentences --from asterisk" in done.stdout
