from earmark.service.places import Places
from earmark.service.settings import Settings
from earmark.service.store import Job, Store
from earmark.service.upkeep import Upkeep


def filled(tmp_path, count=4, **limits):
    places, store = Places(tmp_path), Store(tmp_path / "jobs.sqlite")
    ids = []
    for number in range(count):
        job_id, folder = places.new()
        folder.upload.write_bytes(b"x" * 100)
        store.add(Job(job_id, "label", f"{number}.wav", "sounds", {}, bytes=100))
        ids.append(job_id)
    return Upkeep(Settings(tmp_path, **limits), store, places), store, places, ids


def finish(store, count):
    for _ in range(count):
        store.finish(store.claim(False).id, 1.0, 100)


def test_what_is_old_goes_and_what_is_not_finished_stays(tmp_path):
    upkeep, store, places, ids = filled(tmp_path, keep_seconds=0.0)
    finish(store, 3)
    upkeep.sweep()
    assert [job.id for job in store.every()] == ids[3:]
    assert places.ids() == ids[3:]


def test_the_oldest_go_until_the_rest_fits(tmp_path):
    upkeep, store, places, ids = filled(tmp_path, keep_bytes=250)
    finish(store, 4)
    upkeep.sweep()
    assert [job.id for job in store.every()] == ids[2:]
    assert places.ids() == sorted(ids[2:])


def test_an_upload_under_way_is_nobodys_stray(tmp_path):
    upkeep, _, places, ids = filled(tmp_path)
    uploading, _ = places.new()
    upkeep.sweep()
    assert places.ids() == sorted([*ids, uploading])


def test_what_an_earlier_server_left_goes_at_once(tmp_path):
    upkeep, _, places, ids = filled(tmp_path)
    places.new()
    upkeep.begin()
    assert places.ids() == sorted(ids)
