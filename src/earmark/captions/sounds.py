"""Events that a viewer takes for one sound. Times in whole milliseconds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from earmark.captions.phrases import Form, Phrases
from earmark.captions.priority import Priority
from earmark.captions.rules import ReadingRules

if TYPE_CHECKING:
    from earmark.events.timeline import Event


@dataclass(eq=False)
class Sound:
    """A sound with all its repeats, and what the viewer has read of it."""

    label: str
    priority: Priority
    score: float
    stretches: list[list[int]]
    """Onset and offset of each stretch that no long silence interrupts; only ambient sounds have several."""
    repeated: bool = False
    due: int = 0
    """When it should next be shown."""
    until: int = 0
    """How long its line should stay."""
    reminders: int = 0
    """How often it has been marked as continuing."""
    lines: tuple[str, ...] = field(default=())
    """As last shown."""

    @property
    def onset(self) -> int:
        """Where the first stretch begins that the viewer could still read of."""
        return self.stretches[0][0]

    @property
    def offset(self) -> int:
        """Where that stretch ends."""
        return self.stretches[0][1]

    @property
    def end(self) -> int:
        """Where the last stretch ends."""
        return self.stretches[-1][1]

    def rank(self) -> tuple[int, float, int, int, str]:
        """What comes first where not all fit: the class, the best score, the shortest, the earliest, the alphabet."""
        return (self.priority, -self.score, self.offset - self.onset, self.onset, self.label)


def sounds(events: Iterable[Event], phrases: Phrases, rules: ReadingRules) -> list[Sound]:
    """Events of one label, or of labels that read alike, become one sound unless a long silence parts them."""
    found: list[Sound] = []
    last: dict[str, Sound] = {}
    for event in sorted(events, key=lambda e: (e.onset, e.offset, e.label)):
        onset, name = ms(max(0.0, event.onset)), phrases.say(event.label, Form.SHORT)
        offset = max(onset, ms(event.offset))
        before = last.get(name)
        if before is None or not _goes_on(before, onset, offset, rules):
            before = last[name] = Sound(event.label, phrases.priority(event.label), 0.0, [[onset, offset]])
            found.append(before)
        before.score = max(before.score, event.score)
    return found


def _goes_on(sound: Sound, onset: int, offset: int, rules: ReadingRules) -> bool:
    """Add an event to the sound before it, unless the silence between them was too long."""
    silence = onset - sound.end
    if silence < ms(rules.repeats_within):
        sound.stretches[-1][1], sound.repeated = max(sound.end, offset), True
        return True
    if sound.priority is Priority.AMBIENT and silence < ms(rules.returns_within):
        sound.stretches.append([onset, offset])
        return True
    return False


def ms(seconds: float) -> int:
    """Seconds as milliseconds."""
    return round(seconds * 1000)
