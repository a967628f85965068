"""How clips are asked for: the pace, what errors mean, and what is kept of each."""

import sqlite3
import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import yt_dlp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yt_dlp.networking.exceptions import IncompleteRead
from yt_dlp.utils import DownloadError, ExtractorError, GeoRestrictedError, UnsupportedError

from earmark.datasets.audioset.acquisition import Pace, StoppedError
from earmark.datasets.audioset.candidates import Quota, Settings
from earmark.datasets.audioset.ledger import ClipError, Ledger, LedgerRow, Outcome
from earmark.datasets.audioset.tables import Segment
from earmark.datasets.audioset.videos import explain
from earmark.errors import DatasetError

BLOCKED = ClipError(Outcome.REFUSED, "HTTP 429", again=True, blocked=True)
FAILED = ClipError(Outcome.REFUSED, "HTTP 500", again=True)


def pace(**changed):
    return Pace(Settings(**{"pause": 0.0, "backoff": 0.0, "refusals": 3, **changed}), np.random.default_rng(0))


def test_requests_under_way_make_one_refusal_of_several():
    one = pace()
    began = one.turn()
    for _ in range(10):
        one.failed(BLOCKED, began, 1)
    assert not one.stopped


def test_refusals_in_a_row_stop_all():
    one = pace()
    for _ in range(3):
        one.failed(BLOCKED, one.turn(), 1)
    assert one.stopped
    assert one.reason == "HTTP 429"
    with pytest.raises(StoppedError):
        one.turn()


def test_an_answer_between_refusals_forgives_them():
    one = pace()
    for _ in range(9):
        one.failed(BLOCKED, one.turn(), 1)
        one.answered()
    assert not one.stopped


def test_clips_that_are_given_up_count_but_not_each_attempt():
    one = pace()
    for attempt in (1, 2, 3, None, 1, 2, 3, None):
        one.failed(FAILED, one.turn(), attempt)
    assert not one.stopped
    one.failed(FAILED, one.turn(), None)
    assert one.stopped


def test_a_server_that_asks_us_to_wait_is_obeyed():
    one = pace()
    before = time.monotonic()
    one.failed(ClipError(Outcome.REFUSED, "HTTP 429", again=True, blocked=True, wait=0.2), one.turn(), 1)
    assert one.turn() - before >= 0.2


def test_a_stop_ends_a_long_wait():
    one = pace(backoff=1000.0, longest=1000.0)
    one.failed(BLOCKED, one.turn(), 1)
    one.stop()
    with pytest.raises(StoppedError):
        one.turn()
    assert not one.reason


@given(
    fates=st.lists(st.lists(st.booleans(), max_size=12), min_size=1, max_size=3),
    quota=st.integers(1, 6),
    jobs=st.integers(1, 5),
    seed=st.integers(0, 99),
)
def test_a_quota_asks_for_no_more_than_it_needs_whoever_is_quicker(fates, quota, jobs, seed):
    candidates = {f"c{n}": [Segment(f"{n}-{i}", 0, 1) for i in range(len(fate))] for n, fate in enumerate(fates)}
    good = {f"{n}-{i}" for n, fate in enumerate(fates) for i, fine in enumerate(fate) if fine}
    todo, rng = Quota(candidates, quota, settled=set()), np.random.default_rng(seed)
    under_way, asked = [], []
    while True:
        while len(under_way) < jobs and (wanted := todo.next()):
            under_way.append(wanted)
            asked.append(wanted)
        if not under_way:
            break
        wanted = under_way.pop(rng.integers(len(under_way)))
        (todo.done if wanted.segment.video in good else todo.failed)(wanted)
    for number, fate in enumerate(fates):
        place = np.cumsum([*fate, 0])
        needed = int(np.argmax(place >= quota)) + 1 if place[-1] >= quota else len(fate)
        assert todo.in_place[f"c{number}"] == min(sum(fate), quota)
        assert Counter(wanted.labels[0] for wanted in asked)[f"c{number}"] == needed


def as_raised(error):
    """As yt-dlp hands on what its extractor for a site raises."""
    try:
        try:
            raise error
        except ExtractorError as inner:
            raise DownloadError(f"ERROR: {inner}", (type(inner), inner, None)) from inner
    except DownloadError as outer:
        return outer


