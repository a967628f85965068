"""What is to be made: the user's wishes, what happens when in each soundscape, and how much that will be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from earmark.datasets.clips import Clip
from earmark.errors import DatasetError
from earmark.synthesis.batches import file_name
from earmark.synthesis.soundscapes.pools import BACKGROUND, EVENTS, MUSIC, ROLES, SPEECH, Group, Pool

Item = TypeVar("Item")

NOISE_SLOPE = (0.0, 2.0)  # white to brown
BACKGROUND_SOURCES = (1, 1, 1, 2, 3)  # of one background: most are recorded in one place
BACKGROUND_CLIPS = 6  # of one background, the most
MUSIC_CLIPS = 6  # that follow each other
SPEAKERS = (1, 1, 1, 2)
TALK = (0.2, 1.0)  # share of a scene with speech from its first word to its last
TUNE = (0.2, 1.0)  # the same of music
SPEECH_DB, MUSIC_DB = (0.0, 25.0), (-5.0, 20.0)  # over the background
FADE = (0.01, 0.5)  # seconds
PEAK, QUIET_PEAK = (-30.0, -1.0), (-50.0, -1.0)  # dB of the highest sample, re full scale

FLAC_SHARE = 0.4  # of 16 bit samples that noisy scenes take as FLAC


@dataclass(frozen=True)
class Plan:
    """What is to be made."""

    groups: Sequence[Group]  # clips by role, in groups that share no source; each scene is made of one group
    count: int  # number of scenes
    seconds: float = 60.0  # length of each
    rate: int = 44_100  # samples per second of the files
    per_minute: float = 12.0  # events a minute, on average
    at_once: int = 3  # the most events at one moment
    levels: tuple[float, float] = (-5.0, 25.0)  # dB of events over the background, the least and the most
    quiet: float = 0.1  # share of scenes with a background alone
    noise: float = 0.1  # share of scenes whose background is noise
    rooms: float = 0.5  # share of scenes whose events and speech sound in a room
    with_speech: float = 0.4  # share of scenes with speech, of those that are not quiet
    with_music: float = 0.3  # the same of music
    speed: float = 0.0
    """In scenes for training, events and backgrounds are up to this share faster or slower, pitch and all."""
    seed: int = 0  # draws everything but the groups

    def __post_init__(self) -> None:
        low, high = self.levels
        if low > high:
            raise DatasetError(
                f"levels from {low:g} to {high:g} dB", "end before they begin", "give the lower one first"
            )
        if not any(group[EVENTS].clips for group in self.groups):
            raise DatasetError("scenes", "have no events to be made of", "name a dataset with --events")

    def generator(self, number: int, purpose: int) -> np.random.Generator:
        """What draws one scene, for one purpose: scenes do not depend on each other."""
        return np.random.default_rng((self.seed, number, purpose))

    def fold(self, number: int) -> int:
        """Of which group a scene is made, from 0."""
        return number % len(self.groups)

    def split(self, fold: int) -> str | None:
        """The side that a group, from 0, stands on; None where there are too few groups for three sides."""
        if len(self.groups) < 3:
            return None
        return {len(self.groups) - 1: "test", len(self.groups) - 2: "validation"}.get(fold, "train")


@dataclass(frozen=True)
class Taken:
    """A clip to be heard."""

    clip: Clip
    at: float  # in 0..1, which part of one that is too long to be heard as a whole
    speed: float = 1.0  # how many times as fast it is played


@dataclass(frozen=True)
class PlannedEvent:
    """An event: when it begins in seconds, dB over the background, and its fades in seconds, if it is cut."""

    taken: Taken
    time: float
    decibels: float
    fades: tuple[float, float]


@dataclass(frozen=True)
class Track:
    """Clips one after the other from `onset` to `offset` seconds, dB over the background."""

    clips: tuple[Taken, ...]
    onset: float
    offset: float
    decibels: float


@dataclass(frozen=True)
class Scene:
    """One scene to be."""

    number: int  # which one
    fold: int  # the group it is made of, from 0
    background: tuple[Taken, ...]  # the clips it is looped from; none: noise
    slope: float  # of the noise; its power falls with frequency to it
    events: tuple[PlannedEvent, ...]  # what happens, in the order of drawing
    speech: Track | None  # who talks, or None
    music: Track | None  # what plays, or None
    room: bool  # whether events and speech sound in a room
    peak: float  # dB of the highest sample, re full scale

    @property
    def name(self) -> str:
        """Its file, relative to the table."""
        return file_name(self.number)


def draw_scene(plan: Plan, number: int) -> Scene:
    """What happens in a scene."""
    rng = plan.generator(number, 0)
    group = plan.groups[plan.fold(number)]
    quiet = bool(rng.random() < plan.quiet)
    background = _background(group[BACKGROUND], plan.noise, rng)
    busy = {label for taken in background for label in taken.clip.labels}
    speaks, plays = rng.random() < plan.with_speech, rng.random() < plan.with_music
    scene = Scene(
        number=number,
        fold=plan.fold(number),
        background=background,
        slope=float(rng.uniform(*NOISE_SLOPE)),
        events=() if quiet else _events(plan, group[EVENTS], busy, rng),
        speech=None if quiet or not speaks else _speech(group[SPEECH], plan.seconds, rng),
        music=None if quiet or not plays else _music(group[MUSIC], plan.seconds, rng),
        room=bool(rng.random() < plan.rooms),
        peak=float(rng.uniform(*(QUIET_PEAK if quiet else PEAK))),
    )
    return _at_other_speeds(scene, plan) if plan.speed and plan.split(scene.fold) in (None, "train") else scene


def _at_other_speeds(scene: Scene, plan: Plan) -> Scene:
    """The scene with clips at other speeds, as if of more sources; a background's clips all at one."""
    rng = plan.generator(scene.number, 2)  # so that without, scenes are the same but for this
    most = np.log1p(plan.speed)

    def speed() -> float:
        return round(float(np.exp(rng.uniform(-most, most))), 2)

    behind = speed()
    return replace(
        scene,
        background=tuple(replace(taken, speed=behind) for taken in scene.background),
        events=tuple(replace(event, taken=replace(event.taken, speed=speed())) for event in scene.events),
    )


