"""Which segments are chosen, and which classes occur together."""

import json
from dataclasses import replace

import pytest
from audioset_making import GRAPH, identifier, segment, small_ontology
from hypothesis import given
from hypothesis import strategies as st

from earmark.datasets.audioset import preview
from earmark.datasets.audioset.candidates import Settings
from earmark.datasets.audioset.preview import BITS, FETCH_SECONDS, GONE_SHARE, count_cooccurrences, estimate
from earmark.datasets.audioset.selection import Rules, TargetClass, excluded, hash_draw, select
from earmark.datasets.audioset.tables import Segment, split_of
from earmark.errors import DatasetError, EarmarkError
from earmark.plots.metrics import draw_cooccurrence


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


COUNTED_SEGMENTS = [
    segment(1, "Guitar", "Musical instrument", "Speech"),
    segment(2, "Electric guitar", "Guitar", "Speech", "Bell"),
    segment(3, "Bass guitar", "Drum machine"),
    segment(4, "Drum kit", "Percussion", "Bell"),
    segment(5, "Drum kit", "Cowbell", "Percussion"),
    segment(6, "Speech"),
]


@pytest.fixture
def counting_ontology(tmp_path):
    return small_ontology(tmp_path)


@pytest.fixture
def selection(counting_ontology):
    return select(
        COUNTED_SEGMENTS, Rules(tuple(TargetClass.parse(text, counting_ontology) for text in ("guitar", "drum_kit")))
    )


def test_what_occurs_together(selection, counting_ontology):
    found = count_cooccurrences(selection, counting_ontology)
    assert found.rows == ("guitar", "drum_kit")
    assert found.clips == (3, 3)
    assert found.columns == ("guitar", "drum_kit", "Speech", "Bell", "Cowbell")
    assert found.matrix == ((None, 1, 2, 1, 0), (1, None, 0, 1, 1))
    assert found.most == {
        "guitar": [("Speech", 2), ("Bell", 1), ("Drum machine", 1)],
        "drum_kit": [("Bass guitar", 1), ("Bell", 1), ("Cowbell", 1)],
    }, "what stands above or below a class is not counted beside it"


def test_only_the_first_are_shown(selection, counting_ontology):
    found = count_cooccurrences(selection, counting_ontology, top=1)
    assert found.columns == ("guitar", "drum_kit", "Speech")
    assert found.most["guitar"] == [("Speech", 2)]


def test_a_label_that_the_ontology_lacks(counting_ontology):
    rules = Rules((TargetClass.parse("guitar", counting_ontology),))
    strange = Segment("ABCDEFGHIJK", 0, 10, (identifier("Guitar"), "/m/unknown"))
    assert count_cooccurrences(select([strange], rules), counting_ontology).columns == ("guitar", "/m/unknown")


def clips(count, first=0, seconds=10.0):
    return [Segment(f"{number:011}", 5.0, 5.0 + seconds) for number in range(first, first + count)]


def test_disk_and_time():
    candidates = {"guitar": clips(1000), "piano": clips(1000, 5000)}
    settings = Settings(rate=16000, jobs=2, pause=3.0, url="http://localhost/{video}")
    planned = estimate(candidates, 100, settings)
    assert planned.clips == 200
    assert planned.takes == {"guitar": 100, "piano": 100}
    assert planned.audio == 2000
    assert planned.megabytes == pytest.approx(2000 * 16000 * BITS / 8 / 1e6)
    assert planned.asked == round(200 / (1 - GONE_SHARE))
    assert planned.hours == pytest.approx(planned.asked * (3 + FETCH_SECONDS) / 2 / 3600, abs=0.005)


def test_the_true_length_counts():
    assert estimate({"guitar": clips(10, seconds=4.5)}, 10, Settings()).audio == 45


def test_youtube_shows_so_many_videos_an_hour(tmp_path):
    candidates = {"guitar": clips(5000)}
    visitor = estimate(candidates, 2520, Settings(jobs=100, pause=0.0))
    assert visitor.asked == 3000
    assert visitor.hours == 10
    assert "300 videos an hour (a visitor)" in visitor.basis
    cookies = tmp_path / "cookies.txt"
    cookies.touch()
    assert estimate(candidates, 2520, Settings(jobs=100, pause=0.0, cookies=cookies)).hours == 1.5


def test_no_more_is_taken_or_asked_for_than_there_is():
    planned = estimate({"guitar": clips(10), "piano": clips(5, 5000)}, 8, Settings())
    assert planned.takes == {"guitar": 8, "piano": 5}
    assert planned.clips == 13
    assert planned.asked == 15


def test_a_clip_of_two_classes_is_fetched_once():
    both = clips(10)
    planned = estimate({"guitar": both, "piano": both}, 10, Settings())
    assert planned.clips == 10
    assert planned.audio == 100


def test_the_split_is_that_of_the_acquisition():
    settings = Settings(seed=3)
    (sides,) = estimate({"guitar": clips(1000)}, 1000, settings).sides.values()
    assert sides == {
        side: sum(split_of(one.video, 3) == side for one in clips(1000)) for side in ("train", "validation", "test")
    }


def test_the_document_is_plain_and_names_no_folder(selection, counting_ontology, tmp_path):
    planned = estimate(selection.clips, selection.fewest, Settings())
    found = preview.document(
        [tmp_path / "a.csv"], counting_ontology, selection, count_cooccurrences(selection, counting_ontology), planned
    )
    assert json.loads(json.dumps(found)) == found
    assert str(tmp_path) not in json.dumps(found)
    assert found["tables"] == ["a.csv"]
    guitar = found["classes"][0]
    assert guitar["counted"] == ["Bass guitar", "Electric guitar", "Guitar"]
    assert guitar["clips"] == {
        "itself": 2, "descendants": 3, "without": 3, "excluded": 3, "alone": 2, "taken": 2,
    }  # fmt: skip
    assert sum(guitar["split"].values()) == 2


def test_the_text_for_reading(selection, counting_ontology):
    occurring = count_cooccurrences(selection, counting_ontology)
    text = preview.text(selection, occurring, estimate(selection.clips, 5, Settings()))
    rows = [line.split() for line in text.splitlines()]
    assert ["guitar", "2", "3", "3", "3", "2", "2"] in [row[:7] for row in rows]
    assert "guitar: Speech 67%; Bell 33%; Drum machine 33%" in text
    assert "run out before there are 5 clips: guitar 2 at most, some 2 if 16% are gone; drum_kit 2 at most" in text
    assert "--per-class 2" in text


def test_the_text_where_nothing_is_left(counting_ontology):
    selection = select([], Rules((TargetClass.parse("guitar", counting_ontology),)))
    text = preview.text(
        selection, count_cooccurrences(selection, counting_ontology), estimate(selection.clips, 0, Settings())
    )
    assert "No clip is left of guitar" in text
    assert "guitar: nothing" in text


@pytest.mark.usefixtures("rough_pictures")
def test_the_picture(selection, counting_ontology, tmp_path):
    found = count_cooccurrences(selection, counting_ontology)
    picture = tmp_path / "together.png"
    draw_cooccurrence(found.rows, found.clips, found.columns, found.matrix, picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
    empty = tmp_path / "empty.png"
    draw_cooccurrence(("guitar",), (0,), ("guitar",), ((None,),), empty)
    assert empty.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(EarmarkError, match="cannot be written"):
        draw_cooccurrence(found.rows, found.clips, found.columns, found.matrix, tmp_path / "nowhere" / "a.png")
