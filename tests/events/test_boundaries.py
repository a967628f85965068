"""Edges of events moved in to where something is loud."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.events.boundaries import SHORTEST, FrameLevels, loud_steps
from earmark.events.timeline import Event
from earmark.features.frontend import FrontEnd

FRONT_END = FrontEnd()
REACH = 0.9


def levels_of(samples):
    levels = FrameLevels(FRONT_END.seconds)
    for _ in levels.follow(FRONT_END.stream([samples])):
        pass
    return levels


def tighten(samples, *events):
    return levels_of(samples).tighten(events, REACH)


def burst(onset, offset, seconds=6.0, floor=1e-4, level=0.3):
    rng = np.random.default_rng(0)
    time = np.arange(int(seconds * FRONT_END.rate)) / FRONT_END.rate
    return (rng.standard_normal(len(time)) * np.where((time >= onset) & (time < offset), level, floor)).astype("f")


def test_a_short_sound_in_quiet_gets_its_own_edges():
    (event,) = tighten(burst(2.0, 2.4), Event(1.4, 3.0, "dog", 0.9))
    assert event.onset == pytest.approx(2.0, abs=0.05)
    assert event.offset == pytest.approx(2.4, abs=0.05)
    assert (event.label, event.score) == ("dog", 0.9)


def test_edges_of_a_steady_sound_stay():
    event = Event(1.0, 5.0, "rain", 0.9)
    assert tighten(burst(0.0, 6.0), event) == [event]


def test_edges_move_no_further_than_a_model_can_be_wrong():
    (event,) = tighten(burst(2.3, 2.7), Event(1.0, 4.0, "dog", 0.9))
    assert event.onset == pytest.approx(1.0 + REACH, abs=0.03)
    assert event.offset == pytest.approx(4.0 - REACH, abs=0.03)


def test_something_much_louder_in_the_middle_does_not_cut_off_the_rest():
    samples = burst(0.0, 6.0, level=0.003)
    samples[int(2.9 * FRONT_END.rate) : int(3.1 * FRONT_END.rate)] *= 200
    event = Event(0.0, 6.0, "wind", 0.9)
    assert tighten(samples, event) == [event]


def test_no_sound_at_all():
    event = Event(0.0, 1.0, "rain", 0.9)
    assert tighten(np.zeros(22050, "f"), event) == [event]
    assert FrameLevels(0.02).tighten([event], REACH) == [event]


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0.1, 3)), max_size=5), st.floats(0, 5), st.floats(0.05, 1))
def test_events_only_shrink_and_none_is_lost(spans, onset, length):
    events = [Event(start, start + duration, "x", 0.5) for start, duration in spans]
    tightened = tighten(burst(onset, onset + length), *events)
    assert len(tightened) == len(events)
    for before, after in zip(events, tightened, strict=True):
        assert before.onset <= after.onset + 1e-3
        assert after.offset <= before.offset + 1e-3
        assert after.duration >= min(SHORTEST, before.duration) - 2e-3


def test_loud_steps_are_those_with_a_loud_frame():
    levels = np.array([-90, -80, -20, -70, -49, -80, -45], np.float32)
    assert loud_steps(levels, 2, 30.0).tolist() == [False, True, True, True]
    assert loud_steps(levels, 2, 26.0).tolist() == [False, True, False, True]
    assert loud_steps(levels[:0], 2, 30.0).tolist() == []
