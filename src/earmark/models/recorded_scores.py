"""A recording's scores, kept so that events can be read from them at any thresholds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from earmark import media
from earmark.events.boundaries import FrameLevels
from earmark.events.hysteresis import EventRules
from earmark.events.timeline import Event
from earmark.models.labelling import BLOCKS_AHEAD, CountedBlocks, Tap, scored
from earmark.models.model import Description, Model
from earmark.util import streams
from earmark.util.blas import one_thread
from earmark.util.types import Array, Progress


@dataclass(frozen=True)
class RecordedScores:
    """A model's scores of one recording, 0.4 MB a minute for a hundred labels at 0.06 s.

    Attributes:
        about: the model.
        scores: as events are made of, each the mean over the model's window, float32 [steps, labels].
        levels: of the recording, by which events' edges are moved.
        duration: seconds.
    """

    about: Description
    scores: Array
    levels: FrameLevels
    duration: float

    def events(self, rules: EventRules | None = None, on: Array | None = None, off: Array | None = None) -> list[Event]:
        """The events at the model's thresholds, as `label` finds them, or at others.

        Args:
            rules: which events are joined, and which are too short; how sensitive the thresholds are.
            on: thresholds [labels] at which events begin, in place of the model's.
            off: thresholds [labels] below which they end.
        """
        finder = self.about.finder(rules or EventRules(), on, off)
        finder.add(self.scores)
        return self.levels.tighten(finder.events(self.duration), self.about.reach)


def recorded_scores(
    model: Model,
    source: media.Source,
    tap: Tap | None = None,
    progress: Progress | None = None,
    embed: Callable[[Array], object] | None = None,
) -> RecordedScores:
    """Score a recording as `label` does. Memory grows by its scores.

    Args:
        model: what scores.
        source: path, bytes or binary file of any audio or video.
        tap: sees the recording's samples, at the rate of the model's front end, as they pass.
        progress: told how far the work has come.
        embed: told the embeddings [steps, dimensions], some at a time.

    Raises:
        MediaError: the recording cannot be read.
    """
    about = model.description
    levels = FrameLevels.of(about.front_end)
    with one_thread(), media.open_recording(source) as recording:
        blocks = CountedBlocks(recording, about.front_end.rate, progress)
        passing = tap(blocks) if tap else iter(blocks)
        parts = scored(model, streams.ahead(passing, BLOCKS_AHEAD), levels, embed)
        scores = streams.concatenate(parts, len(about.labels))
    return RecordedScores(about, scores, levels, blocks.seconds)
