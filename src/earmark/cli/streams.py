"""Standard input and output as a command can rely on them: open, and with errors of one line."""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
from contextlib import suppress

from earmark.errors import EarmarkError

TYPE_CHECKING = False  # as in `typing`, which takes a while to import
if TYPE_CHECKING:
    from typing import BinaryIO

    from typing_extensions import Buffer

_OUTPUT = "standard output"
_ELSEWHERE = "send it to another place"


class OutputError(EarmarkError):
    """Standard output takes nothing: no further file need be worked on."""


class _Checked(io.FileIO):
    """Standard output, whose errors are told apart from those of other files."""

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:  # nobody reads on, as in `earmark ... | head`, which is no mistake
            self.give_up()
            raise SystemExit(0) from None  # as an OSError, Click would make exit code 1 of it
        except OSError as error:
            self.give_up()
            raise OutputError(_OUTPUT, f"cannot be written ({error.strerror})", _ELSEWHERE) from error

    def give_up(self) -> None:
        """What is still in buffers goes nowhere, so that the end of the program has nothing to complain of."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


def prepare() -> None:
    """Called before anything is opened: make sure that the three streams are there.

    Raises OutputError where standard output is closed, or so full that nothing can be written.
    """
    closed = [handle for handle in range(3) if not _is_open(handle)]
    for _ in closed:  # or a file of ours would get the number, and what libraries print
        os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - as long as the program lasts
    if 1 in closed:
        raise OutputError(_OUTPUT, "is closed", f"{_ELSEWHERE}, or to {os.devnull}")
    if isinstance(sys.stdout, io.TextIOWrapper) and _number(sys.stdout) == 1:
        _probe()
        sys.stdout = _checked(sys.stdout)


def finish() -> None:
    """Write what is still in the buffer of standard output, or raise OutputError."""
    if sys.stdout is not None:
        with suppress(SystemExit):  # nobody reads on: the command's own exit code stands
            sys.stdout.flush()


def standard_input() -> BinaryIO:
    """The bytes of standard input; EarmarkError where it is closed."""
    check_standard_input()
    return sys.stdin.buffer


def check_standard_input() -> None:
    """Refuse to go on where standard input is closed."""
    if sys.stdin is None:
        raise EarmarkError("standard input", "is closed", "send a recording to it, or name a file")


def _is_open(handle: int) -> bool:
    with suppress(OSError):
        os.fstat(handle)
        return True
    return False


def _number(stream: io.TextIOWrapper) -> int | None:
    with suppress(OSError, ValueError):
        return stream.fileno()
    return None


def _probe() -> None:
    """Refuse what is full before hours of work: a device by writing nothing to it, a disk by its free space."""
    mode = os.fstat(1).st_mode
    try:
        if stat.S_ISCHR(mode) and not os.isatty(1):
            os.write(1, b"")
        elif stat.S_ISREG(mode):
            disk = os.fstatvfs(1)
            if disk.f_blocks and not disk.f_bavail:
                raise OSError(errno.ENOSPC, "No space left on device")
    except OSError as error:
        raise OutputError(_OUTPUT, f"cannot be written ({error.strerror})", _ELSEWHERE) from error


def _checked(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    raw = _Checked(1, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        stream.encoding,
        "backslashreplace" if stream.errors == "strict" else stream.errors,  # a letter that it lacks ends no work
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
