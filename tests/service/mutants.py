"""Media files with faults: cut off, bits flipped, headers overwritten, parts repeated or gone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from media_files import CODECS, Track, sine, write

KINDS = ("cut", "flip", "header", "hole", "repeat", "numbers", "noise")


def originals(seconds: float = 1.5) -> list[tuple[str, bytes]]:
    """A small file (name, content) of every codec and container, some with pictures."""
    made = []
    for name, (container, codec, _) in CODECS.items():
        rate = 48_000 if codec == "libopus" else 22_050
        track = Track(np.repeat(sine(seconds, rate), 2, axis=0), rate, codec)
        video = seconds if container in ("mp4", "matroska") else 0.0
        made.append((f"tone.{name}", write(None, container, track, video=video)))
    return made


def mutants(originals: list[tuple[str, bytes]], count: int, rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """So many files (name, content), each an original with one kind of fault."""
    for number in range(count):
        name, content = originals[int(rng.integers(len(originals)))]
        kind = KINDS[number % len(KINDS)]
        yield f"{number:04d}-{kind}-{name}", mutant(kind, content, rng)


def mutant(kind: str, content: bytes, rng: np.random.Generator) -> bytes:
    """The content with a fault of this kind."""
    data = np.frombuffer(content, np.uint8).copy()
    if kind == "cut":
        return data[: int(rng.integers(0, len(data)))].tobytes()
    if kind == "flip":
        places = rng.integers(0, len(data), max(1, len(data) // 10 ** int(rng.integers(2, 6))))
        data[places] ^= np.uint8(1) << rng.integers(0, 8, len(places), np.uint8)
    elif kind == "header":
        length = int(rng.integers(1, min(512, len(data))))
        data[:length] = rng.integers(0, 256, length, np.uint8)
    elif kind == "hole":
        start, end = np.sort(rng.integers(0, len(data), 2))
        return np.delete(data, slice(int(start), int(end))).tobytes()
    elif kind == "repeat":
        start, end = np.sort(rng.integers(0, len(data), 2))
        return np.concatenate([data[:end], data[start:end], data[end:]]).tobytes()
    elif kind == "numbers":  # sizes and times in headers, as large or as small as they get
        for place in rng.integers(0, max(1, min(4096, len(data) - 8)), 4):
            data[place : place + 4] = rng.choice([0, 255, 127, 128])
    elif kind == "noise":
        return rng.integers(0, 256, int(rng.integers(0, 20_000)), np.uint8).tobytes()
    return data.tobytes()