def _background(pool: Pool, noise: float, rng: np.random.Generator) -> tuple[Taken, ...]:
    """Clips of one label and few sources; none for noise."""
    if not pool.clips or rng.random() < noise:
        return ()
    by_source = pool.clips[_pick(pool.labels, rng)]
    sources = _pick_some(tuple(by_source), int(rng.choice(BACKGROUND_SOURCES)), rng)
    clips = [clip for source in sources for clip in by_source[source]]
    clips = [clip for clip in clips if clip.labels == clips[0].labels]
    return tuple(_taken(clip, rng) for clip in _pick_some(clips, BACKGROUND_CLIPS, rng))


def _events(plan: Plan, pool: Pool, busy: set[str], rng: np.random.Generator) -> tuple[PlannedEvent, ...]:
    """Events at random times; a label that the background has already is left to it."""
    labels = [label for label in pool.labels if label not in busy]
    count = rng.poisson(plan.per_minute * plan.seconds / 60)
    return tuple(_event(plan, pool, labels, rng) for _ in range(count)) if labels else ()


def _event(plan: Plan, pool: Pool, labels: Sequence[str], rng: np.random.Generator) -> PlannedEvent:
    by_source = pool.clips[_pick(labels, rng)]
    clip = _pick(by_source[_pick(tuple(by_source), rng)], rng)
    fade_in, fade_out = np.exp(rng.uniform(np.log(FADE[0]), np.log(FADE[1]), 2)).tolist()
    return PlannedEvent(
        taken=_taken(clip, rng),
        time=float(rng.uniform(0, plan.seconds)),
        decibels=float(rng.uniform(*plan.levels)),
        fades=(fade_in, fade_out),
    )


def _speech(pool: Pool, seconds: float, rng: np.random.Generator) -> Track | None:
    """One speaker, or two by turns."""
    if not pool.clips:
        return None
    by_source = pool.clips[SPEECH]
    speakers = _pick_some(tuple(by_source), int(rng.choice(SPEAKERS)), rng)
    clips = [clip for speaker in speakers for clip in _pick_some(by_source[speaker], round(seconds), rng)]
    return _planned_track(_pick_some(clips, len(clips), rng), seconds, TALK, SPEECH_DB, rng)


