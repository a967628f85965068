from pathlib import Path

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from earmark.datasets import Clip
from earmark.events.timeline import Event
from earmark.training import batches

LABELS = ("a", "b")


def event(onset, offset, label="a"):
    return Event(onset, offset, label, 1.0)


def test_labels_hold_from_onset_to_offset():
    active = batches.by_events(Clip("x"), [event(0.1, 0.25), event(0.4, 0.5, "b"), event(0, 1, "c")], LABELS, 6, 0.1)
    assert active[:, 0].tolist() == [0, 1, 1, 0, 0, 0]
    assert active[:, 1].tolist() == [0, 0, 0, 0, 1, 1]


def test_frames_are_counted_from_the_start_of_the_clip():
    active = batches.by_events(Clip("x", start=2.0), [event(0, 1), event(1.9, 2.1), event(2.3, 9)], LABELS, 5, 0.1)
    assert active[:, 0].tolist() == [1, 1, 0, 1, 1]


@given(st.lists(st.tuples(st.floats(0, 12), st.floats(0, 3)), max_size=5), st.floats(0, 5), st.integers(1, 60))
def test_any_events_give_as_many_frames_as_the_clip_has(spans, start, frames):
    events = [event(onset, onset + length) for onset, length in spans]
    active = batches.by_events(Clip("x", start=start), events, LABELS, frames, 0.1)
    assert active.shape == (frames, 2)
    times = start + 0.1 * np.arange(frames)
    inside = np.any([(times > on + 0.051) & (times < on + length - 0.051) for on, length in spans] or [times < 0], 0)
    assert active[inside, 0].all()
    assert not active[:, 1].any()


def test_without_events_labels_hold_where_it_is_loud():
    active = batches.where_loud(np.array([0, 1], np.float32), np.array([-90, -20, -55, -65, -20], np.float32))
    assert active.tolist() == [[0, 0], [0, 1], [0, 1], [0, 0], [0, 1]]


def test_steps_hold_shares_of_their_frames():
    frames = torch.tensor([1.0, 1, 0, 0, 1, 0, 1])[None, :, None]
    assert batches.in_steps(frames, 3)[0, :, 0].tolist() == torch.tensor([2 / 3, 1 / 3, 1]).tolist()


def test_clips_of_one_recording_that_overlap_are_found():
    clips = [
        Clip(Path("x.wav"), 0.0, 3.0, ("a",)),
        Clip(Path("x.wav"), 2.0, 5.0, ("b",)),
        Clip(Path("x.wav"), 5.0, 6.0, ("a",)),  # begins where the one before it ends
        Clip(Path("y.wav"), 0.0, 3.0, ("b",)),
        Clip(Path("x.wav"), 1.0, 2.5, ("a",)),  # says no more than the first
    ]
    assert batches.overlapped(clips) == {0: [1], 1: [0, 4], 4: [1]}
    assert batches.overlapped([Clip(Path("x.wav"), labels=("a",)), Clip(Path("x.wav"), 7.0, None, ("b",))]) == {
        0: [1],
        1: [0],
    }


def test_where_clips_overlap_the_labels_of_both_hold():
    one, other = Clip(Path("x.wav"), 1.0, 2.0, ("a",)), Clip(Path("x.wav"), 1.5, None, ("b",))
    both = batches.with_others(np.array([[1, 0]] * 10, np.uint8), one, [other], LABELS, 0.1)
    assert both[:, 0].all()
    assert both[:, 1].tolist() == [0] * 5 + [1] * 5
    both = batches.with_others(np.array([[0, 1]] * 10, np.uint8), other, [one], LABELS, 0.1)
    assert both[:, 0].tolist() == [1] * 5 + [0] * 5
