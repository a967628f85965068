"""The bundled model of instruments: on music of a SoundFont that taught it nothing, and on real recordings."""

import subprocess
import sys
from pathlib import Path

import pytest
from phrases_making import SOUNDFONT, needs_fluidsynth

from earmark import datasets
from earmark.evaluation import clip_evaluation
from earmark.evaluation.clip_evaluation import predict
from earmark.models.model import bundled_models, load_model

EARMARK = Path(sys.executable).with_name("earmark")
LABELS = ("brass", "drum_kit", "guitar", "piano", "violin")


def test_the_model_is_small_and_says_what_it_is():
    assert bundled_models()["instruments"].stat().st_size <= 4_000_000
    about = load_model("instruments").description
    assert about.labels == LABELS
    assert not about.exclusive
    assert {"data", "protocol", "recipe", "date"} <= set(about.card)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    place = tmp_path_factory.mktemp("rendered")
    words = ["--count", "25", "--together", "0", "--nothing", "0", "--accompaniment", "0", "--seed", "11"]
    subprocess.run([EARMARK, "data", "phrases", "--soundfont", SOUNDFONT, *words, "--out", place], check=True)
    return place


@needs_fluidsynth
def test_solos_of_a_soundfont_that_taught_nothing(rendered):
    found = clip_evaluation.summary(predict(load_model("instruments"), datasets.load(None, rendered / "clips.csv")))
    assert found["one_label"]["clips"] == 25
    assert found["one_label"]["accuracy"] >= 0.7


@needs_fluidsynth
def test_a_recording_gets_a_picture_with_its_instruments(command, rendered, tmp_path):
    clip = sorted((rendered / "audio").iterdir())[0]
    done = command("label", clip, "--model", "instruments", "--to", "csv", "--plot", tmp_path / "clip.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "clip.png").read_bytes().startswith(b"\x89PNG")
    done = command("classify", clip, "--model", "instruments", "--to", "csv", "--plot", tmp_path / "bars.png")
    assert done.returncode == 0, done.stderr
    assert {line.split(",")[1] for line in done.stdout.splitlines()[1:]} == set(LABELS)
