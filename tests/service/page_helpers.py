"""What tests of the page in a browser share: what they look at, and sounds to look at it with."""

import json
import re
import wave

import numpy as np
from browser import shows

SECONDS = 10.0  # of the fixture `recording`
RATE = 16_000
STATES = "[...document.querySelectorAll('#queue li')].map((row) => row.className)"  # of the files in the queue


def sound(path, *bursts, seconds=SECONDS):
    """A WAV of silence with bursts (onset, offset, Hz)."""
    times = np.arange(round(seconds * RATE)) / RATE
    samples = sum(((times >= a) & (times < b)) * 0.5 * np.sin(2 * np.pi * hz * times) for a, b, hz in bursts)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def lanes(page):
    return page.evaluate("[...document.querySelectorAll('.lane')].map(lane => lane.dataset.label)")


def times(page):
    """Onset and offset of each bar, seconds."""
    return page.evaluate(
        "[...document.querySelectorAll('.event:not(.ghost)')].map(bar => [bar.style.left, bar.style.width]"
        f".map(parseFloat)).map(([left, width]) => [left * {SECONDS} / 100, (left + width) * {SECONDS} / 100])"
    )


def bar(page, number):
    return page.locator(".event").nth(number)


def played(page):
    return page.evaluate("document.getElementById('media').currentTime")


def slide(page, locator, value):
    locator.evaluate(f"(slider) => {{ slider.value = {value}; slider.dispatchEvent(new Event('input')); }}")


def asked(service, method, pattern):
    """What the stand-in was asked by this method at such addresses: (address, body) of each."""
    return [(where, body) for how, where, body in service.asked if how == method and re.search(pattern, where)]


def saved(page, service):
    """Events as they were last saved, once nothing is left to save."""
    shows(page, "#saved", "All corrections saved")
    return json.loads(asked(service, "PUT", "events")[-1][1])["events"]


def named(name, data, kind="audio/wav"):
    """A file for an input of files."""
    return {"name": name, "mimeType": kind, "buffer": data}
