"""The strip of a timeline in a browser: a click on an event plays from there. What it holds: test_sequences.py."""

import pytest
from model_making import tones, write_wav

import earmark


@pytest.mark.browser
def test_a_click_on_an_event_plays_from_there(opened, tmp_path, low_high):
    said, asked = [], []

    def shut(dialog):
        said.append(dialog.message)
        dialog.dismiss()

    wav = write_wav(tmp_path / "<img src=x onerror=alert(1)>.wav", tones(6.0, (1.0, 2.0, 440.0), (3.0, 5.0, 3000.0)))
    strips = [earmark.label(wav, low_high)._repr_html_() for _ in range(2)]
    (tmp_path / "page.html").write_text(f"<!doctype html><meta charset=utf-8>{''.join(strips)}", encoding="utf-8")
    hears = {"dialog": shut, "request": lambda request: asked.append(request.url)}
    page = opened((tmp_path / "page.html").as_uri(), on=hears)
    second = page.locator("body > div").nth(1)
    onset = float(second.locator("button").nth(1).get_attribute("data-at"))
    second.locator("button").nth(1).click()
    player, other = second.locator("audio"), page.locator("audio").first
    page.wait_for_function("audio => audio.currentTime > 0 && !audio.seeking", arg=player.element_handle())
    assert player.evaluate("audio => audio.duration") == pytest.approx(6.0, abs=0.2)
    assert onset <= player.evaluate("audio => audio.currentTime") <= 6.2
    assert other.evaluate("audio => audio.currentTime") == 0
    assert second.locator(".now").first.is_visible()
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [(tmp_path / "page.html").as_uri()]
