"""What `earmark find --duplicates` finds: in real archives, and of copies that are re-encoded, quieter or cut.

    python benchmarks/archive_duplicates.py my.index --copies /large/disk/copies --out results/archive/duplicates.json

The index is of a folder that holds ESC-50's and UrbanSound8K's audio, whose file names tell which Freesound recording a
clip was cut from: pairs are counted by whether that is the same. Copies are made of sixty clips of ESC-50, drawn from
different Freesound recordings, in four ways each; these and the clips are indexed and searched as an archive of their
own. Time is that of the processor, in one process.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from pathlib import Path
from typing import Any

import av
import numpy as np

from earmark import media
from earmark.archive.database import Index
from earmark.archive.duplicates import Duplicate, duplicates
from earmark.archive.embeddings import Store
from earmark.archive.indexing import Settings, index, options_for
from earmark.archive.recordings import Archive, below
from earmark.archive.search import durations
from earmark.media.writing import write_samples
from earmark.util.types import Array

CLIPS = 60
RATE = 48_000
CUT = 0.5  # seconds from the beginning
WAYS = {
    "MP3, 64 kbit/s": ("libmp3lame", ".mp3", 64_000, 0.0, 1.0),
    "Opus, 16 kbit/s": ("libopus", ".ogg", 16_000, 0.0, 1.0),
    "Opus, 24 kbit/s, a quarter of the level": ("libopus", ".ogg", 24_000, 0.0, 0.25),
    "MP3, 64 kbit/s, without the first half second": ("libmp3lame", ".mp3", 64_000, CUT, 1.0),
}
"""Codec, suffix, bits a second, seconds left out, gain."""


def searched(folder: Path) -> tuple[list[Duplicate], dict[str, Any]]:
    """The pairs in an archive, and what they took."""
    opened = Index(folder)
    lengths = durations(opened)
    began = time.process_time()
    pairs = duplicates(Store(folder, opened.options), Archive(opened.options.root), lengths)
    about = {"recordings": len(lengths), "hours": round(sum(lengths.values()) / 3600, 2)}
    return pairs, about | {"cpu_s": round(time.process_time() - began, 1)}


def origin(name: str) -> str:
    """The Freesound recording that a clip was cut from."""
    found = re.fullmatch(r"\d-(\d+)-[A-Z]-\d+|(\d+)-\d+-\d+-\d+", Path(name).stem)
    assert found, name
    return found[1] or found[2]


def real(folder: Path) -> dict[str, Any]:
    """Pairs in an archive of clips whose names tell their origin."""
    pairs, about = searched(folder)
    other = [pair for pair in pairs if origin(pair.recording) != origin(pair.duplicate)]
    return about | {
        "pairs": len(pairs),
        "of_one_freesound_recording": len(pairs) - len(other),
        "of_two": [[pair.recording, pair.duplicate, pair.score] for pair in other],
    }


def copies(folder: Path, archive: Index) -> dict[str, Any]:
    """How many copies are found with the clip that they are of, by way, and how much agrees."""
    named = re.compile(r"(.*/)?\d-\d+-[A-Z]-\d+\.\w+")
    first = {origin(name): name for name in sorted(durations(archive)) if named.fullmatch(name)}
    for clip in np.random.default_rng(0).choice(sorted(first), CLIPS, replace=False).tolist():
        samples = media.read(f"{archive.options.root}/{first[clip]}", RATE)
        write_samples(folder / "audio" / f"{clip}.flac", [samples], RATE)
        for number, way in enumerate(WAYS.values()):
            _encode(folder / "audio" / f"{clip}_{number}{way[1]}", samples, *way)
    options = options_for(str(folder / "audio"), archive.options.embedder)
    index(below(options.root), folder / "copies.index", options, Settings(jobs=1))
    pairs, about = searched(folder / "copies.index")
    of = [[Path(name).stem.partition("_") for name in (pair.recording, pair.duplicate)] for pair in pairs]
    ways = {}
    for number, way in enumerate(WAYS):
        scores = [
            pair.score
            for pair, ((clip, _, original), (copied, _, which)) in zip(pairs, of, strict=True)
            if clip == copied and not original and which == str(number)
        ]
        ways[way] = {"found": len(scores), "of": CLIPS, "lowest_score": min(scores, default=None)}
    return about | {"ways": ways, "pairs_of_different_clips": sum(one[0] != other[0] for one, other in of)}


def _encode(path: Path, samples: Array, codec: str, suffix: str, rate: int, cut: float, gain: float) -> None:
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=RATE, layout="mono")
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = rate
        whole = (gain * 32_767 * samples[round(cut * RATE) :]).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(whole[None], "s16", "mono")
        frame.sample_rate = RATE
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("index", type=Path)
    parser.add_argument("--copies", type=Path, required=True, help="an empty folder, in which copies are made")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results = {"copies": copies(options.copies, Index(options.index)), "archive": real(options.index)}
    print(json.dumps(results, indent=1))
    if options.out:
        options.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
