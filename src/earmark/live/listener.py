"""Captions of what is heard, as it is heard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark.captions import Form, Phrases, Priority
from earmark.captions.layout import SPEECH
from earmark.captions.phrases import in_language
from earmark.events.boundaries import FrameLevels
from earmark.events.hysteresis import EventRules, EventTracker, Turn
from earmark.events.timeline import Event
from earmark.features.frontend import IN_DECIBELS, FrontEnd
from earmark.labels.groups import above
from earmark.live.scoring import AHEAD, CHUNK, LiveScorer
from earmark.models.model import Model
from earmark.util.types import Array, Features, Samples

BETTER = 0.1  # a best score that has grown by so much is told
SELDOM = 1.0  # seconds between two tellings of it
LEVELS_KEPT = 8.0  # seconds, beyond the model's reach, over which edges are looked for
# Seconds: a label whose scores are averaged over more waits at the beginning until half of it is heard.
LONG_WINDOW = 1.0


@dataclass(frozen=True, slots=True)
class Begin:
    """A sound has begun."""

    id: int  # counts the sounds that one listener has told of; its changes and its end name it
    label: str  # the model's name for it
    text: str  # its caption, without brackets
    onset: float  # where it began, seconds since the first sample
    score: float  # its best score so far, 0..1
    alarm: bool  # whether it calls for something to be done at once: see labels/priority.toml


@dataclass(frozen=True, slots=True)
class Change:
    """It goes on, and its caption or its best score has changed."""

    id: int
    label: str
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class End:
    """It has ended, `offset` seconds since the first sample."""

    id: int
    offset: float


AnyChange = Begin | Change | End


def message(change: AnyChange) -> dict[str, Any]:
    """A change as the plain values that a socket or a pipe carries."""
    return {"type": type(change).__name__.lower(), **asdict(change)}


@dataclass
class _Sound:
    """A sound that has been told: what was said of it, and when."""

    id: int
    onset: float
    form: Form
    score: float
    updated: float


class LiveListener:
    """Tells of the sounds in samples that come in blocks: what begins, what changes, what has ended.

        listener = LiveListener(load_model("sounds", threads=1))
        for block in microphone:
            for change in listener.hear(block):
                print(change)
        listener.finish()

    The events are those of `earmark.label`, but for what is not known yet when they are told: scores look ahead by
    `ahead` seconds only. A caption begins with its abrupt form ("dog barks"), takes the sustained one ("dog barking")
    once the sound lasts, or returns soon, and "continues" when it goes on for long: `ReadingRules` says when.

    Memory does not grow with time.

    Parameters
    ----------
    model
        As loaded; one thread serves it best.
    language
        One of `captions.languages()`, or phrases of one's own.
    rules
        How scores become events.
    include_speech
        Tell of speech too, although its words say more.
    ahead
        Seconds of sound behind a moment that its score waits for.
    chunk
        Seconds that are scored at once.
    sensitivities
        Those of single labels, instead of that of the rules.

    Raises
    ------
    EarmarkError
        There are no phrases in the language.
    """

    def __init__(
        self,
        model: Model,
        language: str | Phrases = "en",
        rules: EventRules | None = None,
        include_speech: bool = False,
        ahead: float = AHEAD,
        chunk: float = CHUNK,
        sensitivities: Mapping[str, float] | None = None,
    ) -> None:
        about, rules = model.description, rules or EventRules()
        self.about, self.phrases = about, in_language(language)
        self.columns = [i for i, label in enumerate(about.labels) if include_speech or label != SPEECH]
        on, off = rules.thresholds(about.on, about.off)
        for label, sensitivity in (sensitivities or {}).items():
            if label in about.labels:
                place = about.labels.index(label)
                own = replace(rules, sensitivity=sensitivity).thresholds(about.on, about.off)
                on[place], off[place] = own[0][place], own[1][place]
        on, off = on[self.columns], off[self.columns]
        self.tracker = EventTracker(on, off, about.step, rules)
        self.levels = _RecentLevels(about.front_end, about.reach)
        note = self.levels.note if about.front_end.kind in IN_DECIBELS else None
        self.scorer = LiveScorer(model, ahead, chunk, note)
        widths = about.widths
        self.wait = np.where(widths * about.step > LONG_WINDOW, widths // 2, 0)  # steps, by label
        self.samples = self.count = self.steps = 0
        self.sounds: dict[int, _Sound] = {}
        self.ended: dict[int, float] = {}
        self.above = [self._ancestors(about.labels[column]) for column in self.columns]

    @property
    def rate(self) -> int:
        """Samples per second that `hear` takes."""
        return self.about.front_end.rate

    @property
    def seconds(self) -> float:
        """How much has been heard."""
        return self.samples / self.rate

    @property
    def latency(self) -> float:
        """Seconds from a moment to when its score is known; a sound must then last for `rules.shortest`."""
        return self.scorer.latency

    def hear(self, samples: Samples) -> list[AnyChange]:
        """Take samples, float32 [any number] at `rate`; what they change, in order."""
        self.samples += len(samples)
        return list(self._changes(self.scorer.add(samples)))

    def finish(self) -> list[AnyChange]:
        """What the last samples change, and the end of all that sounds. Nothing may be heard afterwards."""
        changes = list(self._changes(self.scorer.finish()))
        return changes + [self._end(turn) for turn in self.tracker.finish() if turn.column in self.sounds]

    def _changes(self, parts: Iterable[Array]) -> Iterator[AnyChange]:
        for scores in parts:
            for turn in self.tracker.add(self._founded(scores)[:, self.columns]):
                if turn.begins:
                    yield from self._come(turn)
                elif turn.column in self.sounds:
                    yield self._end(turn)
            for turn in self.tracker.sounding():
                if turn.column in self.sounds:
                    yield from self._changed(turn)

    def _come(self, turn: Turn) -> Iterator[AnyChange]:
        """A beginning, and the end of the sound's parents, which say less; nothing where a child of it sounds."""
        if any(turn.column in self.above[other] for other in self.sounds):
            return
        for other in self.tracker.sounding():
            if other.column in self.above[turn.column] and other.column in self.sounds:
                yield self._end(other)
        yield self._begin(turn)

    def _ancestors(self, label: str) -> set[int]:
        """Places among the columns of the label's parent, of that one's, and so on."""
        parents = set(above(label, self.about.parents))
        return {place for place, column in enumerate(self.columns) if self.about.labels[column] in parents}

    def _founded(self, scores: Array) -> Array:
        """The scores [steps, labels], zero where too little has been heard for a label whose window is long.

        A moment of noise says nothing of rain, and at the beginning a moment is all there is.
        """
        steps = self.steps + np.arange(len(scores))
        self.steps += len(scores)
        return np.where(steps[:, None] < self.wait, np.float32(0), scores)

    def _label(self, turn: Turn) -> str:
        return self.about.labels[self.columns[turn.column]]

    def _begin(self, turn: Turn) -> Begin:
        label = self._label(turn)
        onset = round(self.levels.tightened(turn.onset, self.seconds)[0], 3)
        self.count += 1
        repeated = onset - self.ended.get(turn.column, -np.inf) < self.phrases.rules.repeats_within
        form = Form.SUSTAINED if repeated else Form.SHORT
        sound = _Sound(self.count, onset, form, turn.best, turn.offset)
        self.sounds[turn.column] = sound
        alarm = self.phrases.priority(label) is Priority.ALARM
        return Begin(sound.id, label, self.phrases.say(label, form), onset, round(turn.best, 4), alarm)

    def _changed(self, turn: Turn) -> Iterator[Change]:
        sound, now = self.sounds[turn.column], turn.offset
        form = max(sound.form, self._form(now - sound.onset))
        better = turn.best - sound.score >= BETTER and now - sound.updated >= SELDOM
        if form is sound.form and not better:
            return
        sound.form, sound.score, sound.updated = form, turn.best, now
        label = self._label(turn)
        yield Change(sound.id, label, self.phrases.say(label, form), round(turn.best, 4))

    def _form(self, seconds: float) -> Form:
        """How a sound is spoken of that has lasted for so long."""
        rules = self.phrases.rules
        if seconds >= rules.reminder_every:
            return Form.CONTINUING
        return Form.SUSTAINED if seconds >= rules.sustained_after else Form.SHORT

    def _end(self, turn: Turn) -> End:
        sound = self.sounds.pop(turn.column)
        offset = self.levels.tightened(sound.onset, min(self.seconds, turn.offset))[1]
        self.ended[turn.column] = offset
        return End(sound.id, round(max(sound.onset, offset), 3))


