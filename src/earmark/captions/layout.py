"""Captions laid out on one screen: the sounds of a timeline, cue after cue, forward in time. Times in milliseconds."""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from earmark.captions.phrases import Form, Phrases, Priority, in_language
from earmark.captions.reading import Caption, ReadingRules, bracketed, reading_time

if TYPE_CHECKING:
    from earmark.events.timeline import Event, Timeline

SPEECH = "speech"  # the label that subtitles, not sound captions, are for
FEW_EVERY = 60.0  # seconds after which a sound that is no alarm is told of again where captions are few

Density = Literal["few", "normal", "all"]
"""How much is told: `few` alarms, and of other sounds what is news; `normal`; `all` that the reading rules allow."""


def captions(
    timeline: Timeline,
    language: str | Phrases = "en",
    rules: ReadingRules | None = None,
    include_speech: bool = False,
    density: Density = "normal",
) -> list[Caption]:
    """The captions of a recording's sounds, in order; they never overlap.

    They are in one of `languages()` or in phrases of one's own, and by default within that language's reading rules.
    """
    phrases = in_language(language)
    rules = rules_of(density, rules or phrases.rules)
    events = captioned_events(timeline, include_speech)
    return Screen(rules, phrases, end_of(timeline, events)).show(sounds(events, phrases, rules, density))


def rules_of(density: Density, rules: ReadingRules) -> ReadingRules:
    """The rules, of which `all` changes what leaves sounds out, not what makes captions readable.

    Each return of a sound is told, as soon as two captions and a pause fit, and that it goes on every half minute.
    """
    if density != "all":
        return rules
    apart = min(rules.repeats_within, rules.shortest + rules.pause)
    return replace(rules, repeats_within=apart, returns_within=apart, reminder_at_least_every=rules.reminder_every)


def captioned_events(timeline: Timeline, include_speech: bool) -> list[Event]:
    """The events that captions tell of."""
    return [e for e in timeline.events if include_speech or e.label != SPEECH]


def end_of(timeline: Timeline, events: list[Event]) -> float:
    """Seconds to the end of the recording, or of what was marked in it if that is later."""
    return max([timeline.duration, *(e.offset for e in events)])


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


def sounds(events: Iterable[Event], phrases: Phrases, rules: ReadingRules, density: Density = "normal") -> list[Sound]:
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
    return _few(found, phrases, rules) if density == "few" else found


def _few(found: Iterable[Sound], phrases: Phrases, rules: ReadingRules) -> list[Sound]:
    """The alarms, and of other sounds, but those of the background, the beginning, once a minute at most."""
    few: list[Sound] = []
    last_shown: dict[str, int] = {}
    for sound in found:
        if sound.priority is Priority.ORDINARY:
            name = phrases.say(sound.label, Form.SHORT)
            if sound.onset - last_shown.get(name, -sys.maxsize) < ms(FEW_EVERY):
                continue
            last_shown[name] = sound.onset
            sound.stretches[0][1] = min(sound.offset, sound.onset + ms(rules.longest))  # no "continues"
        if sound.priority is not Priority.AMBIENT:
            few.append(sound)
    return few


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


@dataclass
class Cue:
    """A caption in the making: its lines are as they are now; a sound's own may change later."""

    start: int
    end: int
    sounds: list[Sound]
    dialogue: int | None = None
    """Which cue of dialogue holds these lines, if one does."""

    def __post_init__(self) -> None:
        self.sounds.sort(key=lambda s: (s.onset, s.label))
        self.lines = tuple(line for sound in self.sounds for line in sound.lines)

    def go_on(self, sounds: list[Sound], latest: int) -> None:
        """Stand for these sounds too, whose lines it shows already, but no longer than `latest`."""
        theirs = [sound.lines for sound in sounds]
        self.sounds = sounds + [s for s in self.sounds if s not in sounds and s.lines not in theirs]
        for sound in sounds:
            sound.until = min(sound.until, latest)
            self.end = max(self.end, sound.until)

    def caption(self) -> Caption:
        """The caption, made."""
        return Caption(self.start / 1000, self.end / 1000, self.lines)


