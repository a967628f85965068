"""A model let loose on recordings whose events are known, and what is made of its answers."""

import csv
import io
import shutil

import numpy as np
import pytest
from model_making import tones, write_wav

from earmark.datasets.tables import read_events
from earmark.errors import DatasetError, EarmarkError
from earmark.evaluation import annotated, event_evaluation
from earmark.evaluation.event_evaluation import false_events, summary
from earmark.events.hysteresis import EventRules
from earmark.events.timeline import Event
from earmark.models.labelling import label, recorded_scores

pytestmark = pytest.mark.usefixtures("rough_pictures")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Two recordings with tones, the first of which is two clips; one that is silent; and the table of all."""
    tmp_path = tmp_path_factory.mktemp("kept")
    write_wav(tmp_path / "a.wav", tones(12.0, (1.0, 3.0, 300.0), (6.0, 8.5, 300.0), (7.0, 9.0, 4000.0)))
    write_wav(tmp_path / "b.wav", tones(6.0, (2.0, 4.0, 4000.0)))
    write_wav(tmp_path / "quiet.wav", tones(5.0))
    (tmp_path / "clips.csv").write_text(
        "path,start,end,labels,split\na.wav,0,5,low,test\na.wav,5,,low;high,test\nb.wav,,,high,train\nquiet.wav,,,,test\n"
    )
    (tmp_path / "events.csv").write_text(
        "path,onset,offset,label\na.wav,1,3,low\na.wav,6,8.5,low\na.wav,7,9,high\nb.wav,2,4,high\n"
    )
    return tmp_path


@pytest.fixture
def scenes(kept, tmp_path):
    """A copy of them."""
    return shutil.copytree(kept, tmp_path, dirs_exist_ok=True)


@pytest.fixture(scope="module")
def said(kept, low_high):
    """What the model says of them."""
    return event_evaluation.predict(low_high, annotated.load(kept))


def test_what_is_heard_is_what_is_labelled(tmp_path, low_high):
    path = write_wav(tmp_path / "a.wav", tones(31.0, (1.0, 3.0, 300.0), (2.5, 2.8, 4000.0), (19.0, 30.9, 300.0)))
    recorded = recorded_scores(low_high, path)
    for rules in (EventRules(), EventRules(sensitivity=0.9, shortest=1.0, longest_gap=0.0)):
        assert tuple(recorded.events(rules)) == label(path, low_high, rules=rules).events
    assert recorded.duration == pytest.approx(31.0)


def test_a_sweep_finds_less_the_higher_the_threshold(tmp_path, low_high):
    recorded = recorded_scores(low_high, write_wav(tmp_path / "a.wav", tones(5.0, (1.0, 3.0, 300.0))))
    swept = event_evaluation.sweep(recorded)
    seconds = [sum(event.duration for event in events) for events in swept]
    assert len(swept) == len(event_evaluation.THRESHOLDS)
    assert seconds[0] >= seconds[-1]
    usual = np.full(2, 0.5, np.float32)
    assert recorded.events(on=usual, off=usual / 2) == recorded.events(), "at the model's thresholds, its events"


def test_all_is_found(said):
    assert said.durations == {"a.wav 0-5": 5, "a.wav 5-12": 7, "b.wav 0-6": 6, "quiet.wav 0-5": 5}
    assert [(e.onset, e.offset, e.label) for e in said.truth["a.wav 5-12"]] == [(1, 3.5, "low"), (2, 4, "high")]
    figures = summary(said)
    assert figures["events"][0]["micro"]["f1"] == 1
    assert figures["events"][1]["macro"]["f1"] == 1
    assert figures["segments"]["micro"]["recall"] == 1
    assert figures["segments"]["micro"]["f1"] > 0.7  # a tone that ends with a second may touch the next
    assert figures["psds"]["exact"] > 0.95
    assert figures["false_events_an_hour"] == 0
    assert [(entry["label"], entry["events"]) for entry in figures["labels"]] == [("high", 2), ("low", 2)]
    assert [(e.label, round(e.onset)) for e in said.marked["a.wav"]] == [("low", 1), ("low", 6), ("high", 7)]


def test_only_clips_of_a_split(scenes):
    assert [clip.path.name for clip in annotated.load(scenes, split="train").clips] == ["b.wav"]
    with pytest.raises(DatasetError, match="no clip of the split validation; splits there: test, train"):
        annotated.load(scenes, split="validation")


def test_labels_are_renamed_and_what_then_overlaps_is_one_event(scenes, low_high):
    truth = annotated.load(scenes).relabelled({"high": "low"}, low_high.labels)
    assert truth.labels == ("low",)
    clip = truth.clips[1]
    assert [(e.onset, e.offset) for e in truth.inside(clip, 7.0)] == [(1, 4)]
    with pytest.raises(EarmarkError, match="no label of the events; there are high, low"):
        annotated.load(scenes).relabelled({"loud": "low"}, low_high.labels)
    with pytest.raises(EarmarkError, match="no label of the model; it knows low"):
        annotated.load(scenes).relabelled({"high": "lo"}, low_high.labels)


def test_recordings_that_cannot_be_read_are_left_out(scenes, low_high):
    (scenes / "b.wav").write_bytes(b"no sound")
    with (scenes / "clips.csv").open("a") as file:
        file.write("quiet.wav,9,10,low,\n")
    said = event_evaluation.predict(low_high, annotated.load(scenes))
    assert len(said.durations) == 3
    assert [str(error) for error in said.unreadable if "b.wav" in str(error)]
    assert [str(error) for error in said.unreadable if "before its clip begins, at 9 s" in str(error)]
    with pytest.raises(DatasetError, match="no recording that can be read"):
        event_evaluation.predict(low_high, annotated.load(scenes, split="train"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda root: (root / "clips.csv").unlink(), "has no clips.csv"),
        (lambda root: (root / "events.csv").unlink(), "events.csv: is not there; give the table of events by truth="),
        (
            lambda root: (root / "events.csv").write_text("path,onset,offset,label\nc.wav,1,2,low\n"),
            "names no recording",
        ),
        (
            lambda root: (root / "events.csv").write_text("path,onset,offset,label\na.wav,2,1,low\n"),
            "is not after onset",
        ),
    ],
)
def test_tables_that_do_not_fit(scenes, change, says):
    change(scenes)
    with pytest.raises(DatasetError, match=says):
        annotated.load(scenes)


def test_recordings_in_which_nothing_sounds(scenes, low_high):
    """Quiet background: the truth is empty, and what is found is false."""
    (scenes / "events.csv").write_text("path,onset,offset,label\n")
    said = event_evaluation.predict(low_high, annotated.load(scenes))
    figures = summary(said)
    assert figures["segments"]["micro"]["f1"] is None
    assert figures["psds"]["exact"] is None
    assert figures["false_events_an_hour"] == pytest.approx(4 / 23 * 3600, abs=0.01)
    assert "-  micro-F1" in event_evaluation.plain(figures)
    assert {path.name for path in event_evaluation.write(said, figures, scenes / "report")} == {
        "events_metrics.json", "events_labels.csv", "found.csv",
    }  # fmt: skip


def test_a_false_event_is_one_of_which_nothing_is_there():
    truth = {"a": [Event(1, 2, "dog", 1.0), Event(5, 6, "cat", 1.0)]}
    found = {"a": [Event(1.9, 4, "dog", 1.0), Event(2, 3, "dog", 1.0), Event(5, 6, "dog", 1.0)], "b": truth["a"]}
    assert false_events(truth, found) == {"dog": 3, "cat": 1}


def test_a_report(scenes, said):
    figures = summary(said)
    paths = event_evaluation.write(said, figures, scenes / "report")
    assert [path.name for path in paths] == ["events_metrics.json", "events_labels.csv", "found.csv", "events_f1.png"]
    assert paths[3].read_bytes().startswith(b"\x89PNG")
    found = read_events(paths[2])
    assert set(found) == {"a.wav", "b.wav"}
    assert [event.label for event in found["a.wav"]] == ["low", "low", "high"]
    rows = list(csv.DictReader(io.StringIO(paths[1].read_text())))
    assert [(row["average"], row["label"]) for row in rows] == [("micro", ""), ("macro", ""), ("", "high"), ("", "low")]
    assert {row["events_500_ms_f1"] for row in rows} == {"1.0"}
    with pytest.raises(EarmarkError, match="choose another folder"):
        event_evaluation.write(said, figures, scenes / "a.wav")
