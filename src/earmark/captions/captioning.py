"""The third line: a recording in, captions of its sounds out."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, get_args

from earmark.captions import Caption, Density, Merged, Phrases, captions, merge
from earmark.errors import ArgumentError
from earmark.events.results import Result
from earmark.events.timeline import Timeline
from earmark.media import Given, Sound
from earmark.models.labelling import label
from earmark.models.model import Model
from earmark.util.atomic import write_text
from earmark.util.types import Progress

if TYPE_CHECKING:
    from earmark.formats.subtitle_reader import Subtitles
    from earmark.formats.subtitles import CaptionFormat

KINDS = ("vtt", "srt")


@dataclass(frozen=True)
class Captions(Result[Caption]):
    """What stands on the screen beside one recording: a sequence, in order of time.

    Attributes
    ----------
    timeline
        The sounds that are told of.
    phrases
        What is said of each, and how long and how much a viewer reads.
    captions
        What stands on the screen: the sounds, and where a dialogue was given, its cues with the sounds on them.
    onsets
        When each sound begins to be told of, seconds.
    dialogue, placed
        The dialogue's own subtitles, and where the sounds go among them; None without.
    """

    columns: ClassVar[tuple[str, ...]] = ("onset", "offset", "text")

    timeline: Timeline
    phrases: Phrases = field(repr=False)
    captions: tuple[Caption, ...]
    onsets: tuple[float, ...] = field(repr=False)
    dialogue: Subtitles | None = field(default=None, repr=False)
    placed: Merged | None = field(default=None, repr=False)

    @property
    def recording(self) -> str:  # type: ignore[override]
        """The recording's name."""
        return self.timeline.recording

    @property
    def duration(self) -> float:  # type: ignore[override]
        """The recording's length, seconds."""
        return self.timeline.duration

    @property
    def sound(self) -> Sound | None:  # type: ignore[override]
        """What the recording can be read from again."""
        return self.timeline.sound

    @property
    def items(self) -> tuple[Caption, ...]:
        """The captions."""
        return self.captions

    def with_items(self, items: Iterable[Caption]) -> Captions:
        """These captions alone, as a file of their own."""
        kept = tuple(items)
        return replace(self, captions=kept, onsets=tuple(c.onset for c in kept), dialogue=None, placed=None)

    def to_dict(self) -> dict[str, Any]:
        """Recording, duration, language, and each caption with onset, offset and text; seconds to milliseconds."""
        listed = [{"onset": round(c.onset, 3), "offset": round(c.offset, 3), "text": c.text} for c in self]
        head = {"recording": self.recording, "duration": round(self.duration, 3)}
        return head | {"language": self.phrases.language, "captions": listed}

    def to_text(self, kind: str = "vtt") -> str:
        """The text of a caption file, `vtt` or `srt`.

        Raises
        ------
        ArgumentError
            It is neither.
        """
        if kind not in KINDS:
            raise ArgumentError("kind", kind, "is no kind of caption file", "choose vtt or srt")
        from earmark.formats.subtitles import Srt, Vtt

        return self.text_in(Srt(self.phrases) if kind == "srt" else Vtt(self.phrases))

    def text_in(self, form: CaptionFormat) -> str:
        """The text of a caption file of this form."""
        from earmark.formats.subtitles import merged_text

        if self.dialogue is not None and self.placed is not None:
            return merged_text(self.dialogue, self.placed, form, self.timeline.model)
        file = io.StringIO(newline="")
        form.write_captions(self.captions, file, self.timeline.model)
        return file.getvalue()

    def save(self, path: str | os.PathLike[str], **options: Any) -> Path:
        """Write a caption file, whole or not at all; one of that name is replaced.

        Parameters
        ----------
        path
            A name that ends in `.vtt` or `.srt`.
        **options
            There are none.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ArgumentError
            The name ends otherwise.
        EarmarkError
            The file cannot be written.
        """
        place = Path(path)
        kind = place.suffix.lower().removeprefix(".")
        if kind not in KINDS:
            raise ArgumentError("path", str(path), "is no name of a caption file", "end it in .vtt or .srt")
        for name, value in options.items():
            raise ArgumentError(name, value, "is told to `earmark.caption`, not to a file", "leave it out")
        write_text(place, self.to_text(kind))
        return place


