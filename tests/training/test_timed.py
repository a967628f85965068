"""Networks that learn when labels hold: trained on long recordings, thresholds chosen in time."""

import numpy as np
import pytest
from model_making import RATE, write_wav
from sounds import sound_of

from earmark import label, load_model
from earmark.datasets import Clip, Dataset, tables
from earmark.datasets.tables import write_events
from earmark.evaluation.event_metrics import segment_based
from earmark.events.timeline import Event
from earmark.training import batches, recipe
from earmark.training.run import run
from earmark.training.trainer import start_fabric

pytestmark = pytest.mark.usefixtures("rough_pictures")

SECONDS, LABELS = 6.0, ("hiss", "tone")
RECIPE = {
    "name": "together",
    "dataset": {"layout": "table", "path": "clips.csv", "options": {"exclusive": False}, "events": "events.csv"},
    "split": {"protocol": "folds", "folds": [3]},
    "front_end": {"bands": 32},
    "augment": {"crop_seconds": 2, "mixup": 0, "mask_frames": 4, "mask_bands": 3, "gain_db": 3},
    "model": {"network": "segmenter", "options": {"width": 8, "hidden": 32}},
    "training": {"epochs": 12, "batch": 8, "learning_rate": 0.01, "ema": 0.9, "precision": "32-true"},
    "export": {"exclusive": False, "window_seconds": 0.2, "pooling": "linear_softmax"},
}


class Deaf:
    """A listener that does nothing with what it is told."""

    def preparing(self, done, total): ...
    def starting(self, networks, at_once): ...
    def epoch(self, part, report): ...


def scene(number):
    """Faint noise, and in it each label once, at a time of its own."""
    rng = np.random.default_rng(number)
    samples = 0.0005 * rng.standard_normal(int(SECONDS * RATE))
    events = []
    for place, name in enumerate(LABELS):
        onset = 3.0 * place + rng.uniform(0.2, 1.2)
        first = int(onset * RATE)
        sound = sound_of(name, number, rng.uniform(0.6, 1.6))
        samples[first : first + len(sound)] += sound
        events.append(Event(onset, onset + len(sound) / RATE, name, 1.0))
    return samples, events


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    home = tmp_path_factory.mktemp("scenes")
    clips, truth = [], {}
    for number in range(24):
        samples, truth[f"{number}.wav"] = scene(number)
        write_wav(home / f"{number}.wav", samples)
        clips.append(Clip(home / f"{number}.wav", labels=LABELS, fold=number % 3 + 1, source=f"fold-{number % 3}"))
    tables.write_clips(Dataset("scenes", tuple(clips), exclusive=False), home / "clips.csv")
    write_events(truth, home / "events.csv")
    return home


def test_a_network_taught_by_events_marks_them(scenes, tmp_path):
    home = scenes
    content = RECIPE | {"dataset": RECIPE["dataset"] | {"path": str(home / "clips.csv")}}
    plan = recipe.check(content, "test", [])
    done = run(plan, tmp_path, start_fabric(plan, "cpu"), Deaf(), tmp_path / "cache")
    model = load_model(done.model, threads=1)
    assert model.description.pooling == "linear_softmax"
    assert set(model.description.thresholds) == set(LABELS)
    new = [scene(number) for number in range(100, 104)]
    found = {}
    for number, (samples, _) in enumerate(new):
        write_wav(tmp_path / f"{number}.wav", samples)
        found[str(number)] = list(label(tmp_path / f"{number}.wav", model).events)
    wanted = {str(number): events for number, (_, events) in enumerate(new)}
    figures = segment_based(wanted, found, dict.fromkeys(wanted, SECONDS), resolution=0.5)
    assert figures.micro.f1 > 0.85


def test_stretches_in_which_labels_hold():
    wanted = [Event(0.1, 0.3, "b", 1.0), Event(0.5, 0.6, "a", 1.0), Event(0.5, 0.8, "b", 1.0)]
    active = batches.by_events(
        Clip("x"), [Event(e.onset, e.offset - 0.1, e.label, 1.0) for e in wanted], ("a", "b"), 8, 0.1
    )
    found = batches.events_of(active, ("a", "b"), 0.1)
    assert [(e.label, round(e.onset, 6), round(e.offset, 6)) for e in found] == [
        (e.label, e.onset, e.offset) for e in wanted
    ]
    assert batches.events_of(np.zeros((5, 2), np.uint8), ("a", "b"), 0.1) == []
