"""Earmark learns sounds from labelled recordings and marks where they occur in any audio or video.

import earmark

timeline = earmark.label("holiday.mp4")
for event in timeline.events:
    print(event.onset, event.offset, event.label, event.score)

earmark.classify("clip.wav")[0]  # ("dog", 0.93)

earmark.embed("clip.wav").values  # float32 [steps, 384]

earmark.words("speech.wav").words[0]  # Word(onset=0.12, offset=0.48, f0=118.3, text=None)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earmark._version import __version__
from earmark.errors import EarmarkError, EarmarkWarning

if TYPE_CHECKING:
    from earmark.embedding import Embeddings, embed
    from earmark.labelling import classify, label
    from earmark.model import bundled_models, load_model
    from earmark.second_view import Second, Seconds, seconds
    from earmark.speech import words
    from earmark.spoken import Word, Words
    from earmark.timeline import Event, Timeline

__all__ = [
    "EarmarkError",
    "EarmarkWarning",
    "Embeddings",
    "Event",
    "Second",
    "Seconds",
    "Timeline",
    "Word",
    "Words",
    "__version__",
    "bundled_models",
    "classify",
    "embed",
    "label",
    "load_model",
    "seconds",
    "words",
]

_HOMES = {
    "Embeddings": "embedding",
    "embed": "embedding",
    "classify": "labelling",
    "label": "labelling",
    "bundled_models": "model",
    "load_model": "model",
    "Event": "timeline",
    "Second": "second_view",
    "Seconds": "second_view",
    "seconds": "second_view",
    "Timeline": "timeline",
    "Word": "spoken",
    "Words": "spoken",
    "words": "speech",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, so that `import earmark` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'earmark' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"earmark.{_HOMES[name]}"), name)
