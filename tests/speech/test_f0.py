"""Fundamental frequency: signals whose F0 is known, properties, and peers."""

import tracemalloc
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, lfilter, sosfiltfilt

from earmark.errors import EarmarkError
from earmark.evaluation.pitch_metrics import at_times, figures, gross_error, mean_error
from earmark.speech import f0_path
from earmark.speech.f0 import STEP, Pitch, PitchSettings, PitchTracker, track
from earmark.speech.f0_candidates import Candidates, Finder
from earmark.speech.f0_path import CONTEXT, LONGEST, best_path, cut
from earmark.util.streams import tee

RATE = 16000
REFERENCE_STEP = 0.015  # of the laryngograph: docs/results.md


def times(seconds, rate=RATE):
    return np.arange(round(seconds * rate)) / rate


def harmonics(f0, seconds=1.0, rate=RATE, low=0.0, high=3400.0, slope=1.0):
    """A buzz at a constant or changing F0, of the harmonics between two frequencies."""
    f0 = np.broadcast_to(np.asarray(f0, float), times(seconds, rate).shape)
    phase = 2 * np.pi * np.cumsum(f0) / rate
    numbers = [n for n in range(1, int(high / f0.min()) + 1) if n * f0.max() <= high and n * f0.min() >= low]
    return np.asarray(0.1 * sum(np.sin(n * phase + n * n) / n**slope for n in numbers), np.float32)


def vowel(f0, seconds=1.0):
    """Glottal pulses through three formants."""
    phase = np.cumsum(np.broadcast_to(f0, times(seconds).shape)) / RATE
    sound = np.diff(np.floor(phase), prepend=0.0)
    for formant, bandwidth in ((700, 80), (1200, 90), (2500, 120)):
        radius = np.exp(-np.pi * bandwidth / RATE)
        sound = lfilter([1], [1, -2 * radius * np.cos(2 * np.pi * formant / RATE), radius**2], sound)
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def f0_of(samples, rate=RATE, options=None):
    return track([samples], rate, options).f0


def cents(f0, truth):
    return 1200 * np.log2(f0 / truth)


def assert_steady(f0, truth, within=15.0):
    middle = f0[10:-10]
    assert (middle > 0).all()
    assert np.abs(cents(middle, truth)).max() < within


@pytest.mark.parametrize("hz", [75, 100, 150, 220, 330, 480, 500])
def test_a_sine(hz):
    assert_steady(f0_of(0.3 * np.sin(2 * np.pi * hz * times(1)).astype(np.float32)), hz)


@pytest.mark.parametrize("hz", [60, 61, 80, 110, 180, 260, 400, 499, 500])
def test_a_sawtooth_up_to_the_edges_of_the_range(hz):
    assert_steady(f0_of(harmonics(hz, high=7900)), hz)


@pytest.mark.parametrize("hz", [60, 80, 120, 200, 290])
@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_missing_fundamental(hz, rate):
    """As over a telephone: 300 to 3400 Hz."""
    assert_steady(f0_of(harmonics(hz, rate=rate, low=300, slope=0), rate), hz)


@pytest.mark.parametrize("rate", [2500, 8000, 11025, 16001, 22050, 44100, 48000])
def test_any_rate(rate):
    assert_steady(f0_of(harmonics(137, rate=rate, high=min(3400, rate / 2)), rate), 137)


def test_a_glide_is_followed_in_time():
    truth = 100 * 2 ** times(2.0)  # an octave a second
    f0 = f0_of(harmonics(np.minimum(truth, 399), 2.0, high=3000))
    frames = np.arange(20, len(f0) - 20)
    expected = 100 * 2 ** (frames * STEP)
    assert np.abs(cents(f0[frames], expected)).max() < 20


@pytest.mark.parametrize("nepers", [-3, 3])
def test_the_louder_half_of_a_frame_does_not_count_for_more(nepers):
    """A voice that dies as it falls would seem higher than it is in the frame's middle."""
    finder = Finder(PitchSettings())
    samples = harmonics(200 * 2 ** -times(1.0, 4000), 1.0, 4000, high=1900)
    steady = samples[2000 : 2000 + finder.size]
    dying = steady * np.exp(nepers * np.linspace(-0.5, 0.5, finder.size, dtype=np.float32))
    found = finder.find(np.stack([steady, dying]))
    same, changed = (found.octaves[row, found.strengths[row].argmax()] for row in (0, 1))
    assert 1200 * abs(changed - same) < 2


def test_voicing_begins_and_ends_with_the_voice():
    quiet = np.zeros(RATE // 2, np.float32)
    (voiced,) = np.nonzero(f0_of(np.concatenate([quiet, vowel(120.0), quiet])))
    assert voiced[0] * STEP == pytest.approx(0.5, abs=0.03)
    assert voiced[-1] * STEP == pytest.approx(1.5, abs=0.05)
    assert (np.diff(voiced) == 1).all()


def white(rng):
    return rng.standard_normal(10 * RATE)


def pink(rng):
    spectrum = np.fft.rfft(white(rng))
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 10 * 30)))


