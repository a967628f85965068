"""More like an event on the page, in Debian's Chromium: heard, marked, taken back."""

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from browser import eventually, until
from page_helpers import asked, bar, saved

pytestmark = pytest.mark.browser

DOG = {"label": "dog", "score": 1}
FIRST = {"onset": 8.5, "offset": 9.0, **DOG}
SECOND = {"onset": 6.2, "offset": 6.7, **DOG}


def rows(page):
    """Time and similarity of each stretch in the list."""
    return page.evaluate(
        "[...document.querySelectorAll('#alike-list li')]"
        ".map((row) => ['.at', '.score'].map((cell) => row.querySelector(cell).textContent))"
    )


def test_like_stretches_are_heard_marked_and_taken_back(work, service):
    """Of three that are like the short bark, 5.0 to 5.5, one lies in the other bark, and is marked so."""
    bar(work, 1).click()
    work.get_by_role("button", name="More like this").click()
    until(work, lambda: len(rows(work)) == 2)
    ((address, _),) = asked(service, "GET", "alike")
    assert "onset=5&offset=5.5&" in address
    assert work.get_by_role("region", name="Sounds like Dog barking at 0:05.0").is_visible()
    assert rows(work) == [["0:08.50 to 0:09.00", "80%"], ["0:06.20 to 0:06.70", "60%"]]
    work.get_by_role("button", name="Play 0:08.50 to 0:09.00").click()
    eventually(work, "document.getElementById('media').paused && document.getElementById('media').currentTime > 8.9")

    work.get_by_role("button", name="Mark as Dog barking, 0:08.50 to 0:09.00").click()
    assert rows(work) == [["0:06.20 to 0:06.70", "60%"]]
    assert "0:06.20" in work.evaluate("document.activeElement.getAttribute('aria-label')")
    assert FIRST in saved(work, service)
    work.keyboard.press("Control+z")
    until(work, lambda: len(rows(work)) == 2)
    until(work, lambda: asked(service, "PUT", "events")[-1][1].startswith('{"events":null'))


def test_all_are_marked_by_keys_as_the_example_is_called_by_then(work, service):
    bar(work, 1).focus()
    work.keyboard.press("m")
    until(work, lambda: len(rows(work)) == 2)
    assert work.evaluate("document.activeElement.id") == "alike-title"
    work.keyboard.press("Tab")
    eventually(work, "document.activeElement.id === 'alike-all'")
    work.keyboard.press("Enter")
    work.wait_for_selector("#alike-none:visible")
    assert work.evaluate("document.activeElement.id") == "alike-title"
    assert [one for one in saved(work, service) if one in (FIRST, SECOND)] == [SECOND, FIRST]
    work.keyboard.press("Control+z")
    until(work, lambda: len(rows(work)) == 2)  # it was one change

    bar(work, 1).click()
    work.locator("#edit-label").fill("Rooster")
    work.keyboard.press("Enter")
    until(work, lambda: len(rows(work)) == 3)  # what a dog barks is no crowing
    work.get_by_role("button", name="Mark as Rooster").first.click()
    assert {"onset": 1.0, "offset": 1.5, "label": "rooster", "score": 1} in saved(work, service)
    work.keyboard.press("Escape")
    eventually(work, "document.activeElement.id === 'edit-alike'")
    assert work.locator("#alike").is_hidden()


def test_a_job_without_embeddings_does_not_offer_it(browse, service, recording):
    key = service.done(recording)
    service.jobs[key]["job"]["links"] = {}
    page = browse(f"#/jobs/{key}")
    page.wait_for_selector(".lane")
    assert page.locator("#edit-alike").is_hidden()
    bar(page, 1).focus()
    page.keyboard.press("m")
    assert page.locator("#alike").is_hidden()
    assert not asked(service, "GET", "alike")
