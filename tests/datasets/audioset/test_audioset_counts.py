import json

import pytest
from audioset_making import identifier, segment, small_ontology

from earmark.datasets.audioset import preview
from earmark.datasets.audioset.candidates import Settings
from earmark.datasets.audioset.preview import BITS, FETCH_SECONDS, GONE_SHARE, count_cooccurrences, estimate
from earmark.datasets.audioset.selection import Rules, TargetClass, select
from earmark.datasets.audioset.tables import Segment, split_of
from earmark.errors import EarmarkError
from earmark.plots.metrics import draw_cooccurrence

SEGMENTS = [
    segment(1, "Guitar", "Musical instrument", "Speech"),
    segment(2, "Electric guitar", "Guitar", "Speech", "Bell"),
    segment(3, "Bass guitar", "Drum machine"),
    segment(4, "Drum kit", "Percussion", "Bell"),
    segment(5, "Drum kit", "Cowbell", "Percussion"),
    segment(6, "Speech"),
]


@pytest.fixture
def ontology(tmp_path):
    return small_ontology(tmp_path)


@pytest.fixture
def selection(ontology):
    return select(SEGMENTS, Rules(tuple(TargetClass.parse(text, ontology) for text in ("guitar", "drum_kit"))))


def test_what_occurs_together(selection, ontology):
    found = count_cooccurrences(selection, ontology)
    assert found.rows == ("guitar", "drum_kit")
    assert found.clips == (3, 3)
    assert found.columns == ("guitar", "drum_kit", "Speech", "Bell", "Cowbell")
    assert found.matrix == ((None, 1, 2, 1, 0), (1, None, 0, 1, 1))
    assert found.most == {
        "guitar": [("Speech", 2), ("Bell", 1), ("Drum machine", 1)],
        "drum_kit": [("Bass guitar", 1), ("Bell", 1), ("Cowbell", 1)],
    }, "what stands above or below a class is not counted beside it"


def test_only_the_first_are_shown(selection, ontology):
    found = count_cooccurrences(selection, ontology, top=1)
    assert found.columns == ("guitar", "drum_kit", "Speech")
    assert found.most["guitar"] == [("Speech", 2)]


def test_a_label_that_the_ontology_lacks(ontology):
    rules = Rules((TargetClass.parse("guitar", ontology),))
    strange = Segment("ABCDEFGHIJK", 0, 10, (identifier("Guitar"), "/m/unknown"))
    assert count_cooccurrences(select([strange], rules), ontology).columns == ("guitar", "/m/unknown")


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


def test_the_document_is_plain_and_names_no_folder(selection, ontology, tmp_path):
    planned = estimate(selection.clips, selection.fewest, Settings())
    found = preview.document(
        [tmp_path / "a.csv"], ontology, selection, count_cooccurrences(selection, ontology), planned
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


def test_the_text_for_reading(selection, ontology):
    occurring = count_cooccurrences(selection, ontology)
    text = preview.text(selection, occurring, estimate(selection.clips, 5, Settings()))
    rows = [line.split() for line in text.splitlines()]
    assert ["guitar", "2", "3", "3", "3", "2", "2"] in [row[:7] for row in rows]
    assert "guitar: Speech 67%; Bell 33%; Drum machine 33%" in text
    assert "run out before there are 5 clips: guitar 2 at most, some 2 if 16% are gone; drum_kit 2 at most" in text
    assert "--per-class 2" in text


def test_the_text_where_nothing_is_left(ontology):
    selection = select([], Rules((TargetClass.parse("guitar", ontology),)))
    text = preview.text(selection, count_cooccurrences(selection, ontology), estimate(selection.clips, 0, Settings()))
    assert "No clip is left of guitar" in text
    assert "guitar: nothing" in text


def test_the_picture(selection, ontology, tmp_path):
    found = count_cooccurrences(selection, ontology)
    picture = tmp_path / "together.png"
    draw_cooccurrence(found.rows, found.clips, found.columns, found.matrix, picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
    empty = tmp_path / "empty.png"
    draw_cooccurrence(("guitar",), (0,), ("guitar",), ((None,),), empty)
    assert empty.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(EarmarkError, match="cannot be written"):
        draw_cooccurrence(found.rows, found.clips, found.columns, found.matrix, tmp_path / "nowhere" / "a.png")
