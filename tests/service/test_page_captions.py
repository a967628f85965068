"""The page's captions in Debian's Chromium: their look is asked for and kept; a dialogue goes among them."""

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from browser import eventually, shows, until
from page_helpers import asked, named
from stand_in import EXAMPLES

pytestmark = pytest.mark.browser

DIALOGUE = "1\n00:00:01,000 --> 00:00:02,000\nŽivý kůň\n\n"


@pytest.fixture
def street(browse, service):
    """The page with the example opened."""
    page = browse(f"#/jobs/{service.done(EXAMPLES / 'street.mp4')}")
    page.wait_for_selector(".lane")
    return page


def looks(service):
    """The query of the captions that were asked for last."""
    return next((address for address, _ in reversed(asked(service, "GET", "to=vtt"))), "")


def test_the_look_has_names_and_is_asked_for_and_kept(street, service):
    for name, options in {"density": 3, "preset": 3, "music": 2, "position": 2}.items():
        texts = street.locator(f"#look-{name} option").all_inner_texts()
        assert len(set(filter(None, texts))) == options
    assert street.get_by_label("How many").input_value() == "normal"
    wanted = {"preset": "french", "density": "all", "music": "notes", "position": "top"}
    for name, value in wanted.items():
        street.locator(f"#look-{name}").select_option(value)
    until(street, lambda: all(f"{name}={value}" in looks(service) for name, value in wanted.items()))
    for link in street.locator("#downloads a").all()[:4]:
        assert "density=all" in link.get_attribute("href")
    assert "preset=french" in street.locator("#downloads a", has_text="TTML").get_attribute("href")
    service.asked.clear()
    street.reload()
    street.wait_for_selector(".lane")
    for name, value in wanted.items():
        assert street.locator(f"#look-{name}").input_value() == value
    until(street, lambda: looks(service))
    assert "density=all" in looks(service)


def test_subtitles_go_among_the_captions_in_their_encoding_and_out_again_and_others_are_told_of(street, service):
    street.locator("#language").select_option("cs")
    eventually(street, "document.documentElement.lang === 'cs'")  # by which an encoding is guessed
    street.locator("#merge-file").set_input_files(named("film.srt", DIALOGUE.encode("cp1250"), "text/plain"))
    shows(street, "#merge-name", "film.srt · cp1250")
    eventually(street, "document.querySelector('track')?.track.cues?.[0]?.text === 'Živý kůň'")
    assert "encoding=cp1250" in asked(service, "POST", "/merge")[-1][0]
    with street.expect_download() as download:
        street.locator("#downloads a", has_text="SubRip").click()
    assert download.value.suggested_filename == "street.sdh.srt"
    street.locator("#merge-drop").click()
    assert street.locator("#merge-name").inner_text() == ""
    eventually(street, "document.querySelector('track')?.track.cues?.[0]?.text !== 'Živý kůň'")

    street.locator("#merge-file").set_input_files(named("film.srt", b"nothing", "text/plain"))
    shows(street, "#banner-text", "film.srt: holds no subtitles")
    assert street.locator("#merge-name").inner_text() == ""
    street.wrong[:] = [text for text in street.wrong if "status of 422" not in text]
