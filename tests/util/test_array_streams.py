import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.util.streams import ahead, concatenate, windows


def rows(*lengths):
    total = np.arange(sum(lengths), dtype=np.float32)[:, None]
    return np.split(total, np.cumsum(lengths)[:-1]) if lengths else []


@given(
    lengths=st.lists(st.integers(0, 30), max_size=15),
    chunk=st.integers(1, 20),
    context=st.integers(0, 25),
    behind=st.none() | st.integers(0, 25),
)
def test_windows_cover_the_stream_once_with_context(lengths, chunk, context, behind):
    total = sum(lengths)
    place = 0
    most = context if behind is None else behind
    for held, before, after in windows(rows(*lengths), chunk, context, 1, behind):
        own = len(held) - before - after
        np.testing.assert_array_equal(held[:, 0], np.arange(place - before, place + own + after))
        assert before == min(context, place)
        assert own > 0
        last = place + own == total
        assert after == (0 if last else most)
        assert own <= chunk + most if last else own == chunk
        place += own
    assert place == total


def test_windows_come_as_soon_as_they_can():
    given_out = []

    def source():
        for part in rows(4, 4, 4, 4):
            given_out.append(len(part))
            yield part

    stream = windows(source(), chunk=4, context=2, size=1)
    next(stream)
    assert sum(given_out) == 8


def test_concatenate_nothing():
    assert concatenate([], 5).shape == (0, 5)


def working():
    return [thread for thread in threading.enumerate() if thread.name == "earmark-ahead"]


@pytest.mark.parametrize("depth", [1, 3, 100])
def test_ahead_keeps_order(depth):
    assert list(ahead(iter(range(50)), depth)) == list(range(50))
    assert not working()


def test_ahead_of_nothing():
    assert list(ahead(iter(()), 2)) == []


def test_errors_come_after_the_items_before_them():
    def items():
        yield 1
        yield 2
        raise ZeroDivisionError("third")

    seen = []

    def consume():
        for item in ahead(items(), 4):
            seen.append(item)

    with pytest.raises(ZeroDivisionError, match="third"):
        consume()
    assert seen == [1, 2]
    assert not working()


@pytest.mark.parametrize("taken", [1, 5])
def test_closing_early_stops_the_thread(taken):
    made = []

    def endless():
        while True:
            made.append(1)
            yield 0

    stream = ahead(endless(), 2)
    for _ in range(taken):
        next(stream)
    stream.close()
    assert not working()
    count = len(made)
    time.sleep(0.05)
    assert len(made) == count


def test_an_error_of_the_consumer_stops_the_thread():
    def consume():
        for _ in ahead(iter(range(1000)), 2):
            raise KeyError("mine")

    with pytest.raises(KeyError):
        consume()
    assert not working()


def test_ahead_is_bounded():
    made = []

    def items():
        for i in range(100):
            made.append(i)
            yield i

    stream = ahead(items(), 3)
    next(stream)
    time.sleep(0.1)
    assert len(made) <= 1 + 3 + 1  # taken, waiting, and one that finds no room
    stream.close()