class _RecentLevels:
    """The levels of the last seconds, by which edges are moved in as `FrameLevels` does."""

    def __init__(self, front_end: FrontEnd, reach: float) -> None:
        self.front_end, self.reach = front_end, reach
        self.frame_seconds = front_end.hop / front_end.rate
        self.kept = round((LEVELS_KEPT + 2 * reach) / self.frame_seconds)
        self.first = 0
        self.held: NDArray[np.int8] = np.empty(0, np.int8)

    def note(self, frames: Features) -> None:
        """Note the levels of frames [frames, bands]."""
        levels = FrameLevels.of(self.front_end)
        for _ in levels.follow([frames]):
            self.held = np.concatenate([self.held, levels.parts[0]])
        dropped = max(0, len(self.held) - self.kept)
        self.held, self.first = self.held[dropped:], self.first + dropped

    def tightened(self, onset: float, offset: float) -> tuple[float, float]:
        """The edges of an event, seconds, moved in past what is quiet."""
        start = self.first * self.frame_seconds
        levels = FrameLevels.of(self.front_end)
        levels.parts = [self.held]
        if not len(self.held) or offset <= start:
            return onset, offset
        [event] = levels.tighten([Event(max(onset, start) - start, offset - start, "", 0.0)], self.reach)
        return (start + event.onset if onset >= start else onset), start + event.offset
