"""Everything below a folder, links followed without going round in circles."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

Told = Callable[[str, str], object]  # of a folder, and what is wrong with it


def folders_below(root: str, left_out: Told) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """The folder and all below it, each with what is in it in order of names; what is hidden is passed over.

    Each is gone through once, whatever links lead to it, and by its own path where it has one below the root. A link
    to a folder that holds the root is not followed: all around the root would come with it.

    Parameters
    ----------
    root
        A folder.
    left_out
        Is told of each folder that is left out, and why.
    """
    seen: set[tuple[int, int]] = set()
    folders, links = [root], list[str]()
    real_root = os.path.realpath(root)
    while folders or links:  # folders first, so that what is named by links, too, has its own name
        is_link = not folders
        folder = links.pop(0) if is_link else folders.pop()
        try:
            about = os.stat(folder)  # noqa: PTH116 - a Path for each of a million costs more than the look
            if (about.st_dev, about.st_ino) in seen:
                continue
            seen.add((about.st_dev, about.st_ino))
            if is_link and is_inside(real_root, os.path.realpath(folder)):
                left_out(folder, "leads to a folder that holds the one searched; it is not followed")
                continue
            with os.scandir(folder) as entries:
                shown = sorted((e for e in entries if not e.name.startswith(".")), key=lambda entry: entry.name)
        except OSError as error:
            left_out(folder, f"cannot be read ({error.strerror}); what is in it is left out")
            continue
        yield folder, shown
        folders += reversed([e.path for e in shown if e.is_dir(follow_symlinks=False)])
        links += [e.path for e in shown if e.is_symlink() and e.is_dir()]


def is_inside(path: str, folder: str) -> bool:
    """Whether the path is that of the folder or of something below it, both without links."""
    return path == folder or path.startswith(os.path.join(folder, ""))  # noqa: PTH118 - with its separator
