from pathlib import Path

import pytest
from service_process import Server

EXAMPLES = Path(__file__).parents[2] / "examples"


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
