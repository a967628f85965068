"""`earmark data speech`."""

import io
import json
import os
import sys
import time
from pathlib import Path

import elevenlabs_stand_in as stand_in
import pytest
from elevenlabs_stand_in import KEY, VOICES, StandIn
from killed_runs import HELD
from warm_commands import WarmCommand

from earmark.datasets.ground_truth import find_truths

VOICE = VOICES[0]


@pytest.fixture
def earmark(command, tmp_path, monkeypatch):
    def run(*words, env=None, typed=""):
        for name in [name for name in os.environ if name.startswith("ELEVENLABS")]:
            monkeypatch.delenv(name)
        for name, value in (env or {}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode())))
        return command("data", "speech", *words)

    monkeypatch.chdir(tmp_path)
    return run


def assert_one_line(done, *says):
    """A mistake, told in one line on standard error."""
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1, done.stderr
    assert line.startswith("earmark: ")
    for text in says:
        assert text in line


def texts(folder):
    return [[word.text for word in words.words] for _, words in find_truths(folder)]


def test_help_has_examples(earmark):
    done = earmark("--help")
    assert done.returncode == 0
    assert "earmark data speech --text" in done.stdout.partition("Examples:")[2]


def test_sentences_in_two_voices(earmark, tmp_path):
    (tmp_path / "lines.txt").write_text("Dobrý den, světe!\n\nAhoj.\n", encoding="utf-8")
    words = (
        "--text",
        "three blue birds",
        "--file",
        "lines.txt",
        "--voice",
        "cs+f2,cs+m3",
        "--out",
        "o",
        "--format",
        "wav",
    )
    done = earmark(*words)
    assert (done.returncode, done.stdout) == (0, "o\n"), done.stderr
    assert done.stderr == "3 recordings with 7 words\n"
    assert texts(tmp_path / "o") == [["three", "blue", "birds"], ["Dobrý", "den", "světe"], ["Ahoj"]]
    names = sorted(path.name for path in (tmp_path / "o").iterdir())
    assert names[0].startswith("001-cs+")
    assert names[0].endswith(".wav")
    assert names[-1] == "earmark-speech.json"
    assert len(names) == 7
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "o").glob("0*")}
    assert earmark(*words).stderr == "0 recordings with 0 words; 3 there already\n"
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "o").glob("0*")} == before


def test_sentences_from_standard_input(earmark, tmp_path):
    assert earmark("--file", "-", "--language", "el", "--out", "o", typed="καλημέρα\n").returncode == 0
    assert texts(tmp_path / "o") == [["καλημέρα"]]


@pytest.mark.kill
def test_a_killed_run_goes_on_and_ends_as_one_that_was_not(earmark, tmp_path):
    words = ["--random", "12", "--language", "en,ru", "--seed", "4", "--out"]
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    code = HELD.format(module="earmark.synthesis.speech.recordings", owner="RecordingPair", method="write", call=10)
    with WarmCommand("data", "speech", *words, killed, code=code, here=True) as process:
        until = time.monotonic() + 300
        while process.poll() is None and len(list(killed.glob("*.words.json"))) < 3:
            assert time.monotonic() < until, "the recordings do not come"
            time.sleep(0.01)
    left = {path: path.stat().st_mtime_ns for path in killed.glob("*.words.json")}
    assert 3 <= len(left) < 10
    assert all(Path(str(path).replace(".words.json", ".flac")).is_file() for path in left)
    done = earmark(*words, killed)
    assert done.stderr.endswith(f"{len(left)} there already\n")
    assert {path: path.stat().st_mtime_ns for path in left} == left
    assert earmark(*words, whole).returncode == 0
    assert not list(killed.glob("*.part"))
    found = {path.name: path.read_bytes() for path in killed.iterdir()}
    assert found == {path.name: path.read_bytes() for path in whole.iterdir()}
    assert len(found) == 25


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "needs one of --text or --file, --random, --from-answer"),
        (("--text", "a", "--random", "2"), "needs one of"),
        (("--text", "..."), "sentence 1, '...': holds no word"),
        (("--text", ""), "holds no word"),
        (("--file", "none.txt"), "none.txt: cannot be opened"),
        (("--file", "empty.txt"), "empty.txt: holds no sentence; write one a line"),
        (("--file", "latin.txt"), "latin.txt: is not UTF-8 text"),
        (("--text", "a", "--voice", "klingonese"), "is not known to eSpeak NG"),
        (("--text", "a", "--voice", "en+x9"), "has no variant x9"),
        (("--random", "1", "--language", "xx"), "language xx: has no list of words"),
        (("--text", "a", "--speed", "1000"), "--speed 1000: is no range that can be spoken; give LOW-HIGH between 80"),
        (("--text", "a", "--pause", "long"), "--pause long: is no range"),
        (("--text", "a", "--pitch", "50-120"), "--pitch 50-120: is no range"),
        (("--text", "a", "--model", "m"), "--model: means nothing with --service espeak"),
        (("a.json",), "needs one of"),
        (("--text", "a", "b.json"), "b.json: is not expected"),
        (("--service", "elevenlabs", "--text", "a"), "--service elevenlabs: needs a voice's id"),
        (("--service", "elevenlabs", "--text", "a", "--voice", "v"), "needs a key in ELEVENLABS_API_KEY"),
        (("--service", "elevenlabs", "--text", "...", "--voice", "v"), "sentence 1, '...': holds no word"),
        (("--service", "elevenlabs", "--random", "2", "--voice", "v"), "--random: is for eSpeak NG"),
        (("--service", "elevenlabs", "--text", "a", "--speed", "150"), "--speed: means nothing with --service"),
        (("--from-answer", "a.json", "--url", "http://a"), "--url: means nothing with --from-answer"),
        (("--from-answer", "a.json"), "a.json: cannot be opened"),
        (("--from-answer", "empty.txt"), "empty.txt: is not JSON"),
    ],
)
def test_mistakes_are_one_line(earmark, tmp_path, words, reason):
    (tmp_path / "empty.txt").write_text("\n \n")
    (tmp_path / "latin.txt").write_bytes("größe".encode("latin-1"))
    key = {"ELEVENLABS_API_KEY": KEY} if "..." in words else {}
    assert_one_line(earmark(*words, "--out", "o", env=key), reason)
    assert not list(tmp_path.glob("o/*.flac"))


