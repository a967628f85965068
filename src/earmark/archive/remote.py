"""Recordings on other machines, through fsspec: s3://, gs://, https://, sftp:// and the like."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, BinaryIO, cast

from earmark.errors import EarmarkError, MissingExtraError


def opened_folder(url: str) -> tuple[Any, str]:
    """The file system of a URL (`fsspec.AbstractFileSystem`), and the path in it.

    Raises:
        EarmarkError: no such kind of URL, or the package that reads it is not installed.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingExtraError(url, "archive") from error
    try:
        system, path = url_to_fs(url)
    except ImportError as error:  # fsspec says which package reads this kind
        raise EarmarkError(url, f"needs a package that is not installed here ({error})") from error
    except ValueError as error:
        raise EarmarkError(url, f"is no URL that can be read ({error})") from error
    return system, str(path)


def opened(url: str) -> AbstractContextManager[BinaryIO]:
    """A recording for reading, with `with`; what was read is kept in blocks, so that going back costs nothing.

    Raises:
        EarmarkError: as for `opened_folder`.
        OSError: it is not there or cannot be read.
    """
    system, path = opened_folder(url)
    return cast("AbstractContextManager[BinaryIO]", system.open(path, "rb"))
