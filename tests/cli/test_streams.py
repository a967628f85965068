"""Standard output that is full or closed, standard input that is closed: one line, exit code 1, no work."""

import subprocess
import sys
from pathlib import Path

import pytest
from model_making import tones, write_wav

from earmark.cli import common, streams
from earmark.errors import EarmarkError

EARMARK = f"{sys.executable} -c 'from earmark.cli import main; main()'"


@pytest.fixture
def wav(tmp_path):
    return write_wav(tmp_path / "a.wav", tones(2.0, (0.5, 1.5, 300.0)))


def shell(words, redirected):
    done = subprocess.run(f"{EARMARK} {words} {redirected}", shell=True, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("words", ["label {wav} {wav} --model {model} --to json", "classify {wav} --model {model}"])
def test_a_full_output(wav, low_high_file, words):
    code, out, told = shell(words.format(wav=wav, model=low_high_file), "> /dev/full")
    assert (code, out) == (1, "")
    assert told == "earmark: standard output: cannot be written (No space left on device); send it to another place\n"


def test_a_closed_output(wav, low_high_file):
    code, _, told = shell(f"label {wav} --model {low_high_file}", ">&-")
    assert code == 1
    assert told.startswith("earmark: standard output: is closed; ")
    assert len(told.splitlines()) == 1


def test_a_closed_input(wav, low_high_file):
    code, out, told = shell(f"label - --model {low_high_file}", "<&-")
    assert (code, out) == (1, "")
    assert told == "earmark: standard input: is closed; send a recording to it, or name a file\n"
    code, out, told = shell(f"words {wav} --menu", "<&-")
    assert (code, out) == (1, "")
    assert told == "earmark: standard input: is closed; send a recording to it, or name a file\n"


def test_closed_errors_do_not_go_into_results(tmp_path, wav, low_high_file):
    code, out, _ = shell(f"label gone.wav {wav} --model {low_high_file} --to csv --out {tmp_path / 'out'}", "2>&-")
    assert (code, out) == (1, "")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.csv"]
    code, out, _ = shell(f"label {wav} --model {low_high_file} --to csv", "<&- 2>&-")
    assert code == 0
    assert out.startswith("recording,")


def test_an_output_that_fills_up_ends_the_work():
    """Between the files of a batch, and not as a fault of each of them."""
    done = []

    def work(path):
        done.append(path)
        raise streams.OutputError("standard output", "cannot be written")

    with pytest.raises(EarmarkError, match="standard output"):
        common.for_each([Path("a"), Path("b")], work)
    assert done == [Path("a")]


def test_results_are_written_as_before(command, tmp_path, wav, low_high_file):
    """To a file, and without an input that nothing is read from."""
    code, out, told = shell(f"label {wav} --model {low_high_file} --to json", f"> {tmp_path / 'found.json'} <&-")
    assert (code, out, told) == (0, "", "")
    found = (tmp_path / "found.json").read_text()
    assert command("label", wav, "--model", low_high_file, "--to", "json").stdout == found
    assert '"low"' in found
