import numpy as np
import torch

from earmark.training.held_out import answer, answer_crops
from earmark.training.networks import Network
from earmark.training.prepared import Prepared


class Level(Network):
    """Logits are a frame's two features."""

    stride = 1
    context = 0

    def forward(self, features):
        return features


def prepared(*clips):
    length = np.array([len(clip) for clip in clips])
    first = np.cumsum([0, *length[:-1]])
    return Prepared(np.concatenate(clips).astype(np.float16), first, length)


class Place(Level):
    """Answers with the mean of the first feature and how many frames it got, in logits."""

    def forward(self, features):
        self.heard.append(features[:, :, 0].numpy())
        return features


def test_crops_hold_what_is_loud():
    """Frames that say their number, of which only 40 to 49 are loud."""
    clip = np.stack([np.arange(100.0) - 200, np.where(np.arange(100) // 10 == 4, 0, -90) + 100.0], 1)
    network = Place()
    network.heard = []
    answer_crops(network, prepared(clip), np.array([0]), True, 4, 3)
    assert network.heard[0].tolist() == [[n - 200.0 + i for i in range(4)] for n in (38, 42, 47)]


def test_one_crop_as_long_as_the_clip_is_the_clip():
    rng = np.random.default_rng(0)
    features = prepared(*rng.normal(0, 1, (40, 6, 2)))
    clips = np.arange(40)
    for exclusive in (True, False):
        one = answer_crops(Level(), features, clips, exclusive, 6, 1)
        np.testing.assert_allclose(one.whole, answer(Level(), features, clips, exclusive, 1).whole, atol=1e-6)


def test_short_clips_are_repeated():
    features = prepared(np.array([[1.0, 0.0], [0.0, 3.0]]))
    one = answer_crops(Level(), features, np.array([0]), False, 4, 2).whole[0]
    assert np.allclose(one, torch.sigmoid(torch.tensor([0.5, 1.5])).numpy(), atol=1e-3)
