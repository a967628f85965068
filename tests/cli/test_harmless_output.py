"""File names and labels that hold escape sequences, formulas and line breaks, through whole commands."""

import csv
import io
import json
import sys

import pytest
from model_making import tones, write_wav

from earmark.cli import common
from earmark.errors import EarmarkError

NAME = "=a\x1b[2J\x9b\u202eb\nc.wav"
SEEN = "=a\\x1b[2J\\x9b\\u202eb\\nc.wav"


@pytest.fixture
def named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_wav(tmp_path / NAME, tones(2.0, (0.5, 1.5, 300.0)))
    return NAME


def harmless(text):
    return not any(c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160 or c == "\u202e") for c in text)


@pytest.mark.parametrize("words", [["label", NAME, NAME], ["classify", NAME]])
def test_tables_show_a_name_on_one_line(command, named, low_high_file, words):
    done = command(*words, "--model", low_high_file)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == SEEN
    assert harmless(done.stdout + done.stderr)


def test_errors_name_a_file_on_one_line(command, named, low_high_file):
    done = command("label", "x" + named, "--model", low_high_file)
    assert done.returncode == 1
    assert done.stderr.startswith("earmark: x=a\\x1b[2J\\x9b\\u202eb c.wav: ")
    assert harmless(done.stderr)
    assert done.stderr.count("\n") == 1


def test_json_and_csv_tell_a_name_as_it_is(command, named, low_high_file):
    done = command("classify", named, "--model", low_high_file, "--to", "json")
    assert harmless(done.stdout)
    assert json.loads(done.stdout)["recording"] == named
    done = command("label", named, "--model", low_high_file, "--to", "csv")
    _, row = csv.reader(io.StringIO(done.stdout, newline=""))
    assert row[0] == "'" + named


def test_a_file_of_results_is_named_on_one_line(command, named, low_high_file, tmp_path):
    done = command("label", named, "--model", low_high_file, "--to", "rttm", "--out", tmp_path / "out")
    assert done.stderr == f"{tmp_path}/out/{SEEN.removesuffix('.wav')}.rttm\n"


class Screen(io.StringIO):
    def isatty(self):
        return True


def test_at_a_terminal_every_format_is_seen(monkeypatch):
    screen = Screen(newline="")
    monkeypatch.setattr(sys, "stdout", screen)
    common.standard_output().write('recording,label\r\n"a\x1b[2J\n",dog\r\n')
    assert screen.getvalue() == 'recording,label\r\n"a\\x1b[2J\n",dog\r\n'


def test_a_warning_and_an_error_are_one_harmless_line(capsys):
    common.complain(EarmarkError("a\x1b]0;x\x07.wav", "is\nbroken"))
    assert capsys.readouterr().err == "earmark: a\\x1b]0;x\\x07.wav: is broken\n"
