"""Real clusters: a scheduler and workers as processes of their own, which die; and what each worker is asked first.

Dask takes a while to import: only where a test runs, not wherever this file is read.
"""

import json
import os
import socket
import time
from contextlib import contextmanager, suppress

import pytest
from archive_making import done_in, hidden, index_rows
from warm_commands import WarmCommand, import_first

from earmark._version import __version__
from earmark.archive.batches import Run
from earmark.archive.indexing import Settings, index, options_for
from earmark.archive.recordings import below, listed, root_of
from earmark.archive.workers import Batch, Done, Job, check, work
from earmark.errors import EarmarkError

SCHEDULER = "from distributed.cli.dask_scheduler import main; main()"
WORKER = "from distributed.cli.dask_worker import main; main()"


@pytest.fixture(autouse=True, scope="module")
def quick_workers():
    """Workers of this machine begin as copies of a process that has imported what they need."""
    import dask

    import_first("earmark.archive.cluster", "distributed.cli.dask_worker", "distributed.cli.dask_scheduler")
    with dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}):
        yield


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def answers(port):
    """Wait until somebody listens: on a busy machine a scheduler takes a while to start."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise TimeoutError(f"nobody listens on {port}")


@contextmanager
def scheduler():
    """The address of one without workers."""
    address = f"tcp://127.0.0.1:{free_port()}"
    with WarmCommand("--host", address, "--no-dashboard", "--no-jupyter", code=SCHEDULER):
        answers(int(address.rpartition(":")[2]))
        yield address


def worker(address, folder, threads=1):
    place = ("--local-directory", folder, "--no-dashboard", "--no-nanny", "--nthreads", threads)
    return WarmCommand(address, *place, code=WORKER)


@pytest.mark.kill
@pytest.mark.parametrize("served", [20], indirect=True)
def test_a_worker_killed_in_the_middle(served, low_high_file, indexed, tmp_path):
    """The index equals the one made without Dask, row by row."""
    pytest.importorskip("aiohttp")  # what fsspec reads http with
    folder, address, _, enough = served
    names = [one.name for one in below(str(folder)).recordings]
    (tmp_path / "list.txt").write_text("\n".join(f"{address}/{name}" for name in names))
    out = tmp_path / "index"
    enough[0] = 6
    with scheduler() as reached, worker(reached, tmp_path) as first, worker(reached, tmp_path):
        words = ["index", "--list", tmp_path / "list.txt", "--out", out, "--model", low_high_file]
        words += ["--batch", "1", "--scheduler", reached, "--to", "json"]
        with WarmCommand(*words) as process:
            until = time.monotonic() + 300
            while process.poll() is None and done_in(out) <= 6:
                assert time.monotonic() < until, "the batches do not come"
                time.sleep(0.02)
            assert process.poll() is None  # the other recordings are not given out yet
            first.kill()
            enough[0] = len(names)
            code, done, told = process.ended()
    assert code == 0, told
    report = json.loads(done)
    assert (report["labelled"], report["bad"]) == (len(names), [])
    assert not hidden(out)
    indexed(folder, tmp_path / "plain")
    for table in ("events", "seconds"):
        assert index_rows(out, address)[table] == index_rows(tmp_path / "plain")[table]
    assert len(index_rows(out)["recordings"]) == len(names)
    assert len(index_rows(out)["events"]) >= len(names)


@pytest.mark.kill
def test_a_recording_that_hangs_up_its_process(archive, low_high_file, tmp_path):
    """A pipe that nobody writes to: the process that opens it never comes back, and is ended. The rest is done."""
    from earmark.archive.cluster import BROKE

    os.mkfifo(tmp_path / "pipe.wav")
    files = [*sorted(map(str, archive.rglob("*.wav"))), str(tmp_path / "pipe.wav")]
    (tmp_path / "list.txt").write_text("\n".join(files))
    out = tmp_path / "index"
    options = options_for("", str(low_high_file))
    settings = Settings(jobs=2, most=7, timeout=5.0)
    report = index(listed(tmp_path / "list.txt"), out, options, settings)
    assert report.bad == [(str(tmp_path / "pipe.wav"), BROKE)]
    rows = {row[0]: row[5] for row in index_rows(out)["recordings"]}
    assert rows == {file: BROKE if file.endswith("pipe.wav") else None for file in files}
    assert len(index_rows(out)["recordings"]) == 13


def test_after_workers_died_at_a_batch(archive, low_high_file, tmp_path):
    """Its recordings one by one, then a row; unless one of them had come through before it died."""
    from earmark.archive.cluster import BROKE, after_loss

    options = options_for(root_of(str(archive)), str(low_high_file))
    run = Run(tmp_path / "index")
    job = Job(str(run.folder), options)
    first, second, third = below(str(archive)).recordings[:3]
    done, again = after_loss(run, job, Batch(run.begin(), (first, second)))
    assert (done, [batch.recordings for batch in again]) == (None, [(first,), (second,)])
    assert after_loss(run, job, again[0]) == (Done(1, first.size, 0.0, ((first.name, BROKE),)), [])
    through = Batch(run.begin(), (second, third))
    told = work(job, through)
    assert after_loss(run, job, through) == (told, [])
    rows = {row[0]: row[5] for row in index_rows(tmp_path / "index")["recordings"]}
    assert rows == {first.name: BROKE, second.name: None, third.name: None}


def test_processes_of_this_machine(archive, low_high_file, indexed, tmp_path):
    options = options_for(root_of(str(archive)), str(low_high_file))
    report = index(below(str(archive)), tmp_path / "two", options, Settings(jobs=2, most=2))
    indexed(archive, tmp_path / "one")
    assert report.labelled == 12
    assert index_rows(tmp_path / "two") == index_rows(tmp_path / "one")


@pytest.mark.slow
def test_clusters_that_cannot_do_it(archive, low_high_file, tmp_path, monkeypatch):
    from earmark.archive import cluster as clusters

    monkeypatch.setattr(clusters, "PATIENCE", 1.0)
    options = options_for(root_of(str(archive)), str(low_high_file))

    def refused(address):
        with pytest.raises(EarmarkError) as told:
            index(below(str(archive)), tmp_path / "index", options, Settings(scheduler=address))
        return str(told.value)

    assert "does not answer; start one with `dask scheduler`" in refused(f"tcp://127.0.0.1:{free_port()}")
    monkeypatch.setattr(clusters, "PATIENCE", 10.0)
    with scheduler() as address:
        assert "has no workers; start some: dask worker" in refused(address)
        monkeypatch.setattr(clusters, "PATIENCE", 60.0)
        with worker(address, tmp_path):
            monkeypatch.setattr(clusters, "__version__", "0.0.1")
            assert "in place of 0.0.1; it needs the same" in refused(address)
            with worker(address, tmp_path, threads=2) as second:
                several = "has workers with several threads; start them with --nthreads 1"
                until = time.monotonic() + 300
                while several not in (told := refused(address)):  # it has not come yet
                    assert "in place of 0.0.1; it needs the same" in told
                    assert second.poll() is None
                    assert time.monotonic() < until, "the second worker does not come"
                    time.sleep(0.1)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system keeps no process to a core")
def test_each_worker_of_this_machine_has_a_core_of_its_own():
    from earmark.archive.cluster import local

    cores = sorted(os.sched_getaffinity(0))
    with local(len(cores)) as client:
        kept = client.run(threads_and_cores).values()
        in_tasks = client.gather(
            [client.submit(threads_and_cores, pure=False, workers=[one]) for one in client.nthreads()]
        )
    assert sorted(core for (core,) in kept) == cores
    assert sorted(core for (core,) in in_tasks) == cores


def threads_and_cores():
    """The cores of all threads of this process."""
    from earmark.archive.cluster import TASKS

    return sorted({core for thread in TASKS.iterdir() for core in os.sched_getaffinity(int(thread.name))})


def test_a_worker_that_can_do_it(tmp_path):
    assert check(str(tmp_path), str(tmp_path), __version__) is None
    assert check("", str(tmp_path), __version__) is None
    assert check("s3://bucket", str(tmp_path), __version__) is None
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_lacks_something(tmp_path):
    assert check(str(tmp_path), str(tmp_path), "0") == f"has Earmark {__version__} in place of 0"
    assert check(str(tmp_path / "none"), str(tmp_path), __version__) == f"cannot see {tmp_path}/none"
    assert check(str(tmp_path), str(tmp_path / "none"), __version__) == f"cannot see {tmp_path}/none"
