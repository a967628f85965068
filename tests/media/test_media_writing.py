import numpy as np
import pytest
import soundfile
from media_files import Track, sine, write
from voice_making import RATE, WORDS, write_voice

from earmark import media
from earmark.errors import EarmarkError, MediaError
from earmark.media.writing import write_samples


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_span_comes_out_as_it_was(tmp_path, suffix):
    source = write_voice(tmp_path / "voice.wav", *WORDS)
    path = media.write_span(source, tmp_path / "new" / f"word.{suffix}", 0.5, 0.9)
    written, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE
    assert np.array_equal(written, media.read(source, RATE, start=0.5, end=0.9))
    assert soundfile.info(path).subtype == "PCM_16"
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_spans_in_one_pass(tmp_path):
    source = write_voice(tmp_path / "voice.wav", *WORDS)
    spans = [(a - 0.3, b + 0.3, tmp_path / f"{i}.wav") for i, (a, b, _) in enumerate(WORDS)]
    assert list(media.write_spans(source, spans)) == [path for *_, path in spans]
    for onset, offset, path in spans:
        assert np.array_equal(media.read(path, RATE), media.read(source, RATE, start=onset, end=offset))


def test_stereo_at_its_own_rate_becomes_its_mean(tmp_path):
    left = sine(1.0, 44_100, level=0.5)[0]
    write(tmp_path / "a.flac", "flac", Track(np.stack([left, 0.5 * left]), 44_100, "flac"))
    written, rate = soundfile.read(media.write_span(tmp_path / "a.flac", tmp_path / "b.wav", 0.2, 0.3))
    assert (rate, len(written)) == (44_100, 4410)
    assert written == pytest.approx(0.75 * left[8820:13230], abs=2 / 32_768)


def test_what_is_too_loud_is_clipped(tmp_path):
    write_samples(tmp_path / "a.wav", [np.array([2.0, -2.0, 1.0, -1.0], np.float32)], 8000)
    assert soundfile.read(tmp_path / "a.wav", dtype="int16")[0].tolist() == [32767, -32768, 32767, -32768]


def test_mistakes(tmp_path):
    source = write_voice(tmp_path / "voice.wav", *WORDS)
    with pytest.raises(EarmarkError, match=r"neither \.wav nor \.flac"):
        media.write_span(source, tmp_path / "a.mp3", 0, 1)
    with pytest.raises(EarmarkError, match="cannot be written"):
        media.write_span(source, source / "a.wav", 0, 1)
    with pytest.raises(MediaError, match="gone"):
        media.write_span(tmp_path / "gone.wav", tmp_path / "a.wav", 0, 1)
    with pytest.raises(ValueError, match="a span runs"):
        media.write_span(source, tmp_path / "a.wav", 1, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["voice.wav"]
