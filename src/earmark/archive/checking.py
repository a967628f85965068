"""Whether a worker can do its work: asked on each before anything is begun."""

from __future__ import annotations

from pathlib import Path

from earmark._version import __version__
from earmark.archive.recordings import is_there


def check(root: str, folder: str, version: str) -> str | None:
    """What this process lacks, after 'a worker that ...'; None where nothing.

    Args:
        root: of the recordings; empty where they are named in full.
        folder: of the run, in the index: where this process must write.
        version: of Earmark, which must be the same.
    """
    if version != __version__:
        return f"has Earmark {__version__} in place of {version}"
    if not is_there(root):
        return f"cannot see {root}"
    if not Path(folder).is_dir():
        return f"cannot see {folder}"
    try:
        probe = Path(folder) / "probe"
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as error:
        return f"cannot write to {folder} ({error.strerror})"
    return None
