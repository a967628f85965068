"""The page with the real service behind it, in Debian's Chromium."""

import io
import wave
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
import webvtt
from browser import eventually
from page_helpers import named

from earmark.datasets import load
from earmark.media import open_recording

pytestmark = pytest.mark.browser

RATE = 48_000
QUIET = 2.0  # seconds
GLASS = slice(round(14.5 * RATE), round(16.5 * RATE))  # where it breaks in the example


@pytest.fixture
def glass_is_heard(street, microphone):
    """Faint noise, then the glass of the example."""
    with open_recording(street) as recording:
        samples = np.concatenate(list(recording.blocks(RATE)))[GLASS]
    noise = np.random.default_rng(0).normal(0, 1e-4, round(QUIET * RATE))
    heard = np.concatenate([noise, samples])
    with wave.open(str(microphone), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((np.clip(heard, -1, 1) * 32767).astype("<i2").tobytes())


LANES = "[...document.querySelectorAll('.lane')].map(lane => lane.dataset.label)"


def test_a_video_is_dropped_heard_corrected_and_taken_home(visit, server, street, tmp_path):
    page = visit(f"http://127.0.0.1:{server.port}/", service_workers="allow")
    page.locator("#file").set_input_files(street)
    page.wait_for_selector(".lane")
    assert {"train", "applause", "glass_breaking"} <= set(page.evaluate(LANES))

    eventually(page, "document.getElementById('media').readyState > 2")
    applause = page.locator(".lane[data-label=applause] .event").first
    applause.click()
    eventually(page, "document.getElementById('media').currentTime > 41")

    before = page.evaluate("document.querySelectorAll('.event:not(.ghost)').length")
    slider = page.locator("#sensitivity")
    slider.evaluate("one => { one.value = one.max; one.dispatchEvent(new Event('input')); }")
    eventually(page, f"document.querySelectorAll('.event:not(.ghost)').length > {before}")
    slider.evaluate("one => { one.value = 0.5; one.dispatchEvent(new Event('input')); }")
    eventually(page, f"document.querySelectorAll('.event:not(.ghost)').length === {before}")

    page.locator(".lane[data-label=applause] .event").first.click()
    page.keyboard.press("Delete")
    job = page.url.rpartition("/")[2]
    server.until(lambda: "applause" not in {e["label"] for e in server.result(job).json()["events"]})

    with page.expect_download() as download:
        page.get_by_role("link", name="WebVTT").or_(page.get_by_role("button", name="WebVTT")).click()
    texts = [cue.text for cue in webvtt.from_buffer(io.StringIO(Path(download.value.path()).read_text()))]
    assert any("[glass breaks]" in text for text in texts)
    assert not any("applause" in text for text in texts)

    with page.expect_download() as download:
        page.locator("#dataset").click()
    zipfile.ZipFile(download.value.path()).extractall(tmp_path)
    assert "applause" not in {label for clip in load(None, tmp_path / "clips.csv").clips for label in clip.labels}


def test_all_views_with_the_real_service(visit, server, captioned, street, five_words):
    pytest.importorskip("espeakng_loader", reason="the extra align is not installed")
    page = visit(f"http://127.0.0.1:{server.port}/")
    page.get_by_role("radio", name="Words").check()
    page.locator("#words-text").fill("one two three four five")
    page.locator("#file").set_input_files(five_words)
    page.wait_for_selector("#compared .lane")
    assert page.locator("#compared .lane").count() == 5
    assert page.get_by_role("textbox", name="Word 3").input_value() == "three"
    page.wait_for_selector("text=Hz")
    eventually(page, "document.getElementById('media').readyState > 2")

    page.goto(f"http://127.0.0.1:{server.port}/#/jobs/{captioned}")
    page.wait_for_selector("#lanes .lane[data-label=train]")
    page.get_by_role("button", name="Second by second").click()
    page.wait_for_selector(".second-row")
    assert page.locator("#compared").is_hidden()
    page.get_by_role("slider").and_(page.locator(".second-row")).first.press("End")
    with page.expect_download() as download:
        page.get_by_role("link", name="Scores as CSV").click()
    assert download.value.suggested_filename == "street.scores.csv"

    page.goto(f"http://127.0.0.1:{server.port}/#/")
    page.get_by_role("radio", name="Whole file").check()
    page.locator("#file").set_input_files(street)
    page.wait_for_selector("#event-list li.whole")
    assert page.locator("#event-list .what").first.text_content().startswith("Train")
    assert page.locator("#media").is_visible()


@pytest.mark.usefixtures("glass_is_heard")
def test_the_live_part_tells_of_breaking_glass(visit, server):
    page = visit(f"http://127.0.0.1:{server.port}/#/live")
    page.get_by_role("button", name="Start listening").click()
    eventually(page, "document.querySelector('#live-log')?.textContent.toLowerCase().includes('glass')")
    page.get_by_role("button", name="Stop").click()


DIALOGUE = "1\n00:00:06,000 --> 00:00:08,000\nHello, who is there?\n"


def test_captions_are_finished_on_the_page(visit, server, captioned, tmp_path):
    """Among the dialogue's subtitles, seen on the picture, taken home, and burned into the video."""
    page = visit(f"http://127.0.0.1:{server.port}/#/jobs/{captioned}")
    page.wait_for_selector(".lane")
    page.locator("#merge-file").set_input_files(named("film.srt", DIALOGUE.encode(), "text/plain"))
    eventually(page, "document.getElementById('merge-name').textContent === 'film.srt'")
    cues = "[...document.querySelector('track').track.cues ?? []].map((cue) => cue.text).join('|')"
    eventually(page, f"{cues}.includes('Hello, who is there?') && {cues}.includes('glass')")
    with page.expect_download() as download:
        page.locator("#downloads a", has_text="SubRip").click()
    assert download.value.suggested_filename == "street.sdh.srt"
    text = Path(download.value.path()).read_text()
    assert "Hello, who is there?" in text
    assert "[glass breaks]" in text

    page.locator("#look-preset").select_option("youtube")
    page.locator("#burn").click()
    page.wait_for_selector("#burn-link:visible")
    with page.expect_download() as download:
        page.locator("#burn-link").click()
    assert download.value.suggested_filename == "street.captioned.mp4"
    video = tmp_path / "video.mp4"
    download.value.save_as(video)
    original = server.client.get(f"/v1/jobs/{captioned}/media").content
    assert packets(video) == packets(io.BytesIO(original))
    at = 7.0  # the dialogue's cue
    drawn, plain = frame(video, at), frame(io.BytesIO(original), at)
    below = slice(int(len(plain) * 0.8), int(len(plain) * 0.96))
    assert np.abs(drawn - plain)[below].mean() > 5 * np.abs(drawn - plain)[: len(plain) // 2].mean()
    made = server.client.get("/v1/jobs").json()["jobs"][0]
    assert (made["task"], set(made["links"])) == ("burn_in", {"self", "video"})
    assert server.client.get(f"/v1/jobs/{made['id']}/result").status_code == 409


def packets(source):
    with av.open(str(source) if isinstance(source, Path) else source) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def frame(source, seconds):
    with av.open(str(source) if isinstance(source, Path) else source) as container:
        return next(f.to_ndarray(format="gray").astype(int) for f in container.decode(video=0) if f.time >= seconds)
