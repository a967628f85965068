"""Debian's Chromium for tests: one a process, in which one page serves them in turn; how they wait there."""

import asyncio
import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

CHROMIUM = Path("/usr/bin/chromium")  # Debian's; playwright's own is not needed
FLAGS = (
    "--no-sandbox",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--disable-gpu",  # Debian has pages drawn by a graphics card, and where there is none, one is emulated
    "--in-process-gpu",
)
READER = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light", "reduced_motion": "no-preference"}
NO_WORKER = "delete Navigator.prototype.serviceWorker"  # or every visit would fetch all files of the page twice
PATIENCE = 300.0  # seconds; only what never happens takes as long
POLL = 15  # ms


def until(page, holds, what="it did not happen"):
    """Looks again and again until `holds` gives true; `what` is said if it never does."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, what
        page.wait_for_timeout(POLL)


def eventually(page, expression):
    """Until it holds in the page, which looks itself; playwright's own way would need the page to allow `eval`."""
    never = json.dumps(f"it did not happen: {expression}")
    page.evaluate(
        f"""() => new Promise((held, never) => {{
            const end = Date.now() + {1000 * PATIENCE};
            const look = async () => {{
                if (await ({expression})) held();
                else if (Date.now() > end) never(new Error({never}));
                else setTimeout(() => look().catch(never), {POLL});
            }};
            look().catch(never);
        }})"""
    )


def becomes(page, expression, value):
    """Until it is so in the page."""
    eventually(page, f"JSON.stringify({expression}) === JSON.stringify({json.dumps(value)})")


def shows(page, selector, text):
    """Until the first such element says so."""
    becomes(page, f"document.querySelector({json.dumps(selector)})?.innerText", text)


@pytest.fixture(scope="session")
def microphone(tmp_path_factory) -> Path:
    """What the browser's microphone hears, again and again from when it is opened: whoever listens writes it."""
    return tmp_path_factory.mktemp("microphone") / "microphone.wav"


@pytest.fixture(scope="session")
def running_chromium(microphone):
    """The browser with a page for servers and one for files, never closed: a new one costs processes, and all scripts.

    Where sound plays in a page without an icon, the browser asks for the icon of what was there before: so two.
    """
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    arguments = [*FLAGS, f"--use-file-for-fake-audio-capture={microphone}"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        loop = asyncio.get_running_loop()
        yield SimpleNamespace(browser=browser, loop=loop, pages={})
        asyncio._set_running_loop(loop)
        browser.close()


def new_page(browser, service_workers="block", **options):
    """A page of a reader of their own."""
    context = browser.new_context(**{"locale": "en-US", **READER, **options})
    context.set_default_timeout(1000 * PATIENCE)
    if service_workers == "block":  # playwright's own way would be told of in the console
        context.add_init_script(NO_WORKER)
    return context.new_page()


@pytest.fixture
def chromium(running_chromium):
    """The browser; other tests can run event loops of their own."""
    asyncio._set_running_loop(running_chromium.loop)
    yield running_chromium
    asyncio._set_running_loop(None)


@pytest.fixture
def opened(chromium):
    """Opens an address as one more reader; at the end nothing may stand in the console.

    What has to stand there is taken out of the page's list `wrong`. `on` names what else is to be heard of the page.
    """
    pages, wrong, listeners = [], [], []

    def tell(message):
        if message.type in ("error", "warning"):
            wrong.append(message.text)

    def fail(error):
        wrong.append(str(error))

    def opened(address, on=None, **options):
        kind = address.partition(":")[0]
        usual = chromium.pages.get(kind) not in pages and options.keys() <= READER.keys()
        page = chromium.pages.get(kind) if usual else None
        if page is None:
            page = new_page(chromium.browser, **options)
        else:
            wanted = {**READER, **options}
            page.set_viewport_size(wanted.pop("viewport"))
            page.emulate_media(**wanted)
        if usual:
            chromium.pages[kind] = page
        pages.append(page)
        page.wrong = wrong
        for event, listener in {"console": tell, "pageerror": fail, **(on or {})}.items():
            page.on(event, listener)
            listeners.append((page, event, listener))
        page.goto(address)
        return page

    yield opened
    for page, event, listener in listeners:
        page.remove_listener(event, listener)
    for page in pages:
        if page in chromium.pages.values():
            page.evaluate("() => { try { localStorage.clear(); } catch { /* of what did not load there is none */ } }")
            page.goto("about:blank")
        else:
            page.context.close()
    assert wrong == []
