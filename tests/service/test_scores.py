import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from model_making import write_wav

from earmark import media
from earmark.events.boundaries import FrameLevels
from earmark.events.hysteresis import EventRules
from earmark.features.frontend import FrontEnd
from earmark.models.labelling import RecordedScores, recorded_scores
from earmark.models.model import Description, Threshold, load_model
from earmark.service.scores import load, save, timeline


def test_the_events_are_those_that_label_finds(street, tmp_path):
    model = load_model("sounds", threads=1)
    rate = model.description.front_end.rate
    samples = media.read(street, rate, start=14.0, end=30.0)
    recorded = recorded_scores(model, write_wav(tmp_path / "street.wav", samples, rate))
    save(recorded, tmp_path / "scores.npz")
    for sensitivity in (0.3, 0.8):
        rules = EventRules(sensitivity=sensitivity)
        expected = model.label(tmp_path / "street.wav", rules=rules).events
        assert expected
        assert timeline(recorded, "street.mp4", sensitivity).events == expected
        kept = timeline(load(tmp_path / "scores.npz"), "street.mp4", sensitivity).events
        assert [(e.label, round(e.onset, 1)) for e in kept] == [(e.label, round(e.onset, 1)) for e in expected]


def of(scores: np.ndarray) -> RecordedScores:
    labels = ("dog", "rain")
    about = Description("m", labels, False, FrontEnd(), 8, 0, 0.16, thresholds={"rain": Threshold(0.4, 0.2)})
    return RecordedScores(about, scores, FrameLevels(0.02), len(scores) * about.step)


def test_a_threshold_moves_one_label_alone():
    scores = np.zeros((50, 2), np.float32)
    scores[10:20, 0], scores[30:40, 1] = 0.45, 0.35
    found = of(scores)
    assert timeline(found, "a").events == ()
    assert [e.label for e in timeline(found, "a", thresholds={"dog": 0.4}).events] == ["dog"]
    assert [e.label for e in timeline(found, "a", thresholds={"rain": 0.3, "unknown": 0.1}).events] == ["rain"]


@given(st.floats(0.01, 0.98), st.floats(0.01, 0.98))
def test_a_lower_threshold_never_marks_less(one, other):
    scores = np.random.default_rng(3).random((200, 2)).astype(np.float32)

    def seconds(threshold):
        return sum(
            e.duration for e in timeline(of(scores), "a", thresholds={"dog": threshold}).events if e.label == "dog"
        )

    low, high = sorted((one, other))
    assert seconds(low) >= seconds(high) - 1e-6
