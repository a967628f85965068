import pytest
import yt_dlp
from yt_dlp.networking.exceptions import IncompleteRead
from yt_dlp.utils import DownloadError, ExtractorError, GeoRestrictedError, UnsupportedError

from earmark.datasets.audioset.ledger import Outcome
from earmark.datasets.audioset.videos import explain


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
        with yt_dlp.YoutubeDL({"quiet": True, "format": FORMAT, "simulate": True}) as site:
            return site.process_ie_result(info, download=False)["format_id"]

    assert chosen(formats) == "sound"
    assert chosen([formats[0], formats[2]]) == "whole"
