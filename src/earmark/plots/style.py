"""What all pictures share: the size of a pixel, colours, axes of time, text, and how a picture is written."""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from earmark.errors import EarmarkError
from earmark.util.atomic import atomic_write

DPI = 110
FIRST, SECOND = "#2a6fbb", "#e0a33b"
RIGHT, WRONG = "#4c9f70", "#c8473f"
BACKGROUND = "#9a9a9a"


class Picture(Figure):
    """A figure that a notebook shows without pyplot, which would keep it."""

    def _repr_png_(self) -> bytes:
        return png(self)


def png(figure: Figure) -> bytes:
    """A figure as the content of a PNG."""
    content = io.BytesIO()
    figure.savefig(content, dpi=DPI, format="png")
    return content.getvalue()


def save(figure: Figure, path: Path) -> None:
    """Write a PNG, whole or not at all.

    Raises
    ------
    EarmarkError
        The file cannot be written.
    """
    try:
        with atomic_write(path) as part:
            figure.savefig(part, dpi=DPI, format="png")
    except OSError as error:
        raise EarmarkError(path, f"cannot be written ({error.strerror})") from error


def colour(number: int) -> str:
    """The colour of the first, second, ... of several things, the same in every picture."""
    return f"C{number % 10}"


def contrast(shade: float) -> str:
    """The colour of text upon a shade from 0, white, to 1, dark."""
    return "white" if shade > 0.6 else "black"


def literal(text: str) -> str:
    """Text in which no dollar begins a formula."""
    return text.replace("$", r"\$")


def readable(label: str) -> str:
    """A label in words."""
    return label.replace("_", " ")


def time_axis(axes: Axes, onset: float, offset: float) -> None:
    """Time from onset to offset, seconds, as m:ss."""
    axes.set_xlim(onset, max(offset, onset + 1e-3))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda t, _: _clock(t)))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{int(minutes)}:{rest:04.1f}".removesuffix(".0")
