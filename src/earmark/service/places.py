"""Where a job's files lie: names of our own only, so that nothing a user sends becomes a path."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path


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
    def view(self) -> Path:
        """What a page draws."""
        return self.path / "view.json"

    def size(self) -> int:
        """Bytes on disk."""
        try:
            return sum(file.stat().st_size for file in self.path.iterdir())
        except FileNotFoundError:  # its job was given up just now
            return 0

    def remove(self) -> None:
        """Delete it all."""
        shutil.rmtree(self.path, ignore_errors=True)


class Places:
    """The folder of the service: `jobs.sqlite`, and a folder a job in `jobs/`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._jobs = folder / "jobs"
        self._jobs.mkdir(parents=True, exist_ok=True)
        self._jobs.chmod(0o700)

    @property
    def database(self) -> Path:
        """The table of jobs."""
        return self.folder / "jobs.sqlite"

    def of(self, job_id: str) -> JobFolder:
        """The folder of a job of ours; ids that did not come from `new` never get here."""
        return JobFolder(self._jobs / job_id)

    def new(self) -> tuple[str, JobFolder]:
        """A new id, and its folder."""
        job_id = secrets.token_hex(8)
        folder = self.of(job_id)
        folder.path.mkdir()
        return job_id, folder

    def ids(self) -> list[str]:
        """All that have a folder."""
        return sorted(entry.name for entry in os.scandir(self._jobs) if entry.is_dir())
