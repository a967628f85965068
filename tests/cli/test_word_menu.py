"""The menu, in this process, which is faster than another."""

import io
import json
import os
import signal
import sys
import time

import pytest
from voice_making import WORDS, loud_model, write_voice
from warm_commands import MAIN, WarmCommand

from earmark import media
from earmark.models import model


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a voice that has a truth beside it, one that has none, and one whose truth is damaged."""
    root = tmp_path_factory.mktemp("menu")
    write_voice(root / "voices" / "one.wav", *WORDS)
    truth = [{"onset": a, "offset": b} for a, b, _ in WORDS] + [{"onset": 2.8, "offset": 2.9}]
    (root / "voices" / "one.words.json").write_text(json.dumps({"recording": "one.wav", "duration": 3, "words": truth}))
    write_voice(root / "voices" / "two.wav", (0.3, 1.0, 200.0))
    (root / "voices" / "two.TextGrid").write_text("no grid")
    (root / "bad.wav").write_text("no sound")
    loud_model(root / "m.onnx")
    return root


@pytest.fixture
def played():
    """What would be heard."""
    return []


@pytest.fixture
def menu(command, place, played, monkeypatch):
    """Runs the menu with what is typed; nothing is played, which would take as long as it lasts."""

    def run(typed, *words, sound=None):
        monkeypatch.chdir(place)
        if sound:
            monkeypatch.setenv("EARMARK_SOUND", sound)
        else:
            monkeypatch.setattr(media, "play_spans", lambda *given, **options: played.append((*given, options)))
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        return command("words", *words, "--menu", "--classifier", "m.onnx", "--gap", "0.1")

    return run


def assert_polite(done):
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "Traceback" not in done.stdout


def test_from_a_folder_to_a_word(menu, played):
    done = menu("1\n1\n2\nall\nq\n", "voices")
    assert_polite(done)
    lines = done.stdout.splitlines()
    assert "   1  voices/one.wav" in lines
    assert "   2  voices/two.wav" in lines
    assert "   1  m.onnx" in lines
    (result,) = [line.split() for line in lines if line.split()[1:3] == ["one.wav", "loud"]]
    assert result[3:5] == ["3", "4"]
    assert float(result[5]) == pytest.approx(1 - 10 / 301, abs=0.015)  # a word of 0.1 s is missed
    assert float(result[6]) == pytest.approx(6 / 7, abs=0.001)
    assert any(line.split()[:2] == ["3", "2.000"] or line.split()[:1] == ["3"] for line in lines)
    assert done.stdout.count("play> ") == 3
    assert [(str(file), len(spans), options["gap"]) for file, spans, options in played] == [
        ("voices/one.wav", 1, 0.1),
        ("voices/one.wav", 3, 0.1),
    ]


def test_several_recordings_and_the_way_back(menu):
    done = menu("all\n\n2\nb\n1\nb\nb\nb\nb\n", "voices")
    assert_polite(done)
    assert "No truth: voices/two.TextGrid" in done.stdout
    assert done.stdout.count("words of> ") == 3
    assert done.stdout.count("play> ") == 2
    assert done.stdout.count("recordings> ") == 2
    row = next(line.split() for line in done.stdout.splitlines() if line.split()[1:3] == ["two.wav", "loud"])
    assert row[3:] == ["1", "-", "-", "-", row[-1]]
    assert float(row[-1]) == pytest.approx(200, rel=0.02)


def test_what_several_classifiers_find_stands_side_by_side(menu):
    done = menu("1,2\nq\n", "voices/one.wav")
    assert_polite(done)
    lines = [line.split() for line in done.stdout.splitlines()]
    head = lines.index(["loud", "gru", "truth"])
    below = lines[head + 1 : lines.index([], head)]
    assert [line[0] for line in below if line] == ["1", "2", "3", "4"]
    assert below[0][-1] == "0.50-0.90"
    assert below[3] == ["4", "2.80-2.90"]
    assert [line[:3] for line in lines if line[1:2] == ["one.wav"]] == [
        ["1", "one.wav", "loud"],
        ["2", "one.wav", "gru"],
    ]


def test_a_classifier_is_loaded_once(menu, monkeypatch):
    loaded = []
    load = model.Model.__init__
    monkeypatch.setattr(
        model.Model, "__init__", lambda self, path, *rest: loaded.append(path) or load(self, path, *rest)
    )
    assert_polite(menu("1,2\n1\nb\nb\n1\n1\nq\n", "voices"))
    assert len(loaded) == 1


@pytest.mark.parametrize("back", ["b", "back", "B"])
def test_the_keys_that_go_back(menu, back):
    done = menu(f"1\n{back}\nq\n", "voices")
    assert_polite(done)
    assert done.stdout.count("recordings> ") == 2


def test_one_recording_needs_no_choice_and_bundled_classifiers_are_offered(menu):
    done = menu("b\n", "voices/one.wav")
    assert_polite(done)
    assert "recordings>" not in done.stdout
    assert "   2  gru" in done.stdout


def test_what_is_no_choice_is_asked_again(menu):
    done = menu("9\n0\nx\n\n2\n\nhello\n7\nq\n", "voices")
    assert_polite(done)
    assert "9: there is no 9; choose from 1 to 2" in done.stdout
    assert "x: is no list of numbers" in done.stdout
    assert "7: there is no 7; there is only 1" in done.stdout


@pytest.mark.parametrize("typed", ["", "1\n", "1\n\n", "1\n\n1\n", "1\n\n1"])
def test_the_end_of_the_input_leaves(menu, typed):
    assert_polite(menu(typed, "voices"))


def test_what_is_no_recording_is_left_out(menu):
    done = menu("1,2\n\nb\nq\n", "bad.wav", "voices/one.wav")
    assert_polite(done)
    assert "Left out: bad.wav: " in done.stdout
    assert "3 words" in done.stdout


def test_what_is_no_recording_is_told_once_for_all_classifiers(menu):
    done = menu("1,2\nall\nq\n", "bad.wav", "voices/one.wav")
    assert_polite(done)
    assert done.stdout.count("Left out: bad.wav: ") == 1


def test_without_a_sound_device_the_menu_works_and_says_so_once(menu):
    done = menu("\n1\n2\nb\nq\n", "voices/one.wav", sound="wasapi")
    assert_polite(done)
    assert done.stdout.count("Nothing is played: ") == 1
    assert done.stdout.count("play> ") == 3


def test_folders_without_recordings(menu, place):
    (place / "empty").mkdir(exist_ok=True)
    done = menu("", "empty")
    assert done.returncode == 1
    assert done.stderr == "earmark: empty: holds no recordings; name another folder, or files\n"


NOTHING_TYPED = """
import os, sys
never, _ = os.pipe()
sys.stdin = os.fdopen(never)
"""


@pytest.mark.posix
def test_control_c_leaves(place, monkeypatch):
    monkeypatch.chdir(place)
    words = ["words", "voices", "--menu", "--classifier", "m.onnx"]
    with WarmCommand(*words, code=NOTHING_TYPED + MAIN, here=True) as process:
        until = time.monotonic() + 300
        while process.poll() is None and "recordings> " not in process.said()[0]:
            assert time.monotonic() < until, "nothing is asked"
            time.sleep(0.02)
        process.kill(signal.SIGINT)
        code, _, told = process.ended()
        assert (code, told) == (0, "")


def test_typed_through_a_pipe(command, place, monkeypatch):
    reading, writing = os.pipe()
    os.write(writing, b"\n2\n")
    os.close(writing)
    monkeypatch.chdir(place)
    monkeypatch.setenv("EARMARK_SOUND", "null")
    with os.fdopen(reading) as typed:
        monkeypatch.setattr(sys, "stdin", typed)
        done = command("words", "voices/one.wav", "--menu", "--classifier", "m.onnx")
    assert_polite(done)
    assert "3 words" in done.stdout