class Screen:
    """One screen for all sounds.

    A new cue begins where a sound begins, or where the cue before it is over and a sound should be marked as
    continuing. Ends of sounds never begin one. Sounds are `coming`, in order, then `waiting` for a cue, then,
    once shown, `running` while they may have to be marked as continuing.
    """

    def __init__(self, rules: ReadingRules, phrases: Phrases, end: float) -> None:
        """`end` is where the recording ends, seconds."""
        self.rules, self.phrases = rules, phrases
        self.gap, self.longest = math.ceil(1000 * rules.gap), ms(rules.longest)
        self.shortest = min(math.ceil(1000 * rules.shortest), self.longest)
        self.step = self.shortest + self.gap  # cues begin at least this far apart
        self.last_start = max(0, ms(end) - self.shortest)  # a later cue would outlast the recording
        self.opens, self.closes = 0, sys.maxsize  # cues stand within these
        self.cues: list[Cue] = []
        self.coming: deque[Sound] = deque()
        self.waiting: list[Sound] = []
        self.running: list[Sound] = []

    def show(self, sounds: list[Sound]) -> list[Caption]:
        """The captions of all these sounds."""
        self.expect(sounds)
        self.fill()
        return [cue.caption() for cue in self.cues]

    def expect(self, sounds: list[Sound]) -> None:
        """These sounds are to come."""
        for sound in sounds:
            sound.due = min(sound.onset, self.last_start)
        self.coming.extend(sorted(sounds, key=lambda s: (s.due, s.rank())))

    def fill(self) -> None:
        """Make all cues that fit until the screen closes."""
        while (moment := self._next_moment()) is not None and moment <= self.closes - self.shortest:
            self._begin_cue(moment)

    def admit(self, moment: int) -> None:
        """Sounds due by this moment are no longer coming but waiting."""
        while self.coming and self.coming[0].due <= moment:
            self.waiting.append(self.coming.popleft())

    def too_late(self, sound: Sound, moment: int) -> bool:
        """Whether a sound is over and a caption of it would come later than the rules allow."""
        return moment > max(sound.offset, sound.onset + ms(self.rules.latest))

    def give_up(self, sound: Sound) -> None:
        """It is too late for what has sounded of a waiting sound: it waits for its next stretch, or is dropped."""
        if len(sound.stretches) == 1:
            self.waiting.remove(sound)
        else:
            del sound.stretches[0]
            sound.due = min(sound.onset, self.last_start)

    def let_go(self, moment: int) -> None:
        """Give up the sounds that it is too late for at this moment."""
        while late := [s for s in self.waiting if self.too_late(s, moment)]:
            for sound in late:
                self.give_up(sound)

    def kept(self, moment: int) -> list[Sound]:
        """The sounds of the last cue whose lines should stay beyond this moment."""
        return [s for s in self.cues[-1].sounds if s.until - moment >= self.shortest] if self.cues else []

    def announce(self, sound: Sound, moment: int) -> None:
        """A new sound's line stays while it lasts, long enough to read, but not beyond the recording's end."""
        stay = max(sound.offset, moment + self._reading(sound.lines))
        sound.until = min(stay, max(self.last_start, moment) + self.shortest, moment + self.longest)
        sound.due = moment
        self.waiting.remove(sound)
        self.running.append(sound)

    def announced(self, sound: Sound) -> tuple[str, ...]:
        """The lines that announce a sound."""
        first = sound.stretches[0]
        lasts = sound.repeated or len(sound.stretches) > 1 or first[1] - first[0] >= ms(self.rules.sustained_after)
        return self._lines(sound, Form.SUSTAINED if lasts else Form.SHORT)

    @staticmethod
    def choose(candidates: list[tuple[Sound, tuple[str, ...]]], free: int) -> list[Sound]:
        """The first candidates that so many lines hold, with these lines; of several that read alike, one."""
        chosen: list[Sound] = []
        for sound, lines in candidates:
            if len(lines) <= free and all(lines != other.lines for other in chosen):
                sound.lines = lines
                chosen.append(sound)
                free -= len(lines)
        return chosen

    def end_cue(self, moment: int, pause: int | None = None) -> None:
        """The last cue makes room for what begins at this moment, and a pause too short to be one becomes a gap.

        `pause` is another length than a gap's.
        """
        if cue := self._right_before(moment):
            cue.end = min(moment - (self.gap if pause is None else pause), cue.start + self.longest)

    def _right_before(self, moment: int) -> Cue | None:
        """The last cue, if no pause parts it from this moment and it may be changed."""
        if not self.cues or self.cues[-1].start < self.opens:
            return None
        return self.cues[-1] if moment - self.gap - self.cues[-1].end < ms(self.rules.pause) else None

    def _next_moment(self) -> int | None:
        """When the next cue begins, if there is one."""
        mark = min((t for s in self.running if (t := self._mark_time(s)) is not None), default=None)
        dues = [s.due for s in (*self.waiting, *list(self.coming)[:1])]
        if not dues:
            return mark
        first = min(dues)
        arrival = max(first, self.cues[-1].start + self.step) if self.cues else first
        if mark is not None and mark + self.step <= arrival:
            return mark
        return self._together(first, arrival)

    def _together(self, first: int, moment: int) -> int:
        """Sounds that begin nearly at once share a cue, from the last of them on.

        Nearly at once is within half the distance of two cues, so that none of them waits longer than with a
        cue of its own. In the recording's last cue it is within the whole distance.
        """
        final = self._is_final(moment)
        limit = first + (self.step if final else self.step // 2)
        self.admit(self.last_start if final else max(moment, limit))
        dues = [s.due for s in self.waiting]
        return max(moment, min(limit, max(dues)) if final else max(due for due in dues if due <= limit))

    def _is_final(self, moment: int) -> bool:
        """Whether no other cue fits between this moment's and the recording's end."""
        return moment + self.step > self.last_start and self.closes == sys.maxsize

    def _mark_time(self, sound: Sound) -> int | None:
        """When a sound that has been shown should be marked as continuing; never within a cue."""
        earliest = max(sound.due, self.cues[-1].end + self.gap, self.opens)
        moments = (max(earliest, onset) for onset, _ in sound.stretches)
        return next((moment for moment in moments if self._goes_on(sound, moment)), None)

    def _goes_on(self, sound: Sound, moment: int) -> bool:
        """Whether enough is left of a sound to read that it continues."""
        needed = self._reading(self._lines(sound, Form.CONTINUING))
        return any(onset <= moment <= offset - needed for onset, offset in sound.stretches)

    def _begin_cue(self, moment: int) -> None:
        """Show what is due: alarms, then what is new, what is on the screen already, and what continues.

        Where all lines are taken by what stands there already, nothing changes.
        """
        final = self._is_final(moment)
        if final:
            self.admit(self.last_start)
        self.let_go(moment)
        new = [s for s in self.waiting if s.due <= moment or final]
        kept = self.kept(moment)
        soon = moment + ms(self.rules.continuing)
        reminders = [s for s in self.running if s not in kept and s.due <= soon and self._goes_on(s, moment)]
        chosen = self.choose(
            self.in_order(new, kept)
            + [(s, self._lines(s, Form.CONTINUING)) for s in sorted(reminders, key=Sound.rank)],
            self.rules.lines,
        )
        if not chosen:  # what was due came too late
            return
        rest = [s for s in new if s not in chosen]
        if set(chosen) <= set(kept):
            self._postpone(rest, min(s.until for s in kept) + self.gap, final)
            return
        for sound in chosen:
            if sound in new:
                self.announce(sound, moment)
            elif sound in reminders:
                self._mark(sound, moment)
        cue = self._put(chosen, moment)
        read = max(self.shortest, ms(reading_time(cue.lines, self.rules)))
        self._postpone(rest, moment + read + self.gap, final)
        self.running = [s for s in self.running if s.end > moment]

    def _put(self, sounds: list[Sound], moment: int) -> Cue:
        """The cue that shows these sounds from this moment on: a new one, unless nothing would be new in it.

        The same lines again after nothing but a flicker would tell nothing. So a cue that says the same goes on, if it
        may last so long; one that says it beside what is over ends a whole pause earlier, if it can be read by then.
        """
        before, lines = self._right_before(moment), {line for sound in sounds for line in sound.lines}
        pause = self.gap
        if before and lines <= set(before.lines):
            long = max(self.gap, ms(self.rules.pause))
            readable = moment - long - before.start >= self.shortest
            fits = moment + self.shortest - before.start <= self.longest
            if fits and (lines == set(before.lines) or not readable):
                before.go_on(sounds, before.start + self.longest)
                before.end = min(before.end, self.closes)
                return before
            pause = long if readable else self.gap
        self.end_cue(moment, pause)
        end = min(max(s.until for s in sounds), moment + self.longest, self.closes)
        self.cues.append(Cue(moment, max(end, moment + self.shortest), sounds))
        return self.cues[-1]

    def in_order(self, new: list[Sound], kept: list[Sound]) -> list[tuple[Sound, tuple[str, ...]]]:
        """New sounds and those on the screen, with their lines, by what goes before what."""
        ranked = sorted(new, key=Sound.rank) + sorted(kept, key=Sound.rank)
        ranked.sort(key=lambda s: s.priority is not Priority.ALARM)
        return [(s, s.lines if s in kept else self.announced(s)) for s in ranked]

    def _mark(self, sound: Sound, moment: int) -> None:
        """A sound marked as continuing is due again after a while."""
        offset = next(offset for onset, offset in sound.stretches if onset <= moment <= offset)
        sound.until = min(moment + ms(self.rules.continuing), moment + self.longest, offset)
        times = 1 if sound.priority is Priority.ALARM else 2**sound.reminders
        rarest = max(self.rules.reminder_every, self.rules.reminder_at_least_every)
        sound.due = moment + ms(min(self.rules.reminder_every * times, rarest))
        sound.reminders += 1

    def _postpone(self, sounds: list[Sound], moment: int, final: bool) -> None:
        """Sounds that did not fit wait until this moment, unless they are over and it would be too late."""
        if self.closes == sys.maxsize:
            moment = min(moment, self.last_start)
        for sound in sounds:
            sound.due = moment
            if final:
                self.waiting.remove(sound)
            elif self.too_late(sound, moment):
                self.give_up(sound)

    def _lines(self, sound: Sound, form: Form) -> tuple[str, ...]:
        return bracketed(self.phrases.say(sound.label, form), self.rules)

    def _reading(self, lines: tuple[str, ...]) -> int:
        """How long a sound's label is best shown."""
        seconds = max(self.rules.shortest, reading_time(lines, self.rules) + self.rules.per_label)
        return min(ms(seconds), self.longest)
