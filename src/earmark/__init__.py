"""Earmark learns sounds from labelled recordings and marks where they occur in any audio or video.

import earmark

timeline = earmark.label("holiday.mp4")            # also an address, bytes, a file object, or samples
for event in timeline:
    print(event.onset, event.offset, event.label, event.score)
timeline.save("holiday.json"), timeline.to_dataframe(), timeline.plot(), timeline.scores.values

earmark.classify("clip.wav")[0]                    # ("dog", 0.93)
earmark.words("speech.wav")[0]                     # Word(onset=0.12, offset=0.48, f0=118.3, text=None)
earmark.caption("holiday.mp4").save("holiday.vtt")
earmark.embed("clip.wav").shape                    # (steps, 384)
earmark.train("my_sounds/").model                  # the path of a model file
earmark.evaluate("sounds", "my_clips/").figures["accuracy"]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earmark._version import __version__
from earmark.errors import (
    ArgumentError,
    DatasetError,
    EarmarkError,
    EarmarkWarning,
    MediaError,
    MissingExtraError,
    ModelError,
    RecipeError,
)

if TYPE_CHECKING:
    from earmark.captions import Caption
    from earmark.captions.captioning import Captions, caption
    from earmark.evaluation.evaluate import Evaluation, evaluate
    from earmark.events.scores import Scores
    from earmark.events.seconds import Second, Seconds, seconds
    from earmark.events.timeline import Event, Timeline
    from earmark.models.embedding import Embeddings, embed
    from earmark.models.labelling import classify, label
    from earmark.models.model import Model, bundled_models, load_model
    from earmark.speech.segmentation import Word, Words
    from earmark.speech.words import words
    from earmark.training.train import Trained, train

__all__ = [
    "ArgumentError",
    "Caption",
    "Captions",
    "DatasetError",
    "EarmarkError",
    "EarmarkWarning",
    "Embeddings",
    "Evaluation",
    "Event",
    "MediaError",
    "MissingExtraError",
    "Model",
    "ModelError",
    "RecipeError",
    "Scores",
    "Second",
    "Seconds",
    "Timeline",
    "Trained",
    "Word",
    "Words",
    "__version__",
    "bundled_models",
    "caption",
    "classify",
    "embed",
    "evaluate",
    "label",
    "load_model",
    "seconds",
    "train",
    "words",
]

_HOMES = {
    "Caption": "captions",
    "Captions": "captions.captioning",
    "caption": "captions.captioning",
    "Embeddings": "models.embedding",
    "embed": "models.embedding",
    "Evaluation": "evaluation.evaluate",
    "evaluate": "evaluation.evaluate",
    "classify": "models.labelling",
    "label": "models.labelling",
    "Model": "models.model",
    "bundled_models": "models.model",
    "load_model": "models.model",
    "Event": "events.timeline",
    "Scores": "events.timeline",
    "Second": "events.seconds",
    "Seconds": "events.seconds",
    "seconds": "events.seconds",
    "Timeline": "events.timeline",
    "Trained": "training.train",
    "train": "training.train",
    "Word": "speech.segmentation",
    "Words": "speech.segmentation",
    "words": "speech.words",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, so that `import earmark` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'earmark' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"earmark.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """The public names, whichever of them have been imported, and nothing else."""
    return sorted(__all__)
