"""What librosa 0.11 says of some sounds, kept in `data/librosa_answers.npz`: to compile it takes longer than all else.

Run this file where librosa is installed to have them made anew.
"""

import warnings
from pathlib import Path

import numpy as np

from earmark import media
from earmark.features.frontend import FrontEnd

FILE = Path(__file__).parent / "data" / "librosa_answers.npz"
EVERY = 20  # frames of which one is kept
EDGE = 3  # frames kept at either end
RECORDING = Path(__file__).parents[2] / "examples" / "five_words.flac"

SETTINGS = [
    FrontEnd(),
    FrontEnd(rate=44100, n_fft=2048, hop=512, bands=128, fmin=20, fmax=16000),
    FrontEnd(rate=16000, n_fft=400, hop=160, bands=40, fmin=60, fmax=7600),
    FrontEnd(rate=8000, n_fft=256, hop=80, bands=23),
    FrontEnd(rate=22050, n_fft=512, hop=512, bands=64, fmin=300),
]
SUMMARIES = [
    FrontEnd(kind="summary", rate=22050, n_fft=2048, hop=512, bands=128, coefficients=20, patch=5.0),
    FrontEnd(kind="summary", rate=44100, n_fft=2048, hop=441, bands=64, fmin=20, fmax=16000, patch=5.0),
    FrontEnd(kind="summary", rate=16000, n_fft=1024, hop=160, bands=40, coefficients=13, patch=5.0),
]
AT_8_KHZ = FrontEnd(kind="summary", rate=8000, n_fft=512, hop=80, bands=40, coefficients=13, patch=5.0)
MADE = ("tone", "chord", "noise", "chirp", "clicks")
CASES = {f"{name} at {about.rate} Hz": (name, about) for about in SUMMARIES for name in MADE}
CASES[f"{RECORDING.stem} at 8000 Hz"] = RECORDING.stem, AT_8_KHZ  # as it was recorded
COEFFICIENTS = 13


def hiss(length):
    """Noise of variance 1 that is the same everywhere: SplitMix64 (Steele, Lea and Flood, 2014)."""
    bits = np.arange(1, length + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    return np.sqrt(12) * ((bits ^ (bits >> np.uint64(31))) / 2.0**64 - 0.5)


def noise_and_chirp(rate, seconds=1.3):
    """Sound at every frequency, and one that moves."""
    time = np.arange(int(rate * seconds)) / rate
    chirp = 0.3 * np.sin(2 * np.pi * (200 + 0.1 * rate * time) * time)
    return (0.05 * hiss(len(time)) + chirp).astype(np.float32)


def clicks(bpm, seconds, rate):
    """A metronome."""
    samples = np.zeros(int(rate * seconds))
    samples[:: round(rate * 60 / bpm)] = 1.0
    return np.convolve(samples, np.hanning(64))[: len(samples)]


def sound(name, rate):
    """Five seconds, or a recording of speech. A floor of noise: of rounding errors nothing can be said."""
    if name == RECORDING.stem:
        return media.read(RECORDING, rate)
    time = np.arange(5 * rate) / rate
    floor = 1e-3 * hiss(len(time))
    made = {
        "tone": lambda: 0.5 * np.sin(2 * np.pi * 440 * time) + floor,
        "chord": lambda: (
            sum(np.sin(2 * np.pi * f * time) for f in (261.63, 329.63, 392.0)) / 4 * np.exp(-(time % 0.5) * 6) + floor
        ),
        "noise": lambda: 0.1 * hiss(len(time)),
        "chirp": lambda: 0.3 * np.sin(2 * np.pi * (100 + 900 * time) * time) + floor,
        "clicks": lambda: clicks(150, 5.0, rate) + 0.1 * floor,
    }
    return made[name]().astype(np.float32)


def kept(frames):
    """Which of so many frames have answers: some at both ends, and some between."""
    return np.unique([*range(EDGE), *range(0, frames, EVERY), *range(frames - EDGE, frames)])


def log_mel(samples, about):
    import librosa

    stft = librosa.stft(samples, n_fft=about.n_fft, hop_length=about.hop, pad_mode="constant")
    with warnings.catch_warnings():  # of bands narrower than a bin, which are empty here as well
        warnings.simplefilter("ignore")
        power = librosa.feature.melspectrogram(
            S=np.abs(stft) ** 2, sr=about.rate, n_mels=about.bands, fmin=about.fmin, fmax=about.highest
        )
    return librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=None)


def cepstra(levels):
    """Coefficients and two orders of deltas of levels [bands, frames]."""
    import librosa

    found = librosa.feature.mfcc(S=levels, n_mfcc=COEFFICIENTS)
    return np.concatenate([found, *(librosa.feature.delta(found, order=n, mode="nearest") for n in (1, 2))])


def descriptors(samples, about):
    """Frames [n, 16] as the first columns of a summary's table, and what is of the sound as a whole."""
    import librosa

    framing = {"n_fft": about.n_fft, "hop_length": about.hop}
    magnitude = np.abs(librosa.stft(samples, pad_mode="constant", **framing))
    of = {"S": magnitude, "sr": about.rate, **framing}
    crossings = librosa.feature.zero_crossing_rate(samples, frame_length=about.n_fft, hop_length=about.hop)
    shape = [getattr(librosa.feature, f"spectral_{name}")(**of) for name in ("centroid", "bandwidth", "rolloff")]
    chroma = librosa.feature.chroma_stft(S=magnitude**2, sr=about.rate, tuning=0.0, **framing)
    levels = log_mel(samples, about)
    coefficients = librosa.feature.mfcc(S=levels, n_mfcc=about.coefficients)
    onsets = librosa.onset.onset_strength(S=levels, sr=about.rate, center=False)
    beats = librosa.feature.tempo(onset_envelope=onsets, sr=about.rate, hop_length=about.hop)
    return {
        "frames": np.concatenate([crossings, *shape, chroma]).T[kept(len(onsets))],
        "heard": (magnitude.sum(0) > 1e-3)[kept(len(onsets))],
        "onsets": onsets[kept(len(onsets))],
        "coefficients": np.stack([coefficients.mean(1), coefficients.std(1)]),
        "tempo": beats[0],
    }


def main():
    answers = {}
    for number, about in enumerate(SETTINGS):
        levels = log_mel(noise_and_chirp(about.rate), about)
        some = kept(levels.shape[1])
        answers[f"log_mel {number}"], answers[f"mfcc {number}"] = levels.T[some], cepstra(levels).T[some]
    for case, (name, about) in CASES.items():
        for what, values in descriptors(sound(name, about.rate), about).items():
            answers[f"{case}: {what}"] = values
    np.savez_compressed(FILE, **{k: v if v.dtype == bool else np.float32(v) for k, v in answers.items()})


if __name__ == "__main__":
    main()
