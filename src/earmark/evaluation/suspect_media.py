"""What is shown and heard of a suspect: its spectrogram, and a file that a browser can play."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from earmark import media
from earmark.errors import MediaError
from earmark.evaluation.suspect_picture import FRONT_END, thumbnail
from earmark.evaluation.suspect_table import Suspect
from earmark.evaluation.suspects_page import Card

LONGEST = 30.0  # seconds that are shown and heard of a clip that is cut out of its recording
PLAYED = {".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a"}  # by every current browser

_OWN = re.compile(r"[0-9a-f]{16}\.flac")


def cards(suspects: Sequence[Suspect], folder: Path) -> Iterator[Card]:
    """A card for each suspect. Clips that a browser cannot play as they are are written to `folder`.

    What an earlier sheet wrote there and this one does not need is removed.

    Raises:
        EarmarkError: a clip cannot be written.
    """
    needed = set()
    for suspect in suspects:
        card = _card(suspect, folder)
        if card.sound is not None:
            needed.add(card.sound.name)
        yield card
    for path in folder.glob("*.flac"):
        if _OWN.fullmatch(path.name) and path.name not in needed:
            path.unlink()


def _card(suspect: Suspect, folder: Path) -> Card:
    clip = suspect.clip
    whole = clip.start == 0 and clip.end is None
    end = clip.start + LONGEST if clip.end is None else min(clip.end, clip.start + LONGEST)
    try:
        samples = media.read(clip.path, FRONT_END.rate, start=clip.start, end=end)
        playable = whole and clip.path.suffix.lower() in PLAYED
        sound = clip.path if playable else _excerpt(clip.path, clip.start, end, folder)
    except MediaError as error:
        return Card(suspect, None, None, f"It cannot be heard: {error.reason}.")
    cut = len(samples) >= round(LONGEST * FRONT_END.rate) and clip.end != end
    what = "seen" if playable else "seen and heard"
    return Card(suspect, thumbnail(samples), sound, f"Only its first {LONGEST:g} s are {what} here." if cut else "")


def _excerpt(path: Path, start: float, end: float, folder: Path) -> Path:
    """A span of a recording as a file of its own, named after both; one that is there is not written again."""
    stat = path.stat()
    text = f"{path.absolute()}:{stat.st_size}:{stat.st_mtime_ns}:{start}:{end}"
    target = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.flac"
    return target if target.exists() else media.write_span(path, target, start, end)
