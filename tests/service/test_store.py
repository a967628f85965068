from earmark.service.store import Job, Store
from earmark.service.tasks import QUICK


def job(number: int, task: str = "label") -> Job:
    return Job(f"{number:016x}", task, f"{number}.wav", "sounds", {"sensitivity": 0.5}, created=float(number + 1))


def test_jobs_wait_in_the_order_they_came(tmp_path):
    store = Store(tmp_path / "jobs.sqlite")
    for number in range(3):
        store.add(job(number))
    assert [store.position(job(n).id) for n in range(3)] == [0, 1, 2]
    assert store.claim(quick=False).id == job(0).id
    assert store.position(job(2).id) == 1
    assert [one.id for one in store.listed()] == [job(n).id for n in (2, 1, 0)]


def test_what_a_request_waits_for_has_a_lane_of_its_own(tmp_path):
    store = Store(tmp_path / "jobs.sqlite")
    store.add(job(0))
    store.add(job(1, QUICK))
    assert store.claim(quick=True).id == job(1).id
    assert store.claim(quick=True) is None
    assert [one.id for one in store.listed()] == [job(0).id]


def test_after_a_crash_what_ran_waits_again_and_what_is_done_stays(tmp_path):
    store = Store(tmp_path / "jobs.sqlite")
    for number in range(3):
        store.add(job(number))
    store.add(job(3, QUICK))
    store.finish(store.claim(False).id, duration=4.5, size=10)
    store.claim(False)
    again = Store(tmp_path / "jobs.sqlite")  # the first is not closed: it was killed
    again.recover(20)
    assert [one.state for one in again.every()] == ["done", "queued", "queued"]
    assert again.claim(False).id == job(1).id


def test_a_job_comes_back_as_it_was_put(tmp_path):
    store = Store(tmp_path / "jobs.sqlite")
    store.add(job(7))
    assert store.get(job(7).id) == job(7)
    store.fail(job(7).id, {"title": "no", "detail": "σπασμένο"})
    assert store.get(job(7).id).error == {"title": "no", "detail": "σπασμένο"}
    assert store.counts() == {"failed": 1}
    store.remove(job(7).id)
    assert store.get(job(7).id) is None


def test_crashes_and_kills_are_counted_apart(tmp_path):
    store = Store(tmp_path / "jobs.sqlite")
    store.add(job(0))
    store.claim(False)
    store.requeue(job(0).id, kills=1)
    store.claim(False)
    store.requeue(job(0).id, crashes=1)
    kept = store.get(job(0).id)
    assert (kept.state, kept.crashes, kept.kills) == ("queued", 1, 1)
