"""Run folders: one process at a time."""

import pytest

from earmark.errors import EarmarkError
from earmark.training.run_folder import finished, opened


def test_a_run_is_taken_up_by_one_process_at_a_time(tmp_path):
    with opened(tmp_path, "epochs: 1") as folder:
        again = opened(tmp_path, "epochs: 1")
        with pytest.raises(EarmarkError, match="is being filled by another `earmark train`; wait for it"), again:
            pass
        with opened(tmp_path, "epochs: 2") as other:
            assert other != folder
    with opened(tmp_path, "epochs: 1") as once_more:
        assert once_more == folder


def test_a_finished_run_holds_no_lock_and_is_not_taken_up(tmp_path):
    with opened(tmp_path, "epochs: 1") as folder:
        (folder / "model.onnx").touch()
        done = finished(folder)
    assert sorted(path.name for path in done.iterdir()) == ["model.onnx", "recipe.yaml"]
    assert not folder.exists()
    with opened(tmp_path, "epochs: 1") as new:
        assert new not in (folder, done)
