"""Captions while it sounds: `earmark listen`, and the service's live socket. docs/live.md explains them.

    listener = LiveListener(load_model("sounds", threads=1))
    source = Pcm(48_000, listener.rate)
    for data in blocks_of_16_bit_samples:
        for change in listener.hear(source.hear(data)):
            ...                                     # Begin, Change or End

Times are seconds since the first sample.
"""

from __future__ import annotations

from earmark.live.listener import AnyChange, Begin, Change, End, LiveListener, message
from earmark.live.sources import AsItComes, Pcm, decoded

__all__ = ["AnyChange", "AsItComes", "Begin", "Change", "End", "LiveListener", "Pcm", "decoded", "message"]
