"""The clips of corrected events, and the limits of what a person may mark."""

import io
import socket
import zipfile

import numpy as np
import psutil
import pytest

from earmark.events.timeline import Event, Timeline
from earmark.service.dataset import at_once, clips
from earmark.service.routes.results import AT_ONCE
from earmark.service.schemas import Events


def recording(events, duration=100.0):
    return Timeline("a.wav", duration, "sounds").with_events(events)


def drawn(count, seed, longest=8.0):
    """Events of eight labels, on a grid of tenths, so that edges meet; some last no time."""
    generator = np.random.default_rng(seed)
    onsets, lengths = generator.integers(0, 900, count) / 10, generator.integers(0, int(longest * 10), count) / 10
    labels = generator.integers(0, 8, count)
    return [
        Event(float(a), float(round(a + b, 1)), f"label {c}", 1.0)
        for a, b, c in zip(onsets, lengths, labels, strict=True)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_a_clip_has_the_labels_of_all_that_sound_through_half_of_it(tmp_path, seed):
    events = drawn(120, seed)
    expected = []
    for event in recording(events).events:
        both = [min(e.offset, event.offset) - max(e.onset, event.onset) for e in events]
        along = {e.label for e, seconds in zip(events, both, strict=True) if seconds >= event.duration / 2}
        if event.duration > 0:
            expected.append((event.onset, event.offset, tuple(sorted(along))))
    found = [(c.start, c.end, c.labels) for c in clips(recording(events), tmp_path / "a.flac", "a") if c.labels]
    assert found == expected


@pytest.mark.parametrize("seed", range(5))
def test_at_once_is_the_most_that_sound_at_any_moment(seed):
    events = drawn(60, seed)
    moments = np.arange(0, 1100) / 10 + 0.05
    assert at_once(events) == max(sum(e.onset < moment < e.offset for e in events) for moment in moments)


def test_events_one_after_the_other_do_not_sound_at_once():
    assert at_once([Event(float(n), float(n + 1), "dog", 1.0) for n in range(50)]) == 1
    assert at_once([]) == 0


def test_as_many_events_as_may_be_are_swept_not_compared_with_each_other(tmp_path):
    """Ten thousand short ones within a long one: the comparisons are as many as meet, not as all pairs."""
    met = 0

    class Counted(Event):
        @property
        def duration(self):
            nonlocal met
            met += 1
            return self.offset - self.onset

    events = [Counted(n / 100, n / 100 + 0.01, "tick", 1.0) for n in range(9_999)]
    found = clips(recording([Counted(0.0, 100.0, "rain", 1.0), *events]), tmp_path / "a.flac", "a")
    assert len(found) == 10_000
    assert {clip.labels for clip in found} == {("rain",), ("rain", "tick")}
    assert met < 20 * len(found)


def put(server, job_id, events):
    return server.client.put(f"/v1/jobs/{job_id}/events", json={"events": events})


def mark(onset, offset, label="dog"):
    return {"onset": onset, "offset": offset, "label": label, "score": 1.0}


def test_events_beyond_the_end_of_the_recording_are_refused(server, captioned):
    before = server.result(captioned).json()
    duration = before["duration"]
    for onset, offset in ((1.0, duration + 0.002), (duration + 1, duration + 2), (0.0, 1e6)):
        answer = put(server, captioned, [mark(0.0, 1.0), mark(onset, offset)])
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith("event 2 ends at ")
    assert server.result(captioned).json() == before
    try:
        assert put(server, captioned, [mark(0.0, duration)]).status_code == 204
        assert server.result(captioned).json()["events"] == [mark(0.0, duration)]
    finally:
        server.client.delete(f"/v1/jobs/{captioned}/events")


def test_more_events_than_a_recording_can_have_are_refused(server, five_words):
    job = server.done(five_words)
    (most,) = (limit.max_length for limit in Events.model_fields["root"].metadata if hasattr(limit, "max_length"))
    many = [mark(0.0002 * n, 0.0002 * n + 0.001) for n in range(most + 1)]
    answer = put(server, job, many)
    assert answer.status_code == 422
    assert str(most) in answer.json()["detail"]
    assert put(server, job, [mark(0.0, 2.0, f"label {n}") for n in range(AT_ONCE + 1)]).status_code == 422
    assert put(server, job, many[:most]).status_code == 204
    archive = server.client.get(f"/v1/jobs/{job}/dataset")
    table = zipfile.ZipFile(io.BytesIO(archive.content)).read("events.csv").decode()
    assert table.count("\n") == most + 1


def test_a_dataset_ends_with_the_client_that_asked_for_it(server, captioned):
    """Its process, and all that it had written."""
    folder = server.folder / "jobs" / captioned
    server.until(lambda: not any(file.is_dir() for file in folder.iterdir()))  # what a dataset before was made of
    before = {file.name for file in folder.iterdir()}
    staff = {worker.pid for worker in server.workers()}
    with socket.create_connection(("127.0.0.1", server.port)) as line:
        line.sendall(f"GET /v1/jobs/{captioned}/dataset HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        writer = server.until(lambda: next((w for w in server.workers() if w.pid not in staff), None))
        writer.suspend()  # it would take for ever
    server.until(lambda: not psutil.pid_exists(writer.pid))
    server.until(lambda: {file.name for file in folder.iterdir()} == before)
    assert server.client.get(f"/v1/jobs/{captioned}/dataset").status_code == 200