def _music(pool: Pool, seconds: float, rng: np.random.Generator) -> Track | None:
    """One recording, whose clips follow each other; where these are few, others come after it."""
    if not pool.clips:
        return None
    by_source = pool.clips[MUSIC]
    clips: list[Clip] = []
    for source in _pick_some(tuple(by_source), MUSIC_CLIPS, rng):
        clips += _pick_some(by_source[source], MUSIC_CLIPS - len(clips), rng)
    return _planned_track(clips, seconds, TUNE, MUSIC_DB, rng)


def _planned_track(
    clips: Sequence[Clip],
    seconds: float,
    share: tuple[float, float],
    decibels: tuple[float, float],
    rng: np.random.Generator,
) -> Track:
    length = float(rng.uniform(*share)) * seconds
    onset = float(rng.uniform(0, seconds - length))
    return Track(tuple(_taken(clip, rng) for clip in clips), onset, onset + length, float(rng.uniform(*decibels)))


def _taken(clip: Clip, rng: np.random.Generator) -> Taken:
    return Taken(clip, float(rng.random()))


def _pick(items: Sequence[Item], rng: np.random.Generator) -> Item:
    return items[int(rng.integers(len(items)))]


def _pick_some(items: Sequence[Item], count: int, rng: np.random.Generator) -> list[Item]:
    """At most so many of the items, in any order."""
    return [items[place] for place in rng.permutation(len(items))[:count]]


def describe(plan: Plan) -> str:
    """Some lines that say what a plan would make."""
    hours, megabytes = plan.count * plan.seconds / 3600, plan.count * plan.seconds * plan.rate * 2 * FLAC_SHARE / 1e6
    size = f"{plan.count:,} scenes of {plan.seconds:g} s at {plan.rate:,} Hz: {hours:,.1f} h, about {megabytes:,.0f} MB"
    return "\n".join([size, "", *_fold_lines(plan), "", *_label_lines(plan)])


def count_labels(plan: Plan) -> dict[str, tuple[int, int]]:
    """For each label how many events are drawn, and in how many scenes it is.

    A talk, music or a background counts once. What finds no place or is covered by louder sounds is counted, too.
    """
    drawn: Counter[str] = Counter()
    scenes: Counter[str] = Counter()
    for number in range(plan.count):
        labels = list(_drawn(draw_scene(plan, number)))
        drawn.update(labels)
        scenes.update(set(labels))
    return {label: (drawn[label], scenes[label]) for label in sorted(drawn)}


def _drawn(scene: Scene) -> Iterator[str]:
    yield from {label for taken in scene.background for label in taken.clip.labels}
    yield from (label for event in scene.events for label in event.taken.clip.labels)
    yield from (label for label, track in ((SPEECH, scene.speech), (MUSIC, scene.music)) if track is not None)


def _fold_lines(plan: Plan) -> Iterator[str]:
    yield f"{'':>4}  {'':<10}  {'':>6}  sources of"
    yield f"{'fold':>4}  {'split':<10}  {'scenes':>6}" + "".join(f"  {role:>10}" for role in ROLES)
    for fold, group in enumerate(plan.groups):
        scenes = len(range(fold, plan.count, len(plan.groups)))
        sources = "".join(f"  {len(group[role].sources):>10,}" for role in ROLES)
        yield f"{fold + 1:>4}  {plan.split(fold) or '':<10}  {scenes:>6,}{sources}"


def _label_lines(plan: Plan) -> Iterator[str]:
    found = count_labels(plan)
    width = max([5, *(len(label) for label in found)])
    yield f"{'label':<{width}}  {'events':>7}  {'scenes':>7}"
    for label, (events, scenes) in found.items():
        yield f"{label:<{width}}  {events:>7,}  {scenes:>7,}{_lacking_folds(plan, label)}"


def _lacking_folds(plan: Plan, label: str) -> str:
    """In which folds an event cannot happen, as no source there has it."""
    without = [str(n) for n, group in enumerate(plan.groups, start=1) if label not in group[EVENTS].labels]
    if not without or len(without) == len(plan.groups):
        return ""
    return f"  (no clip for events in fold {', '.join(without)})"
