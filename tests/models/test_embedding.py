"""`earmark.embed`: a recording's embeddings, and when they are."""

import io
import tracemalloc

import numpy as np
import pytest
from model_making import tones, write_wav

import earmark
from earmark import media
from earmark.errors import MediaError, ModelError
from earmark.models.embedding import embedded

RATE = 22_050


@pytest.fixture(scope="module")
def backbone(backbone_file):
    return earmark.load_model(backbone_file, threads=1)


@pytest.fixture(scope="module")
def wav(tmp_path_factory):
    return write_wav(tmp_path_factory.mktemp("embed") / "beep.wav", tones(3.0, (1.0, 2.0, 700.0)), RATE)


def test_values_and_times(backbone, wav):
    found = earmark.embed(wav, backbone)
    assert found.values.shape == (38, backbone.dimensions) == np.asarray(found).shape
    assert found.values.dtype == np.float32
    assert len(found) == len(found.times) == 38
    assert found.times[[0, 1, -1]] == pytest.approx([0, 0.08, 2.96])
    assert (found.recording, found.model, found.step) == (str(wav), "mn04_as", pytest.approx(0.08))
    assert np.asarray(found, np.float64).dtype == np.float64


def test_they_are_of_the_network(backbone, wav):
    about = backbone.description
    features = about.front_end.features(media.read(wav, about.front_end.rate))
    (expected,) = backbone.session.run(["embedding"], {"features": features[None]})
    assert earmark.embed(wav, backbone).values == pytest.approx(expected[0], abs=1e-4)


def test_a_long_recording_is_as_if_heard_at_once(backbone, tmp_path):
    samples = np.random.default_rng(1).normal(0, 0.1, 100 * 8000).astype(np.float32)
    path = write_wav(tmp_path / "long.wav", samples, 8000)
    about = backbone.description
    with media.open_recording(path) as recording:
        parts = list(embedded(recording, backbone))
    assert len(parts) >= 3
    features = about.front_end.features(media.read(path, about.front_end.rate))
    (expected,) = backbone.session.run(["embedding"], {"features": features[None]})
    assert np.concatenate(parts) == pytest.approx(expected[0], abs=1e-3)


def test_memory_is_bounded_by_what_is_given_out(backbone, tmp_path):
    """Three times the recording takes hardly more, as parts are let go."""

    def peak(seconds):
        samples = np.random.default_rng(1).normal(0, 0.1, seconds * 8000).astype(np.float32)
        path = write_wav(tmp_path / f"{seconds}.wav", samples, 8000)
        del samples
        with media.open_recording(path) as recording:
            tracemalloc.start()
            steps = sum(len(part) for part in embedded(recording, backbone))
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert steps == pytest.approx(seconds / 0.08, abs=2)
        return most

    assert peak(240) < 1.5 * peak(80)


def test_bytes_and_files_will_do(backbone, wav):
    by_path = earmark.embed(wav, backbone).values
    assert np.array_equal(earmark.embed(wav.read_bytes(), backbone).values, by_path)
    assert np.array_equal(earmark.embed(io.BytesIO(wav.read_bytes()), backbone).values, by_path)


def test_progress_is_told(backbone, wav):
    told = []
    earmark.embed(wav, backbone, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (pytest.approx(3.0), pytest.approx(3.0))


def test_a_model_without_embeddings_is_refused(low_high, wav):
    with pytest.raises(ModelError, match="has no embeddings; give a model that was trained on a backbone"):
        earmark.embed(wav, low_high)


def test_where_the_backbone_is_missing_it_is_said_how_to_get_it(wav, tmp_path, monkeypatch):
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "empty"))
    with pytest.raises(ModelError, match=r"mn04_as: no such model; .* `earmark models get mn04_as`"):
        earmark.embed(wav)


def test_no_recording_is_refused(backbone, tmp_path):
    (tmp_path / "bad.wav").write_text("no sound")
    with pytest.raises(MediaError, match=r"bad\.wav"):
        earmark.embed(tmp_path / "bad.wav", backbone)


def test_a_model_file_in_the_cache_is_found_by_name(backbone_file, wav, tmp_path, monkeypatch):
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path))
    (tmp_path / "pretrained").mkdir()
    (tmp_path / "pretrained" / "mn04_as.onnx").write_bytes(backbone_file.read_bytes())
    assert earmark.embed(wav).values.shape == (38, 24 * 4)
