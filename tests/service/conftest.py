from pathlib import Path

import anyio
import pytest
from browser import eventually
from page_helpers import sound
from service_process import PATIENCE, SmallServer
from starlette.testclient import WebSocketTestSession

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session", autouse=True)
def patience():
    """A message that never comes over a socket to an app of this process is a failure, not waited for for ever."""

    def receive(session):
        async def bounded():
            with anyio.fail_after(PATIENCE):
                return await session._send_rx.receive()

        return session.portal.call(bounded)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WebSocketTestSession, "receive", receive)
        yield


@pytest.fixture(scope="session")
def street() -> Path:
    return EXAMPLES / "street.mp4"


@pytest.fixture(scope="session")
def five_words() -> Path:
    return EXAMPLES / "five_words.flac"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One that many tests share; each brings its own jobs."""
    settings = "workers=1, quick_workers=1, upload_bytes=20 * 1024**2"
    with SmallServer(tmp_path_factory.mktemp("service"), settings) as running:
        yield running


@pytest.fixture(scope="session")
def captioned(server, street) -> str:
    """The id of a job that is done."""
    return server.done(street, task="caption")


@pytest.fixture(scope="session")
def spoken(server, five_words) -> str:
    """The same of words."""
    return server.done(five_words, task="words")


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    return sound(tmp_path_factory.mktemp("page") / "yard.wav", (1.0, 2.5, 500), (3.0, 6.0, 1500))


@pytest.fixture(scope="session")
def stand_in():
    """The stand-in for the service; tests ask for `service`."""
    from stand_in import StandIn

    with StandIn().serving() as running:
        yield running


@pytest.fixture
def service(stand_in):
    """The stand-in as if it had just begun: what it was asked is in its `asked`."""
    stand_in.begin_anew()
    return stand_in


@pytest.fixture
def visit(opened):
    """Opens an address of the page."""

    def visit(address, **options):
        page = opened(address, **options)
        page.wait_for_selector("body[data-ready]")
        return page

    return visit


@pytest.fixture
def browse(service, visit, microphone):
    """Opens the page of the stand-in, at a place such as `#/live`, where a siren is heard from time to time."""
    sound(microphone, (0.4, 1.4, 1000), seconds=5.0)
    return lambda place="", **options: visit(f"{service.address}/{place}", **options)


@pytest.fixture
def work(browse, service, recording):
    """The page with the recording opened, its lanes drawn and its sound loaded."""
    page = browse(f"#/jobs/{service.done(recording)}")
    page.wait_for_selector(".lane")
    eventually(page, "document.getElementById('media').readyState > 2")
    return page