@pytest.mark.parametrize("noise", [white, pink])
@pytest.mark.parametrize("level", [1e-5, 0.1])
def test_noise_alone_is_unvoiced(noise, level):
    samples = noise(np.random.default_rng(3))
    f0 = f0_of((level * samples / samples.std()).astype(np.float32))
    assert (f0 > 0).mean() < 0.005


@pytest.mark.parametrize(
    "samples",
    [np.zeros(2 * RATE), np.full(2 * RATE, 0.5), (np.arange(2 * RATE) % 7000 == 6999), np.sin(2e4 * times(1))],
    ids=["silence", "constant", "clicks", "a tone above all voices"],
)
def test_what_is_no_voice(samples):
    assert not f0_of(samples.astype(np.float32)).any()


def test_noise_around_a_voice_does_not_move_it():
    rng = np.random.default_rng(1)
    voice = vowel(130.0, 2.0)
    noise = rng.standard_normal(len(voice)).astype(np.float32)
    for snr, at_least in ((20, 0.99), (10, 0.95)):
        f0 = f0_of(voice + noise * np.sqrt((voice**2).mean() / 10 ** (snr / 10)))[10:-10]
        assert (f0 > 0).mean() > at_least
        assert np.abs(cents(f0[f0 > 0], 130)).max() < 50


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("samples", [0, 1, 79, 80, 8000, 12345])
def test_a_frame_for_each_step_within(samples, rate):
    f0 = f0_of(np.zeros(samples, np.float32), rate)
    assert f0.dtype == np.float32
    assert len(f0) == (1 + samples * 100 // rate if samples else 0)


def test_nothing_at_all():
    assert len(track([], RATE).f0) == 0


SPEECHLIKE = np.concatenate(
    [
        vowel(110 + 20 * np.sin(8 * times(1.2)), 1.2),
        0.01 * np.random.default_rng(0).standard_normal(3000).astype(np.float32),
        np.zeros(4000, np.float32),
        vowel(230.0, 6.0),
    ]
)
WHOLE = f0_of(SPEECHLIKE)


@settings(max_examples=10)
@given(st.lists(st.integers(0, len(SPEECHLIKE)), max_size=12))
def test_blocks_do_not_matter(cuts):
    assert np.array_equal(track(np.split(SPEECHLIKE, sorted(cuts)), RATE).f0, WHOLE)


def test_tiny_blocks_and_a_buffer_that_is_used_again():
    buffer = np.empty(100, np.float32)
    tracker = PitchTracker(RATE)
    for first in range(0, len(SPEECHLIKE) // 100 * 100, 100):
        buffer[:] = SPEECHLIKE[first : first + 100]
        tracker.add(buffer)
    tracker.add(SPEECHLIKE[len(SPEECHLIKE) // 100 * 100 :])
    assert np.array_equal(tracker.finish().f0, WHOLE)


def test_hearing_passes_blocks_on():
    blocks = np.split(SPEECHLIKE, [5000, 70000])
    tracker = PitchTracker(RATE)
    heard = list(tee(blocks, tracker.add))
    assert all(a is b for a, b in zip(heard, blocks, strict=True))
    assert np.array_equal(tracker.finish().f0, WHOLE)


@settings(max_examples=6)
@given(st.floats(-60, 20))
def test_the_level_does_not_matter(gain):
    f0 = f0_of(SPEECHLIKE * np.float32(10 ** (gain / 20)))
    same = (f0 > 0) == (WHOLE > 0)
    assert same.mean() > 0.998  # rounding may tip a frame that stands on the edge
    both = (f0 > 0) & (WHOLE > 0)
    assert np.abs(cents(f0[both], WHOLE[both])).max() < 1


def test_memory_grows_by_little():
    """Minutes of samples are not kept: 16 kHz floats would be 640 bytes a frame."""
    tracker = PitchTracker(RATE)
    block = np.tile(vowel(120.0, 2.0), 5)
    tracker.add(block)
    tracemalloc.start()
    try:
        tracker.add(block)
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(6):
            tracker.add(block)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / 6000 < 100


def test_two_speakers_in_one_recording_keep_their_own_f0():
    f0 = f0_of(np.concatenate([vowel(95.0, 2.0), vowel(240.0, 2.0)]))
    assert np.median(f0[20:180]) == pytest.approx(95, rel=0.01)
    assert np.median(f0[220:380]) == pytest.approx(240, rel=0.01)


def test_a_narrower_range():
    tone = np.sin(2 * np.pi * 300 * times(1)).astype(np.float32)
    assert f0_of(tone, options=PitchSettings(floor=100, ceiling=400))[50] == pytest.approx(300, rel=0.005)
    assert f0_of(tone, options=PitchSettings(floor=200, ceiling=280))[50] == 0
    assert f0_of(tone, options=PitchSettings(floor=990, ceiling=1000))[50] == 0


@pytest.mark.parametrize(("floor", "ceiling"), [(500, 60), (0, 500), (60, 60), (60, 5000), (float("nan"), 500)])
def test_a_range_that_is_none(floor, ceiling):
    with pytest.raises(EarmarkError, match="choose two frequencies"):
        PitchSettings(floor=floor, ceiling=ceiling)


def test_a_rate_that_is_none():
    with pytest.raises(ValueError, match="rate"):
        PitchTracker(0)


def plain_path(candidates, unvoiced, options):
    """Viterbi as in a textbook, one frame at a time."""
    octaves, strengths = candidates.octaves, candidates.strengths
    count = octaves.shape[1]

    def cost(t, a, b):
        if count in (a, b):
            return 0.0 if a == b else options.change
        return options.jump * abs(octaves[t - 1, a] - octaves[t, b])

    gain = np.column_stack([strengths, unvoiced])
    total = gain[0] - np.array([options.change] * count + [0])
    back = []
    for t in range(1, len(octaves)):
        ways = np.array([[total[a] - cost(t, a, b) for a in range(count + 1)] for b in range(count + 1)])
        back.append(ways.argmax(axis=1))
        total = ways.max(axis=1) + gain[t]
    state = int((total - np.array([options.change] * count + [0])).argmax())
    states = [state]
    for pointers in reversed(back):
        states.append(state := int(pointers[state]))
    return np.array([0 if s == count else 2 ** octaves[t, s] for t, s in enumerate(reversed(states))])


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_the_path_is_the_best_one(seed, islands):
    rng = np.random.default_rng(seed)
    frames = np.concatenate([np.arange(n) + 1000 * i for i, n in enumerate(islands)])
    shape = (len(frames), 3)
    candidates = Candidates(rng.uniform(6, 9, shape).astype("f"), rng.uniform(-0.2, 1, shape).astype("f"))
    unvoiced = rng.uniform(0, 1, len(frames)).astype("f")
    found = best_path(frames, candidates, unvoiced, PitchSettings())
    expected = [
        plain_path(candidates[rows], unvoiced[rows], PitchSettings())
        for rows in np.split(np.arange(len(frames)), np.cumsum(islands)[:-1])
    ]
    assert found == pytest.approx(np.concatenate(expected), rel=1e-5)


def test_long_islands_are_cut_with_context():
    pieces = cut(np.concatenate([np.arange(2 * LONGEST + 7), [5000]]))
    assert pieces.keep_from.tolist() == [0, LONGEST, 2 * LONGEST, 2 * LONGEST + 7]
    assert pieces.keep_to.tolist() == [LONGEST, 2 * LONGEST, 2 * LONGEST + 7, 2 * LONGEST + 8]
    assert pieces.start.tolist() == [0, LONGEST - CONTEXT, 2 * LONGEST - CONTEXT, 2 * LONGEST + 7]
    assert len(cut(np.zeros(0, int)).start) == 0


def test_a_cut_leaves_no_mark():
    truth = 150 + 40 * np.sin(2 * np.pi * 0.4 * times(12))
    f0 = f0_of(vowel(truth, 12.0))[10:-10]
    assert (f0 > 0).all()
    assert np.abs(np.diff(np.log2(f0))).max() < 0.02


def test_statistics_of_a_speaker():
    pitch = Pitch(np.array([0, 100, 110, 0, 0, 200, 200, 0], np.float32))
    speaker = pitch.speaker([(0.0, 0.02), (0.05, 0.07)])
    assert (speaker.mean, speaker.median, speaker.voiced_seconds) == (152.5, 155.0, 0.04)
    assert pitch.speaker([(0.03, 0.04)]) is None
    assert pitch.within(-0.01, 0.01).tolist() == [100]


@pytest.mark.parametrize("hz", [85.0, 120.0, 210.0, 330.0])
def test_a_vowel_as_praat_has_it(hz):
    parselmouth = pytest.importorskip("parselmouth")
    samples = vowel(hz * 2 ** (0.2 * np.sin(2 * np.pi * 1.5 * times(2))), 2.0)
    peer = parselmouth.Sound(samples.astype(float), RATE).to_pitch_ac(time_step=STEP, pitch_floor=60, pitch_ceiling=500)
    theirs = at_times(peer.selected_array["frequency"], peer.t1, peer.dt, np.arange(200) * STEP)
    found = figures(theirs[10:-10], f0_of(samples)[10:190].astype(float))
    assert found.gross == 0
    assert found.frame_error < 0.02
    assert abs(found.fine_mean) < 5
    assert found.fine_std < 15


@cache
def sentences(folder):
    """Speaker, samples, rate, reference and estimate of each real recording."""
    found = []
    for path in sorted((folder / "f0_fda").glob("*.flac")):
        samples, rate = soundfile.read(path)
        reference = np.loadtxt(path.with_suffix(".f0ref"))
        found.append((path.stem[:2], samples, rate, reference, f0_of(samples.astype(np.float32), rate)))
    return found


def followed(shared, through=None):
    """Reference and estimate of each speaker, at the laryngograph's frames, and the mean errors of the recordings."""
    tracks, errors = {}, []
    for speaker, samples, rate, reference, clean in sentences(shared):
        f0 = clean if through is None else f0_of(through(samples, rate).astype(np.float32), rate)
        estimate = at_times(f0, 0.0, STEP, np.arange(len(reference)) * REFERENCE_STEP)
        tracks.setdefault(speaker, []).append((reference, estimate))
        errors.append(abs(mean_error(reference, estimate)))
    return {name: [np.concatenate(t) for t in zip(*each, strict=True)] for name, each in tracks.items()}, errors


@pytest.mark.shared
def test_real_voices_as_the_laryngograph_has_them(shared):
    speakers, errors = followed(shared)
    assert np.mean(errors) < 0.03
    for reference, estimate in speakers.values():
        found = figures(reference, estimate)
        assert abs(found.mean_error) < 0.02
        assert found.gross < 0.03
        assert found.frame_error < 0.08


@pytest.mark.shared
def test_real_voices_over_the_telephone(shared):
    def telephone(samples, rate):
        return sosfiltfilt(butter(6, (300, 3400), "bandpass", fs=rate, output="sos"), samples)

    speakers, _ = followed(shared, telephone)
    for reference, estimate in speakers.values():
        assert gross_error(reference, estimate) < 0.03


@pytest.mark.shared
def test_real_voices_as_praat_has_them(shared):
    parselmouth = pytest.importorskip("parselmouth")
    pairs = []
    for _, samples, rate, _, mine in sentences(shared):
        peer = parselmouth.Sound(samples, rate).to_pitch_ac(time_step=STEP, pitch_floor=60, pitch_ceiling=500)
        theirs = at_times(peer.selected_array["frequency"], peer.t1, peer.dt, np.arange(len(mine)) * STEP)
        pairs.append((theirs, mine.astype(float)))
    theirs, mine = (np.concatenate(each) for each in zip(*pairs, strict=True))
    found = figures(theirs, mine)
    assert found.gross < 0.02
    assert abs(found.fine_mean) < 5
    assert found.frame_error < 0.1


def test_the_docs_quote_the_results():
    root = Path(__file__).parents[2]
    quoted = (root / "docs" / "results.md").read_text(encoding="utf-8").splitlines()
    assert set((root / "results" / "pitch" / "table.md").read_text(encoding="utf-8").splitlines()) - {
        "The same, clean, by half: settings of ours were chosen on the one and not looked at on the other."
    } <= set(quoted)


def test_a_long_recording_is_settled_stretch_by_stretch(monkeypatch):
    """Wherever blocks are cut; and nearly as a whole would be, as each stretch has a range of its own."""
    monkeypatch.setattr(f0_path, "STRETCH", 1000)
    monkeypatch.setattr(f0_path, "HEARD", 300)
    speech = np.concatenate([SPEECHLIKE, np.zeros(RATE // 5, np.float32)] * 6)
    found, *others = (
        track([speech[i : i + size] for i in range(0, len(speech), size)], RATE).f0 for size in (777, 5000, 48000)
    )
    assert all(np.array_equal(found, other) for other in others)
    monkeypatch.undo()
    whole = track([speech], RATE).f0
    assert len(found) == len(whole) > 4000
    assert np.mean((found > 0) == (whole > 0)) > 0.95
    both = (found > 0) & (whole > 0)
    assert np.mean(np.abs(found[both] / whole[both] - 1) < 0.01) > 0.98


def test_no_island_is_cut_where_a_stretch_ends(monkeypatch):
    monkeypatch.setattr(f0_path, "STRETCH", 100)
    monkeypatch.setattr(f0_path, "HEARD", 50)
    time = np.arange(6 * RATE) / RATE
    tones = (np.sin(2 * np.pi * 150 * time) * (time % 1.5 < 1.2)).astype(np.float32)  # silent for 0.3 s each 1.5 s
    voiced = track([tones], RATE).f0 > 0
    expected = np.arange(len(voiced)) * STEP % 1.5 < 1.2
    assert np.mean(voiced == expected) > 0.97
