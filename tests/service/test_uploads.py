"""Forms in any pieces, whole and broken, and the names of what they bring."""

import anyio
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import Request

from earmark.service import uploads
from earmark.service.uploads import FIELD_BYTES, MOST_FIELDS, NAME_LENGTH, FormReader, shown_name

TYPE = "multipart/form-data; boundary=x"


def part(name, content, filename=None):
    file = "" if filename is None else f'; filename="{filename}"'
    return f'--x\r\ncontent-disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"


def read(path, body, kind=TYPE):
    reader = FormReader(kind, path)
    try:
        for start in range(0, len(body), 50_000):
            reader.write(body[start : start + 50_000])
        reader.finish()
    finally:
        reader.close()
    return reader


names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters='"\\;='), min_size=1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(st.data(), st.binary(max_size=300), st.dictionaries(names, st.text(st.characters(codec="utf-8")), max_size=4))
def test_what_httpx_writes_is_read_in_any_pieces(tmp_path, data, content, fields):
    fields.pop("file", None)
    path = tmp_path / "upload"
    path.unlink(missing_ok=True)
    request = httpx.Request("POST", "http://localhost", data=fields, files={"file": ("tag am meer.wav", content)})
    body = request.read()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    reader = FormReader(request.headers["content-type"], path)
    for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True):
        reader.write(body[start:end])
    reader.finish()
    reader.close()
    assert path.read_bytes() == content
    assert reader.filename == "tag am meer.wav"
    assert reader.fields == fields


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not a form", 400),
        (part("file", b"a", "a.wav"), 400),
        (part("file", b"a", "a.wav") + b"--x", 400),
        (part("task", b"label") + b"--x--", 422),
        (part("file", b"a") + b"--x--", 422),
        (part("other", b"a", "a.wav") + b"--x--", 422),
        (part("file", b"a", "a.wav") + part("file", b"b", "b.wav") + b"--x--", 422),
        (b"--x\r\nname: file\r\n\r\n\r\n--x--", 400),
        (part("task", b"a" * (FIELD_BYTES + 1)), 400),
        (b"".join(part(f"field {number}", b"") for number in range(MOST_FIELDS + 1)), 400),
        (b"--x\r\n" + b"a" * 100_000, 400),
    ],
)
def test_what_is_no_form_with_a_recording_is_refused(tmp_path, body, status):
    with pytest.raises(HTTPException) as refused:
        read(tmp_path / "upload", body)
    assert refused.value.status_code == status
    assert refused.value.detail


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=", 400),
        ("multipart/form-data; boundary=" + "x" * 10_000, 400),
    ],
)
def test_what_says_no_form_is_refused(tmp_path, kind, status):
    with pytest.raises(HTTPException) as refused:
        FormReader(kind, tmp_path / "upload")
    assert refused.value.status_code == status


def test_letters_in_another_encoding_are_read_somehow(tmp_path):
    assert read(tmp_path / "upload", part("t", b"\xe9") + part("file", b"", "") + b"--x--").fields == {"t": "é"}


def test_a_file_that_is_there_is_never_overwritten(tmp_path):
    (tmp_path / "upload").write_text("ours")
    with pytest.raises(FileExistsError):
        read(tmp_path / "upload", part("file", b"a", "a.wav") + b"--x--")
    assert (tmp_path / "upload").read_text() == "ours"


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
