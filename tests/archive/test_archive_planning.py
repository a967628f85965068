from hypothesis import given
from hypothesis import strategies as st

from earmark.archive import planning
from earmark.archive.planning import Row, batched, plan
from earmark.archive.recordings import Recording

sizes = st.lists(st.one_of(st.integers(0, 10_000), st.integers(0, 10**10)), max_size=60)


@given(sizes, st.integers(1, 40), st.integers(1, 12))
def test_batches_hold_each_recording_once(all_sizes, workers, most):
    todo = [Recording(str(number), size) for number, size in enumerate(all_sizes)]
    batches = list(batched(todo, workers, most))
    assert sorted((one for batch in batches for one in batch), key=lambda r: int(r.name)) == todo
    assert all(0 < len(batch) <= most for batch in batches)
    enough = max(sum(all_sizes) / (planning.PARTS * workers), planning.LEAST_BYTES)
    assert all(sum(one.size for one in batch) <= enough for batch in batches if len(batch) > 1)
    flat = [one.size for batch in batches for one in batch]
    assert flat == sorted(flat, reverse=True)


def test_small_recordings_go_together_and_large_ones_alone():
    todo = [Recording(f"large {i}", 2 * planning.MOST_BYTES) for i in range(3)]
    todo += [Recording(f"small {i}", 100_000) for i in range(1500)]
    assert [len(batch) for batch in batched(todo, 1)] == [1, 1, 1, 1000, 500]


def test_the_last_batches_are_small_where_several_workers_end_together():
    todo = [Recording(f"{i:04}", 50_000) for i in range(1000)]
    sizes = [len(batch) * 50_000 for batch in batched(todo, 2)]
    assert sizes[0] == planning.LEAST_BYTES
    assert sizes == sorted(sizes, reverse=True)
    assert all(size <= planning.LEAST_BYTES_LAST for size in sizes[-2:])
    assert {len(batch) for batch in list(batched(todo, 1))[:-1]} == {31}


def row(**changed):
    return Row(**{"batch": "b1", "size": 5, "modified": 1.5, "bad": False, "version": "v", **changed})


def test_what_is_new_changed_bad_and_gone():
    found = [Recording(name, 5, 1.5) for name in ("bad", "new", "old", "other model", "resized", "touched")]
    known = {
        "bad": row(bad=True),
        "gone": row(batch="b2"),
        "old": row(),
        "other model": row(version="w", batch="b2"),
        "resized": row(size=6),
        "touched": row(modified=2.5),
    }
    made = plan(found, known, "v", retry_bad=False, prune=False)
    assert [one.name for one in made.todo] == ["new", "other model", "resized", "touched"]
    assert (made.unchanged, made.bad_before, made.changed, made.gone) == (2, 1, 3, ["gone"])
    assert made.drop == {"b1": {"resized", "touched"}, "b2": {"other model"}}
    again = plan(found, known, "v", retry_bad=True, prune=True)
    assert [one.name for one in again.todo] == ["bad", "new", "other model", "resized", "touched"]
    assert (again.unchanged, again.bad_before, again.changed) == (1, 0, 3)
    assert again.drop == {"b1": {"bad", "resized", "touched"}, "b2": {"other model", "gone"}}


def test_what_is_listed_but_not_there_keeps_its_rows():
    """As on a disk that is not mounted: what was heard in it is not exchanged for `no such file`."""
    found = [Recording(name) for name in ("bad", "good", "new")]
    known = {"bad": row(bad=True), "good": row()}
    made = plan(found, known, "v", retry_bad=False, prune=False)
    assert ([one.name for one in made.todo], made.gone, made.drop) == (["bad", "new"], ["good"], {"b1": {"bad"}})
    assert plan(found, known, "v", retry_bad=False, prune=True).drop == {"b1": {"bad", "good"}}
    untold = {"good": row(size=0, modified=None)}  # by a server that never tells more
    again = plan([Recording("good")], untold, "another model", retry_bad=False, prune=False)
    assert ([one.name for one in again.todo], again.gone) == (["good"], [])
