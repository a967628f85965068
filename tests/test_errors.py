import pickle

import pytest

from earmark.errors import DatasetError, EarmarkError, MissingExtraError


@pytest.mark.parametrize(
    "error",
    [EarmarkError("a.wav", "is gone", "bring it back"), DatasetError("b", "is empty"), MissingExtraError("x", "y")],
)
def test_an_error_comes_whole_out_of_another_process(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert (again.subject, again.reason, again.remedy) == (error.subject, error.reason, error.remedy)