def caption(
    source: Given,
    model: str | os.PathLike[str] | Model = "sounds",
    *,
    sample_rate: float | None = None,
    language: str | Phrases = "en",
    dialogue: str | os.PathLike[str] | Subtitles | None = None,
    encoding: str | None = None,
    include_speech: bool = False,
    density: Density = "normal",
    sensitivity: float | None = None,
    labels: Iterable[str] | None = None,
    track: int = 0,
    progress: Progress | bool | None = None,
) -> Captions:
    """Make captions of the sounds in a recording, as deaf viewers read them.

    Parameters
    ----------
    source, model, sample_rate, sensitivity, labels, track, progress
        As for `label`.
    language
        A code, one of `earmark.captions.languages()`, such as `"de"`, or phrases of one's own:
        `earmark.captions.Phrases.load("en").with_file(path)`. Default `"en"`.
    dialogue
        Subtitles of the dialogue, SRT or WebVTT, to go into: a file's path, or what
        `earmark.formats.subtitles.read_subtitles` made of it. Default none.
    encoding
        How the dialogue's letters are encoded, such as `"cp1251"`. Default UTF-8, or UTF-16 where it says so.
    include_speech
        Caption speech, too, which is left to the dialogue's subtitles otherwise. Default False.
    density
        How much is told: `"few"`, `"normal"` or `"all"`. Default `"normal"`.

    Returns
    -------
    Captions
        A sequence of captions: onset and offset in seconds, and lines of text.

    Raises
    ------
    MediaError, ModelError, ArgumentError
        As for `label`; ArgumentError also where the density is none.
    EarmarkError
        There are no phrases in the language, or the dialogue cannot be read.

    Examples
    --------
    >>> import earmark
    >>> captions = earmark.caption("street.mp4", language="en")
    >>> captions[0].text
    '[dog barks]'
    >>> print(captions.save("street.vtt"))
    street.vtt
    """
    if density not in get_args(Density):
        raise ArgumentError("density", density, "is unknown", f"choose {', '.join(get_args(Density))}")
    phrases = Phrases.load(language) if isinstance(language, str) else language
    from earmark.formats.subtitle_reader import Subtitles, read_subtitles

    if dialogue is None or isinstance(dialogue, Subtitles):
        subtitles = dialogue
    else:
        subtitles = read_subtitles(Path(dialogue), encoding)
    timeline = label(
        source,
        model,
        sample_rate=sample_rate,
        sensitivity=sensitivity,
        labels=labels,
        track=track,
        scores=False,
        progress=progress,
    )
    return captioned(timeline, phrases, subtitles, include_speech, density)


def captioned(
    timeline: Timeline,
    phrases: Phrases,
    dialogue: Subtitles | None = None,
    include_speech: bool = False,
    density: Density = "normal",
) -> Captions:
    """The captions of a timeline: on a screen of their own, or among those of a dialogue."""
    if dialogue is None:
        cues = captions(timeline, phrases, include_speech=include_speech, density=density)
        return Captions(timeline, phrases, tuple(cues), tuple(cue.onset for cue in cues))
    from earmark.formats.subtitles import shown

    placed = merge(timeline, dialogue.dialogue(), phrases, include_speech=include_speech, density=density)
    onsets = [*(c.onset for c in placed.captions), *(dialogue.entries[i].onset for i in placed.shared)]
    on_screen: Sequence[Caption] = shown(dialogue, placed)
    return Captions(timeline, phrases, tuple(on_screen), tuple(sorted(onsets)), dialogue, placed)
