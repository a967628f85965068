"""What a notebook shows of what was found: a strip with labels that plays, a table, a picture."""

from __future__ import annotations

import base64
import secrets
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from earmark.errors import EarmarkError, MissingExtraError
from earmark.events.results import Result
from earmark.events.timeline import Event, Timeline
from earmark.formats.plain_text import clock
from earmark.speech.segmentation import Word, Words
from earmark.util.text import one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from earmark.media import Sound

EXTRA = "notebook"
PLAYED_SECONDS = 600.0  # a longer recording would make a notebook of more than 5 MB
MOST_LANES = 15
MOST_BARS = 2000  # of a lane
NARROWEST = 0.15  # percent of the strip that a bar has at least
TICKS = 6  # at most so many times below the strip, but for the first
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)  # seconds from one to the next


@dataclass(frozen=True)
class Bar:
    """What stands in a lane from onset to offset, seconds: the text in it, and how sure that is, 0 to 1."""

    onset: float
    offset: float
    text: str
    title: str
    """What is said of it where the pointer rests."""
    opacity: float = 1.0


Lanes = dict[str, list[Bar]]


def dataframe(found: Result[Any]) -> Any:
    """A pandas DataFrame with a row for each thing found, and the result's columns.

    Raises
    ------
    MissingExtraError
        pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise MissingExtraError("pandas, which makes tables,", EXTRA) from error
    table = pandas.DataFrame({name: [getattr(item, name) for item in found] for name in found.columns})
    return table.astype({name: float for name in table.columns if name not in ("label", "text")})


def figure(found: Result[Any]) -> Figure:
    """The recording's spectrogram with what was found in it; raises as `Result.plot` does."""
    try:
        from earmark.plots import timeline as plot
        from earmark.plots import words as word_plot
    except ImportError as error:
        raise MissingExtraError("matplotlib, which draws,", EXTRA) from error
    sound = found.sound if found.sound is not None and found.sound.rereadable else None
    if isinstance(found, Words):
        if sound is None:
            remedy = "find them by `earmark.words` in a file, bytes, an address or samples"
            raise EarmarkError(found.recording, "cannot be read again, and words are drawn upon their sound", remedy)
        return word_plot.words_figure(sound, found)
    timeline = found if isinstance(found, Timeline) else found.timeline  # type: ignore[attr-defined]
    return plot.timeline_figure(sound, timeline, timeline.scores)


def html(found: Result[Any]) -> str:
    """A strip with a lane for each label, above it the recording, which plays from where one clicks.

    It holds all that it shows, and the recording, up to ten minutes of it; only one from an address is played from
    there. Whatever a label or a name holds is text.
    """
    lanes, note = _lanes(found)
    player, silence = _player(found.sound, found.duration)
    name = f"earmark-{secrets.token_hex(6)}"
    duration = max(found.duration, 1e-3)
    rows = "".join(_row(label, bars, duration) for label, bars in lanes.items())
    notes = "".join(f'<div class="note">{_text(one)}</div>' for one in (note, silence) if one)
    axis = f'<div class="row"><div class="name"></div><div class="times">{_ticks(duration)}</div></div>'
    style = _resource("notebook.css").replace("ID", name)
    script = _resource("notebook.js").replace("ID", name).replace("DURATION", repr(float(duration)))
    head = f'<div class="head">{_text(_headline(found))}</div>'
    return (
        f'<div id="{name}"><style>{style}</style>{head}{player}{rows}{axis if lanes else ""}{notes}'
        f"<script>{script}</script></div>"
    )


def _resource(name: str) -> str:
    return files("earmark.plots").joinpath(name).read_text(encoding="utf-8")


def _headline(found: Result[Any]) -> str:
    many = len(found)
    what = {"Timeline": "event", "Words": "word", "Captions": "caption"}.get(type(found).__name__, "finding")
    return f"{found.recording} ({clock(found.duration)}): {many} {what}{'' if many == 1 else 's'}"


def _lanes(found: Result[Any]) -> tuple[Lanes, str]:
    """What is drawn, and what is said of what is not."""
    if isinstance(found, Timeline):
        lanes = _by_label(found)
    elif isinstance(found, Words):
        words = [_word(number, word) for number, word in enumerate(found, start=1)]
        lanes = {"words": words} if words else {}
    else:
        lanes = {"captions": [Bar(c.onset, c.offset, c.text, c.text) for c in found]} if len(found) else {}
    longest = sorted(lanes, key=lambda label: -sum(bar.offset - bar.onset for bar in lanes[label]))[:MOST_LANES]
    shown = {label: bars[:MOST_BARS] for label, bars in lanes.items() if label in longest}
    left_out = sum(map(len, lanes.values())) - sum(map(len, shown.values()))
    return shown, f"{left_out} are not shown." if left_out else ""


def _word(number: int, word: Word) -> Bar:
    text = word.text or str(number)
    return Bar(word.onset, word.offset, text, text if word.f0 is None else f"{text}  {word.f0:.0f} Hz")


def _by_label(events: Iterable[Event]) -> Lanes:
    lanes: Lanes = defaultdict(list)
    for event in events:
        title = f"{event.label} {event.score:.2f}"
        lanes[event.label].append(Bar(event.onset, event.offset, "", title, 0.3 + 0.7 * event.score))
    return dict(lanes)


def _row(label: str, bars: Iterable[Bar], duration: float) -> str:
    shown = "".join(_bar(bar, duration) for bar in bars)
    name = _text(label.replace("_", " "))
    return (
        f'<div class="row"><div class="name" title="{name}">{name}</div>'
        f'<div class="lane">{shown}<div class="now"></div></div></div>'
    )


def _bar(bar: Bar, duration: float) -> str:
    left = 100 * bar.onset / duration
    width = max(NARROWEST, 100 * (bar.offset - bar.onset) / duration)
    title = _text(f"{clock(bar.onset)} to {clock(bar.offset)}  {bar.title}")
    style = f"left:{left:.3f}%;width:{width:.3f}%;opacity:{bar.opacity:.2f}"
    attributes = f'data-at="{bar.onset:.3f}" title="{title}" aria-label="{title}" style="{style}"'
    return f'<button type="button" {attributes}>{_text(bar.text)}</button>'


def _ticks(duration: float) -> str:
    step = next((one for one in STEPS if duration / one <= TICKS), duration / TICKS)
    count = int(duration / step) + 1
    return "".join(
        f'<span style="left:{100 * number * step / duration:.3f}%">{clock(number * step).removesuffix(".0")}</span>'
        for number in range(count)
    )


def _player(sound: Sound | None, duration: float) -> tuple[str, str]:
    """The recording to be played, or why it is not."""
    from earmark.media.sound import is_address
    from earmark.media.writing import mp3

    if sound is None or not sound.rereadable:
        return "", "The recording cannot be read again, so it is not played here."
    if is_address(sound.source):
        return f'<audio controls preload="none" src="{escape(sound.source)}"></audio>', ""
    if duration > PLAYED_SECONDS:
        return "", f"A recording of more than {PLAYED_SECONDS / 60:.0f} minutes is not played here."
    try:
        with sound.open() as recording:
            data = base64.b64encode(mp3(recording)).decode("ascii")
    except EarmarkError as error:
        return "", f"Not played here: {error}"
    return f'<audio controls preload="metadata" src="data:audio/mpeg;base64,{data}"></audio>', ""


def _text(text: str) -> str:
    """Text as HTML shows it, in an attribute too."""
    return escape(one_line(text))
