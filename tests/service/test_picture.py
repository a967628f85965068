import base64

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from earmark.service import picture as module
from earmark.service.picture import BANDS, Picture

RATE = 22_050


def drawn(blocks):
    picture = Picture(RATE)
    assert [block is given for block, given in zip(picture.hear(blocks), blocks, strict=True)] == [True] * len(blocks)
    view = picture.view()
    peaks = np.frombuffer(base64.b64decode(view["waveform"]["peaks"]), np.uint8)
    values = np.frombuffer(base64.b64decode(view["spectrogram"]["values"]), np.uint8).reshape(-1, BANDS)
    return view, peaks, values


def sine(hz, seconds, amplitude=0.5):
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def test_peaks_are_amplitudes_and_a_tone_stands_in_its_band():
    quiet = np.zeros(5 * RATE, np.float32)
    view, peaks, values = drawn([quiet, sine(1000, 5)])
    step = view["waveform"]["step"]
    assert abs(len(peaks) * step - 10) < 2 * step
    assert peaks[10] == 0
    assert abs(int(peaks[150]) - 127) <= 1
    mel = np.linspace(0, 1, BANDS)
    low, high = (
        2595 * np.log10(1 + hz / 700) for hz in (view["spectrogram"]["low_hz"], view["spectrogram"]["high_hz"])
    )
    centre = 700 * (10 ** ((low + mel * (high - low)) / 2595) - 1)
    assert abs(centre[values[150].argmax()] - 1000) < 100
    assert values[10].max() == 0


def test_a_long_recording_is_folded(monkeypatch):
    monkeypatch.setattr(module, "COLUMNS", 600)
    blocks = [sine(440, 10, 0.1)] * 6
    view, peaks, values = drawn(blocks)
    assert len(peaks) == len(values) <= 600
    assert abs(len(peaks) * view["waveform"]["step"] - 60) < 1


@given(st.lists(st.integers(0, 3000), max_size=6))
def test_any_blocks_can_be_drawn(lengths):
    rng = np.random.default_rng(0)
    _, peaks, values = drawn([rng.standard_normal(n).astype(np.float32) for n in lengths])
    assert len(peaks) == len(values)


def test_what_is_no_number_is_drawn_as_silence_or_full():
    _, peaks, values = drawn([np.full(RATE, 5.0, np.float32)])
    assert peaks.max() == 255
    assert len(values)
