from earmark._version import __version__
from earmark.archive.workers import check


def test_a_worker_that_can_do_it(tmp_path):
    assert check(str(tmp_path), str(tmp_path), __version__) is None
    assert check("", str(tmp_path), __version__) is None
    assert check("s3://bucket", str(tmp_path), __version__) is None
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_lacks_something(tmp_path):
    assert check(str(tmp_path), str(tmp_path), "0") == f"has Earmark {__version__} in place of 0"
    assert check(str(tmp_path / "none"), str(tmp_path), __version__) == f"cannot see {tmp_path}/none"
    assert check(str(tmp_path), str(tmp_path / "none"), __version__) == f"cannot see {tmp_path}/none"
