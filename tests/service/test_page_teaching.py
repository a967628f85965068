"""A sound is taught from the page, in Debian's Chromium: named, learned, chosen, deleted."""

import json

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from browser import eventually, until
from page_helpers import asked, bar

pytestmark = pytest.mark.browser


def lessons(service):
    return [json.loads(body) for _, body in asked(service, "TEACH", "/v1/models")]


def models(page, select):
    return page.evaluate(f"[...document.getElementById('{select}').options].map(({{ value }}) => value)")


def test_a_sound_is_taught_by_its_events_chosen_and_deleted(work, service):
    bar(work, 1).click()
    work.get_by_role("button", name="Teach this sound").click()
    assert work.evaluate("document.activeElement.id") == "teach-name"
    assert work.locator("#teach-name").input_value() == "My Dog barking"  # as the model knows dogs
    assert work.locator("#teach-about").inner_text().startswith("Marked as Dog barking: 2.")
    work.get_by_role("button", name="Teach", exact=True).click()
    work.wait_for_selector("#teach-result:not(:empty)")
    (lesson,) = lessons(service)
    assert (lesson["label"], lesson["name"]) == ("dog", "my_dog_barking")
    said = work.locator("#teach-result").inner_text()
    assert "“My dog barking” is learned." in said
    assert "1 of 2 examples were recognised; of other sounds 0.4% would be marked" in said
    assert "sounds+my_dog_barking" in said
    assert work.locator("#teach-form").is_hidden()
    assert work.evaluate("document.activeElement.id") == "teach-title"
    work.keyboard.press("Escape")
    eventually(work, "document.activeElement.id === 'edit-teach'")

    work.locator("#nav-live").click()
    assert "sounds+my_dog_barking" in models(work, "live-model")
    assert work.locator("#live-model").input_value() == "sounds"
    work.locator("#nav-recordings").click()
    work.locator("details.options").evaluate("(one) => { one.open = true; }")
    assert work.locator("#model").input_value() == "sounds+my_dog_barking"
    work.once("dialog", lambda dialog: dialog.accept())
    work.get_by_role("button", name="Delete this model").click()
    until(work, lambda: "sounds+my_dog_barking" not in models(work, "model"))
    assert not service.taught
    assert work.locator("#model-forget").is_hidden()
    assert work.evaluate("document.activeElement.id") == "model"


def test_by_keys_what_was_just_corrected_is_saved_first(work, service):
    bar(work, 1).click()
    work.locator("#edit-label").fill("Door bell")
    work.keyboard.press("Enter")
    work.locator(".lane[data-label=door_bell] .event").focus()
    work.keyboard.press("t")
    assert work.locator("#teach-name").input_value() == "Door bell"
    work.keyboard.press("Enter")
    work.wait_for_selector("#teach-result:not(:empty)")
    order = [how for how, where, _ in service.asked if how == "PUT" or (how, where) == ("POST", "/v1/models")]
    assert order == ["PUT", "POST"]
    assert lessons(service)[0]["name"] == "door_bell"
    assert "One example says little" in work.locator("#teach-result").inner_text()


def test_a_name_that_the_model_knows_is_refused_and_can_be_changed(work, service):
    bar(work, 1).click()
    work.keyboard.press("t")
    work.locator("#teach-name").fill("Siren wailing")
    work.keyboard.press("Enter")
    work.wait_for_selector("#banner:visible")
    assert "knows 'siren' already" in work.locator("#banner-text").inner_text()
    assert work.locator("#teach-go").is_enabled()
    work.locator("#teach-name").fill("Fire engine")
    work.keyboard.press("Enter")
    work.wait_for_selector("#teach-result:not(:empty)")
    assert [one["name"] for one in lessons(service)] == ["siren", "fire_engine"]
    work.wrong[:] = [text for text in work.wrong if "422" not in text]  # the browser's own line
