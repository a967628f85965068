"""Which side of the split a video's clips are on."""

from __future__ import annotations

import hashlib

SHARES = (("train", 0.8), ("validation", 0.1), ("test", 0.1))


def split_of(video: str, seed: int = 0) -> str:
    """`train`, `validation` or `test`, of which videos get 80, 10 and 10 %: a pure function of these two.

    All clips of a video thus stand on one side, and more clips never move one that is there.

    >>> split_of("-0RWZT-miFs") == split_of("-0RWZT-miFs")
    True
    """
    digest = hashlib.sha256(f"{seed}:{video}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    below = 0.0
    for side, share in SHARES:
        below += share
        if place < below:
            return side
    return SHARES[-1][0]  # rounding: the shares may sum to a little less than 1
