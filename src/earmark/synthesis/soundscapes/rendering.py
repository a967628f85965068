"""A scene as samples, and what is heard in it when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from earmark.events.timeline import Event, joined
from earmark.synthesis import effects
from earmark.synthesis.soundscapes import audibility, layers
from earmark.synthesis.soundscapes.layers import Layer, Sound, SoundCache
from earmark.synthesis.soundscapes.plan import Plan, PlannedEvent, Scene, Taken, Track
from earmark.synthesis.soundscapes.pools import MUSIC, SPEECH
from earmark.util import fft
from earmark.util.fft import coloured_noise
from earmark.util.types import Mask, Samples

DIGITS = 3  # of seconds in tables
TRIES = 8  # times an event is given another place where too many sound at once
STEADY_GAP = 2.0  # seconds without a sound that are no end of a background, nor of music
EDGE_FADE = 0.5  # seconds in which music comes and goes


def render(plan: Plan, scene: Scene, sounds: SoundCache) -> tuple[Samples, list[Event]]:
    """A scene's samples at the plan's rate, and its events: when each label is heard, in order.

    Raises MediaError: a clip cannot be read.
    """
    rng = plan.generator(scene.number, 1)
    length = -(-round(plan.seconds * plan.rate) // audibility.frame_length(plan.rate))
    background = _background(plan, scene, sounds, length, rng)
    speech = _track(scene.speech, SPEECH, sounds, length, plan.rate, rng)
    music = _track(scene.music, MUSIC, sounds, length, plan.rate, rng)
    events = _events(plan, scene.events, sounds, length, rng)
    dry = _sum([*events, *speech], length, plan.rate)
    if scene.room and np.any(dry):
        dry = _convolved(effects.draw_room(plan.rate, rng), dry)
    total = (dry + _sum([background, *music], length, plan.rate))[: round(plan.seconds * plan.rate)]
    highest = float(np.abs(total).max(initial=0.0))
    total *= np.float32(10 ** (scene.peak / 20) / highest if highest else 0.0)
    return total, _audible_events(background, [*events, *speech, *music], length, plan)


def _convolved(room: Samples, dry: Samples) -> Samples:
    # `scipy.signal` does it too, and takes a second to import, in each process
    count = fft.fast_length(len(dry) + len(room) - 1)
    return fft.irfft(fft.rfft(dry, count) * fft.rfft(room, count), count)[: len(dry)].astype(np.float32)


def _background(plan: Plan, scene: Scene, sounds: SoundCache, length: int, rng: np.random.Generator) -> Layer:
    """What sounds all along, at a level of 0 dB."""
    hop = audibility.frame_length(plan.rate)
    labels = scene.background[0].clip.labels if scene.background else ()
    if scene.background:
        samples, active = layers.loop_sounds(_in_any_order(scene.background, sounds, rng), length, plan.rate)
    if not scene.background or not active.any():
        labels, active = (), np.ones(length, bool)
        samples = coloured_noise(length * hop, plan.rate, scene.slope, rng).astype(np.float32)
    made = layers.make_layer(labels, 0, samples, active, plan.rate, STEADY_GAP).at_level(0.0, plan.rate)
    assert made is not None, "a background sounds"
    return made


def _track(
    track: Track | None, label: str, sounds: SoundCache, length: int, rate: int, rng: np.random.Generator
) -> list[Layer]:
    """Speech or music; none where there is none, or nothing is heard of it."""
    if track is None:
        return []
    first, last = round(track.onset / audibility.FRAME), min(length, round(track.offset / audibility.FRAME))
    order = _in_any_order(track.clips, sounds, rng)
    if label == SPEECH:
        samples, active = layers.join_phrases(order, last - first, rate, rng)
    else:
        samples, active = layers.loop_sounds(order, last - first, rate)
        layers.fade(samples, EDGE_FADE, EDGE_FADE, rate)
    gap = audibility.GAP if label == SPEECH else STEADY_GAP
    made = layers.make_layer((label,), first, samples, active, rate, gap).at_level(track.decibels, rate)
    return [made] if made is not None else []


def _events(
    plan: Plan, happenings: Sequence[PlannedEvent], sounds: SoundCache, length: int, rng: np.random.Generator
) -> list[Layer]:
    """Events where they are drawn, or elsewhere where too many would sound at once; what finds no place is left out."""
    sounding = np.zeros(length, np.int64)
    made = []
    for happening in happenings:
        samples, active, lead = layers.cut_sound(sounds.sound(happening.taken), happening.fades, plan.rate)
        place = _place(round(happening.time / audibility.FRAME) - lead, len(active), sounding, plan.at_once, rng)
        if not active.any() or place is None:
            continue
        event = _fitted(happening, place, samples, active, length, plan.rate)
        if event is not None:
            sounding[event.first : event.first + len(event.active)] += 1
            made.append(event)
    return made


def _place(first: int, frames: int, sounding: NDArray[np.int64], most: int, rng: np.random.Generator) -> int | None:
    """The frame at which so many frames find place, `first` if it can be."""
    others = [int(place) for place in rng.integers(0, len(sounding), TRIES)]
    for place in (first, *others):
        if sounding[max(place, 0) : place + frames].max(initial=0) < most:
            return max(place, 0)
    return None


def _fitted(
    happening: PlannedEvent, first: int, samples: Samples, active: Mask, length: int, rate: int
) -> Layer | None:
    """An event at its level, cut and faded out where the scene ends."""
    frames = min(len(active), length - first)
    if frames < len(active):
        samples = samples[: frames * audibility.frame_length(rate)].copy()
        layers.fade(samples, 0.0, layers.SHORT_FADE, rate)
    cut = layers.make_layer(happening.taken.clip.labels, first, samples, active[:frames], rate)
    return cut.at_level(happening.decibels, rate)


def _in_any_order(clips: Sequence[Taken], sounds: SoundCache, rng: np.random.Generator) -> Iterator[Sound]:
    """Clips without end: all of them in one order, then all in another."""
    while True:
        yield from (sounds.sound(clips[place]) for place in rng.permutation(len(clips)))


def _sum(parts: Sequence[Layer], length: int, rate: int) -> Samples:
    hop = audibility.frame_length(rate)
    total = np.zeros(length * hop, np.float32)
    for part in parts:
        total[part.first * hop : part.first * hop + len(part.samples)] += part.samples
    return total


def _audible_events(background: Layer, parts: Sequence[Layer], length: int, plan: Plan) -> list[Event]:
    """When each label is heard: where it sounds and is not covered by all else. A background is heard throughout."""
    total = background.bands.copy()
    for part in parts:
        total[part.first : part.first + len(part.active)] += part.bands
    goes_on = np.pad(background.active, 1, constant_values=True)  # before the scene and after it, too
    found = [*_span_events(background, audibility.spans(goes_on, background.gap), -1, plan)]
    for part in parts:
        others = total[part.first : part.first + len(part.active)] - part.bands
        spans = audibility.audible_spans(part.active, audibility.audible(part.bands, others, plan.rate), part.gap)
        found += _span_events(part, spans, part.first, plan)
    return united(found)


def _span_events(part: Layer, spans: Iterable[tuple[int, int]], origin: int, plan: Plan) -> Iterator[Event]:
    """Spans of frames as events; the frames are counted from that of the scene which is called `origin`."""
    seconds = audibility.frame_length(plan.rate) / plan.rate
    for first, last in spans:
        onset, offset = max(0.0, (origin + first) * seconds), min((origin + last) * seconds, plan.seconds)
        yield from (Event(round(onset, DIGITS), round(offset, DIGITS), label, 1.0) for label in part.labels)


def united(events: Iterable[Event]) -> list[Event]:
    """Events in order, those of one label with less than a gap of silence between them as one, as within a clip."""
    return sorted(joined(events, audibility.GAP), key=lambda event: (event.onset, event.offset, event.label))
