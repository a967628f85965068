"""The page's other views in Debian's Chromium: a file as a whole, seconds, classifiers compared, texts of words."""

import json
from itertools import pairwise

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from browser import eventually, shows, until
from page_helpers import asked, named, played
from stand_in import EXAMPLES

pytestmark = pytest.mark.browser

WORDS = EXAMPLES / "five_words.flac"
STREET = EXAMPLES / "street.mp4"


def value(page, label):
    return page.get_by_role("slider", name=f"{label}, second by second").get_attribute("aria-valuetext")


def saved_texts(page, service):
    shows(page, "#words-saved", "All corrections saved")
    return json.loads(asked(service, "PUT", "words")[-1][1])["texts"]


def test_a_file_as_a_whole(browse, service):
    page = browse()
    page.get_by_role("radio", name="Whole file").check()
    page.locator("#file").set_input_files(WORDS)
    page.wait_for_selector("#event-list li.whole")
    ((_, form),) = asked(service, "FORM", "jobs")
    assert json.loads(form) == {"task": "classify", "model": "sounds", "language": "en"}
    assert page.locator("#event-list .what").all_text_contents()[:2] == ["Dog barking", "Siren wailing"]
    assert page.locator("#event-list .score").all_text_contents()[:2] == ["90%", "80%"]
    widths = page.evaluate("[...document.querySelectorAll('.share i')].map((bar) => parseFloat(bar.style.width))")
    assert widths == sorted(widths, reverse=True)
    assert widths[0] == 90
    assert page.locator("#downloads a b").all_inner_texts() == ["JSON", "CSV"]
    for one in ("#editbar", "#nothing", "#look-block", "#seconds-show", "#sensitivity-card", "#dataset-block"):
        assert page.locator(one).is_hidden(), one
    page.get_by_role("button", name="Play", exact=True).click()  # it is heard, too
    eventually(page, "document.getElementById('media').currentTime > 0")


def test_several_files_tell_in_the_queue_what_they_are(browse):
    page = browse()
    page.get_by_role("radio", name="Whole file").check()
    page.locator("#file").set_input_files(
        [named(name, WORDS.read_bytes(), "audio/flac") for name in ("a.flac", "b.flac")]
    )
    until(page, lambda: page.locator("#queue li", has_text="Dog barking 90%, Siren wailing 80%").count() == 2)
    assert page.locator("#queue-zip").inner_text() == "Answers for all 2 as a zip"
    assert "to=csv" in page.locator("#queue-zip").get_attribute("href")


def test_scores_second_by_second_by_keys(browse, service):
    page = browse(f"#/jobs/{service.done(STREET)}")
    page.wait_for_selector(".lane")
    page.get_by_role("button", name="Second by second").click()
    page.wait_for_selector(".second-row")
    assert page.locator("#seconds .second-row").count() == 3
    eventually(page, "document.getElementById('media').readyState > 2")
    row = page.get_by_role("slider", name="Dog barking, second by second")
    row.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert value(page, "Dog barking") == "Dog barking, 0:02 to 0:03: 100%"
    page.keyboard.press("End")
    assert row.get_attribute("aria-valuenow") == row.get_attribute("aria-valuemax") == "47"
    assert value(page, "Dog barking").endswith(": 0%")
    page.keyboard.press("Home")
    page.keyboard.press("PageUp")
    page.keyboard.press("Enter")
    eventually(page, "document.getElementById('media').currentTime > 10.9 && document.getElementById('media').paused")
    assert played(page) < 11.5
    assert page.locator(".event.selected").count() == 0  # to the lanes these keys meant nothing

    drawn = "(row) => [...row.querySelector('canvas').getContext('2d').getImageData(0, 0, 9999, 9).data].some(Boolean)"
    assert row.evaluate(drawn)
    page.get_by_label("Show another sound …").select_option("train")
    until(page, lambda: page.locator("#seconds .second-row").count() == 4)
    with page.expect_download() as download:
        page.get_by_role("link", name="Scores as CSV").click()
    assert download.value.suggested_filename == "yard.scores.csv"
    assert "label=train" in asked(service, "GET", "to=csv")[-1][0]
    page.get_by_role("button", name="Dog barking", exact=True).click()
    until(page, lambda: page.locator("#seconds .second-row").count() == 3)
    page.get_by_role("button", name="Second by second").click()
    assert page.locator("#seconds").is_hidden()


