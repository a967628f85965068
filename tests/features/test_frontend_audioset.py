"""The front end of the backbones that learned AudioSet: Kaldi's definitions, and the natural logarithm."""

import json
from dataclasses import replace

import kaldi_native_fbank
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from model_making import LOW_HIGH, low_high_model

from earmark.errors import ModelError
from earmark.events.boundaries import FrameLevels
from earmark.events.timeline import Event
from earmark.features.frontend import FrontEnd
from earmark.live.listener import LiveListener
from earmark.live.scoring import LiveScorer
from earmark.models.labelling import scored
from earmark.models.model import Description, load_model
from earmark.training.batches import vary
from earmark.training.recipe import Augmentation
from earmark.util.fields import from_json_values

AUDIOSET = FrontEnd.audioset()
LINEAR = replace(AUDIOSET, kind="linear")
RATE, FLOOR = AUDIOSET.rate, 1e-5
SILENCE = (np.log(FLOOR) + 4.5) / 5


def noise(seconds=1.3, level=0.1):
    return (level * np.random.default_rng(3).standard_normal(int(RATE * seconds))).astype(np.float32)


def tones():
    """Eight at once, from 60 Hz to above the highest band."""
    time = np.arange(int(1.1 * RATE)) / RATE
    return sum(0.1 * np.sin(2 * np.pi * f * time) for f in np.geomspace(60, 15500, 8)).astype(np.float32)


