import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.labels import CANONICAL, ESC50, MAPS, SOUNDS, URBANSOUND8K, canonical, normalise


@pytest.mark.parametrize(
    ("dataset", "name", "expected"),
    [
        ("urbansound8k", "dog_bark", "dog"),
        ("urbansound8k", "engine_idling", "engine"),
        ("urbansound8k", "street_music", "music"),
        ("urbansound8k", "siren", "siren"),
        ("esc50", "sea_waves", "sea_waves"),
        ("kitchen20", "refrigerator", "door"),
        ("long_ambient", "refrigerator", "refrigerator"),
        ("mine", "Dog-Bark", "dog_bark"),
        ("mine", "  My  Door Bell ", "my_door_bell"),
        ("mine", "Türklingel", "türklingel"),
    ],
)
def test_canonical(dataset, name, expected):
    assert canonical(dataset, name) == expected


def test_counts():
    assert len(ESC50) == 50
    assert len(URBANSOUND8K) == 10
    assert {"speech", "music", "brass", "drum_kit", "guitar", "piano", "violin"} <= CANONICAL


def test_canonical_names_are_in_style_and_maps_lead_to_them():
    assert all(normalise(name) == name for name in CANONICAL | SOUNDS)
    assert all(set(names.values()) <= CANONICAL | SOUNDS for names in MAPS.values())


@given(st.text())
def test_normalising_twice_changes_nothing_more(name):
    assert normalise(normalise(name)) == normalise(name)


@pytest.mark.shared
@pytest.mark.parametrize("table", ["more/*/clips.csv", "foreign/*/clips.csv"])
def test_every_label_at_hand_is_one_of_ours(shared, table):
    tables = sorted(shared.glob(table))
    assert tables
    for path in tables:
        with path.open(newline="", encoding="utf-8") as file:
            given = {label for row in csv.DictReader(file) for label in row["labels"].split(";")}
        assert {canonical(path.parent.name, label) for label in given} <= SOUNDS, path
