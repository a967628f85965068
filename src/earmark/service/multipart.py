"""Forms (multipart/form-data) as they come: small fields, and one file that is written where it is to lie."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from earmark.service.problems import refusal

FILE = "file"  # the field that holds the recording
MOST_FIELDS = 16
FIELD_BYTES = 16 * 1024


class FormReader:
    """Reads one form; close it, whatever happens.

    Args:
        content_type: what the request says of its body.
        path: where the file goes; nothing lies there yet.

    Attributes:
        fields: the form's others by name, as text.
        filename: what the file is called, None as long as there was none.

    Raises:
        HTTPException: it is no form (415), or one without a boundary (400).
    """

    def __init__(self, content_type: str, path: Path) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data":
            raise refusal(415, f"send a form (multipart/form-data) with the recording as its field `{FILE}`")
        self.fields: dict[str, object] = {}
        self.filename: str | None = None
        self._path = path
        self._file: BinaryIO | None = None
        self._ended = False
        self._begin_part()
        callbacks = {
            "on_part_begin": self._begin_part,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_content,
            "on_part_data": self._take,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }
        try:
            self._parser = MultipartParser(options.get(b"boundary", b""), callbacks)  # type: ignore[arg-type]
        except FormParserError as error:
            raise refusal(400, "the form's boundary is too long") from error
        if not options.get(b"boundary"):
            raise refusal(400, "the form does not say its boundary")

    def write(self, data: bytes) -> None:
        """Take the next bytes of the form.

        Raises:
            HTTPException: it is broken, or has too much beside its file (400).
            OSError: the file cannot be written.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise refusal(400, f"the form is broken: {error}") from error

    def finish(self) -> None:
        """Make sure that all of it has come, and is written.

        Raises:
            HTTPException: it has no end (400), or no file (422).
            OSError: the file cannot be written.
        """
        if not self._ended:
            raise refusal(400, "the form was not sent to its end")
        if self.filename is None:
            raise refusal(422, f"the form needs the recording as its field `{FILE}`")
        if self._file:
            self._file.close()

    def close(self) -> None:
        """Close the file, however it is."""
        with suppress(OSError):  # what it still had to write fails as what it wrote before did
            if self._file:
                self._file.close()

    def _begin_part(self) -> None:
        self._header, self._value = bytearray(), bytearray()
        self._disposition = b""
        self._content: bytearray | None = None  # of a field; the file's is written

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def _begin_content(self) -> None:
        options = parse_options_header(self._disposition)[1]
        if b"name" not in options:
            raise refusal(400, "a part of the form has no name")
        self._name = _text(options[b"name"])
        if b"filename" not in options:
            self._content = bytearray()
            if len(self.fields) >= MOST_FIELDS:
                raise refusal(400, f"the form has more than {MOST_FIELDS} fields")
        elif self._name != FILE or self._file:
            raise refusal(422, f"the form may have one file only, as its field `{FILE}`")
        else:
            self.filename = _text(options[b"filename"])
            self._file = self._path.open("xb")

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._content is None:
            assert self._file is not None
            self._file.write(memoryview(data)[start:end])
            return
        self._content += data[start:end]
        if len(self._content) > FIELD_BYTES:
            raise refusal(400, f"a field of the form has more than {FIELD_BYTES // 1024} KB")

    def _end_part(self) -> None:
        if self._content is not None:
            self.fields[self._name] = _text(self._content)

    def _end(self) -> None:
        self._ended = True


def _text(raw: bytes | bytearray) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
