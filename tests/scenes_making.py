"""Small datasets of tones and noise for tests of scenes."""

import csv

import numpy as np
import soundfile

RATE = 16_000
TONES = {"low": 500.0, "middle": 1500.0, "high": 4000.0}
BURSTS = ((0.2, 0.5), (1.2, 1.6))  # seconds in every clip of a tone


def bursts(hertz, spans=BURSTS, seconds=2.0, rate=RATE, level=0.3):
    """A tone that sounds in some spans, between digital silence."""
    time = np.arange(round(seconds * rate)) / rate
    sounding = np.zeros(len(time), bool)
    for onset, offset in spans:
        sounding |= (time >= onset) & (time < offset)
    return (level * np.sin(2 * np.pi * hertz * time) * sounding).astype(np.float32)


def hiss(seed, seconds=3.0, rate=RATE, level=0.05):
    """Steady noise."""
    return (np.random.default_rng(seed).standard_normal(round(seconds * rate)) * level).astype(np.float32)


def table(folder, name, rows):
    """A dataset table and its files: rows of (file, samples, labels, source)."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(("path", "labels", "source"))
        for path, samples, labels, source in rows:
            soundfile.write(folder / path, samples, RATE, subtype="FLOAT" if path.endswith(".wav") else None)
            lines.writerow((path, labels, source))
    return folder / f"{name}.csv"


def tones(folder, sources=4):
    """Clips of three labels, each of so many sources."""
    rows = [
        (f"{label}{n}.wav", bursts(hertz * (1 + 0.01 * n)), label, f"{label}-{n}")
        for label, hertz in TONES.items()
        for n in range(sources)
    ]
    return table(folder, "tones", rows)


def backgrounds(folder, label="rain", sources=4):
    """Steady noise, of which each source has two clips."""
    rows = [
        (f"bg-{label}{n}{take}.wav", hiss(10 * n + take), label, f"bg-{label}-{n}")
        for n in range(sources)
        for take in (0, 1)
    ]
    return table(folder, f"backgrounds_{label or 'none'}", rows)


def speech(folder, sources=4):
    """Short tones that stand for words, some of each speaker."""
    rows = [
        (f"word{n}{take}.wav", bursts(700 + 20 * n, ((0.1, 0.4),), 0.5), "", f"speaker-{n}")
        for n in range(sources)
        for take in range(3)
    ]
    return table(folder, "words", rows)
