"""axe-core finds nothing to object to on any view, in light and dark, on a desk and on a phone."""

from pathlib import Path

import pytest
from page_helpers import named
from stand_in import EXAMPLES

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WANTED = {
    "runOnly": {"type": "tag", "values": RULES},
    "resultTypes": ["violations"],  # of what is in order each node would be described, too
    "selectors": False,
}

PHONE = {"viewport": {"width": 390, "height": 844}}
DESK = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def axe():
    package = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    return (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


def violations(page, axe):
    page.evaluate(axe)
    found = page.evaluate("(wanted) => axe.run(document, wanted)", WANTED)
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]


def start(page):
    """With words to be found, and with files that wait."""
    page.locator("input[value=words]").check()
    page.locator("#file").set_input_files([named(name, b"x", "text/plain") for name in ("a.txt", "b.txt")])
    page.wait_for_selector("#queue li")


def live(page):
    """As if a chosen sound had been heard."""
    page.evaluate(
        "import('/static/alerts.js').then(({ alertOf }) => alertOf({ label: 'siren', text: 'siren' }, new Date()))"
    )
    page.wait_for_selector("#alerts:visible")


def recording(page):
    """With its scores second by second, what sounds like an event, and a sound that was taught."""
    page.wait_for_selector(".lane")
    page.get_by_role("button", name="Second by second").click()
    page.wait_for_selector(".second-row")
    page.locator(".event").first.focus()
    page.locator("#edit-alike").click()
    page.wait_for_selector("#alike-list li")
    page.locator("#edit-teach").click()
    page.locator("#teach-name").fill("My sound")
    page.keyboard.press("Enter")
    page.wait_for_selector("#teach-result:not(:empty)")


VIEWS = {
    "start": ("", start),
    "recording": ("street.mp4", recording),
    "words": ("five_words.flac", lambda page: page.wait_for_selector(".lane")),
    "classify": ("five_words.flac", lambda page: page.wait_for_selector("#event-list li.whole")),
    "live": ("#/live", live),
    "keys": ("", lambda page: page.locator("#keys-button").click()),
}


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing(browse, service, axe, view):
    place, prepare = VIEWS[view]
    if place.endswith((".mp4", ".flac")):
        place = f"#/jobs/{service.done(EXAMPLES / place, view if view in ('words', 'classify') else 'label')}"
    page = browse(place, reduced_motion="reduce", color_scheme="dark", **({} if view == "keys" else PHONE))
    prepare(page)
    assert violations(page, axe) == []
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(DESK)
    page.evaluate("scrollTo(0, 0)")  # a phone is longer: nothing is to stand half under the header
    assert violations(page, axe) == []
    page.wrong[:] = [text for text in page.wrong if "inline style" not in text]  # axe's own, while it measures
