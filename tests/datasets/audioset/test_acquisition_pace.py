import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.datasets.audioset.candidates import Quota, Settings
from earmark.datasets.audioset.ledger import ClipError, Outcome
from earmark.datasets.audioset.tables import Segment
from earmark.datasets.audioset.workers import Pace, StoppedError

BLOCKED = ClipError(Outcome.REFUSED, "HTTP 429", again=True, blocked=True)
FAILED = ClipError(Outcome.REFUSED, "HTTP 500", again=True)


def pace(**changed):
    return Pace(Settings(**{"pause": 0.0, "backoff": 0.0, "refusals": 3, **changed}), np.random.default_rng(0))


def test_requests_under_way_make_one_refusal_of_several():
    one = pace()
    began = one.turn()
    for _ in range(10):
        one.failed(BLOCKED, began, 1)
    assert not one.stopped


def test_refusals_in_a_row_stop_all():
    one = pace()
    for _ in range(3):
        one.failed(BLOCKED, one.turn(), 1)
    assert one.stopped
    assert one.reason == "HTTP 429"
    with pytest.raises(StoppedError):
        one.turn()


def test_an_answer_between_refusals_forgives_them():
    one = pace()
    for _ in range(9):
        one.failed(BLOCKED, one.turn(), 1)
        one.answered()
    assert not one.stopped


def test_clips_that_are_given_up_count_but_not_each_attempt():
    one = pace()
    for attempt in (1, 2, 3, None, 1, 2, 3, None):
        one.failed(FAILED, one.turn(), attempt)
    assert not one.stopped
    one.failed(FAILED, one.turn(), None)
    assert one.stopped


def test_a_server_that_asks_us_to_wait_is_obeyed():
    one = pace()
    before = time.monotonic()
    one.failed(ClipError(Outcome.REFUSED, "HTTP 429", again=True, blocked=True, wait=0.2), one.turn(), 1)
    assert one.turn() - before >= 0.2


def test_a_stop_ends_a_long_wait():
    one = pace(backoff=1000.0, longest=1000.0)
    one.failed(BLOCKED, one.turn(), 1)
    one.stop()
    with pytest.raises(StoppedError):
        one.turn()
    assert not one.reason


@given(
    fates=st.lists(st.lists(st.booleans(), max_size=12), min_size=1, max_size=3),
    quota=st.integers(1, 6),
    jobs=st.integers(1, 5),
    seed=st.integers(0, 99),
)
def test_a_quota_asks_for_no_more_than_it_needs_whoever_is_quicker(fates, quota, jobs, seed):
    candidates = {f"c{n}": [Segment(f"{n}-{i}", 0, 1) for i in range(len(fate))] for n, fate in enumerate(fates)}
    good = {f"{n}-{i}" for n, fate in enumerate(fates) for i, fine in enumerate(fate) if fine}
    todo, rng = Quota(candidates, quota, settled=set()), np.random.default_rng(seed)
    under_way, asked = [], []
    while True:
        while len(under_way) < jobs and (wanted := todo.next()):
            under_way.append(wanted)
            asked.append(wanted)
        if not under_way:
            break
        wanted = under_way.pop(rng.integers(len(under_way)))
        (todo.done if wanted.segment.video in good else todo.failed)(wanted)
    for number, fate in enumerate(fates):
        place = np.cumsum([*fate, 0])
        needed = int(np.argmax(place >= quota)) + 1 if place[-1] >= quota else len(fate)
        assert todo.in_place[f"c{number}"] == min(sum(fate), quota)
        assert Counter(wanted.labels[0] for wanted in asked)[f"c{number}"] == needed
