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

ID = "^[0-9a-f]{16}$"
"""A pattern of ids as `Storage.new` makes them."""


def is_id(name: object) -> bool:
    """Whether something is an id as `Storage.new` makes them."""
    return isinstance(name, str) and re.fullmatch(ID, name) is not None


class JobFolder:
    """The folder of one job."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def upload(self) -> Path:
        """The recording as it came."""
        return self.path / "upload"

    @property
    def result(self) -> Path:
        """What was found, as Timeline JSON, Words JSON, or a list of labels."""
        return self.path / "result.json"

    @property
    def corrected(self) -> Path:
        """The events as a person corrected them, as Timeline JSON."""
        return self.path / "corrected.json"

    @property
    def scores(self) -> Path:
        """Scores and levels, from which events are read anew."""
        return self.path / "scores.npz"

    @property
    def embeddings(self) -> Path:
        """Embeddings, by which like sounds are found; none where the model has none."""
        return self.path / "embeddings.npz"

    @property
    def view(self) -> Path:
        """What a page draws."""
        return self.path / "view.json"

    @property
    def media(self) -> Path:
        """What browsers can play of the recording, see `playback.Playback`."""
        return self.path / "media.json"

    @property
    def copy(self) -> Path:
        """What browsers play in place of an upload that they cannot play."""
        return self.path / "copy.mp4"

    @property
    def history(self) -> Path:
        """The changes that a person made, for undoing them."""
        return self.path / "history.json"

    @property
    def captions(self) -> Path:
        """Captions to burn in: their look, and the cues, [onset, offset, [[text, kind], ...]]."""
        return self.path / "captions.json"

    @property
    def text(self) -> Path:
        """What is said in a recording of words, where somebody told."""
        return self.path / "text.txt"

    @property
    def classifiers(self) -> Path:
        """The words that each bundled frame classifier finds, as a list of Words JSON."""
        return self.path / "classifiers.json"

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
    """The folder of the service: `jobs.sqlite`, a folder a job in `jobs/`, and `models/` that were taught.

    Attributes:
        receiving: ids of folders whose upload is under way: they have no job as yet, and are nobody's strays.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.receiving: set[str] = set()
        self._jobs = folder / "jobs"
        self._jobs.mkdir(parents=True, exist_ok=True)

    @property
    def database(self) -> Path:
        """The table of jobs."""
        return self.folder / "jobs.sqlite"

    @property
    def models(self) -> Path:
        """The folder of taught models."""
        return self.folder / "models"

    def check(self) -> None:
        """Refuse jobs whose database is gone: a new one would not know them, and they would be swept away.

        Raises:
            EarmarkError: there are such jobs, or files of somebody else.
        """
        if not self.database.exists() and self._entries():
            raise self._foreign()

    def claim(self, mark: str, known: Collection[str]) -> None:
        """Make sure that what lies here belongs to a database; only what has our form and no job is then removed.

        Args:
            mark: of the database, see `Store.mark`.
            known: the ids of its jobs.

        Raises:
            EarmarkError: the jobs here are those of another database, or files of somebody else; or nobody can be kept
                from reading them.
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
