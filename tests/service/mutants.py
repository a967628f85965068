"""Media files with faults: cut off, bits flipped, headers overwritten, parts repeated, gone, or of another file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from media_files import CODECS, Track, sine, write

KINDS = {
    "cut": "cut off",
    "flip": "bits flipped",
    "header": "header overwritten",
    "hole": "a part gone",
    "repeat": "a part twice",
    "numbers": "absurd numbers",
    "noise": "noise in place of all",
    "join": "joined with (a part of) another",
}
"""Kinds of fault, in words."""

# container: FFmpeg's name; codec; rate in Hz: those that `CODECS` has not
OTHERS = {
    "s16.w64": ("w64", "pcm_s16le", 22_050),
    "s16.au": ("au", "pcm_s16be", 22_050),
    "s16.ircam": ("ircam", "pcm_s16le", 22_050),
    "s32.sox": ("sox", "pcm_s32le", 22_050),
    "u8.voc": ("voc", "pcm_u8", 22_050),
    "ima.wav": ("wav", "adpcm_ima_wav", 22_050),
    "ms.wav": ("wav", "adpcm_ms", 22_050),
    "alac.caf": ("caf", "alac", 22_050),
    "wv": ("wv", "wavpack", 22_050),
    "tta": ("tta", "tta", 22_050),
    "mp2": ("mp2", "mp2", 44_100),
    "ac3": ("ac3", "ac3", 44_100),
    "eac3": ("eac3", "eac3", 48_000),
    "aac": ("adts", "aac", 22_050),
    "latm": ("latm", "aac", 22_050),
    "s16.mov": ("mov", "pcm_s16le", 22_050),
    "aac.3gp": ("3gp", "aac", 22_050),
    "aac.ts": ("mpegts", "aac", 22_050),
    "aac.flv": ("flv", "aac", 22_050),
    "mp3.avi": ("avi", "libmp3lame", 22_050),
    "mp3.swf": ("swf", "libmp3lame", 22_050),
    "mp2.mpg": ("mpeg", "mp2", 44_100),
    "mp2.wtv": ("wtv", "mp2", 44_100),
    "ac3.rm": ("rm", "ac3", 44_100),
    "flac.nut": ("nut", "flac", 22_050),
}


def originals(seconds: float = 1.5) -> list[tuple[str, bytes]]:
    """A small file (name, content) of every codec and container, some with pictures."""
    made = []
    usual = {
        name: (container, codec, 48_000 if codec == "libopus" else 22_050)
        for name, (container, codec, _) in CODECS.items()
    }
    for name, (container, codec, rate) in {**usual, **OTHERS}.items():
        track = Track(np.repeat(sine(seconds, rate), 2, axis=0), rate, codec)
        video = seconds if container in ("mp4", "matroska") else 0.0
        made.append((f"tone.{name}", write(None, container, track, video=video)))
    return made


def mutants(originals: list[tuple[str, bytes]], count: int, rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """So many files (name, content), each an original with one kind of fault."""
    for number in range(count):
        name, content = originals[int(rng.integers(len(originals)))]
        kind = list(KINDS)[number % len(KINDS)]
        other = originals[int(rng.integers(len(originals)))][1]
        yield f"{number:04d}-{kind}-{name}", mutant(kind, content, other, rng)


def mutant(kind: str, content: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """The content with a fault of this kind; `other` is what it is joined with, if that is the fault."""
    data = np.frombuffer(content, np.uint8).copy()
    if kind == "cut":
        return data[: int(rng.integers(0, len(data)))].tobytes()
    if kind == "flip":
        storage = rng.integers(0, len(data), max(1, len(data) // 10 ** int(rng.integers(2, 6))))
        data[storage] ^= np.uint8(1) << rng.integers(0, 8, len(storage), np.uint8)
    elif kind == "header":
        length = int(rng.integers(1, min(512, len(data))))
        data[:length] = rng.integers(0, 256, length, np.uint8)
    elif kind == "hole":
        start, end = np.sort(rng.integers(0, len(data), 2))
        return np.delete(data, slice(int(start), int(end))).tobytes()
    elif kind == "repeat":
        start, end = np.sort(rng.integers(0, len(data), 2))
        return np.concatenate([data[:end], data[start:end], data[end:]]).tobytes()
    elif kind == "join":
        cut = int(rng.choice([len(content), rng.integers(0, len(content))]))
        return content[:cut] + other[int(rng.choice([0, rng.integers(0, len(other))])) :]
    elif kind == "numbers":  # sizes and times in headers, as large or as small as they get
        for place in rng.integers(0, max(1, min(4096, len(data) - 8)), 4):
            data[place : place + 4] = rng.choice([0, 255, 127, 128])
    elif kind == "noise":
        return rng.integers(0, 256, int(rng.integers(0, 20_000)), np.uint8).tobytes()
    return data.tobytes()
