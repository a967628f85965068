"""The pictures of README and docs that show what the bundled `sounds` makes of the example.

    python benchmarks/pictures.py                  # docs/images/{street,page_light,page_live}.png

The page is seen in Debian's Chromium, with the real service behind it; its microphone hears the example.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from earmark.media import read

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "service")]

from service_process import Server  # noqa: E402

STREET = ROOT / "examples" / "street.mp4"
CHROMIUM = "/usr/bin/chromium"
RATE = 48_000
COLOURS = 256  # of the plot, which has few: a third of the size
SCALE = 0.75  # of the pictures: smaller files, as sharp as they are shown
CROW = 10.2  # seconds, while it caws


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    out = parser.parse_args().out
    earmark = [sys.executable, "-c", "from earmark.cli import main; main()"]
    plot = ["label", str(STREET), "--plot", str(out / "street.png")]
    subprocess.run([*earmark, *plot], check=True, stdout=subprocess.DEVNULL)
    with Image.open(out / "street.png") as picture:
        small = picture.convert("RGB").quantize(COLOURS, kmeans=3)
    small.save(out / "street.png", optimize=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        Server(Path(scratch) / "service") as server,
        sync_playwright() as play,
    ):
        heard = microphone(Path(scratch) / "microphone.wav")
        fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        flags = ["--no-sandbox", "--mute-audio", "--autoplay-policy=no-user-gesture-required", *fake]
        browser = play.chromium.launch(
            executable_path=CHROMIUM, args=[*flags, f"--use-file-for-fake-audio-capture={heard}"]
        )
        page = marked(opened(browser, server.port, 1280, 960))
        page.screenshot(
            path=out / "page_light.png", full_page=True, clip={"x": 0, "y": 0, "width": 1280, "height": 1290}
        )
        live(opened(browser, server.port, 1172, 900)).screenshot(path=out / "page_live.png")
        browser.close()


def microphone(path: Path) -> Path:
    """The example's sound, as Chromium takes it for what a microphone hears."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((np.clip(read(STREET, RATE), -1, 1) * 32767).astype("<i2").tobytes())
    return path


def opened(browser: Browser, port: int, width: int, height: int) -> Page:
    view = {"width": width, "height": height}
    context = browser.new_context(locale="en-US", viewport=view, device_scale_factor=SCALE, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(180_000)
    page.goto(f"http://127.0.0.1:{port}/")
    page.wait_for_selector("body[data-ready]")
    return page


def marked(page: Page) -> Page:
    """The example, with its events, while the crow caws."""
    page.locator("#file").set_input_files(STREET)
    page.wait_for_selector(".lane")
    page.locator(".lane[data-label=crow] .event").first.click()
    while page.evaluate("document.getElementById('media').currentTime") < CROW:
        page.wait_for_timeout(20)
    page.evaluate("document.getElementById('media').pause()")
    page.evaluate("scrollTo(0, 0)")  # a click scrolls to what it clicks
    page.wait_for_timeout(500)
    return page


def live(page: Page) -> Page:
    """Captions of what the microphone hears, when the glass breaks."""
    page.goto(page.url.partition("#")[0] + "#/live")
    page.get_by_role("button", name="Start listening").click()
    page.locator("#alerts", has_text="Glass breaks").wait_for()
    page.wait_for_timeout(500)
    return page


if __name__ == "__main__":
    main()
