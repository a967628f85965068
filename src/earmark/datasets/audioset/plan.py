"""What an acquisition will take: clips asked for, disk and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from earmark.datasets.audioset.segment import Segment
from earmark.datasets.audioset.settings import YOUTUBE, Settings
from earmark.datasets.audioset.split import SHARES, split_of

BITS = 10.0
"""Of FLAC for each sample of 16 bits. Measured: street music of UrbanSound8K 9.6 at 22,050 Hz, solo instruments of
Freesound 7.2 at 22,050 Hz and 5.9 at 44,100 Hz. Rather too much than too little."""

GONE = 0.16
"""The share of segments that cannot be had any more: in March 2023, 18,685 of the 22,160 of the balanced table could
(https://huggingface.co/datasets/agkphysics/AudioSet). It grows."""

FETCH = 5.0
"""Seconds that a clip takes beside the pause: asking the page, the player, and for ten seconds of sound. A guess."""

HOURLY = {False: 300, True: 2000}
"""Videos an hour that YouTube shows a visitor, and one who is signed in, by yt-dlp's wiki
(https://github.com/yt-dlp/yt-dlp/wiki/Extractors)."""


@dataclass(frozen=True)
class Plan:
    """What it will take, roughly."""

    wanted: int
    """Clips wanted of each class."""
    takes: Mapping[str, int]
    """Clips that there will be of each class at most: as many as wanted, or as are left."""
    likely: Mapping[str, int]
    """Clips that there will be of each class, if no more of its candidates are gone than of all."""
    sides: Mapping[str, Mapping[str, int]]
    """Of each class, how many of its first clips stand on each side of the split."""
    clips: int
    """In all, each once."""
    asked: int
    """Clips that must be asked for to get these, as some will be gone."""
    audio: float
    """Seconds of sound."""
    megabytes: float
    """Disk."""
    hours: float
    """From beginning to end."""
    basis: str
    """What this rests on, for the reader."""

    @property
    def short(self) -> bool:
        """Whether candidates of a class will run out."""
        return any(likely < self.wanted for likely in self.likely.values())


def plan(candidates: Mapping[str, Sequence[Segment]], quota: int, settings: Settings) -> Plan:
    """Estimate what it takes to acquire `quota` clips of each class.

    Time is that of the pauses and of fetching, shared by the jobs, and not less than the number of videos that YouTube
    shows in an hour allows.

    Args:
        candidates: Of each class its segments in the order in which they will be tried.
        quota: Clips of each class.
        settings: How clips are asked for, and what is made of them.
    """
    first = {label: list(islice(segments, quota)) for label, segments in candidates.items()}
    chosen = {segment.name: segment for segments in first.values() for segment in segments}
    audio = sum(segment.end - segment.start for segment in chosen.values())
    tried = {label: list(islice(segments, round(quota / (1 - GONE)))) for label, segments in candidates.items()}
    asked = len({segment.name for segments in tried.values() for segment in segments})
    return Plan(
        wanted=quota,
        takes={label: len(segments) for label, segments in first.items()},
        likely={label: min(quota, round(len(segments) * (1 - GONE))) for label, segments in candidates.items()},
        sides={label: _sides(segments, settings.seed) for label, segments in first.items()},
        clips=len(chosen),
        asked=asked,
        audio=round(audio, 1),
        megabytes=round(audio * settings.rate * BITS / 8 / 1e6, 1),
        hours=round(_seconds(asked, settings) / 3600, 2),
        basis=_basis(settings),
    )


def _seconds(asked: int, settings: Settings) -> float:
    paced = asked * (settings.pause + FETCH) / settings.jobs
    return max(paced, asked * 3600 / _limit(settings)) if settings.url == YOUTUBE else paced


def _limit(settings: Settings) -> int:
    return HOURLY[settings.cookies is not None]


def _basis(settings: Settings) -> str:
    who = "signed in" if settings.cookies is not None else "a visitor"
    allowed = f", at most {_limit(settings):,} videos an hour ({who})" if settings.url == YOUTUBE else ""
    return (
        f"{BITS:g} bits of FLAC a sample at {settings.rate:,} Hz; {GONE:.0%} of the clips gone; "
        f"{settings.jobs} at a time, each {settings.pause:g} s of pause and {FETCH:g} s of fetching{allowed}"
    )


def _sides(segments: Sequence[Segment], seed: int) -> dict[str, int]:
    sides = [split_of(segment.video, seed) for segment in segments]
    return {side: sides.count(side) for side, _ in SHARES}
