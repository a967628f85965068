"""From a timeline to captions on a screen of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earmark.captions.phrases import Phrases, in_language
from earmark.captions.rules import Caption, ReadingRules
from earmark.captions.screen import Screen
from earmark.captions.sounds import sounds

if TYPE_CHECKING:
    from earmark.events.timeline import Event, Timeline

SPEECH = "speech"  # the label that subtitles, not sound captions, are for


def captions(
    timeline: Timeline,
    language: str | Phrases = "en",
    rules: ReadingRules | None = None,
    include_speech: bool = False,
) -> list[Caption]:
    """The captions of a recording's sounds, in order; they never overlap.

    Args:
        timeline: what a model, or a person, marked in the recording.
        language: one of `languages()`, or phrases of one's own.
        rules: how long and how much a viewer reads; by default those of the language.
        include_speech: caption speech too, although its words say more.

    Raises:
        EarmarkError: there are no phrases in the language.
    """
    phrases = in_language(language)
    rules = rules or phrases.rules
    heard = audible(timeline, include_speech)
    return Screen(rules, phrases, end_of(timeline, heard)).show(sounds(heard, phrases, rules))


def audible(timeline: Timeline, include_speech: bool) -> list[Event]:
    """The events that captions tell of."""
    return [e for e in timeline.events if include_speech or e.label != SPEECH]


def end_of(timeline: Timeline, heard: list[Event]) -> float:
    """Seconds to the end of the recording, or of what was marked in it if that is later."""
    return max([timeline.duration, *(e.offset for e in heard)])
