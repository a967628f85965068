"""`earmark listen`, with recordings, pipes, and a microphone that hears silence."""

import io
import json
import re
import signal
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
from live_making import container
from model_making import RATE, tones, write_wav
from rich.console import Console
from warm_commands import WarmCommand

from earmark.cli.listen import paced
from earmark.cli.live_display import Screen, SoundTally, time_of
from earmark.live import Begin, Change, End
from earmark.media import read


@pytest.fixture
def listen(command, low_high_file):
    """Runs `earmark listen` with the model that knows low and high tones."""
    return lambda *words: command("listen", "--model", low_high_file, *words)


@pytest.fixture
def wav(tmp_path):
    return write_wav(tmp_path / "tones.wav", tones(5.0, (1.0, 2.0, 300.0), (3.0, 4.0, 2000.0)))


def test_lines(listen, wav):
    done = listen("--file", wav, "--fast")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert "low" in lines[0]
    assert "high" in lines[1]
    assert "listened for 0:05" in done.stderr
    assert "low: once, 1.0 s in all" in done.stderr


def test_alerts_by_a_command(listen, wav, tmp_path):
    run = f"echo $EARMARK_LABEL >> {tmp_path}/told"
    done = listen("--file", wav, "--fast", "--alert", "high", "--run", run)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "told").read_text() == "high\n"
    assert "is no label" in listen("--file", wav, "--alert", "loud", "--run", run).stderr
    assert "does not say how" in listen("--file", wav, "--alert", "high").stderr


def test_json_lines(listen, wav):
    done = listen("--file", wav, "--fast", "--to", "json")
    changes = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(c["type"], c["id"]) for c in changes] == [("begin", 1), ("end", 1), ("begin", 2), ("end", 2)]
    assert changes[0]["onset"] == pytest.approx(1.0, abs=0.1)


def test_standard_input(listen, monkeypatch):
    data = container(tones(3.0, (1.0, 2.0, 300.0)), "wav", "pcm_s16le", RATE)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(data))))
    done = listen("--file", "-", "--to", "json")
    assert [json.loads(line)["type"] for line in done.stdout.splitlines()] == ["begin", "end"], done.stderr


def test_a_broken_pipe_is_one_line(listen, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"nothing that sounds" * 100)))
    done = listen("--file", "-")
    assert done.returncode == 1
    assert done.stderr.startswith("earmark: standard input: ")
    assert len(done.stderr.splitlines()) == 1


def test_what_is_heard_is_kept(listen, wav, tmp_path):
    assert listen("--file", wav, "--fast", "--save", tmp_path / "kept.wav").returncode == 0
    again = listen("--file", wav, "--fast", "--save", tmp_path / "kept.wav")
    assert (again.returncode, "is there already" in again.stderr) == (1, True)
    np.testing.assert_allclose(read(tmp_path / "kept.wav", RATE), read(wav, RATE), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--to", "srt"], "--to srt"),
        (["--fast"], "--file"),
        (["--device", "usb", "--file", "a.wav"], "--device"),
        (["--language", "tlh"], "tlh"),
        (["--file", "nowhere.wav"], "no such file"),
        (["--file", "WAV", "--fast", "--save", "/nowhere/at/all.wav"], "--save"),
    ],
)
def test_mistakes(listen, wav, words, says):
    done = listen(*[wav if word == "WAV" else word for word in words])
    assert done.returncode == 1
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_devices(listen, monkeypatch):
    monkeypatch.setenv("EARMARK_SOUND", "null")
    assert "NULL" in listen("--list-devices").stdout
    done = listen("--device", "no such")
    assert done.returncode == 1
    assert "--list-devices" in done.stderr
    monkeypatch.setenv("EARMARK_SOUND", "gramophone")
    assert "gramophone" in listen().stderr


def test_no_microphone(listen, monkeypatch):
    import miniaudio

    def none(*_arguments, **_options):
        raise miniaudio.MiniaudioError("failed to init device")

    monkeypatch.setattr(miniaudio, "CaptureDevice", none)
    done = listen()
    assert done.returncode == 1
    assert (
        done.stderr == "earmark: microphone: this machine has none that can be used; connect one, or listen to --file\n"
    )


