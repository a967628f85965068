import sqlite3
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from earmark.datasets.audioset.ledger import Ledger, LedgerRow, Outcome
from earmark.errors import DatasetError

ROW = LedgerRow(
    "-abc_1000", "-abc", 1.0, 11.0, ("guitar", "piano"), "guitar/-abc_1000.flac", Outcome.REFUSED, "HTTP 500", "", 4
)


def test_rows_outlive_the_connection_and_attempts_add_up(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        ledger.record(ROW)
        ledger.record(replace(ROW, outcome=Outcome.DONE, message="", attempts=2, signed_in=True))
    with Ledger(path) as ledger:
        (row,) = ledger.rows().values()
    assert row.time.endswith("+00:00")
    assert replace(row, time="") == replace(ROW, outcome=Outcome.DONE, message="", attempts=6, signed_in=True)


def test_a_row_is_there_for_others_as_soon_as_it_is_recorded(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        ledger.record(ROW)
        other = sqlite3.connect(path)
        assert other.execute("SELECT outcome FROM clips").fetchall() == [("refused",)]
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        other.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(message=st.text(st.characters(exclude_categories=("Cs",))), outcome=st.sampled_from(Outcome))
def test_any_message_is_kept(tmp_path, message, outcome):
    with Ledger(tmp_path / "any.sqlite") as ledger:
        ledger.record(replace(ROW, message=message, outcome=outcome))
        assert ledger.rows()[ROW.name].message == message
        assert ledger.rows()[ROW.name].outcome is outcome


@pytest.mark.parametrize("outcome", Outcome)
def test_what_is_asked_for_again(outcome):
    row = replace(ROW, outcome=outcome)
    assert row.settled(signed_in=False) == (outcome not in (Outcome.DONE, Outcome.REFUSED))
    assert row.settled(signed_in=True) == (outcome not in (Outcome.DONE, Outcome.REFUSED, Outcome.AGE))
    assert replace(row, signed_in=True).settled(signed_in=True) == row.settled(signed_in=False)


def test_a_file_that_is_no_ledger_is_refused(tmp_path):
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"these are no rows " * 100)
    with pytest.raises(DatasetError, match="cannot be used as a ledger"):
        Ledger(path)


def test_a_ledger_of_another_kind_is_refused(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.agree("rate", "44100", "choose another folder")
        ledger.agree("rate", "44100", "choose another folder")
        with pytest.raises(DatasetError, match="made with rate 44100, not 16000; choose another folder"):
            ledger.agree("rate", "16000", "choose another folder")
