from pathlib import Path

import pytest
from page_helpers import PATIENCE, eventually, sound
from service_process import Server

EXAMPLES = Path(__file__).parents[2] / "examples"
CHROMIUM = Path("/usr/bin/chromium")  # Debian's; playwright's own is not needed
FAKE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
QUIET = ("--no-sandbox", "--mute-audio", "--autoplay-policy=no-user-gesture-required")


@pytest.fixture(scope="session")
def street() -> Path:
    return EXAMPLES / "street.mp4"


@pytest.fixture(scope="session")
def five_words() -> Path:
    return EXAMPLES / "five_words.flac"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One that many tests share; each brings its own jobs."""
    with Server(tmp_path_factory.mktemp("service"), "--workers", "1", "--upload-mb", "20") as running:
        yield running


@pytest.fixture(scope="session")
def captioned(server, street) -> str:
    """The id of a job that is done."""
    job = server.send(street, task="caption").json()
    assert server.ended(job["id"])["state"] == "done"
    return job["id"]


@pytest.fixture(scope="session")
def spoken(server, five_words) -> str:
    """The same of words."""
    job = server.send(five_words, task="words").json()
    assert server.ended(job["id"])["state"] == "done"
    return job["id"]


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    return sound(tmp_path_factory.mktemp("page") / "yard.wav", (1.0, 2.5, 500), (3.0, 6.0, 1500))


@pytest.fixture(scope="module")
def microphone(tmp_path_factory) -> Path:
    """What the browser's microphone hears, again and again."""
    return sound(tmp_path_factory.mktemp("microphone") / "microphone.wav", (1.0, 4.0, 1000))


@pytest.fixture(scope="module")
def chromium(microphone):
    """A browser a file of tests: beside a longer one, no test could run an event loop of its own."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    arguments = [*QUIET, *FAKE, f"--use-file-for-fake-audio-capture={microphone}"]
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield running
        running.close()


@pytest.fixture
def service():
    """The stand-in: what it was asked is in its `asked`."""
    from stand_in import StandIn

    with StandIn() as running:
        yield running


@pytest.fixture
def visit(chromium):
    """Opens an address as one more reader; at the end nothing may stand in the console.

    What has to stand there is taken out of the page's list `wrong`.
    """
    contexts, wrong = [], []

    def opened(address, **options):
        context = chromium.new_context(**{"locale": "en-US", "viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        context.set_default_timeout(1000 * PATIENCE)
        page = context.new_page()
        page.wrong = wrong
        page.on("console", lambda message: message.type in ("error", "warning") and wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        page.wait_for_selector("body[data-ready]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def browse(service, visit):
    """Opens the page of the stand-in, at a place such as `#/live`."""
    return lambda place="", **options: visit(f"{service.address}/{place}", **options)


@pytest.fixture
def work(browse, recording):
    """The page with the recording opened by the button, its lanes drawn and its sound loaded."""
    page = browse()
    page.locator("#file").set_input_files(recording)
    page.wait_for_selector(".lane")
    eventually(page, "document.getElementById('media').readyState > 2")
    return page
