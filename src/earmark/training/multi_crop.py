"""Test-time multi-crop: the mean answer to several excerpts of a clip, cut as those of training.

Each holds something loud of the clip. The rest of a clip may be silence, of which a network knows nothing.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from earmark.events.scores import pooled
from earmark.training.batches import loud_frames
from earmark.training.measure import Answers
from earmark.training.networks import Network
from earmark.training.prepared import Prepared

BATCH = 16  # clips heard at once


@torch.no_grad()
def answer_crops(
    network: Network, features: Prepared, clips: NDArray[np.int64], exclusive: bool, frames: int, crops: int
) -> Answers:
    """What the network says of some clips by `crops` excerpts of `frames` each, evenly spread over what is loud.

    As Krizhevsky et al. (2012) did with pictures, and many since with clips. A clip no longer than an excerpt is
    repeated to fill one.
    """
    network.eval()
    chosen = features.take(clips)
    loud = loud_frames(chosen)
    scores = []
    for first in range(0, len(clips), BATCH):
        some = range(first, min(first + BATCH, len(clips)))
        logits = network(torch.from_numpy(np.concatenate([_crops(chosen[i], loud[i], frames, crops) for i in some])))
        values = (logits.softmax(-1) if exclusive else logits.sigmoid()).numpy()
        each = np.stack([pooled([steps], values.shape[2], exclusive) for steps in values])
        scores.append(each.reshape(len(some), crops, -1).mean(1))
    whole = np.concatenate(scores)
    return Answers(clips, whole, whole)


def _crops(features: NDArray[np.float32], loud: NDArray[np.int64], frames: int, crops: int) -> NDArray[np.float32]:
    """Excerpts [crops, frames, size] of a clip's features, each with a loud frame in its middle."""
    middle = loud[np.linspace(0, len(loud) - 1, crops).round().astype(np.int64)]
    places = middle[:, None] - frames // 2 + np.arange(frames)
    return np.asarray(features[places % len(features)])
