"""How long after a sound begins does the page's Live part show its caption? A file is Chromium's microphone.

    python benchmarks/live_page.py --out results/live/page.json

Each sound in what the page sends is found by its energy; its caption is seen by an observer in the page.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from earmark.util.machine import in_words, machine

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "service")]

from service_process import Server  # noqa: E402
from test_page_and_server import CHROMIUM, microphone  # noqa: E402

LOUD = 10 ** (-35 / 20)  # the sound's RMS in 20 ms is beyond; what is between them is far below
BETWEEN = 1.5  # seconds of quiet before one that counts
WATCH = """() => { window.shown = []; let before = 0;
    new MutationObserver(() => {
        const now = document.querySelectorAll('#live-log li').length;
        if (now > before) window.shown.push([Date.now() / 1000, document.querySelector('#live-log li').innerText]);
        before = now;
    }).observe(document.getElementById('live-log'), { childList: true, subtree: true }); }"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--label", default="glass")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    sent, shown = listen(asked.seconds)
    report = {"machine": in_words(machine()), **compare(sent, shown, asked.label)}
    print(json.dumps(report, indent=2))
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(report, indent=2) + "\n")


def listen(seconds: float) -> tuple[list[tuple[float, bytes]], list[tuple[float, str]]]:
    """What the page sent, and what it showed, each with the time of day in seconds."""
    from playwright.sync_api import sync_playwright

    sent: list[tuple[float, bytes]] = []
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder) / "service") as server, sync_playwright() as play:
        heard = microphone(ROOT / "examples" / "street.mp4", Path(folder) / "heard.wav")
        arguments = ["--no-sandbox", "--mute-audio", "--use-fake-device-for-media-stream"]
        arguments += ["--use-fake-ui-for-media-stream", f"--use-file-for-fake-audio-capture={heard}"]
        browser = play.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_context(locale="en-US").new_page()

        def note(frame: str | bytes) -> None:
            if isinstance(frame, bytes):
                sent.append((time.time(), frame))

        page.on("websocket", lambda socket: socket.on("framesent", note))
        page.goto(f"http://127.0.0.1:{server.port}/#/live")
        page.wait_for_selector("body[data-ready]")
        page.evaluate(WATCH)
        page.get_by_role("button", name="Start listening").click()
        page.wait_for_selector("#live-stage[data-state=listening]", timeout=120_000)
        page.wait_for_timeout(seconds * 1000)
        shown = page.evaluate("window.shown")
        browser.close()
    return sent, [(moment, text) for moment, text in shown]


def compare(sent: list[tuple[float, bytes]], shown: list[tuple[float, str]], label: str) -> dict[str, object]:
    """Latency of each caption: the sound of a block has ended when the block is sent."""
    latencies, missed = [], 0
    found = list(onsets(sent))
    for onset, following in zip(found, [*found[1:], np.inf], strict=True):
        when = [moment - onset for moment, text in shown if onset <= moment < following and label in text.lower()]
        if when:
            latencies.append(round(when[0], 3))
        elif following < np.inf:  # the last may have been cut off
            missed += 1
    return {
        "sounds": len(found),
        "captioned": len(latencies),
        "missed": missed,
        "median_seconds": round(float(np.median(latencies)), 3) if latencies else None,
        "largest_seconds": max(latencies, default=None),
        "seconds": latencies,
    }


def onsets(sent: list[tuple[float, bytes]], rate: int = 44_100) -> list[float]:
    """Times of day at which the sound began."""
    found, quiet = [], 0.0
    for moment, block in sent:
        samples = np.frombuffer(block, "<i2").astype(np.float64) / 32768
        hop = rate // 50
        for place in range(0, len(samples), hop):
            part = samples[place : place + hop]
            if np.sqrt((part**2).mean()) < LOUD:
                quiet += len(part) / rate
                continue
            if quiet >= BETWEEN:
                found.append(moment - (len(samples) - place) / rate)
            quiet = 0.0
    return found


if __name__ == "__main__":
    main()
