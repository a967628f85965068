"""Sound captions around the dialogue's own subtitles, whose cues stay as they are. Times in whole milliseconds.

No cue is added where a cue of dialogue stands: not every player shows two at once, and in none of them do their
lines stay in place. So a sound goes into a pause of the dialogue, or on a free line of one of its cues.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING

from earmark.captions.layout import Cue, Density, Screen, Sound, captioned_events, end_of, ms, rules_of, sounds
from earmark.captions.phrases import Phrases, Priority, in_language
from earmark.captions.reading import Caption, ReadingRules

if TYPE_CHECKING:
    from earmark.events.timeline import Timeline


@dataclass(frozen=True, slots=True)
class DialogueCue:
    """A cue of somebody else's subtitles: onset and offset in seconds, and how many lines it shows."""

    onset: float
    offset: float
    lines: int


@dataclass(frozen=True)
class Merged:
    """Where sounds go among the cues of a dialogue."""

    captions: list[Caption]
    """Cues of their own, in the dialogue's pauses."""
    shared: dict[int, tuple[str, ...]]
    """For cues of dialogue, by their number from 0, the lines to show above theirs."""


def merge(
    timeline: Timeline,
    dialogue: Sequence[DialogueCue],
    language: str | Phrases = "en",
    rules: ReadingRules | None = None,
    include_speech: bool = False,
    density: Density = "normal",
) -> Merged:
    """The captions of a recording's sounds, placed around the cues of its dialogue; arguments as for `captions`.

    What does not fit in time is dropped. An alarm does not wait for a free line: it takes a third.
    """
    phrases = in_language(language)
    rules = rules_of(density, rules or phrases.rules)
    events = captioned_events(timeline, include_speech)
    screen = _SharedScreen(rules, phrases, end_of(timeline, events))
    screen.expect(sounds(events, phrases, rules, density))
    screen.go_through(_slots(dialogue, screen.gap, screen.shortest, screen.last_start))
    own = [cue.caption() for cue in screen.cues if cue.dialogue is None]
    return Merged(own, {cue.dialogue: cue.lines for cue in screen.cues if cue.dialogue is not None})


@dataclass(eq=False)
class _Slot:
    """A stretch of time: a pause of the dialogue, or one of its cues."""

    start: int
    end: int
    dialogue: int | None = None
    shown: int = 0
    """Lines of this cue."""
    beside: list[_Slot] = field(default_factory=list)
    """Cues that stand at the same time."""

    def taken(self) -> int:
        """The most lines that can stand on the screen during this cue; 0 in a pause."""
        return self.shown + sum(other.shown for other in self.beside)


def _slots(dialogue: Sequence[DialogueCue], gap: int, shortest: int, last_start: int) -> list[_Slot]:
    """The dialogue's cues that a line can be added to, and the pauses that hold a caption, in order.

    No caption may begin after `last_start`, as it would outlast the recording; dialogue may.
    """
    cues = [_Slot(ms(cue.onset), max(ms(cue.onset), ms(cue.offset)), i, cue.lines) for i, cue in enumerate(dialogue)]
    cues.sort(key=lambda slot: slot.start)
    found: list[_Slot] = []
    standing: list[_Slot] = []
    opens = 0
    for cue in cues:
        if cue.start - gap - opens >= shortest and opens <= last_start:
            over = cue.start - gap - shortest >= last_start
            found.append(_Slot(opens, sys.maxsize if over else cue.start - gap))
        standing = [other for other in standing if other.end > cue.start]
        for other in standing:
            other.beside.append(cue)
            cue.beside.append(other)
        standing.append(cue)
        opens = sys.maxsize if found and found[-1].end == sys.maxsize else max(opens, cue.end + gap)
        if cue.shown and cue.end - cue.start >= shortest:
            found.append(cue)
    return [*found, _Slot(opens, sys.maxsize)] if opens <= last_start else found


class _SharedScreen(Screen):
    """A screen on which the dialogue comes first."""

    def go_through(self, slots: list[_Slot]) -> None:
        """Show the sounds in these slots."""
        for i, slot in enumerate(slots):
            if slot.dialogue is None:
                self._use_pause(slot)
            else:
                self._share(slot, slots[i + 1 :])

    def announce(self, sound: Sound, moment: int) -> None:
        """As on a screen of its own, but dialogue that cuts a caption short brings no earlier reminder."""
        super().announce(sound, moment)
        sound.due = moment + self.longest

    def _use_pause(self, slot: _Slot) -> None:
        self.opens, self.closes = slot.start, slot.end
        for sound in self.cues[-1].sounds if self.cues else []:
            sound.until = min(sound.until, slot.start)  # what the dialogue interrupted is over
        self.admit(slot.start)
        self.let_go(slot.start)
        for sound in self.waiting:
            sound.due = max(slot.start, min(sound.due, self.last_start))
        self.fill()
        if slot.end < sys.maxsize:
            self.end_cue(slot.end + self.gap)

    def _share(self, slot: _Slot, later: list[_Slot]) -> None:
        """Put sounds on the free lines of a cue of dialogue, from its beginning to its end."""
        self.let_go(slot.start)
        limit = slot.start + ms(self.rules.early)
        self.admit(limit)
        new = [s for s in self.waiting if min(s.due, s.onset) <= limit]
        free = self.rules.lines - slot.taken()
        chosen = self.choose(self.in_order(new, self._standing(slot)), free)
        chosen += self._alarms(slot, later, new, chosen)
        if not chosen:
            return
        for sound in chosen:
            if sound in self.waiting:
                self.announce(sound, slot.start)
        self.cues.append(Cue(slot.start, slot.end, chosen, slot.dialogue))
        slot.shown += len(self.cues[-1].lines)

    def _standing(self, slot: _Slot) -> list[Sound]:
        """Sounds whose lines stand right before this cue and should stay."""
        return self.kept(slot.start) if self.cues and self.cues[-1].end >= slot.start - self.gap else []

    def _alarms(self, slot: _Slot, later: list[_Slot], new: list[Sound], chosen: list[Sound]) -> list[Sound]:
        """Alarms that would come late if not shown now: they may take one line more than the rules allow."""
        self.admit(slot.end)
        alarms = [s for s in self.waiting if s.priority is Priority.ALARM and s not in chosen and s.onset < slot.end]
        urgent = [s for s in sorted(alarms, key=Sound.rank) if not self._can_wait(s, later, begun=s in new)]
        taken = slot.taken() + sum(len(s.lines) for s in chosen)
        return self.choose([(s, self.announced(s)) for s in urgent], self.rules.lines + 1 - taken)

    def _can_wait(self, sound: Sound, later: list[_Slot], begun: bool) -> bool:
        """Whether an alarm finds a place as good as at once after this cue.

        One that has begun has to find a free line. One that begins within this cue may then take a third as well.
        """
        lines = self.rules.lines if begun else self.rules.lines + 1
        soon = sound.onset + ms(self.rules.early)
        return any(slot.taken() < lines for slot in takewhile(lambda slot: slot.start <= soon, later))
