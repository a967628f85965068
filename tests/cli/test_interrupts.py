"""Ctrl-C while a command is only just beginning: it ends quietly, with the exit code that shells expect."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from model_making import tones, write_wav

pytestmark = pytest.mark.posix

EARMARK = Path(sys.executable).with_name("earmark")
INTERRUPTED_WHEN_IMPORTING = """
import os, signal, sys
from importlib.abc import MetaPathFinder
moment = sys.argv.pop(1)
class Impatient(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == moment:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Impatient())
from earmark.cli import main
sys.argv = ["earmark", *sys.argv[1:]]
main()
raise SystemExit("was not interrupted")
"""


def heed_interrupts():
    """Where the tests run in the background of a script, interrupts are ignored, and so they would be here."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("place")
    write_wav(root / "low.wav", tones(1.0, (0.2, 0.8, 400.0)))
    return root


@pytest.mark.parametrize(
    ("words", "moment"),
    [
        (["--version"], "earmark.cli.application"),
        (["--version"], "typer"),
        (["label", "low.wav"], "earmark.cli.label"),
        (["label", "low.wav"], "numpy"),
        (["label", "low.wav"], "numpy.linalg"),
        (["label", "low.wav"], "onnxruntime"),
        (["label", "low.wav"], "av.audio"),
        (["train", "none.yaml"], "torch"),
        (["train", "none.yaml"], "pydantic"),
        (["data", "phrases", "--list"], "earmark.synthesis.music"),
        (["data", "phrases", "--out", "x", "--soundfont", "none.sf2"], "earmark.synthesis.music.dataset"),
        (["data", "audioset", "--dry-run", "--include", "guitar"], "earmark.datasets.audioset.preview"),
    ],
)
def test_an_interrupt_while_modules_are_imported(place, words, moment):
    command = [sys.executable, "-c", INTERRUPTED_WHEN_IMPORTING, moment, *words]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=300, preexec_fn=heed_interrupts)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_an_interrupt_that_is_ignored_stays_so(place):
    """As in the background of a script."""
    code = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + INTERRUPTED_WHEN_IMPORTING
    done = subprocess.run(
        [sys.executable, "-c", code, "typer", "--version"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0
    assert done.stderr == ""


def test_an_interrupt_from_outside(place):
    """Standard input that never comes holds the command up until it is interrupted."""
    process = subprocess.Popen(
        [EARMARK, "label", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=place,
        preexec_fn=heed_interrupts,
    )
    status = Path(f"/proc/{process.pid}/maps")
    until = time.monotonic() + 300
    while process.poll() is None and status.exists() and "onnxruntime" not in status.read_text():
        if time.monotonic() > until:
            break
        time.sleep(0.01)  # Python itself has not begun
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
    assert (process.returncode, out, err) == (130, b"", b"")
