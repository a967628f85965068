"""Commands are made when they are named."""

import json
import subprocess
import sys

import pytest
import typer

from earmark.cli.application import NAMES, app

CODE = """
import json, sys
from earmark.cli import main
sys.argv = ["earmark", *sys.argv[1:]]
try:
    main()
except SystemExit:
    pass
print(json.dumps([name for name in sys.modules if name.startswith("earmark.cli.")]))
"""


def test_every_name_is_that_of_a_command():
    commands = typer.main.get_command(app).commands
    assert list(commands) == list(NAMES)
    assert [commands[name].name for name in NAMES] == list(NAMES)
    assert "lable" not in commands
    assert commands.get("lable") is None


def test_a_command_loads_no_other():
    words = [sys.executable, "-c", CODE, "label", "--help"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=300)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "earmark.cli.label" in loaded
    assert not loaded & {f"earmark.cli.{name}" for name in NAMES if name != "label"}


def test_help_lists_all_in_order(command):
    told = command("--help").stdout.partition("Commands:")[2]
    assert [line.split()[0] for line in told.splitlines() if line.strip()] == list(NAMES)


@pytest.mark.parametrize("words", [("lable",), ("daat", "list")])
def test_another_word_is_a_mistake_that_names_the_nearest(command, words):
    done = command(*words)
    assert done.returncode == 2
    assert f"No such command '{words[0]}'" in done.stderr
    assert ("'label'" if words[0] == "lable" else "'data'") in done.stderr


def test_commands_of_a_group(command):
    assert "data list [OPTIONS]" in command("data", "list", "--help").stdout


@pytest.mark.parametrize(
    "words",
    [("words", "a.wav", "--margin", "nan"), ("serve", "--keep-gb", "NaN"), ("data", "scenes", "--quiet", "nan")],
)
def test_what_is_no_number_is_refused(command, words):
    done = command(*words)
    assert done.returncode == 2
    assert f"Invalid value for '{words[-2]}': nan is no number" in done.stderr.replace("NaN", "nan")
