"""What the two JSON formats share: an object for one recording, a list of them for several."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, TextIO

from earmark.errors import EarmarkError
from earmark.formats.base import Format, R, stream_name
from earmark.util.text import encodable, in_json


class JsonFormat(Format[R]):
    """A format whose recordings are JSON objects."""

    name = "json"

    @abstractmethod
    def dump(self, found: R) -> str:
        """One recording as the text of an object."""

    @abstractmethod
    def parse(self, item: Any, where: str) -> R:
        """One recording from decoded JSON; `where` names the file in the EarmarkError for anything else."""

    def write(self, found: R, file: TextIO, /) -> None:
        """Write one object."""
        file.write(self.dump(found) + "\n")

    def write_many(self, several: Iterable[R], file: TextIO, /) -> None:
        """Write a list, also when it holds one recording or none; each is written as soon as it is there."""
        separator = "[\n"
        for found in several:
            file.write(separator + self.dump(found))
            separator = ",\n"
        file.write("[]\n" if separator == "[\n" else "\n]\n")

    def read(self, file: TextIO) -> R:
        """The one recording in a stream, whether or not in a list.

        Raises:
            EarmarkError: the stream holds something else.
        """
        found = self.read_many(file)
        if len(found) != 1:
            raise EarmarkError(stream_name(file), f"holds {len(found)} recordings", "give a file with one")
        return found[0]

    def read_many(self, file: TextIO) -> list[R]:
        """Every recording in a stream; errors as for `read`."""
        where = stream_name(file)
        try:
            content = json.load(file)
        except (ValueError, RecursionError) as error:
            raise EarmarkError(where, f"is not JSON ({error})") from error
        return [self.parse(item, where) for item in (content if isinstance(content, list) else [content])]


def one_line_json(value: dict[str, Any]) -> str:
    """An object on one line, non-ASCII letters as they are."""
    return in_json(value, allow_nan=False)


def encodable_values(values: dict[str, Any]) -> dict[str, Any]:
    """An object whose texts can be encoded as UTF-8."""
    return {key: encodable(value) if isinstance(value, str) else value for key, value in values.items()}
