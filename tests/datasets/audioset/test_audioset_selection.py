from dataclasses import replace

import pytest
from audioset_making import GRAPH, identifier, segment, small_ontology
from hypothesis import given
from hypothesis import strategies as st

from earmark.datasets.audioset.selection import Rules, TargetClass, excluded, hash_draw, select
from earmark.datasets.audioset.tables import Segment
from earmark.errors import DatasetError


@pytest.fixture(scope="module")
def ontology(tmp_path_factory):
    return small_ontology(tmp_path_factory.mktemp("ontology"))


@pytest.fixture(scope="module")
def wanted(ontology):
    return lambda *texts: tuple(TargetClass.parse(text, ontology) for text in texts)


def identifiers(*names):
    return frozenset(map(identifier, names))


def videos(segments):
    return sorted(int(one.video[-4:]) for one in segments)


def test_a_plain_name(wanted):
    (violin,) = wanted("Violin, fiddle")
    assert violin == TargetClass("violin", identifiers("Violin, fiddle"), identifiers("Violin, fiddle"))
    (guitar,) = wanted("guitar")
    assert guitar.label == "guitar"
    assert guitar.reach == identifiers("Guitar", "Electric guitar", "Bass guitar")


def test_a_class_of_several_with_and_without(wanted):
    (keys,) = wanted("My keys=Keyboard (musical), Violin, fiddle,Bell,-Organ")
    assert keys.label == "my_keys"
    assert keys.named == identifiers("Keyboard (musical)", "Violin, fiddle", "Bell")
    assert keys.reach == keys.named | identifiers("Piano", "Electric piano", "Cowbell")
    assert keys.without == identifiers("Organ", "Hammond organ")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("guitar,piano", "names no class, or several"),
        ("x=", "names no class"),
        ("x=-Piano", "names no class"),
        ("x=Guitar,-Guitar", "leaves nothing"),
        ("x=Guitar,-Music", "leaves nothing"),
        ("x=Guitar,-", "is no class of AudioSet"),
        ("x=Guitarr", "did you mean Guitar"),
        ("=Guitar", "'' is no name for a class"),
        ("a;b=Guitar", "is no name for a class"),
    ],
)
def test_what_cannot_be_wanted(wanted, text, reason):
    with pytest.raises(DatasetError, match=reason):
        wanted(text)


def test_excluded_classes_go_with_those_below(ontology):
    assert excluded(["Organ", "Violin, fiddle,bell"], ontology) == identifiers(
        "Organ", "Hammond organ", "Violin, fiddle", "Bell", "Cowbell"
    )


@pytest.mark.parametrize(
    ("texts", "names", "reason"),
    [
        ((), (), "needs a class"),
        (("guitar", "Guitar"), (), "is there twice"),
        (
            ("keyboard", "piano"),
            (),
            "piano: lies within keyboard, and so each of its clips holds both; take it out there",
        ),
        (("guitar",), ("Music",), "guitar: is wanted and excluded"),
        (("guitar", "piano"), ("piano",), "piano: is wanted and excluded"),
    ],
)
def test_rules_that_contradict_each_other(wanted, ontology, texts, names, reason):
    with pytest.raises(DatasetError, match=reason):
        Rules(wanted(*texts), excluded(names, ontology))


SEGMENTS = [
    segment(1, "Guitar", "Music"),
    segment(2, "Electric guitar"),
    segment(3, "Guitar", "Speech"),
    segment(4, "Guitar", "Piano"),
    segment(5, "Bass guitar", "Electric piano"),
    segment(6, "Piano", "Keyboard (musical)"),
    segment(7, "Piano", "Hammond organ"),
    segment(8, "Organ", "Keyboard (musical)"),
    segment(9, "Speech"),
]


def test_each_rule_takes_away_what_it_should(wanted, ontology):
    selection = select(SEGMENTS, Rules(wanted("guitar", "piano=Piano,-Organ"), excluded(["speech"], ontology)))
    assert selection.left == {
        "guitar": {"itself": 3, "descendants": 5, "without": 5, "excluded": 4, "alone": 2},
        "piano": {"itself": 3, "descendants": 4, "without": 3, "excluded": 3, "alone": 1},
    }
    assert videos(selection.clips["guitar"]) == [1, 2]
    assert videos(selection.clips["piano"]) == [6]
    assert videos(selection.holding["piano"]) == [4, 5, 6, 7]
    assert selection.fewest == 1


