"""Room on disk for uploads that are under way."""

import pytest
from service_process import Server
from starlette.exceptions import HTTPException

from earmark.service.app import create_app
from earmark.service.settings import Settings


@pytest.fixture
def service(tmp_path):
    made = create_app(Settings(tmp_path, keep_bytes=1000)).state.service
    yield made
    made.store.close()
    made._held.close()


def test_uploads_under_way_need_room_together(service):
    with service.receiving(False, 600):
        with pytest.raises(HTTPException) as told, service.receiving(False, 600):
            pass
        assert told.value.status_code == 507
        with service.receiving(False, 400):
            pass
    with service.receiving(False, 1000):
        pass


def test_what_did_not_say_its_length_needs_room_as_it_comes(service):
    with service.receiving(False, 600), service.receiving(False, 0) as received:
        received(300)
        received(100)
        with pytest.raises(HTTPException) as told:
            received(1)
        assert told.value.status_code == 507
    with service.receiving(False, 1000) as received:
        received(1000)


def test_a_form_of_no_said_length_is_refused_when_the_room_is_full(tmp_path):
    def form():
        yield b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(4):
            yield b"\0" * 2**20

    headers = {"content-type": "multipart/form-data; boundary=x"}
    with Server(tmp_path, "--workers", "1", "--keep-gb", "0.002") as server:
        assert server.client.post("/v1/jobs", content=form(), headers=headers).status_code == 507
        assert server.client.get("/v1/jobs").json() == {"jobs": []}
