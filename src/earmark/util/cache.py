"""Where lies what can be made or fetched again: prepared features, pretrained weights."""

from __future__ import annotations

import os
from pathlib import Path

from earmark.errors import MissingExtraError

ENVIRONMENT = "EARMARK_CACHE"
PRETRAINED = "pretrained"
"""The kind of weights as published, and of model files made of them."""


def cache_folder(kind: str) -> Path:
    """The folder for one kind of thing, in `EARMARK_CACHE` or else in the user's cache folder; it may not be there yet.

    MissingExtraError where platformdirs is not installed, which knows that folder.
    """
    chosen = os.environ.get(ENVIRONMENT)
    if chosen:
        return Path(chosen) / kind
    try:
        from platformdirs import user_cache_path
    except ImportError as error:
        raise MissingExtraError("platformdirs, which knows the cache folder,", "data") from error
    return user_cache_path("earmark") / kind
