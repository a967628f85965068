"""A labelled stretch of a video, as a line of AudioSet's tables names it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Segment:
    """Ten seconds, or fewer at the end of a video."""

    video: str
    """YouTube's identifier, of eleven characters; may start with `-` and hold `_`."""
    start: float
    """Seconds into the video."""
    end: float
    labels: tuple[str, ...] = ()
    """AudioSet's identifiers of classes, such as `/m/0342h`."""

    @property
    def name(self) -> str:
        """Video and start in milliseconds, as published lists name segments: no two have the same."""
        return f"{self.video}_{round(self.start * 1000)}"