# What YouTube's players say, from yt-dlp's issues and its extractor.
SAID = [
    ("Private video. Sign in if you've been granted access to this video", Outcome.PRIVATE),
    ("Join this channel to get access to members-only content like this video", Outcome.PRIVATE),
    ("This video is available to this channel's members on level: Gold", Outcome.PRIVATE),
    ("This video requires payment to watch", Outcome.PRIVATE),
    ("Sign in to confirm your age. This video may be inappropriate for some users.", Outcome.AGE),
    ("This video is age-restricted and only available on YouTube.", Outcome.AGE),
    ("Video unavailable", Outcome.GONE),
    ("Video unavailable. This video is no longer available because the YouTube account associated with this video has "
     "been terminated.", Outcome.GONE),
    ("Video unavailable. This video is not available", Outcome.GONE),
    ("This video has been removed by the uploader", Outcome.GONE),
    ("This video has been removed for violating YouTube's Terms of Service", Outcome.GONE),
    ("Video unavailable. This video contains content from SME, who has blocked it on copyright grounds", Outcome.GONE),
    ("Video unavailable. This video contains content from SME, who has blocked it in your country on copyright grounds",
     Outcome.REGION),
    ("Video unavailable. The uploader has not made this video available in your country", Outcome.REGION),
    ("Sign in to confirm you’re not a bot. Use --cookies-from-browser or --cookies for the authentication",
     Outcome.REFUSED),
    ("Video unavailable. This content isn't available, try again later. The current session has been rate-limited by "
     "YouTube for up to an hour.", Outcome.REFUSED),
    ("Requested format is not available. Use --list-formats for a list of available formats", Outcome.REFUSED),
    ("Premieres in 3 hours", Outcome.REFUSED),
]  # fmt: skip


@pytest.mark.parametrize(("words", "outcome"), SAID)
def test_the_words_of_youtube(words, outcome):
    found = explain(as_raised(ExtractorError(f"[youtube] -abcdefghij: {words}", expected=True)))
    assert found.outcome is outcome
    assert str(found) == words
    assert found.blocked == ("not a bot" in words or "rate-limited" in words)
    assert found.again == found.blocked


def test_the_types_of_yt_dlp():
    assert explain(as_raised(GeoRestrictedError("elsewhere only", countries=["GR"]))).outcome is Outcome.REGION
    assert explain(as_raised(UnsupportedError("http://x"))).outcome is Outcome.DAMAGED
    cut = explain(as_raised(ExtractorError("Unable to download", cause=IncompleteRead(3, 4), expected=True)))
    assert (cut.outcome, cut.again, cut.blocked) == (Outcome.REFUSED, True, False)


def test_what_is_not_known_is_not_taken_for_good():
    found = explain(as_raised(ExtractorError("nsig extraction failed")))
    assert (found.outcome, found.again) == (Outcome.REFUSED, False)
    assert str(found) == "nsig extraction failed"
    assert explain(KeyError("formats")).outcome is Outcome.REFUSED


def test_formats_are_chosen_without_pictures_and_without_fragments():
    from earmark.datasets.audioset.videos import FORMAT

    formats = [
        {"format_id": "whole", "url": "http://x/1", "ext": "mp4", "acodec": "aac", "vcodec": "avc1", "abr": 96},
        {"format_id": "sound", "url": "http://x/2", "ext": "webm", "acodec": "opus", "vcodec": "none", "abr": 130},
        {"format_id": "parts", "url": "http://x/3.m3u8", "ext": "mp4", "acodec": "aac", "vcodec": "none", "abr": 256},
        {"format_id": "dash", "url": "http://x/4", "ext": "m4a", "acodec": "aac", "vcodec": "none", "abr": 256,
         "protocol": "http_dash_segments"},
    ]  # fmt: skip

    def chosen(listed):
        info = {"id": "x", "title": "x", "formats": [dict(one) for one in listed], "extractor": "x"}
        options = {"quiet": True, "format": FORMAT, "simulate": True, "allowed_extractors": ["generic"]}
        with yt_dlp.YoutubeDL(options) as site:
            return site.process_ie_result(info, download=False)["format_id"]

    assert chosen(formats) == "sound"
    assert chosen([formats[0], formats[2]]) == "whole"


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
