"""The page of label issues: clips to look at, hear, and decide about, in one HTML file.

The page works offline from a file: pictures, script and the service's style are in it; recordings lie where they are,
or beside the page where a browser could not play them. Its content security policy names its own style and script by
their hashes, so that nothing else can run, whatever a file's name holds.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from urllib.parse import quote

from earmark import media
from earmark.errors import EarmarkError, MediaError
from earmark.evaluation.label_issues import COLUMNS, LabelIssue
from earmark.plots.spectrogram import FRONT_END, thumbnail
from earmark.plots.style import readable
from earmark.util.atomic import atomic_write

LONGEST = 30.0  # seconds that are shown and heard of a clip that is cut out of its recording
PLAYED = {".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a"}  # by every current browser
_OWN = re.compile(r"[0-9a-f]{16}\.flac")

CHOICES = (("", "undecided"), ("keep", "keep"), ("drop", "drop"), ("relabel", "relabel"))


@dataclass(frozen=True)
class Card:
    """What the page shows of a clip."""

    issue: LabelIssue
    picture: bytes | None  # PNG of its spectrogram, None where it cannot be read
    sound: Path | None  # what is played, None where it cannot be
    note: str = ""  # said of it in a line of its own, if anything


@dataclass(frozen=True)
class Sheet:
    """What the page says beside its cards."""

    dataset: str
    summary: str  # a sentence or two about the ranking
    labels: Sequence[str]  # those that a clip can be given
    exclusive: bool  # whether each clip has exactly one
    others: Sequence[Sequence[str]] = ()
    """Lines of the table about clips that are not shown, which the downloaded table holds too."""


def write(sheet: Sheet, cards: Sequence[Card], path: Path) -> None:
    """Write the page; recordings are named as seen from its folder.

    Raises
    ------
    EarmarkError
        It cannot be written.
    """
    try:
        with atomic_write(path) as part:
            part.write_text(page(sheet, cards, path.parent), encoding="utf-8")
    except (OSError, UnicodeEncodeError) as error:
        raise EarmarkError(path, f"cannot be written ({error})", "choose another --out") from error


def page(sheet: Sheet, cards: Sequence[Card], home: Path) -> str:
    """The page as text, for the folder `home`."""
    style = _resource("style.css") + _resource("label_issues.css")
    script = _resource("label_issues.js")
    about = {
        "dataset": sheet.dataset,
        "made": datetime.now(UTC).isoformat(),
        "exclusive": sheet.exclusive,
        "columns": COLUMNS,
        "others": sheet.others,
    }
    empty = '<option value="">choose</option>' if sheet.exclusive else ""
    options = (f'<option value="{escape(label)}">{escape(readable(label))}</option>' for label in sheet.labels)
    card = Template(_resource("label_issues_card.html"))
    return Template(_resource("label_issues.html")).substitute(
        policy=_policy(style, script),
        dataset=escape(sheet.dataset),
        summary=escape(sheet.summary),
        style=style,
        cards="\n".join(_card(one, card, sheet.exclusive, home) for one in cards),
        labels=empty + "".join(options),
        about=json.dumps(about, ensure_ascii=False).replace("<", "\\u003c"),
        script=script,
    )


def _policy(style: str, script: str) -> str:
    return (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; media-src 'self' file:; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _resource(name: str) -> str:
    return files("earmark.service").joinpath("static", name).read_text(encoding="utf-8")


def _card(card: Card, template: Template, exclusive: bool, home: Path) -> str:
    one = card.issue
    other = one.suggested if one.suggested != one.clip.labels else ()
    new = (one.decision and one.decision.labels) or other
    names = dict(zip(COLUMNS[:7], one.row, strict=False))
    return template.substitute(
        rank=one.rank,
        data=" ".join(f'data-{name}="{escape(value)}"' for name, value in names.items()),
        picture=_picture(card),
        label=escape(_sentence(one.clip.labels)),
        guess=escape(_sentence(one.suggested)),
        scores=escape(", ".join(f"{readable(label)} {score:.2f}" for label, score in one.scores) or "nothing"),
        place=escape(_place(one)),
        sound=_sound(card, home),
        radios="\n".join(_radio(one, value, text) for value, text in CHOICES),
        new=escape(";".join(new)),
        multiple="" if exclusive else " multiple size=5",
    )


def _picture(card: Card) -> str:
    if card.picture is None:
        return ""
    content = base64.b64encode(card.picture).decode()
    return f'<img alt="Spectrogram" width="320" height="96" src="data:image/png;base64,{content}">'


def _sound(card: Card, home: Path) -> str:
    note = f'<p class="problem">{escape(card.note)}</p>' if card.note else ""
    if card.sound is None:
        return note
    where = f'<audio controls preload="none" src="{escape(address(card.sound, home))}"></audio>'
    return where + note


def address(path: Path, home: Path) -> str:
    """A file's address as seen from a page in the folder `home`."""
    return quote(Path(os.path.relpath(path.absolute(), home.absolute())).as_posix())


def _radio(one: LabelIssue, value: str, text: str) -> str:
    checked = " checked" if value == (one.decision.decision if one.decision else "") else ""
    return f'<label><input type="radio" name="decision-{one.rank}" value="{value}"{checked}> {text}</label>'


def _place(one: LabelIssue) -> str:
    if not one.clip.start and one.clip.end is None:
        return one.path
    end = "the end" if one.clip.end is None else f"{one.clip.end:g} s"
    return f"{one.path}, {one.clip.start:g} s to {end}"


def _sentence(labels: Sequence[str]) -> str:
    return ", ".join(map(readable, labels)) or "none of the labels"


def cards(issues: Sequence[LabelIssue], folder: Path) -> Iterator[Card]:
    """A card for each clip. Clips that a browser cannot play as they are are written to `folder`.

    What an earlier sheet wrote there and this one does not need is removed.

    Raises
    ------
    EarmarkError
        A clip cannot be written.
    """
    needed = set()
    for issue in issues:
        card = _shown(issue, folder)
        if card.sound is not None:
            needed.add(card.sound.name)
        yield card
    for path in folder.glob("*.flac"):
        if _OWN.fullmatch(path.name) and path.name not in needed:
            path.unlink()


def _shown(issue: LabelIssue, folder: Path) -> Card:
    clip = issue.clip
    whole = clip.start == 0 and clip.end is None
    end = clip.start + LONGEST if clip.end is None else min(clip.end, clip.start + LONGEST)
    try:
        samples = media.read(clip.path, FRONT_END.rate, start=clip.start, end=end)
        playable = whole and clip.path.suffix.lower() in PLAYED
        sound = clip.path if playable else _excerpt(clip.path, clip.start, end, folder)
    except MediaError as error:
        return Card(issue, None, None, f"It cannot be heard: {error.reason}.")
    cut = len(samples) >= round(LONGEST * FRONT_END.rate) and clip.end != end
    what = "seen" if playable else "seen and heard"
    return Card(issue, thumbnail(samples), sound, f"Only its first {LONGEST:g} s are {what} here." if cut else "")


def _excerpt(path: Path, start: float, end: float, folder: Path) -> Path:
    """A span of a recording as a file of its own, named after both; one that is there is not written again."""
    stat = path.stat()
    text = f"{path.absolute()}:{stat.st_size}:{stat.st_mtime_ns}:{start}:{end}"
    target = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.flac"
    return target if target.exists() else media.write_span(path, target, start, end)
