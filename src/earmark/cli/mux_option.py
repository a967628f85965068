"""`earmark caption --mux`: the captions as a subtitle track in a copy of the video."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from earmark.cli import common
from earmark.errors import EarmarkError

Mux = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE|DIR",
        help="Put the captions into a copy of the video: a .mkv, .mp4, .mov or .webm file, or a folder for several.",
    ),
]

OTHERWISE = ".mkv"  # the copy of what has no subtitles as it is, such as an AVI: it holds nearly everything


class Copies:
    """Where the copies of a command's recordings go, and what writes them.

    Before any of the work is done, `Copies(...)` refuses what cannot be meant, and `check` what cannot be written.
    """

    def __init__(self, chosen: Path, files: Sequence[Path], language: str, overwrite: bool) -> None:
        """`chosen` is a file for one recording, a folder for one or several; language an ISO 639 code.

        Raises:
            EarmarkError: standard input, one file for several recordings, or two copies of one name.
        """
        if any(str(file) == "-" for file in files):
            raise EarmarkError(
                "--mux", "cannot copy standard input, which is read only once", "save it to a file first"
            )
        in_folder = chosen.is_dir() or not chosen.suffix
        if len(files) > 1 and not in_folder:
            raise EarmarkError(chosen, "is one file for several recordings", "give a folder")
        self.language, self.overwrite = language, overwrite
        self.paths = {file: _in_folder(chosen, file) if in_folder else chosen for file in files}
        for path, many in Counter(self.paths.values()).items():
            if many > 1 and len(self.paths) > 1:
                raise EarmarkError(path, "would be the copy of several recordings", "copy them one by one")

    def check(self, file: Path) -> None:
        """Refuse, with an EarmarkError, a copy that is no kind of video, the video itself, or there already."""
        from earmark.media.muxing import check_output

        check_output(self.paths[file], file, self.overwrite)

    def write(self, file: Path, subtitles: str) -> Path:
        """Write the copy with subtitles, the text of an SRT or VTT file, and show a bar; returns its path.

        Raises:
            EarmarkError, MediaError: as `earmark.media.muxing.mux`.
        """
        from earmark.media.muxing import mux

        with common.progress(self.paths[file]) as advance:
            return mux(
                file,
                subtitles,
                self.paths[file],
                language=self.language,
                overwrite=self.overwrite,
                progress=advance,
            )


def _in_folder(folder: Path, file: Path) -> Path:
    """A copy of the recording's own name and kind, if that kind can hold subtitles."""
    from earmark.media.muxing import CONTAINERS

    return folder / (file.name if file.suffix.lower() in CONTAINERS else file.stem + OTHERWISE)