def bark():
    """Like a real sound: harmonics that glide, an envelope, and a faint coloured room behind it."""
    time = np.arange(int(1.5 * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(500 + 200 * np.sin(6 * time)) / RATE
    voice = sum(np.sin(n * phase) / n for n in range(1, 9)) * np.exp(-((time - 0.7) ** 2) / 0.01)
    room = np.cumsum(np.random.default_rng(1).standard_normal(len(time)))
    return (0.2 * voice + 1e-4 * (room - room.mean())).astype(np.float32)


SIGNALS = {
    "noise": noise(),
    "full scale": noise(level=1.0).clip(-1, 1),
    "faint noise": noise(level=1e-5),
    "tones": tones(),
    "bark": bark(),
    "steady": np.full(20000, 0.5, np.float32),
    "silence": np.zeros(5000, np.float32),
    "shorter than a frame": noise(0.01),
}


def by_kaldi(samples, preemphasis=0.97):
    """The same by Kaldi's own way: frames of 800 samples each begin 400 before the middle of ours."""
    options = kaldi_native_fbank.FbankOptions()
    frames, bands = options.frame_opts, options.mel_opts
    frames.samp_freq, frames.frame_length_ms, frames.frame_shift_ms = RATE, 25.0, 10.0
    frames.dither, frames.preemph_coeff, frames.remove_dc_offset = 0.0, preemphasis, False
    frames.window_type, frames.round_to_power_of_two, frames.snip_edges = "hanning", True, True
    bands.num_bins, bands.low_freq, bands.high_freq = 128, 0.0, 15000.0
    options.use_energy, options.use_log_fbank, options.use_power = False, False, True
    kaldi = kaldi_native_fbank.OnlineFbank(options)
    kaldi.accept_waveform(RATE, np.pad(samples, (400, 800)).tolist())
    kaldi.input_finished()
    power = np.array([kaldi.get_frame(i) for i in range(1 + len(samples) // 320)])
    return (np.log(power + FLOOR) + 4.5) / 5


@pytest.mark.parametrize("name", SIGNALS)
def test_it_agrees_with_kaldi(name):
    """Kaldi hears a click behind the last sample, where it emphasises zeros; we do not: the last two frames see it."""
    samples = SIGNALS[name]
    found = AUDIOSET.features(samples)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:-2], by_kaldi(samples)[:-2], atol=1e-3)
    emphasised = samples - 0.97 * np.pad(samples, (1, 0))[:-1]
    np.testing.assert_allclose(found, by_kaldi(emphasised, 0.0), atol=1e-3)


def test_silence_is_at_the_floor():
    np.testing.assert_allclose(AUDIOSET.features(SIGNALS["silence"]), SILENCE, atol=1e-6)
    assert AUDIOSET.decibels(np.float32(SILENCE)) == pytest.approx(-50, abs=1e-4)


@pytest.mark.parametrize("frequency", [150.0, 1000.0, 4000.0, 12000.0])
def test_a_tone_is_loudest_in_the_band_around_it(frequency):
    time = np.arange(RATE) / RATE
    features = AUDIOSET.features(np.sin(2 * np.pi * frequency * time).astype(np.float32))
    nearest = np.abs(AUDIOSET.centres() - frequency).argmin()
    assert abs(features[10:-10].mean(axis=0).argmax() - nearest) <= 1


def test_level_of_a_full_scale_sine():
    """One in the middle of a bin has a power of (sum of the window / 2)^2, weighed by pre-emphasis."""
    frequency = 128 * RATE / 1024
    sine = np.sin(2 * np.pi * frequency * np.arange(RATE) / RATE).astype(np.float32)
    emphasis = abs(1 - 0.97 * np.exp(-2j * np.pi * frequency / RATE))
    expected = 20 * np.log10(emphasis * 799 / 4)  # a symmetric window of 800 adds up to 799 / 2
    found = LINEAR.decibels(LINEAR.features(sine))[10:-10, 128]
    np.testing.assert_allclose(found, expected, atol=0.01)


def cut(samples, places):
    return np.split(samples, sorted(place % (len(samples) + 1) for place in places))


@settings(max_examples=40, derandomize=True)
@given(length=st.integers(0, 9000), places=st.lists(st.integers(0, 9000), max_size=12))
def test_blocks_give_the_same_features_as_the_whole(length, places):
    samples = np.random.default_rng(length).normal(0, 0.1, length).astype(np.float32)
    parts = list(AUDIOSET.stream(cut(samples, places)))
    streamed = np.concatenate([np.empty((0, 128), np.float32), *parts])
    np.testing.assert_allclose(streamed, AUDIOSET.features(samples), rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [1, 7, 320, 1024])
def test_blocks_of_one_size_give_the_very_frames_of_the_whole(size):
    samples = noise(0.06)
    blocks = [samples[i : i + size] for i in range(0, len(samples), size)]
    frames = [np.concatenate(list(AUDIOSET._frames(given))) for given in (blocks, [samples])]
    np.testing.assert_array_equal(*frames)  # pre-emphasis and all: what follows looks at each frame alone


@settings(max_examples=30, derandomize=True)
@given(st.floats(-120, 120), st.sampled_from([AUDIOSET, LINEAR, FrontEnd()]))
def test_levels_and_back(level, about):
    levels = np.full((2, 3), level, np.float32)
    np.testing.assert_allclose(about.decibels(about.from_decibels(levels)), levels, atol=1e-3)
    np.testing.assert_allclose(about.decibels(about.from_decibels(torch.from_numpy(levels))).numpy(), levels, atol=1e-3)


def test_levels_are_those_of_decibels():
    """The same power, whatever the logarithm, but for the floor that is added to it."""
    samples = bark()
    levels = replace(AUDIOSET, logarithm="decibels").features(samples)
    found = AUDIOSET.decibels(AUDIOSET.features(samples))
    np.testing.assert_allclose(found, 10 * np.log10(10 ** (levels / 10) + FLOOR), atol=1e-3)
    assert levels.min() < -60 < levels.max()


@pytest.mark.parametrize(
    "wrong",
    [
        {"preemphasis": -0.1},
        {"preemphasis": 1.0},
        {"preemphasis": float("nan")},
        {"window": 319},
        {"window": 1025},
        {"hop": 1, "window": 1},
        {"floor": 0.0},
        {"floor": float("nan")},
        {"floor": float("inf")},
        {"scale": 0.0},
        {"scale": -1.0},
        {"scale": float("inf")},
        {"shift": float("nan")},
        {"kind": "mfcc"},
        {"kind": "summary", "patch": 1.0},
        {"patch": 1.0, "image": (32, 32)},
        {"kind": "mels"},
        {"mel_scale": "bark"},
        {"logarithm": "bels"},
        {"fmax": 16001.0},
    ],
)
def test_parameters_that_make_no_sense(wrong):
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        replace(AUDIOSET, **wrong)


def test_round_trip_through_json():
    again = from_json_values(FrontEnd, json.loads(json.dumps(AUDIOSET.to_dict())))
    assert again == AUDIOSET
    assert hash(again) == hash(AUDIOSET)


def described(**changes):
    """What `low_high` says of itself, with some of it changed."""
    values = json.loads(LOW_HIGH.to_json())
    values["front_end"] |= changes
    return values


def test_a_model_file_keeps_it(tmp_path):
    about = replace(LOW_HIGH, front_end=replace(AUDIOSET, bands=64))
    path = low_high_model(tmp_path / "model.onnx", about.to_json())
    assert load_model(path, threads=1).description == about


def test_a_model_file_of_before_is_read_as_ever(tmp_path):
    values = described()
    new = ("preemphasis", "window", "symmetric", "mel_scale", "logarithm", "floor", "shift", "scale")
    for key in new:
        del values["front_end"][key]
    path = low_high_model(tmp_path / "model.onnx", json.dumps(values))
    assert load_model(path, threads=1).description == LOW_HIGH


@pytest.mark.parametrize("wrong", [{"logarithm": "bels"}, {"mel_scale": 3}, {"floor": "loud"}, {"window": [800]}])
def test_a_model_file_that_makes_no_sense_is_refused(tmp_path, wrong):
    path = low_high_model(tmp_path / "model.onnx", json.dumps(described(logarithm="natural") | {}))
    assert load_model(path, threads=1)
    values = described(**wrong)
    with pytest.raises(ModelError, match=r"model\.onnx: describes itself") as told:
        load_model(low_high_model(tmp_path / "model.onnx", json.dumps(values)), threads=1)
    assert "\n" not in str(told.value)


def silent_but(onset, offset, seconds=3.0):
    samples = 1e-4 * np.random.default_rng(0).standard_normal(int(seconds * RATE)).astype(np.float32)
    samples[int(onset * RATE) : int(offset * RATE)] *= 2000
    return samples


def test_its_levels_move_edges_in_as_those_of_decibels_do():
    samples = silent_but(1.0, 2.0)
    tight = []
    for about in (AUDIOSET, replace(AUDIOSET, logarithm="decibels")):
        levels = FrameLevels.of(about)
        for _ in levels.follow(about.stream([samples])):
            pass
        assert levels.values().dtype == np.float32
        tight += levels.tighten([Event(0.5, 2.6, "dog", 0.9)], 0.9)
    assert tight[0] == tight[1]
    assert tight[0].onset == pytest.approx(1.0, abs=0.03)
    assert tight[0].offset == pytest.approx(2.0, abs=0.03)


NOTHING = {"gain_db": 0, "mixup": 0, "masks": 0}


@pytest.mark.parametrize(
    "change",
    [
        {"gain_db": 10},
        {"response_db": 6},
        {"overlay": 1.0},
        {"noise_floor": True},
        {"masks": 2},
        {"mixup": 0.4},
        {"between_class": True},
    ],
)
def test_augmentation_works_in_decibels(change):
    features = torch.from_numpy(np.stack([AUDIOSET.features(s[:16000]) for s in (noise(), tones(), bark())]))
    augment = Augmentation(**NOTHING | change)
    found, targets = vary(features, torch.eye(3), augment, np.random.default_rng(0), AUDIOSET)
    levels, same = vary(AUDIOSET.decibels(features), torch.eye(3), augment, np.random.default_rng(0), FrontEnd())
    torch.testing.assert_close(AUDIOSET.decibels(found), levels, atol=1e-3, rtol=0)
    assert torch.equal(targets, same)
    assert not torch.allclose(found, features, atol=0.01)


def test_a_gain_is_one_number_of_decibels():
    features = torch.from_numpy(np.stack([AUDIOSET.features(noise(0.5)), AUDIOSET.features(tones()[:16000])]))
    augment = Augmentation(**NOTHING | {"gain_db": 10})
    varied, _ = vary(features, torch.eye(2), augment, np.random.default_rng(0), AUDIOSET)
    for change in AUDIOSET.decibels(varied) - AUDIOSET.decibels(features):
        assert 0.1 < change.mean().abs() <= 10
        torch.testing.assert_close(change, torch.full_like(change, change.mean()), atol=1e-3, rtol=0)


@pytest.fixture
def by_ear(tmp_path):
    """`low_high` on the features of this front end: logits of its loudest band below 1 kHz, and above."""
    front_end = replace(AUDIOSET, bands=64, shift=0.0, scale=1.0)
    about = Description("ear", ("low", "high"), False, front_end, 1, 0, window=0.1)
    return load_model(low_high_model(tmp_path / "ear.onnx", about.to_json()), threads=1)


def test_live_scores_are_those_of_the_whole(by_ear):
    samples = silent_but(0.5, 1.0, 1.5)
    live = LiveScorer(by_ear, ahead=10.0)
    blocks = np.array_split(samples, 13)
    found = np.concatenate([*(part for block in blocks for part in live.add(block)), *live.finish()])
    whole = np.concatenate(list(scored(by_ear, [samples], FrameLevels.of(by_ear.description.front_end))))
    np.testing.assert_allclose(found, whole, atol=1e-5)
    assert np.ptp(whole, axis=0).min() > 0.05


def test_a_live_listener_knows_when_it_was_loud(by_ear):
    listener = LiveListener(by_ear)
    for block in np.array_split(silent_but(1.0, 2.0), 30):
        listener.hear(block)
    levels = np.asarray(listener.levels.held, int)
    first = listener.levels.first
    loud = np.flatnonzero(levels > levels.max() - 25) + first
    assert loud[0] == pytest.approx(100, abs=3)
    assert loud[-1] == pytest.approx(200, abs=3)
    assert levels.min() >= -51  # the floor, in dB
