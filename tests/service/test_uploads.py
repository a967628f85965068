import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import Request

from earmark.service import uploads
from earmark.service.uploads import NAME_LENGTH, shown_name


@given(st.one_of(st.none(), st.text(max_size=400)))
def test_a_name_is_for_eyes_only(name):
    shown = shown_name(name)
    assert 0 < len(shown) <= NAME_LENGTH
    assert "/" not in shown
    assert "\\" not in shown
    assert shown.isprintable()
    assert shown.strip(".")
    shown.encode()


def test_a_sender_that_never_ends_is_not_waited_for(monkeypatch, tmp_path):
    monkeypatch.setattr(uploads, "SENDING", 0.05)

    async def receive():
        await anyio.sleep_forever()

    async def send():
        headers = [(b"content-type", b"multipart/form-data; boundary=x")]
        await uploads.received(Request({"type": "http", "method": "POST", "headers": headers}, receive), tmp_path / "a")

    with pytest.raises(HTTPException) as refused:
        anyio.run(send)
    assert refused.value.status_code == 408


def test_names_keep_what_people_called_them():
    assert shown_name("C:\\Users\\ä\\Ein Tag am Meer.mp4") == "Ein Tag am Meer.mp4"
    assert shown_name("../../etc/passwd") == "passwd"
    assert shown_name("..") == "recording"
    assert shown_name(None) == "recording"
