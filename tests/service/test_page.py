"""The page in Debian's Chromium, beside a stand-in for the service: what a person does, and what is asked then."""

import io
import json
import re
import wave
from base64 import b64decode, b64encode

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from browser import becomes, eventually, shows, until
from page_helpers import SECONDS, STATES, asked, bar, lanes, named, played, saved, slide, sound, times
from stand_in import EXAMPLES

from earmark.service.pages import STATIC

pytestmark = pytest.mark.browser

LANGUAGES = ("cs", "de", "el", "en", "es", "fr", "ko", "pl", "ru")


def test_a_dropped_file_is_sent_and_its_lanes_are_drawn_and_nothing_is_decoded(browse, service, recording):
    page = browse()
    data = page.evaluate_handle(
        """(letters) => {
            const data = new DataTransfer();
            const bytes = Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
            data.items.add(new File([bytes], "yard.wav", { type: "audio/wav" }));
            return data;
        }""",
        b64encode(recording.read_bytes()).decode(),
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": data})
    page.wait_for_selector(".lane")
    assert lanes(page) == ["dog", "siren", "speech"]
    assert page.title() == "yard.wav – Earmark"
    ((_, form),) = asked(service, "FORM", "jobs")
    assert json.loads(form) == {"task": "label", "model": "sounds", "language": "en"}
    assert page.locator("#media").get_attribute("src").startswith("blob:")
    assert np.array(times(page)) == pytest.approx(np.array([[1, 2.5], [5, 5.5], [3, 6], [7, 8]]), abs=1e-3)
    drawn = "(id) => new Set(document.getElementById(id).getContext('2d').getImageData(0, 0, 900, 60).data).size"
    assert page.evaluate(drawn, "spectrogram") > 20
    inside = "document.querySelector('#wave div').shadowRoot"
    assert page.evaluate(f"{inside}.querySelectorAll('canvas').length") > 0
    nonce = page.locator("meta[name=csp-nonce]").get_attribute("content")
    assert page.evaluate(f"{inside}.querySelector('style').nonce") == nonce
    assert page.evaluate(f"getComputedStyle({inside}.querySelector('.wrapper')).position") == "relative"
    eventually(page, "document.getElementById('media').readyState > 2")
    assert not page.evaluate(
        "performance.getEntriesByType('resource')"
        ".some(one => one.name.startsWith('blob:') && one.initiatorType === 'fetch')"
    )


def test_a_click_on_an_event_plays_it_and_stops_at_its_end_and_one_beside_moves_the_playhead(work):
    bar(work, 1).click()  # the short bark, 5.0 to 5.5
    eventually(work, "document.getElementById('media').paused && document.getElementById('media').currentTime > 5.4")
    assert played(work) == pytest.approx(5.5, abs=0.05)
    assert bar(work, 1).get_attribute("aria-pressed") == "true"
    assert work.locator("#edit-label").input_value() == "Dog barking"
    assert "Dog barking, 0:05.00 to 0:05.50" in bar(work, 1).get_attribute("aria-label")
    place = work.locator("#spectrogram").bounding_box()
    work.mouse.click(place["x"] + place["width"] * 0.8, place["y"] + 30)
    assert played(work) == pytest.approx(8.0, abs=0.1)


def test_captions_are_a_track_and_large_where_there_is_no_picture_and_follow_the_language_as_labels_do(work):
    eventually(work, "document.querySelector('track')?.track.cues?.length === 4")
    assert work.locator("track").get_attribute("kind") == "captions"
    assert work.locator("track").get_attribute("srclang") == "en"
    work.evaluate("document.getElementById('media').currentTime = 4")
    eventually(work, "document.getElementById('caption-text').textContent === 'siren wailing'")
    work.locator("#language").select_option("el")
    eventually(work, "document.getElementById('names').innerText.includes('Σκύλος γαβγίζει')")
    eventually(work, "document.querySelector('track')?.srclang === 'el'")
    eventually(work, "document.querySelector('track')?.track.cues?.[0]?.text === 'σκύλος γαβγίζει'")


def test_a_threshold_moves_without_an_upload(work, service):
    slide(work, work.locator("#thresholds input[data-label=siren]"), 0.85)
    eventually(work, "!document.querySelector('.lane[data-label=siren]')")
    slide(work, work.locator("#sensitivity"), 0.8)
    eventually(work, "Boolean(document.querySelector('.lane[data-label=rain]'))")
    assert lanes(work) == ["rain", "dog", "speech"]
    assert asked(service, "FORM", "jobs") == []
    assert asked(service, "GET", r"to=json&sensitivity=0\.8&threshold=siren%3A0\.85")
    address = work.locator("#downloads a", has_text="WebVTT").get_attribute("href")
    assert "to=vtt&sensitivity=0.8&threshold=siren%3A0.85&language=en&download=true" in address
    work.locator("#reset").click()
    eventually(work, "Boolean(document.querySelector('.lane[data-label=siren]'))")


def test_events_are_corrected_and_saved(work, service):
    bar(work, 0).focus()
    work.locator("#edit-label").fill("Siren wailing")
    work.keyboard.press("Enter")
    eventually(work, "document.querySelectorAll('.lane[data-label=siren] .event').length === 2")
    work.locator("#edit-onset").fill("0.5")
    work.keyboard.press("Tab")
    work.locator("#edit-label").fill("Squeaky  gate")  # in nobody's list
    work.keyboard.press("Enter")
    first = saved(work, service)[0]
    assert first == {"onset": 0.5, "offset": 2.5, "label": "squeaky_gate", "score": 1}
    assert lanes(work)[0] == "squeaky_gate"
    assert work.locator("#sensitivity").is_disabled()
    assert "to=json&language=en&download=true" in work.locator("#downloads a", has_text="JSON").get_attribute("href")
    for _ in range(3):
        work.locator("#undo").click()
    until(work, lambda: json.loads(asked(service, "PUT", "events")[-1][1])["events"] is None)  # as the model found them
    eventually(work, "!document.getElementById('sensitivity').disabled")
    assert lanes(work) == ["dog", "siren", "speech"]


def test_edges_are_dragged_and_events_added_by_dragging(work, service):
    place = work.locator("#lanes").bounding_box()
    at = lambda seconds: place["x"] + place["width"] * seconds / SECONDS  # noqa: E731
    siren = work.locator(".lane[data-label=siren]").bounding_box()
    middle = siren["y"] + siren["height"] / 2
    work.mouse.move(at(6) - 2, middle)
    work.mouse.down()
    work.mouse.move(at(6.5), middle)
    work.mouse.move(at(7), middle)
    work.mouse.up()
    work.mouse.move(at(8), middle)
    work.mouse.down()
    work.mouse.move(at(8.6), middle)
    work.mouse.move(at(9), middle)
    work.mouse.up()
    sirens = [(e["onset"], e["offset"]) for e in saved(work, service) if e["label"] == "siren"]
    assert np.array(sirens) == pytest.approx(np.array([(3, 7), (8, 9)]), abs=0.05)


def test_a_refused_correction_says_so(work, service):
    service.refuses_saving = True
    bar(work, 0).focus()
    work.keyboard.press("Delete")
    shows(work, "#banner-text", "event 1 ends before it begins")
    assert work.locator("#saved").inner_text() == "Not saved"
    service.refuses_saving = False
    work.locator("#banner-close").click()
    bar(work, 0).focus()
    work.keyboard.press("Delete")
    assert len(saved(work, service)) == 2
    work.wrong[:] = [text for text in work.wrong if "422" not in text]  # the browser's own line


def test_all_by_keys(work, service):
    work.locator("#tracks").focus()
    work.keyboard.press("ArrowRight")
    focused = "document.activeElement.getAttribute('aria-label')"
    assert work.evaluate(focused).startswith("Dog barking, 0:01.00")
    work.keyboard.press("ArrowRight")
    assert work.evaluate(focused).startswith("Siren wailing")
    work.keyboard.press("Enter")
    eventually(work, "!document.getElementById('media').paused && document.getElementById('media').currentTime >= 3")
    work.keyboard.press(" ")
    eventually(work, "document.getElementById('media').paused")
    work.evaluate("document.getElementById('media').currentTime = 4")
    work.keyboard.press("[")
    work.evaluate("document.getElementById('media').currentTime = 4.5")
    work.keyboard.press("]")
    siren = next(event for event in saved(work, service) if event["label"] == "siren")
    assert (siren["onset"], siren["offset"]) == pytest.approx((4.0, 4.5), abs=0.01)
    work.keyboard.press("Delete")
    assert "siren" not in lanes(work)
    work.keyboard.press("Control+z")
    assert "siren" in lanes(work)
    work.keyboard.press("a")
    assert work.evaluate("document.activeElement.id") == "edit-label"
    work.keyboard.press("Escape")
    work.evaluate("document.activeElement.blur()")
    work.keyboard.press("?")
    assert work.locator("#help").is_visible()
    work.locator("#keys-on").uncheck()
    work.keyboard.press("Escape")
    count = len(times(work))
    work.locator("#tracks").focus()
    work.keyboard.press("a")
    assert len(times(work)) == count
    saved(work, service)


def test_events_are_reviewed_by_keys_the_least_sure_first(work, service):
    rows = "[...document.querySelectorAll('#event-list li .score')].map((score) => score.textContent)"
    assert work.evaluate(rows) == ["90%", "80%", "60%", "70%"]
    work.locator("#least-sure").check()
    assert work.evaluate(rows) == ["60%", "70%", "80%", "90%"]
    work.locator("#event-list li").first.get_by_role("button").click()
    work.evaluate("document.activeElement.blur()")
    work.keyboard.press("y")  # the short bark is right, and speech is next
    assert work.locator("#edit-label").input_value() == "Someone speaking"
    eventually(work, "document.getElementById('media').currentTime >= 7")
    work.keyboard.press("n")
    assert work.locator("#edit-label").input_value() == "Siren wailing"
    assert work.locator("#event-list-count").inner_text() == "1 of 3 reviewed"
    work.keyboard.press("r")
    assert work.evaluate("document.activeElement.id") == "edit-label"
    work.evaluate("document.activeElement.blur()")
    work.keyboard.press("x")  # nor does anything sound from 3 to 6
    events = saved(work, service)
    assert [(event["label"], event["onset"]) for event in events] == [("dog", 1.0)]
    for _ in range(2):
        work.keyboard.press("Control+z")
    assert {(e["label"], e["score"]) for e in saved(work, service)} == {
        ("dog", 0.9),
        ("dog", 1),
        ("siren", 0.8),
        ("speech", 0.7),
    }


def test_zoom_keeps_rows_together(work):
    for _ in range(4):
        work.locator("#zoom-in").click()
    scroller = "document.querySelector('#wave div').shadowRoot.querySelector('.scroll')"
    work.evaluate("document.getElementById('tracks').scrollLeft = 500")
    eventually(work, f"{scroller}.scrollLeft === 500")
    widths = work.evaluate(f"[document.getElementById('content').offsetWidth, {scroller}.scrollWidth]")
    assert abs(widths[0] - widths[1]) <= 2
    work.locator("#zoom-fit").click()
    eventually(work, "document.getElementById('tracks').scrollWidth === document.getElementById('tracks').clientWidth")


def test_downloads(work):
    for link, name in (("WebVTT", "yard.vtt"), ("Save as dataset", "dataset.zip")):
        with work.expect_download() as waiting:
            work.locator(".button", has_text=link).click()
        assert waiting.value.suggested_filename == name
    assert work.locator("#downloads a").count() == 9
    assert work.locator("#burn-block").is_hidden()  # there is no picture


def test_words(browse, service):
    page = browse()
    page.get_by_role("button", name="Five spoken words").click()
    page.wait_for_selector("#event-list li")
    ((_, form),) = asked(service, "FORM", "jobs")
    assert json.loads(form) == {"task": "words", "classifier": "rnn", "language": "en", "compare": "true"}
    assert page.locator("#event-list li").count() == page.locator(".event").count() == 5
    assert "120.4 Hz" in page.locator("#speaker").inner_text()
    assert page.locator("#f0").is_visible()
    assert page.locator("#sensitivity-card").is_hidden()
    assert page.locator("#editbar").is_hidden()
    assert page.locator("#downloads a").count() == 6
    eventually(page, "document.getElementById('media').readyState > 2")
    page.locator("#event-list li").nth(2).get_by_role("button").click()
    eventually(page, "document.getElementById('media').currentTime > 2.65")
    eventually(page, "document.getElementById('media').paused")
    assert 3.2 < played(page) < 3.8  # where the next begins


def test_words_are_written_beside_what_was_heard(browse, service):
    page = browse(f"#/jobs/{service.done(EXAMPLES / 'five_words.flac', 'words')}")
    page.wait_for_selector("#event-list li")
    field = page.get_by_role("textbox", name="Word 2")
    field.fill("two")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Word 3"
    page.keyboard.type("a three")  # and no key acts
    page.keyboard.press("Enter")
    shows(page, "#words-saved", "All corrections saved")
    until(
        page, lambda: json.loads(asked(service, "PUT", "words")[-1][1])["texts"] == [None, "two", "a three", None, None]
    )
    page.reload()
    page.wait_for_selector("#event-list li")
    assert page.get_by_role("textbox", name="Word 2").input_value() == "two"


def test_a_video_shows_with_captions_on_it(browse):
    page = browse()
    page.get_by_role("button", name="A street, with picture").click()
    page.wait_for_selector(".screen.pictured")
    assert page.locator("#media").get_attribute("src") == "/examples/street.mp4"
    eventually(page, "document.querySelector('track')?.track.mode === 'showing'")
    assert page.evaluate("document.getElementById('media').controls")


def test_a_job_is_reopened_and_its_file_attached(browse, service, recording):
    service.keeps_media = False  # browsers cannot play what it was given
    key = service.done(recording)
    page = browse()
    page.locator("#recent a", has_text="yard.wav").click()
    page.wait_for_selector(".lane")
    assert page.url.endswith(f"#/jobs/{key}")
    assert page.locator("#attach").is_visible()
    assert page.locator("#play").is_disabled()
    page.locator("#attach-file").set_input_files(recording)
    eventually(page, "document.getElementById('media').readyState > 2")
    bar(page, 0).click()
    eventually(page, "document.getElementById('media').currentTime > 1")


def test_corrections_stand_there_when_a_job_is_reopened(browse, service, recording):
    key = service.done(recording)
    service.jobs[key]["corrected"] = [{"onset": 1.0, "offset": 2.0, "label": "rain", "score": 1.0}]
    page = browse(f"#/jobs/{key}")
    page.wait_for_selector(".lane")
    assert lanes(page) == ["rain"]
    assert page.locator("#corrected-note").is_visible()
    page.locator("#forget").click()
    eventually(page, "document.querySelectorAll('.lane').length === 3")
    assert page.locator("#corrected-note").is_hidden()


def test_on_another_day_a_recording_plays_and_corrections_go_on(browse, service, recording):
    key = service.done(recording)
    page = browse(f"#/jobs/{key}")
    page.wait_for_selector(".lane")
    assert page.locator("#attach").is_hidden()
    eventually(page, "document.getElementById('media').readyState > 2")
    bar(page, 0).click()
    eventually(page, "document.getElementById('media').currentTime > 1.1")
    page.keyboard.press("Delete")
    bar(page, 0).focus()
    page.locator("#edit-label").fill("Rain falling")
    page.keyboard.press("Enter")
    assert {event["label"] for event in saved(page, service)} == {"rain", "dog", "speech"}

    page.reload()
    page.wait_for_selector(".lane")
    assert page.locator("#saved").inner_text() == "All corrections saved"
    assert sorted(lanes(page)) == ["dog", "rain", "speech"]
    page.locator("#undo").click()
    page.locator("#undo").click()
    assert page.locator("#undo").is_disabled()
    assert lanes(page) == ["dog", "siren", "speech"]
    until(page, lambda: service.jobs[key]["corrected"] is None)
    page.locator("#redo").click()
    until(page, lambda: len(service.jobs[key]["corrected"] or []) == 3)

    service.jobs[key]["revision"] += 1  # somebody corrects them on another device
    page.locator("#undo").click()
    eventually(page, "document.getElementById('banner-text').innerText.includes('corrected elsewhere')")
    assert page.locator("#saved").inner_text() == "Not saved"
    page.wrong[:] = [text for text in page.wrong if "412" not in text]


def test_fifty_files_are_queued_and_each_is_opened_or_told_of(browse, service, tmp_path):
    data = sound(tmp_path / "short.wav", (0.1, 0.3, 500), seconds=0.5).read_bytes()
    files = [named(f"{number:02}.wav", data) for number in range(47)]
    files += [named("huge.wav", b"0"), named("notes.txt", b"words", "text/plain"), named("slow.wav", data)]
    page = browse()
    page.locator("#file").set_input_files(files)
    assert page.locator("#queue li").count() == 50
    becomes(page, STATES, ["done"] * 47 + ["failed", "left_out", "running"])
    assert page.locator("#queue-summary").inner_text() == "47 of 50 done · 2 failed or left out"
    assert "a file may have 1000000 bytes at most" in page.locator("#queue .failed").inner_text()
    assert "neither sound nor video" in page.locator("#queue .left_out").inner_text()
    address = page.locator("#queue-zip").get_attribute("href")
    assert (address.count("job="), address.count("language=en")) == (47, 1)
    with page.expect_download() as waiting:
        page.locator("#queue-zip").click()
    assert waiting.value.suggested_filename == "earmark-captions.zip"

    page.get_by_role("button", name="Cancel slow.wav").click()
    until(page, lambda: asked(service, "DELETE", "jobs"))
    becomes(page, f"{STATES}.at(-1)", "cancelled")
    page.get_by_role("button", name="Try notes.txt again").click()  # whoever says so has it sent
    becomes(page, f"{STATES}[48]", "failed")
    page.get_by_role("button", name="Try slow.wav again").click()
    becomes(page, f"{STATES}.at(-1)", "running")
    page.locator("#queue a", has_text="00.wav").click()
    page.wait_for_selector(".lane")
    assert page.title() == "00.wav – Earmark"
    page.go_back()
    page.wait_for_selector("#queue-block:visible")
    page.locator("#queue-cancel").click()
    page.locator("#queue-clear").click()
    assert page.locator("#queue-block").is_hidden()
    page.wrong[:] = [text for text in page.wrong if "status of 4" not in text]


def test_a_file_accepted_while_the_list_is_on_its_way_has_not_failed(browse, service, tmp_path):
    data = sound(tmp_path / "short.wav", (0.1, 0.3, 500), seconds=0.5).read_bytes()
    page = browse()
    service.lists.clear()
    page.locator("#file").set_input_files([named("a.wav", data), named("b.wav", data)])
    until(page, lambda: asked(service, "GET", "limit=1000"))  # how the queue asks
    page.locator("#file").set_input_files([named("c.wav", data), named("d.wav", data)])
    becomes(page, STATES, ["queued"] * 4)
    service.lists.set()
    eventually(page, f"{STATES}.every((state) => ['done', 'failed'].includes(state))")
    assert page.evaluate(STATES) == ["done"] * 4


def test_a_folder_is_taken_with_all_that_is_in_it(browse, tmp_path):
    for name in ("a.wav", "b.wav", "cover.jpg"):
        sound(tmp_path / name, (0.1, 0.3, 500), seconds=0.5)
    page = browse()
    page.locator("#folder").set_input_files(tmp_path)
    becomes(page, STATES, ["done", "done", "left_out"])
    assert f"{tmp_path.name}/a.wav" in page.locator("#queue li").first.inner_text()


def test_a_job_can_be_stopped(browse, service, recording):
    page = browse()
    page.locator("#file").set_input_files(named("slow.wav", recording.read_bytes()))
    shows(page, "#progress-text", "Listening: 25%")
    page.get_by_role("button", name="Cancel").click()
    until(page, lambda: asked(service, "DELETE", "jobs"))
    page.wait_for_selector("#start:not([hidden])")
    assert page.locator("#banner").is_hidden()


def test_what_is_refused_is_told_and_a_limit_remembered(browse, service):
    page = browse()
    page.locator("#file").set_input_files(named("huge.wav", bytes(2_000_000)))
    shows(page, "#banner-text", "a file may have 1000000 bytes at most")
    page.locator("#file").set_input_files(named("large.wav", bytes(2_000_000)))
    shows(page, "#banner-text", "The file has 2 MB; the service takes at most 1 MB.")
    page.locator("#file").set_input_files(named("text.wav", b"no sound"))
    eventually(page, "document.getElementById('banner-text').innerText.includes('text.wav')")
    page.goto(f"{service.address}/#/jobs/gone")
    shows(page, "#banner-text", "there is no such job")
    page.wrong[:] = [text for text in page.wrong if "status of 4" not in text]


def test_in_another_language_and_in_the_dark_which_are_kept(browse):
    page = browse(locale="el-GR")
    assert page.locator("html").get_attribute("lang") == "el"
    assert page.locator("h1:visible").inner_text() == "Τι ακούγεται και πότε;"
    page.locator("#language").select_option("ko")
    eventually(page, "document.documentElement.lang === 'ko'")
    page.locator("#theme").select_option("dark")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert page.locator("#nav-live").inner_text() == "실시간"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(19, 21, 25)"


LATE = """() => {
    const usual = globalThis.fetch;
    globalThis.fetch = async (address, how) => {
        const answer = await usual(address, how);
        if (address.endsWith("/de.json")) await new Promise((come) => (globalThis.come = come));
        return answer;
    };
}"""


def test_the_later_of_two_choices_of_language_holds_though_its_answer_comes_first(browse):
    page = browse()
    page.evaluate(LATE)
    page.locator("#language").select_option("de")
    eventually(page, "Boolean(globalThis.come)")
    page.locator("#language").select_option("ko")
    eventually(page, "document.documentElement.lang === 'ko'")
    page.evaluate("() => { globalThis.come(); return new Promise((read) => setTimeout(read, 100)); }")
    assert page.evaluate("document.documentElement.lang") == "ko"
    assert page.locator("#nav-live").inner_text() == "실시간"


ALARM = """() => void (window.alarm = new Promise((seen) => {
    const stage = document.getElementById("live-stage");
    const look = () => {
        if (!stage.classList.contains("alarm")) return setTimeout(look, 20);
        const { animationName: name, animationDuration: lasts } = getComputedStyle(stage);
        const caption = stage.querySelector(".live-caption:not(.past)").innerText.split(/\\s+/);
        const told = document.getElementById("live-alarm").textContent;
        seen({ name, lasts, caption, told, title: document.title });
    };
    look();
}))"""  # all at once: it passes


def test_live_captions_with_an_alarm(browse, service):
    page = browse("#/live")
    page.evaluate(ALARM)
    page.get_by_role("button", name="Start listening").click()
    alarm = page.evaluate("window.alarm")
    assert alarm["caption"] == ["WARNING", "siren", "wailing"]
    assert (alarm["name"], alarm["lasts"]) == ("alarm", "1s")
    assert alarm["told"] == "Warning: siren wailing"
    assert alarm["title"] == "⚠ siren wailing – Earmark"
    wish = json.loads(asked(service, "LIVE", "live")[0][1])
    assert wish["format"] == "s16"
    assert 8000 <= wish["rate"] <= 96000
    eventually(page, "!document.getElementById('live-stage').classList.contains('alarm')")
    eventually(page, "document.querySelector('#live-log li:last-child .length').textContent.endsWith(' s')")
    page.get_by_role("button", name="Stop").click()
    assert page.locator("#live-state").inner_text().startswith("Press")


CATCH_SOUND = """() => {
    const address = URL.createObjectURL;
    URL.createObjectURL = (blob) => address.call(URL, (window.caught = blob));
    Audio.prototype.play = () => Promise.resolve();
}"""
CAUGHT = """() => new Promise((read) => {
    const reader = new FileReader();
    reader.onload = () => read(reader.result.split(",")[1]);
    reader.readAsDataURL(window.caught);
})"""


def test_a_chosen_sound_alerts_until_it_is_dismissed(browse, service):
    page = browse("#/live", permissions=["notifications", "microphone"], service_workers="allow")
    page.evaluate("navigator.vibrate = (shake) => { document.body.dataset.shaken = String(shake); return true; }")
    page.locator("#alerts-notify").check()
    eventually(page, "navigator.serviceWorker.ready.then((worker) => Boolean(worker.active))")
    page.get_by_role("button", name="Start listening").click()
    page.wait_for_selector("#alerts:visible")
    assert page.locator(".alert-text").text_content() == "siren wailing"
    flashing = "getComputedStyle(document.getElementById('alerts')).animationName"
    assert page.evaluate(flashing) == "alert"
    eventually(page, "document.body.dataset.shaken === '400,200,400'")
    notes = "navigator.serviceWorker.ready.then((worker) => worker.getNotifications())"
    eventually(page, f"{notes}.then((list) => list.length === 1 && list[0].title === 'siren wailing')")
    page.wait_for_selector(".live-caption.past")
    eventually(page, "!document.querySelector('.live-caption')")  # it has ended, and its caption is gone
    assert page.locator("#alerts").is_visible()
    assert page.title() == "⚠ siren wailing – Earmark"

    replay = page.get_by_role("button", name="Hear again: siren wailing").last
    replay.wait_for()
    page.get_by_role("button", name="Stop").click()  # the microphone's recording begins anew, and the siren with it
    eventually(page, "document.getElementById('live-state').innerText.startsWith('Press')")
    page.evaluate(CATCH_SOUND)
    replay.click()
    with wave.open(io.BytesIO(b64decode(page.evaluate(CAUGHT)))) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
        assert 3 < len(samples) / file.getframerate() <= 5.2
    assert np.abs(samples).max() > 0.3

    page.locator("#alert-cards").get_by_role("button", name="Dismiss").click()
    assert page.locator("#alerts").is_hidden()
    eventually(page, f"{notes}.then((list) => list.length === 0)")


def test_which_sounds_alert_how_and_when_is_chosen_and_remembered(browse, service):
    page = browse("#/live")
    assert page.locator("#alerts-sounds li").all_inner_texts() == ["Siren wailing\n50%"]
    page.locator("#alerts-find").fill("dog")
    page.locator("#alerts-sounds input[data-label=dog][type=checkbox]").check()
    slider = page.locator("#alerts-sounds input[data-label=dog][type=range]")
    slider.evaluate("(one) => { one.value = 0.8; one.dispatchEvent(new Event('change')); }")
    page.locator("#alerts-flash").uncheck()
    page.locator("#alerts-quiet").check()
    page.locator("#alerts-from").fill("00:00")
    page.locator("#alerts-to").fill("23:59")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert page.locator("#alerts-sounds li").count() == 2
    assert not page.locator("#alerts-flash").is_checked()
    page.get_by_role("button", name="Start listening").click()
    page.wait_for_selector("#live-log li.alarm")
    assert page.locator("#alerts").is_hidden()  # it is a quiet hour, and the log tells of it
    assert json.loads(asked(service, "LIVE", "live")[0][1])["sensitivities"] == {"dog": 0.8}


def test_the_page_opens_without_a_network(browse, service):
    page = browse(service_workers="allow")
    eventually(page, "navigator.serviceWorker.ready.then((worker) => worker.active.state === 'activated')")
    manifest = page.evaluate("fetch(document.querySelector('link[rel=manifest]').href).then((it) => it.json())")
    assert manifest["start_url"] == "/"
    for one in manifest["icons"]:
        assert page.evaluate("(address) => fetch(address).then((it) => it.ok)", one["src"])
    page.context.set_offline(True)
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert page.locator("h1:visible").inner_text() == "What sounds, and when?"
    assert "does not answer" in page.locator("#banner-text").inner_text()
    page.wrong.clear()  # the browser's own lines of what is not reached


def test_without_motion_an_alarm_is_steady(browse):
    page = browse("#/live", reduced_motion="reduce")
    page.evaluate(ALARM)
    page.get_by_role("button", name="Start listening").click()
    assert page.evaluate("window.alarm")["name"] == "none"
    assert page.evaluate("getComputedStyle(document.getElementById('alerts')).animationName") == "none"


def test_a_lost_connection_is_told_and_made_again(browse, service):
    service.live_breaks = True
    page = browse("#/live")
    page.get_by_role("button", name="Start listening").click()
    page.wait_for_selector("#live-reconnect:visible")
    assert "lost" in page.locator("#live-state").inner_text()
    service.live_breaks = False
    page.get_by_role("button", name="Connect again").click()
    page.wait_for_selector("#live-stage[data-state=listening]")


TAKEN_AWAY = """() => {
    const { mediaDevices } = navigator, open = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = async (wish) => (window.stream = await open(wish));
}"""


def test_a_microphone_that_is_taken_away_ends_listening_and_is_told(browse):
    page = browse("#/live")
    page.evaluate(TAKEN_AWAY)
    page.get_by_role("button", name="Start listening").click()
    page.wait_for_selector("#live-log li")
    page.evaluate("window.stream.getAudioTracks()[0].dispatchEvent(new Event('ended'))")
    page.wait_for_selector("#live-stage[data-state=idle]")
    assert "No microphone" in page.locator("#banner-text").inner_text()
    assert "…" not in page.locator("#live-log").inner_text()  # nothing goes on


AWAKE = """() => {
    window.locks = [];
    const request = async () => {
        const one = { released: false, release: async () => void (one.released = true) };
        window.locks.push(one);
        return one;
    };
    Object.defineProperty(navigator, "wakeLock", { value: { request } });
}"""


def test_the_screen_stays_on_while_it_listens_also_after_another_page_was_seen(browse):
    page = browse("#/live")
    page.evaluate(AWAKE)
    page.get_by_role("button", name="Start listening").click()
    page.wait_for_selector("#live-stage[data-state=listening]")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert page.evaluate("window.locks.length") == 1  # it is held
    page.evaluate("window.locks[0].released = true; document.dispatchEvent(new Event('visibilitychange'))")
    eventually(page, "window.locks.length === 2")
    page.get_by_role("button", name="Stop").click()
    eventually(page, "window.locks.every((one) => one.released)")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert page.evaluate("window.locks.length") == 2


def places(page, service, recording):
    """Leads the page from one place of it to the next; what tells that it is there."""
    for place, there in (("", "#start"), ("live", "#live"), (f"jobs/{service.done(recording)}", ".lane")):
        page.evaluate(f"location.hash = '#/{place}'")
        page.wait_for_selector(there)
        yield there


def test_on_a_phone_nothing_sticks_out(browse, service, recording):
    page = browse(viewport={"width": 380, "height": 800}, has_touch=True, is_mobile=True)
    for place in places(page, service, recording):
        assert page.evaluate("document.documentElement.scrollWidth") <= 380, place


def test_every_control_has_a_name(browse, service, recording):
    page = browse()
    nameless = """[...document.querySelectorAll('button, a, input, select, meter, progress')]
        .filter((one) => one.checkVisibility()
        && !(one.getAttribute('aria-label') || one.textContent.trim() || one.labels?.[0]?.textContent.trim()))
        .map((one) => one.outerHTML)"""
    for place in places(page, service, recording):
        assert page.evaluate(nameless) == [], place
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
        assert len(ids) == len(set(ids)), place


def test_every_language_has_all_texts():
    texts = {code: json.loads((STATIC / "locale" / f"{code}.json").read_text(encoding="utf-8")) for code in LANGUAGES}
    assert {path.stem for path in (STATIC / "locale").iterdir()} == set(LANGUAGES)
    for code, said in texts.items():
        assert said.keys() == texts["en"].keys(), code
        for key, text in said.items():
            assert text.strip(), (code, key)
            assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", texts["en"][key])), (code, key)


def test_texts_that_the_page_asks_for_exist():
    known = json.loads((STATIC / "locale" / "en.json").read_text(encoding="utf-8"))
    used = set(re.findall(r'data-t(?:-[a-z-]+)?="([^"]+)"', (STATIC / "index.html").read_text(encoding="utf-8")))
    for script in STATIC.glob("*.js"):
        used |= set(re.findall(r'(?<![\w.])t\("([\w.]+)"', script.read_text(encoding="utf-8")))
    assert used
    assert used <= known.keys()


def test_nothing_stands_inline_or_comes_from_elsewhere():
    text = (STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"\s(style|on\w+)=|<style|<script(?![^>]*\ssrc=)", text)
    assert "{{nonce}}" in text
    for path in set(STATIC.glob("*.*")) - set(STATIC.glob("*.png")):
        assert not re.search(r"(?<!w3\.org)https?://(?!www\.w3\.org)", path.read_text(encoding="utf-8")), path
