"""A listener in a process of its own: its packets, its pace, its end."""

import io
import json
import os
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
from live_making import pcm
from model_making import RATE, tones

from earmark.errors import EarmarkError
from earmark.events.hysteresis import EventRules
from earmark.live import LiveListener, session
from earmark.live.session import AUDIO, END, WISH, Inbox, Wish, paced, packet, serve
from earmark.models.model import load_model


def wish(model, **values):
    return packet(WISH, json.dumps({"format": "s16", "rate": RATE, "model": str(model), **values}).encode())


def packets(samples, size=2000):
    data = pcm(samples)
    return b"".join(packet(AUDIO, data[at : at + size]) for at in range(0, len(data), size))


def told(data, now=None):
    clock = iter(range(100_000))
    messages = []
    serve(Inbox(io.BytesIO(data)), messages.append, now or (lambda: next(clock)))
    return messages


def test_a_session(low_high_file):
    sound = tones(3.5, (1.0, 2.0, 300.0))
    messages = told(wish(low_high_file) + packets(sound) + packet(END))
    kinds = [message["type"] for message in messages]
    assert kinds[0] == "ready"
    assert messages[0]["model"] == "low_high"
    assert 0 < messages[0]["latency"] < 1
    assert [kind for kind in kinds if kind in ("begin", "end")] == ["begin", "end"]
    heard = [message["seconds"] for message in messages if message["type"] == "heard"]
    assert heard[-1] == 3.5
    assert len(heard) == 4
    begin = next(message for message in messages if message["type"] == "begin")
    assert begin["label"] == "low"
    assert begin["onset"] == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("cut_off", [0, 3, 100])
def test_a_stream_that_breaks_off_is_an_end(low_high_file, cut_off):
    data = wish(low_high_file) + packets(tones(1.0))
    messages = told(data[: len(data) - cut_off])
    assert messages[-1]["type"] == "heard"


@pytest.mark.parametrize("first", [packet(AUDIO, b"1234"), packet(WISH, b"nothing"), packet(WISH, b"[]"), b"", b"ab"])
def test_no_wish_no_session(first):
    with pytest.raises(EarmarkError):
        told(first)


def test_what_comes_too_fast(low_high_file):
    with pytest.raises(EarmarkError, match="faster than it sounds"):
        told(wish(low_high_file) + packets(tones(12.0)), now=lambda: 0.0)


def test_pace():
    second = np.zeros(100, np.float32)
    clock = iter([0.0, 0.0, 5.0, 5.0, 5.0, 5.0])
    assert len(list(paced([second] * 5, 100, lambda: next(clock)))) == 5
    with pytest.raises(EarmarkError):
        list(paced([second] * 11, 100, lambda: 0.0))


@pytest.mark.parametrize(
    "values",
    [
        {},
        [],
        None,
        "",
        {"format": "mp3"},
        {"format": ["s16"]},
        {"format": "s16", "rate": 7999},
        {"format": "s16", "rate": 1e4},
        {"format": "s16", "rate": True},
        {"format": "s16", "rate": "16000"},
        {"format": "s16", "language": "tlh"},
        {"format": "s16", "language": None},
        {"format": "s16", "sensitivity": 1.5},
        {"format": "s16", "sensitivity": float("nan")},
        {"format": "s16", "sensitivity": False},
        {"format": "s16", "model": ["tones"]},
        {"format": "s16", "include_speech": "yes"},
        {"format": "s16", "include_speech": 1},
    ],
)
def test_wishes_that_cannot_be_met(values):
    with pytest.raises(EarmarkError, match="the first message"):
        Wish.read(json.dumps(values))


@pytest.mark.parametrize("text", ["", "no json", "[" * 50_000])
def test_what_is_no_json_is_no_wish(text):
    with pytest.raises(EarmarkError, match=r"the first message.*send for example"):
        Wish.read(text)


def test_a_wish_and_its_text():
    wished = Wish("webm", 8000, "mine", "el", 0.25, True)
    assert Wish.read(wished.to_json()) == wished
    assert Wish.read('{"format": "s16", "type": "start", "more": 1}') == Wish("s16")


def test_a_process(low_high_file):
    sent = wish(low_high_file) + packets(tones(3.0, (1.0, 2.0, 300.0))) + packet(END)
    command = [sys.executable, "-m", "earmark.live.session"]
    done = subprocess.run(command, input=sent, stdout=subprocess.PIPE, check=True)
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert [m["type"] for m in messages if m["type"] != "heard"] == ["ready", "begin", "end", "over"]


def test_it_says_what_is_wrong(tmp_path, monkeypatch, capfd):
    for name in ("end_with_parent", "limit"):  # this process is that of all tests
        monkeypatch.setattr(session, name, lambda *_: None)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(wish(tmp_path / "none.onnx"))))
    session.main()
    first, second = map(json.loads, capfd.readouterr().out.splitlines())
    assert [first["type"], second["type"]] == ["error", "over"]
    assert "no such model" in first["detail"]


@pytest.mark.posix
def test_it_ends_with_whoever_started_it(low_high_file, tmp_path):
    """Also where its input stays open."""
    code = f"""
import subprocess, sys, time
reading, writing = __import__("os").pipe()
process = subprocess.Popen([sys.executable, "-m", "earmark.live.session"], stdin=reading, stdout=subprocess.PIPE,
                           pass_fds=[writing])
import os
os.write(writing, {wish(low_high_file)!r})
assert b"ready" in process.stdout.readline()
print(process.pid, flush=True)
os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    session = int(done.stdout)
    end = time.monotonic() + 300
    while time.monotonic() < end:
        try:
            os.kill(session, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.kill(session, 9)
    pytest.fail("the session lives on")


def test_a_label_has_a_sensitivity_of_its_own(low_high_file):
    model = load_model(low_high_file, threads=1)

    def thresholds(sensitivity, **single):
        listener = LiveListener(model, rules=EventRules(sensitivity=sensitivity), sensitivities=single)
        return np.stack([listener.tracker.hysteresis.on, listener.tracker.hysteresis.off])

    usual, low = thresholds(0.5), thresholds(0.2)
    assert (usual != low).any()
    mixed = thresholds(0.5, low=0.2, unknown=0.9)
    assert (mixed[:, 0] == low[:, 0]).all()
    assert (mixed[:, 1] == usual[:, 1]).all()
    sound = packets(tones(3.0, (1.0, 2.0, 300.0))) + packet(END)
    assert "begin" in {one["type"] for one in told(wish(low_high_file, sensitivities={"low": 0.5}) + sound)}


MANY = {str(i): 0.5 for i in range(1001)}


@pytest.mark.parametrize("odd", [[], "0.5", {"low": 2}, {"low": True}, {"low": None}, MANY])
def test_odd_sensitivities_are_refused(odd):
    with pytest.raises(EarmarkError, match="sensitivit"):
        Wish.read(json.dumps({"format": "s16", "sensitivities": odd}))
