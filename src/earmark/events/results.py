"""What a timeline, words and captions have in common: they are sequences, and hand themselves to files and pictures.

What their methods hand them to stands further right in the flow, and is imported when it is called for.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, overload

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from earmark.media import Sound

Item = TypeVar("Item")


class Result(Sequence[Item]):
    """What was found in one recording, in order of time.

    Attributes
    ----------
    recording : str
        Its name.
    duration : float
        Its length, seconds.
    sound : Sound or None
        What the recording can be read from again, for pictures and for listening; None where it is not known.
    """

    columns: ClassVar[tuple[str, ...]]
    """What of each thing found stands in a table."""

    recording: str
    duration: float
    sound: Sound | None

    @property
    @abstractmethod
    def items(self) -> tuple[Item, ...]:
        """What was found, in order."""

    @abstractmethod
    def with_items(self, items: tuple[Item, ...], /) -> Self:
        """The same recording with other findings."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """What its JSON file holds."""

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    @overload
    def __getitem__(self, place: int) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> Self: ...
    def __getitem__(self, place: int | slice) -> Item | Self:
        return self.with_items(self.items[place]) if isinstance(place, slice) else self.items[place]

    def to_dataframe(self) -> Any:
        """A pandas DataFrame with a row for each, and a column for each of its fields.

        Raises
        ------
        MissingExtraError
            pandas is not installed.
        """
        from earmark.plots.notebook import dataframe

        return dataframe(self)

    def save(self, path: str | os.PathLike[str], **options: Any) -> Path:
        """Write a file, whole or not at all; its suffix tells the format.

        Parameters
        ----------
        path
            A timeline is written as `.json`, `.csv`, `.vtt` and `.srt` (captions), `.TextGrid` (Praat), `.txt`
            (Audacity's labels), `.rttm` or `.jams`; words as `.json`, `.csv`, `.TextGrid` or `.txt`, and
            those of a text as `.srt`, `.vtt` or `.ctm`.
        **options
            Of a timeline as captions: `language` ("en"), and `include_speech` (False).

        Returns
        -------
        Path
            The file. One of that name is replaced.

        Raises
        ------
        ArgumentError
            The suffix is none of these, or an option is none of the format's.
        EarmarkError
            The file cannot be written.
        """
        from earmark.formats import save

        return save(self, Path(path), **options)

    def plot(self) -> Figure:
        """Draw the recording's spectrogram and what was found in it, as far as the recording can be read again.

        Returns
        -------
        Figure
            Matplotlib's, which a notebook shows, and `savefig` writes.

        Raises
        ------
        MissingExtraError
            matplotlib is not installed.
        MediaError
            The recording cannot be read any more.
        EarmarkError
            Of words, nobody knows where the recording is.
        """
        from earmark.plots.notebook import figure

        return figure(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: a strip of what was found, above the recording to be played."""
        from earmark.plots.notebook import html

        return html(self)
