"""The network of phoneme classes: PyTorch's arithmetic, stretches that change nothing, and what it hears."""

import numpy as np
import pytest

from earmark.media import Sound
from earmark.speech import alignment, espeak, phonemes
from earmark.speech.alignment import FRONT_END

torch = pytest.importorskip("torch")


def test_the_network_does_what_pytorch_does():
    taught = pytest.importorskip("earmark.training.words.phonemes")
    known = phonemes.network()
    theirs = taught.Network().eval()
    with torch.no_grad():
        for side, ending in ((known.forward, ""), (known.backward, "_reverse")):
            for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(theirs.gru, f"{part}_l0{ending}").copy_(torch.from_numpy(getattr(side, part)))
        theirs.output.weight.copy_(torch.from_numpy(known.output))
        theirs.output.bias.copy_(torch.from_numpy(known.output_bias))
        features = np.random.default_rng(1).normal(size=(400, FRONT_END.size)).astype(np.float32)
        around = np.pad(features, ((phonemes.CONTEXT, phonemes.CONTEXT), (0, 0)))
        expected = theirs(torch.from_numpy(around)[None])[0].softmax(1).numpy()
    np.testing.assert_allclose(known(features), expected[phonemes.CONTEXT : -phonemes.CONTEXT], atol=1e-5)


@pytest.mark.parametrize("count", [1, 150, 299, 300, 1001])
def test_stretches_change_next_to_nothing(monkeypatch, count):
    features = np.random.default_rng(2).normal(size=(count, FRONT_END.size)).astype(np.float32)
    whole = phonemes.network()(features)
    monkeypatch.setattr(phonemes, "STRETCH", 100)
    monkeypatch.setattr(phonemes, "TOGETHER", 3)
    parts = phonemes.network()(features)
    assert parts.shape == (count, whole.shape[1])
    np.testing.assert_allclose(parts, whole, atol=0.02)
    np.testing.assert_allclose(parts.sum(axis=1), 1, atol=1e-5)


def test_another_voice_is_heard():
    taught = pytest.importorskip("earmark.training.words.phonemes")
    texts = ["Seven old sailors carried heavy boxes.", "one two three four five six seven eight", "may we see more"]
    features, right = [], []
    for said in espeak.utter(texts, espeak.Voice("en-us+f3", 150, 60), "align"):  # a voice that taught nothing
        with Sound(said.samples, said.rate).open() as recording:
            features.append(alignment.speech_features(recording.blocks(FRONT_END.rate)))
        right.append(taught.frame_classes(said.phonemes, len(features[-1])))
    together, classes = np.concatenate(features), np.concatenate(right)
    speech = classes != taught.SILENCE
    heard = alignment.class_probabilities(alignment.normalised(together, speech))
    assert (heard.argmax(axis=1) == classes)[speech].mean() > 0.5
