"""The groups of sounds, and what an uncertain model says instead of a label."""

import doctest
from collections import Counter

import pytest

from earmark.labels import CANONICAL, SOUNDS
from earmark.labels import groups as module
from earmark.labels.groups import OTHER, Group, ancestors, groups, parents, sorted_by_group


def test_there_are_labels_enough_and_those_of_before_are_among_them():
    assert len(SOUNDS) >= 150
    assert CANONICAL <= SOUNDS


def test_a_label_stands_in_one_group_or_is_a_parent_only():
    counts = Counter(label for group in groups() for label in group.labels)
    assert set(counts.values()) == {1}
    heads = [group.parent for group in groups() if group.parent]
    assert len(set(heads)) == len(heads)
    assert SOUNDS - set(counts) <= set(heads)
    assert len({group.heading for group in groups()}) == len(groups())


def test_a_group_is_sorted_and_does_not_hold_its_parent():
    for group in groups():
        assert list(group.labels) == sorted(group.labels), group.heading
        assert group.parent not in group.labels


def test_a_chain_of_parents_is_at_most_two_long():
    assert {len(ancestors(label)) for label in SOUNDS} == {0, 1, 2}


@pytest.mark.parametrize(
    ("label", "above"),
    [
        ("dog", ("animal",)),
        ("crow", ("bird", "animal")),
        ("airplane", ("aircraft", "vehicle")),
        ("trumpet", ("brass", "music")),
        ("smoke_alarm", ("alarm",)),
        ("applause", ("clapping",)),
        ("music", ()),
        ("my_own", ()),
    ],
)
def test_what_is_said_instead(label, above):
    assert ancestors(label) == above
    assert parents().get(label) == (above[0] if above else None)


def test_labels_are_sorted_by_group():
    assert sorted_by_group(SOUNDS) == groups()
    assert sorted_by_group([]) == ()
    assert sorted_by_group(["my_own", "siren", "my_other"]) == (
        Group("alarms", None, ("siren",)),
        Group(OTHER, None, ("my_own", "my_other")),
    )
    assert sorted_by_group(["music", "aircraft"]) == (
        Group("vehicles", None, ("aircraft",)),
        Group("music", "music", ()),
    )


def test_no_label_is_lost_or_told_twice():
    mixed = ["engine", "train", "bird", "bee", "speech", "applause", "my_own"]
    found = sorted_by_group(mixed)
    assert sorted(label for group in found for label in (*group.labels, *filter(None, [group.parent]))) == sorted(mixed)


def test_examples_in_the_module_hold():
    assert doctest.testmod(module).failed == 0