@pytest.mark.posix
def test_ctrl_c_ends_it_with_a_summary(low_high_file, tmp_path, monkeypatch):
    monkeypatch.setenv("EARMARK_SOUND", "null")
    kept = tmp_path / "a.wav"
    with WarmCommand("listen", "--model", low_high_file, "--save", kept, here=True) as process:
        until = time.monotonic() + 300
        while process.poll() is None and not kept.exists():
            assert time.monotonic() < until, "nothing is saved"
            time.sleep(0.02)
        time.sleep(0.2)
        process.kill(signal.SIGINT)
        code, _, err = process.ended()
    assert code == 0, err
    assert re.fullmatch(r"listened for \d+:\d\d and heard nothing", err.splitlines()[-1])


def test_a_recording_is_heard_as_it_sounds():
    at = [0.0]
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        at[0] += seconds + 0.25  # and the listener takes a while

    blocks = [tones(0.5)] * 4
    assert len(list(paced(blocks, RATE, lambda: at[0], sleep))) == 4
    assert slept == pytest.approx([0.5, 0.25, 0.25, 0.25])


def picture(screen, height=20):
    console = Console(width=60, height=height, file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(screen.picture())
    return console.file.getvalue()


def screen_of(*changes, **options):
    screen = Screen(None, console=Console(width=60, height=20, file=io.StringIO(), force_terminal=True), **options)
    for seconds, change in changes:
        screen.show([change], seconds)
    return screen


SIREN = Begin(1, "siren", "siren wails", 1.0, 0.9, True)
RAIN = Begin(2, "rain", "rain falls", 2.0, 0.9, False)


def test_the_screen_shows_alarms_first_and_the_log_below():
    text = picture(screen_of((2.5, RAIN), (3.0, SIREN), (4.0, Change(2, "rain", "rain falling", 0.9))))
    assert text.index("SIREN WAILS") < text.index("RAIN FALLING") < text.index("0:02") < text.index("0:01")
    assert "31m" in text or ";31" in text  # red


def test_what_has_ended_stays_to_be_read():
    screen = screen_of((1.5, SIREN), (3.0, End(1, 2.5)))
    assert "SIREN WAILS" in picture(screen)
    screen.show([], 5.5)
    assert "SIREN WAILS" not in picture(screen)
    assert "siren wails" in picture(screen)


def test_the_log_fits_the_screen():
    many = [(float(i), Begin(i, "dog", f"bark {i}", float(i), 0.9, False)) for i in range(100)]
    ends = [(float(i), End(i, float(i))) for i in range(100)]
    screen = screen_of(*many, *ends)
    screen.show([], 200.0)
    screen.console = Console(width=60, height=12, file=io.StringIO(), force_terminal=True)
    text = picture(screen, 12)
    assert "bark 99" in text
    assert len(text.splitlines()) <= 12


def test_the_bell_is_only_rung_when_asked():
    silent, ringing = screen_of((1.5, SIREN), (2.0, RAIN)), screen_of((1.5, SIREN), (2.0, RAIN), bell=True)
    assert "\a" not in silent.console.file.getvalue()
    assert ringing.console.file.getvalue().count("\a") == 1


def test_a_summary():
    heard = SoundTally()
    heard.noted([SIREN, RAIN, End(1, 2.0)])
    heard.noted([End(2, 9.0), Begin(3, "siren", "siren wails", 10.0, 0.9, True), End(3, 10.5)])
    lines = heard.summary(65.0).splitlines()
    assert lines == ["listened for 1:05", "  rain: once, 7.0 s in all", "  siren: 2 times, 1.5 s in all"]


def test_times():
    assert time_of(65.0, None).strip() == "1:05"
    assert time_of(60.0, 0.0) == time.strftime("%H:%M:%S", time.localtime(60.0))
