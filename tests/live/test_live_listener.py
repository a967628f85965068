"""Captions of known sounds, live."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from model_making import FRONT_END, LOW_HIGH, RATE, low_high_model, tones

from earmark import label, load_model
from earmark.captions import Phrases, ReadingRules
from earmark.events.hysteresis import EventRules
from earmark.live import Begin, Change, End, LiveListener, message
from earmark.media import read
from earmark.models.model import Description

EXAMPLES = Path(__file__).parents[2] / "examples"


def listen(listener, samples, block=RATE // 20):
    """(seconds heard by then, change) of all that is told."""
    told = []
    for first in range(0, len(samples), block):
        told += [(listener.seconds, change) for change in listener.hear(samples[first : first + block])]
    return told + [(listener.seconds, change) for change in listener.finish()]


def only(told, kind):
    return [change for _, change in told if isinstance(change, kind)]


def test_two_tones(low_high):
    told = listen(LiveListener(low_high), tones(6.0, (1.0, 1.8, 300.0), (3.0, 4.0, 2000.0)))
    begins, ends = only(told, Begin), only(told, End)
    assert [(b.id, b.label, b.alarm) for b in begins] == [(1, "low", False), (2, "high", False)]
    assert [b.onset for b in begins] == pytest.approx([1.0, 3.0], abs=0.1)
    assert [e.id for e in ends] == [1, 2]
    assert [e.offset for e in ends] == pytest.approx([1.8, 4.0], abs=0.1)
    assert all(0.9 < b.score <= 1 for b in begins)


def test_a_caption_is_soon_there(low_high):
    listener = LiveListener(low_high)
    told = listen(listener, tones(3.0, (1.0, 2.0, 300.0)))
    when = next(at for at, change in told if isinstance(change, Begin))
    assert 1.2 <= when <= 1.0 + listener.latency + 0.2 + 0.1


def test_what_is_too_short_is_not_told(low_high):
    assert not listen(LiveListener(low_high), tones(3.0, (1.0, 1.08, 300.0)))
    assert listen(LiveListener(low_high, rules=EventRules(shortest=0.0)), tones(3.0, (1.0, 1.08, 300.0)))


@pytest.fixture(scope="module")
def dog_file(tmp_path_factory):
    """Low tones are a dog, high ones a siren."""
    text = LOW_HIGH.to_json().replace('"low", "high"', '"dog", "siren"')
    assert Description.from_json(text).labels == ("dog", "siren")
    return low_high_model(tmp_path_factory.mktemp("model") / "dog.onnx", text)


@pytest.fixture(scope="module")
def dog(dog_file):
    return load_model(dog_file, threads=1)


def test_an_abrupt_sound_becomes_a_sustained_one(dog):
    told = listen(LiveListener(dog), tones(7.0, (1.0, 5.0, 300.0)))
    assert [change.text for change in only(told, Begin)] == ["dog barks"]
    at, change = next(pair for pair in told if isinstance(pair[1], Change))
    assert change.text == "dog barking"
    assert 3.0 <= at <= 3.8
    assert len(only(told, Change)) == 1


def test_what_goes_on_for_long_continues(dog):
    phrases = Phrases.load("en")
    rules = ReadingRules(reminder_every=4.0)
    phrases = Phrases("en", phrases.forms, phrases.fallback, phrases.priorities, rules)
    told = listen(LiveListener(dog, phrases), tones(7.0, (0.5, 6.5, 300.0)))
    assert [c.text for c in only(told, Change)] == ["dog barking", "dog continues barking"]


def test_what_returns_soon_is_a_repeated_sound(dog):
    told = listen(LiveListener(dog), tones(12.0, (1, 1.5, 300.0), (3, 3.5, 300.0), (9, 9.5, 300.0)))
    assert [c.text for c in only(told, Begin)] == ["dog barks", "dog barking", "dog barks"]
    assert [c.id for c in only(told, End)] == [1, 2, 3]


def test_alarms_and_languages(dog):
    told = listen(LiveListener(dog, "cs"), tones(3.0, (1.0, 2.0, 2000.0)))
    [begin] = only(told, Begin)
    assert begin.alarm
    assert begin.text == Phrases.load("cs").forms["siren"][0]


def test_what_has_not_ended_ends_with_the_audio(dog):
    told = listen(LiveListener(dog), tones(2.0, (1.0, 2.0, 300.0)))
    assert isinstance(told[-1][1], End)
    assert told[-1][1].offset == pytest.approx(2.0, abs=0.1)
    assert not listen(LiveListener(dog), np.zeros(0, np.float32))


def test_speech_is_told_when_it_is_asked_for(tmp_path):
    text = LOW_HIGH.to_json().replace('"low", "high"', '"speech", "siren"')
    model = load_model(low_high_model(tmp_path / "speech.onnx", text), threads=1)
    sound = tones(5.0, (1.0, 2.0, 300.0), (3.0, 4.0, 2000.0))
    assert [b.label for b in only(listen(LiveListener(model), sound), Begin)] == ["siren"]
    both = listen(LiveListener(model, include_speech=True), sound)
    assert [b.label for b in only(both, Begin)] == ["speech", "siren"]


def test_sensitivity(dog):
    faint = tones(3.0, (1.0, 2.0, 300.0), level=0.012)
    counts = [len(only(listen(LiveListener(dog, rules=EventRules(sensitivity=by)), faint), Begin)) for by in (0.1, 0.9)]
    assert counts == [0, 1]


def test_messages():
    begin = Begin(1, "dog", "dog barks", 1.5, 0.9, False)
    assert message(begin) == {
        "type": "begin",
        "id": 1,
        "label": "dog",
        "text": "dog barks",
        "onset": 1.5,
        "score": 0.9,
        "alarm": False,
    }
    assert message(Change(1, "dog", "dog barking", 0.95))["type"] == "change"
    assert json.loads(json.dumps(message(End(1, 2.5)))) == {"type": "end", "id": 1, "offset": 2.5}


def test_days_of_listening_keep_nothing(dog):
    listener = LiveListener(dog)
    half_a_minute = np.tile(tones(6.0, (1.0, 2.0, 300.0), (3.0, 3.5, 2000.0)), 5)
    for _ in range(3):
        listener.hear(half_a_minute)
    assert listener.count == 30
    assert len(listener.sounds) == 0
    assert len(listener.levels.held) <= 15 * RATE / FRONT_END.hop
    assert len(listener.scorer.held) <= 5 * RATE / FRONT_END.hop


@pytest.fixture(scope="module")
def street():
    """Half a minute of the example video as the bundled model marks it: at once, and live."""
    model = load_model("sounds", threads=1)
    listener = LiveListener(model, include_speech=True)
    samples = read(EXAMPLES / "street.mp4", listener.rate, end=31.0)
    return label(samples, model, sample_rate=listener.rate), listen(listener, samples, listener.rate // 10)


def test_the_example_live_has_the_labels_that_it_has_at_once(street):
    timeline, told = street
    windows = load_model().description.windows
    begins = only(told, Begin)
    ends = {end.id: end.offset for end in only(told, End)}
    assert set(ends) == {begin.id for begin in begins}
    for event in timeline.events:
        if event.score < 0.85 and event.label != "dog":  # live, less is known of it: some is missed
            continue
        mine = [b for b in begins if b.label == event.label and b.onset < event.offset and ends[b.id] > event.onset]
        assert mine, event
        slack = 0.5 + windows[event.label] / 2  # what lasts is averaged over more than live is known
        assert mine[0].onset == pytest.approx(event.onset, abs=slack)
        assert ends[mine[-1].id] == pytest.approx(event.offset, abs=slack)


@pytest.mark.parametrize(("windows", "earliest"), [({}, 0.2), ({"low": 4.0}, 2.0)])
def test_a_moment_says_nothing_of_a_label_with_a_long_window(tmp_path, windows, earliest):
    """A tone from the first sample on: a label whose scores are averaged over four seconds waits for half of that."""
    about = replace(LOW_HIGH, windows=windows)
    listener = LiveListener(load_model(low_high_model(tmp_path / "model.onnx", about.to_json())))
    when = next(at for at, change in listen(listener, tones(8.0, (0.0, 8.0, 300.0))) if isinstance(change, Begin))
    assert earliest <= when <= earliest + 1.0


def test_a_parent_makes_way_for_its_child(tmp_path):
    """The high tone is the parent of the low one: it is told until that begins, and not beside it."""
    about = replace(LOW_HIGH, parents={"low": "high"})
    model = load_model(low_high_model(tmp_path / "model.onnx", about.to_json()))
    samples = tones(7.0, (1.0, 3.0, 2000.0)) + tones(7.0, (2.0, 4.0, 300.0)) + tones(7.0, (5.0, 6.0, 2000.0))
    told = [change for _, change in listen(LiveListener(model), samples)]
    kinds = [(type(change).__name__, change.id) for change in told if not isinstance(change, Change)]
    assert kinds == [("Begin", 1), ("End", 1), ("Begin", 2), ("End", 2), ("Begin", 3), ("End", 3)]
    assert [change.label for change in told if isinstance(change, Begin)] == ["high", "low", "high"]


def test_the_example_live_is_soon_captioned(street):
    _, told = street
    truth = json.loads((EXAMPLES / "street.truth.json").read_text())["events"]
    late = []
    for event in truth:
        when = [
            at
            for at, change in told
            if isinstance(change, Begin)
            and change.label == event["label"]
            and event["onset"] - 0.3 <= change.onset <= event["offset"]
        ]
        late += [when[0] - event["onset"]] if when else []
    assert len(late) >= 6
    assert np.median(late) <= 1.0
