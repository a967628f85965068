"""Where a job's files lie, by names of our own only, so that nothing a user sends becomes a path."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
from collections.abc import Collection
from pathlib import Path

from earmark.errors import EarmarkError
from earmark.util.atomic import atomic_write, settle

MARKER = ".earmark"
"""A file in `jobs/` with the mark of the database that knows the jobs: without it nothing there is ever removed."""

ID = "^[0-9a-f]{16}$"  # a pattern of ids as `Storage.new` makes them


def is_id(name: object) -> bool:
    """Whether something is an id as `Storage.new` makes them."""
    return isinstance(name, str) and re.fullmatch(ID, name) is not None


class JobFolder:
    """The folder of one job, and what lies where in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.upload = path / "upload"  # the recording as it came
        self.result = path / "result.json"  # what was found, as Timeline JSON, Words JSON, or a list of labels
        self.corrected = path / "corrected.json"  # the same as a person corrected it
        self.history = path / "history.json"  # the changes that a person made, for undoing them
        self.scores = path / "scores.npz"  # scores and levels, from which events are read anew
        self.embeddings = path / "embeddings.npz"  # by which like sounds are found, where the model has any
        self.view = path / "view.json"  # what a page draws
        self.media = path / "media.json"  # what browsers can play of the recording, see `playback.Playback`
        self.copy = path / "copy.mp4"  # what they play in place of an upload that they cannot play
        self.captions = path / "captions.json"  # to burn in: their look, and cues [onset, offset, [[text, kind], ...]]
        self.text = path / "text.txt"  # what is said in a recording of words, where somebody told
        self.classifiers = path / "classifiers.json"  # the words of each bundled classifier, as a list of Words JSON

    def video(self) -> Path | None:
        """The video with captions burned in, if there is one."""
        return next((path for path in (self.path / "video.mp4", self.path / "video.mkv") if path.is_file()), None)

    def size(self) -> int:
        """Bytes on disk."""
        try:
            return sum(file.stat().st_size for file in self.path.iterdir())
        except OSError:  # its job was given up just now
            return 0

    def settle(self) -> None:
        """Wait until the upload is on disk, whatever happens from now on."""
        for path in (self.upload, self.path, self.path.parent):
            settle(path)

    def remove(self) -> None:
        """Delete it all."""
        shutil.rmtree(self.path, ignore_errors=True)


class Storage:
    """The folder of the service: the table of jobs, a folder for each of them, and the models that were taught."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "jobs.sqlite"
        self.models = folder / "models"
        self.receiving: set[str] = set()  # folders whose upload is under way: with no job as yet, and nobody's strays
        self._jobs = folder / "jobs"
        self._jobs.mkdir(parents=True, exist_ok=True)

    def check(self) -> None:
        """Refuse jobs whose database is gone: a new one would not know them, and they would be swept away.

        Raises
        ------
        EarmarkError
            There are such jobs, or files of somebody else.
        """
        if not self.database.exists() and self._entries():
            raise self._foreign()

    def claim(self, mark: str, known: Collection[str]) -> None:
        """Make sure that what lies here belongs to a database; only what has our form and no job is then removed.

        Parameters
        ----------
        mark
            Of the database, see `Store.mark`.
        known
            The ids of its jobs.

        Raises
        ------
        EarmarkError
            The jobs here are those of another database, or files of somebody else; or nobody can be kept from reading
            them.
        """
        marker, there = self._jobs / MARKER, self._entries()
        try:
            ours = marker.read_text(encoding="utf-8").strip() == mark
        except (FileNotFoundError, UnicodeDecodeError):  # nobody's, or made before there were marks
            ours = not there.isdisjoint(known)
        if there and not ours:
            raise self._foreign()
        try:
            self._restrict()
        except OSError as error:
            remedy = "use another --folder"
            raise EarmarkError(self._jobs, f"cannot be closed to others ({error.strerror})", remedy) from error
        with atomic_write(marker) as part:
            part.write_text(mark + "\n", encoding="utf-8")

    def _restrict(self) -> None:
        """Only this account reads and writes what an earlier server, or an earlier version, left: the database, too."""
        _close(self._jobs)
        for name in ("lock", self.database.name, f"{self.database.name}-wal", f"{self.database.name}-shm"):
            if (self.folder / name).exists():
                _close(self.folder / name)
        folders = [self.of(job_id).path for job_id in self.ids()]
        for folder in [*folders, self.models] if self.models.is_dir() else folders:
            for path in (folder, *folder.iterdir()):
                _close(path)

    def _entries(self) -> set[str]:
        return set(os.listdir(self._jobs)) - {MARKER}  # noqa: PTH208 - names are all that is asked for

    def _foreign(self) -> EarmarkError:
        reason = f"holds files that {self.database.name} beside it knows nothing of"
        remedy = "put back the database that they belong to, move them away, or use another --folder"
        return EarmarkError(self._jobs, reason, remedy)

    def of(self, job_id: str) -> JobFolder:
        """The folder of a job of ours; ids that did not come from `new` never get here."""
        return JobFolder(self._jobs / job_id)

    def new(self) -> tuple[str, JobFolder]:
        """A new id, and its folder, to receive an upload in; take the id out of `receiving` afterwards."""
        job_id = secrets.token_hex(8)
        self.receiving.add(job_id)
        folder = self.of(job_id)
        folder.path.mkdir(0o700)
        return job_id, folder

    def ids(self) -> list[str]:
        """All that have a folder; other things that lie here are not ours."""
        return sorted(
            entry.name for entry in os.scandir(self._jobs) if is_id(entry.name) and entry.is_dir(follow_symlinks=False)
        )


def _close(path: Path) -> None:
    """Take a file or folder of ours from everybody else; what a link leads to is not ours."""
    mode = path.lstat().st_mode
    if not stat.S_ISLNK(mode) and mode & 0o077:
        path.chmod(stat.S_IMODE(mode) & 0o700)