@pytest.mark.parametrize(
    ("module", "words"),
    [("espeakng_loader", ("--text", "a")), ("httpx", ("--text", "a", "--service", "elevenlabs", "--voice", VOICE))],
)
def test_without_the_extra(earmark, monkeypatch, module, words):
    monkeypatch.setitem(sys.modules, module, None)
    done = earmark(*words, "--out", "o", env={"ELEVENLABS_API_KEY": KEY})
    assert_one_line(done, "is not installed here; pip install 'earmark[data]'")


def test_elevenlabs(earmark, tmp_path):
    words = ["--service", "elevenlabs", "--voice", VOICE, "--text", "Hello, world!", "--text", "again"]
    with StandIn("429", "cut") as server:
        done = earmark(*words, "--out", "o", env={"ELEVENLABS_API_KEY": KEY, "ELEVENLABS_URL": server.url})
        assert done.returncode == 0, done.stderr
        assert "Too many concurrent requests.; asked again in 0 s" in done.stderr
        assert len(server.asked) == 4
        done = earmark(*words, "--url", server.url, "--out", "o", env={"ELEVENLABS_API_KEY": KEY})
        assert done.stderr == "0 recordings with 0 words; 2 there already\n"
        assert len(server.asked) == 4  # what was paid for is not asked again
    assert texts(tmp_path / "o") == [["Hello", "world"], ["again"]]
    assert sorted(path.name for path in (tmp_path / "o").glob("*.flac")) == [f"001-{VOICE}.flac", f"002-{VOICE}.flac"]


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("invalid_api_key", "answers 401: Invalid API key; set ELEVENLABS_API_KEY to a key that is valid"),
        ("422", "answers 422: body.text field required"),
        ("malformed", "sentence 1: is not JSON"),
    ],
)
def test_elevenlabs_refuses(earmark, tmp_path, trouble, reason):
    words = ("--service", "elevenlabs", "--voice", VOICE, "--text", "hello", "--out", "o")
    with StandIn(trouble) as server:
        done = earmark(*words, env={"ELEVENLABS_API_KEY": KEY, "ELEVENLABS_URL": server.url})
    assert_one_line(done, reason)
    assert KEY not in done.stderr
    assert not list(tmp_path.glob("o/0*"))


def test_saved_answers(earmark, tmp_path):
    for name, text in (("one", "Hello, world!"), ("two", "again")):
        (tmp_path / f"{name}.json").write_text(json.dumps(stand_in.answer(text)))
    (tmp_path / "bad.json").write_text("{}")
    done = earmark("--out", "o", "--from-answer", "one.json", "bad.json", "two.json")
    assert done.stdout.splitlines() == [str(Path("o", "one.flac")), str(Path("o", "two.flac"))]
    assert_one_line(done, "bad.json: has no audio_base64")
    assert texts(tmp_path / "o") == [["Hello", "world"], ["again"]]


def test_answers_of_one_name_do_not_replace_each_other(earmark, tmp_path):
    for folder, text in (("a", "hello"), ("b", "again")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "one.json").write_text(json.dumps(stand_in.answer(text)))
    assert_one_line(earmark("--out", "o", "--from-answer", "a/one.json", "b/one.json"), "has the name of another")
    assert texts(tmp_path / "o") == [["hello"]]
