"""AudioSet's classes in the package, and those that stand for labels."""

import csv
import doctest

import pytest

from earmark.errors import EarmarkError
from earmark.labels import CANONICAL, SOUNDS, audioset
from earmark.labels.groups import parents


def names(ids):
    by_id = {one.id: one.name for one in audioset.classes()}
    return {by_id[identifier] for identifier in ids}


def test_classes_are_in_the_published_order():
    classes = audioset.classes()
    assert [one.index for one in classes] == list(range(527))
    assert len({one.id for one in classes}) == 527
    assert (classes[0].name, classes[74].name, classes[526].name) == ("Speech", "Dog", "Field recording")
    assert {parent for one in classes for parent in one.parents} <= {one.id for one in classes}


@pytest.mark.shared
def test_the_table_is_the_published_one(shared):
    with (shared / "audioset" / "class_labels_indices.csv").open(newline="", encoding="utf-8") as file:
        rows = [(int(r["index"]), r["mid"], r["display_name"]) for r in csv.DictReader(file)]
    assert [(one.index, one.id, one.name) for one in audioset.classes()] == rows


@pytest.mark.shared
def test_parents_are_those_of_the_ontology(shared):
    from earmark.datasets.audioset.tables import Ontology

    ontology = Ontology.read(shared / "audioset" / "ontology.json")
    ours = {one.id for one in audioset.classes()}
    for one in audioset.classes():
        assert audioset.below([one.id]) == ontology.descendants([one.id]) & ours, one.name


def test_every_label_of_ours_has_classes_and_nothing_else_has():
    mapped = audioset.canonical_classes()
    assert set(mapped) == CANONICAL | SOUNDS
    assert {"refrigerator", "mouse_click"} < audioset.nearest_only() < set(mapped)
    ids = {one.id for one in audioset.classes()}
    for label, own in mapped.items():
        assert own, label
        assert set(own) <= ids, label


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("dog", "Dog"),
        ("Dogs", "Dog"),
        ("Owl", "Owl"),
        ("church bells", "Church bell"),
        ("fiddle", "Violin, fiddle"),
        ("Bicycle-Bell", "Bicycle bell"),
        ("waves", "Waves, surf"),
        ("double_bass", "Double bass"),
        ("glasses", "Glass"),
        ("wind chimes", "Wind chime"),
        ("gear", "Gears"),
    ],
)
def test_a_label_finds_its_class_by_name(label, name):
    assert names(audioset.standing_for(label)) == {name}


def test_what_has_no_class_has_none():
    assert audioset.standing_for("my_old_tractor") == ()
    assert audioset.standing_for("") == ()


def test_find_takes_names_identifiers_and_labels():
    assert audioset.find("/m/0bt9lr") == audioset.find("Dog") == audioset.find("dog")
    assert names(audioset.find("Washing_machine"))
    with pytest.raises(EarmarkError, match=r"trumpt: is no class of AudioSet; did you mean Trumpet"):
        audioset.find("trumpt")


def test_what_lies_below_belongs_to_a_class():
    assert names(audioset.below(audioset.find("Siren"))) >= {"Siren", "Ambulance (siren)", "Civil defense siren"}
    assert names(audioset.below(audioset.find("Cricket"))) == {"Cricket"}


def test_a_label_leaves_out_what_another_stands_for():
    engine, chainsaw = audioset.find("engine"), audioset.find("chainsaw")
    (alone,) = audioset.answering({"engine": engine}).values()
    both = audioset.answering({"engine": engine, "chainsaw": chainsaw})
    assert set(both["chainsaw"]) < set(alone)
    assert set(both["engine"]) == set(alone) - set(both["chainsaw"])
    assert audioset.answering({"chainsaw": chainsaw})["chainsaw"] == both["chainsaw"]


def test_what_tells_of_a_label_can_tell_of_its_parent():
    of = audioset.canonical_classes()
    labels = {one: of[one] for one in ("animal", "bird", "dog", "hen", "seagull", "engine", "chainsaw")}
    alone, told = audioset.answering(labels), audioset.answering(labels, for_parents=True)
    assert not set(alone["dog"]) & set(alone["animal"])
    assert set(told["animal"]) > {*told["bird"], *told["dog"]}
    assert set(told["bird"]) > set(told["hen"])
    assert not set(told["bird"]) & set(told["dog"])
    assert set(told["engine"]) == set(alone["engine"])  # a chainsaw's parent is a tool
    assert not set(told["seagull"]) & set(told["animal"])  # a squawk only sounds like one


def test_no_label_is_left_without_answers_and_parents_have_more():
    of = audioset.canonical_classes()
    told = audioset.answering({label: of[label] for label in SOUNDS}, for_parents=True)
    assert all(told.values())
    for label, parent in parents().items():
        if label not in audioset.nearest_only():
            assert set(told[label]) < set(told[parent]), label


def test_labels_of_the_same_class_share_it():
    same = audioset.answering({"a": audioset.find("Dog"), "b": audioset.find("Dog"), "c": audioset.find("Bark")})
    assert same["a"] == same["b"]
    assert 75 in same["c"]
    assert 75 not in same["a"]


def test_examples_in_the_module_hold():
    assert doctest.testmod(audioset).failed == 0