def test_classifiers_are_compared_and_heard(browse, service):
    page = browse(f"#/jobs/{service.done(WORDS, 'words')}")
    page.wait_for_selector("#compared .lane")
    names = page.locator("#compared-names .name").all_inner_texts()
    assert [name.split("\n") for name in names] == [
        ["Least squares", "4 words, 120 Hz"],
        *([name, "5 words, 120 Hz"] for name in ("SVM", "MLP", "RNN", "GRU")),
    ]
    eventually(page, "document.getElementById('media').readyState > 2")
    svm = page.get_by_role("group", name="SVM: 5 words, 120 Hz").get_by_role("button")
    svm.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    eventually(page, "document.getElementById('media').currentTime > 2.05 && document.getElementById('media').paused")
    assert played(page) < 2.5
    assert [one.get_attribute("tabindex") for one in svm.all()] == ["-1", "0", "-1", "-1", "-1"]


def test_a_text_given_with_a_recording_fills_its_words(browse, service):
    page = browse()
    assert page.locator("#words-options").is_hidden()
    page.get_by_role("radio", name="Words").check()
    page.locator("#words-text").fill("one two three four five")
    page.get_by_label("Language of the text").select_option("cs")
    page.locator("#words-compare").uncheck()
    page.locator("#file").set_input_files(WORDS)
    page.wait_for_selector("#event-list li")
    ((_, form),) = asked(service, "FORM", "jobs")
    sent = {"task": "words", "classifier": "rnn", "language": "cs", "text": "one two three four five"}
    assert json.loads(form) == sent
    fields = page.get_by_role("textbox", name="Word")
    assert [field.input_value() for field in fields.all()] == sent["text"].split()
    assert page.locator(".event").nth(1).get_attribute("aria-label").startswith("two, ")
    assert page.locator("#downloads a", has_text="CTM").is_visible()

    fields.nth(1).fill("")
    page.keyboard.press("Tab")
    assert saved_texts(page, service)[1] is None
    until(page, lambda: page.locator("#downloads a", has_text="CTM").count() == 0)  # it needs all of them
    page.locator(".event").first.focus()
    page.keyboard.press("Control+z")
    until(page, lambda: saved_texts(page, service)[1] == "two")
    assert fields.nth(1).input_value() == "two"


def test_a_text_is_for_one_recording(browse, service):
    page = browse()
    page.get_by_role("radio", name="Words").check()
    page.locator("#words-text").fill("one")
    page.locator("#file").set_input_files(
        [named(name, WORDS.read_bytes(), "audio/flac") for name in ("a.flac", "b.flac")]
    )
    assert "The text is of one recording" in page.locator("#banner").inner_text()
    until(page, lambda: len(asked(service, "FORM", "jobs")) == 2)
    assert all("text" not in json.loads(form) for _, form in asked(service, "FORM", "jobs"))


def test_neighbours_have_different_colours(browse, service):
    page = browse(f"#/jobs/{service.done(STREET)}")
    page.wait_for_selector(".lane")
    tones = page.evaluate(
        "[...document.querySelectorAll('#lanes .lane')].map((one) => one.className.match(/tone-./)[0])"
    )
    assert len(tones) > 5
    assert all(one != other for one, other in pairwise(tones))


def test_without_a_picture_there_is_no_black_box_and_the_list_is_long(browse, service):
    page = browse(f"#/jobs/{service.done(WORDS)}", viewport={"width": 1280, "height": 1200})
    page.wait_for_selector(".lane")
    assert page.locator("#media").is_hidden()
    assert page.locator(".event-list").bounding_box()["height"] > 1200 / 2