def test_exact_names_count_alone_but_what_stands_below_still_sounds(wanted):
    selection = select(SEGMENTS, Rules(wanted("guitar", "piano"), exact=True))
    assert selection.left == {
        "guitar": {"itself": 3, "without": 3, "excluded": 3, "alone": 2},
        "piano": {"itself": 3, "without": 3, "excluded": 3, "alone": 2},
    }
    assert videos(select([segment(1, "Guitar", "Electric piano")], selection.rules).clips["guitar"]) == []


def test_several_wanted_classes_where_they_are_allowed(wanted):
    selection = select(SEGMENTS, Rules(wanted("guitar", "piano"), allow_several=True))
    assert videos(selection.clips["guitar"]) == [1, 2, 3, 4, 5]
    assert videos(selection.clips["piano"]) == [4, 5, 6, 7]
    shared = [one.video for one in selection.clips["guitar"] if one in selection.clips["piano"]]
    assert shared == [one.video for one in selection.clips["piano"] if one in selection.clips["guitar"]]


def test_keyboards_without_organs(wanted):
    """AudioSet labels a clip with the classes above too: an organ's clip is labelled as keyboard."""
    selection = select(SEGMENTS, Rules(wanted("keyboard=Keyboard (musical),-Organ")))
    assert videos(selection.clips["keyboard"]) == [4, 5, 6]


def test_a_class_beside_the_rest_of_the_one_above(wanted):
    """A piano's label as keyboard does not make it one of the keyboards without pianos; an organ beside it does."""
    selection = select(SEGMENTS, Rules(wanted("piano", "keys=Keyboard (musical),-Piano")))
    assert videos(selection.clips["piano"]) == [4, 5, 6]
    assert videos(selection.clips["keys"]) == [8]


def test_what_a_class_is_without_does_not_hide_it_from_others(wanted):
    """A piano with an organ is none of the pianos, and still no guitar's clip may hold it."""
    both = segment(1, "Guitar", "Piano", "Organ")
    selection = select([both], Rules(wanted("guitar", "piano=Piano,-Organ")))
    assert selection.clips == {"guitar": [], "piano": []}


NAMES = st.sets(st.sampled_from(sorted(GRAPH)), min_size=1, max_size=5)


@given(st.lists(NAMES, max_size=30), st.integers(0, 3))
def test_what_is_left_is_what_was_asked_for(ontology, wanted, carried, seed):
    segments = [segment(number, *sorted(names)) for number, names in enumerate(carried)]
    rules = Rules(wanted("guitar", "piano=Piano,-Organ", "drum_kit"), excluded(["Violin, fiddle"], ontology))
    selection = select(segments, rules, seed)
    several = select(segments, replace(rules, allow_several=True), seed)
    for one in rules.wanted:
        left = list(selection.left[one.label].values())[1:]
        assert left == sorted(left, reverse=True), "every rule takes away"
        assert len(selection.clips[one.label]) == left[-1]
        assert set(selection.clips[one.label]) <= set(several.clips[one.label]) <= set(segments)
        for clip in selection.clips[one.label]:
            assert one.reach & set(clip.labels)
            assert not (one.without | rules.excluded) & set(clip.labels)
            assert not any(other.reach & set(clip.labels) for other in rules.wanted if other is not one)
    chosen = [clip for clips in selection.clips.values() for clip in clips]
    assert len(chosen) == len(set(chosen))


def test_the_order_is_of_the_seed_alone(wanted):
    segments = [segment(number, "Guitar") for number in range(200)]
    rules = Rules(wanted("guitar"))
    order = select(segments, rules).clips["guitar"]
    assert order != segments
    assert order != select(segments, rules, seed=1).clips["guitar"]
    assert order == select(segments[::-1], rules).clips["guitar"]
    fewer = set(segments[:100])
    assert [one for one in order if one in fewer] == select(segments[:100], rules).clips["guitar"]
    more = Rules(wanted("piano", "guitar", "violin"))
    assert order == select(segments, more).clips["guitar"]


def test_draws_are_spread_evenly():
    drawn = sorted(hash_draw("order", 0, Segment("a" * 11, n, n + 1).name) for n in range(2000))
    furthest = max(abs(value - n / 2000) for n, value in enumerate(drawn))
    assert furthest < 1.63 / 2000**0.5, "Kolmogorov and Smirnov's limit at 1 %"
