"""One pass over a recording, for its scores, its levels and its picture."""

from __future__ import annotations

from pathlib import Path

from earmark import media, streaming
from earmark.edges import Levels
from earmark.labelling import BLOCKS_AHEAD, CountedBlocks, Progress, scored
from earmark.model import Model
from earmark.service.found import Found
from earmark.service.picture import Picture


def hear(path: Path, name: str, model: Model, progress: Progress) -> tuple[Picture, Found]:
    """Hear the recording at `path`, which people call `name`; errors as for `earmark.label`."""
    about = model.description
    picture, levels = Picture(about.front_end.rate), Levels(about.front_end.hop / about.front_end.rate)
    with media.open_recording(path) as recording:
        blocks = CountedBlocks(recording, about.front_end.rate, progress)
        parts = scored(model, streaming.ahead(picture.hear(blocks), BLOCKS_AHEAD), levels)
        scores = streaming.concatenate(parts, len(about.labels))
    return picture, Found(name, blocks.seconds, about, scores, levels)
