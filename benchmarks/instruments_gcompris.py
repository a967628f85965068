"""The recorded instruments of GCompris, one of each, as a dataset to judge models by: none of them teaches.

    apt-get install gcompris-qt-data
    python benchmarks/instruments_gcompris.py --out gcompris/

The folder gets audio/ and clips.csv, with labels of the wider list of `earmark data phrases --list`. They lie in one
file of Qt's resources: a tree whose nodes have a place in a table of names and, where they are files, in the data.
"""

from __future__ import annotations

import argparse
import struct
from collections.abc import Iterator
from pathlib import Path

from earmark.datasets import Clip, Dataset, tables
from earmark.errors import DatasetError

RESOURCES = Path("/usr/share/gcompris-qt/rcc/instruments.rcc")
LABELS = {
    "accordion": ("accordion",),
    "cello": ("cello",),
    "clarinet": ("clarinet",),
    "cymbal": ("drum_kit",),
    "drum_kit": ("drum_kit",),
    "electric_guitar": ("guitar",),
    "flute_traversiere": ("flute",),
    "guitar": ("guitar",),
    "harmonica": ("harmonica",),
    "harp": ("harp",),
    "horn": ("brass",),
    "organ": ("organ",),
    "piano": ("piano",),
    "saxophone": ("saxophone",),
    "snare_drum": ("drum_kit",),
    "trombone": ("brass", "trombone"),
    "trumpet": ("brass", "trumpet"),
    "tuba": ("brass",),
    "violin": ("violin",),
    "banjo": (),
    "castanets": (),
    "maracas": (),
    "tambourine": (),
    "timpani": (),
    "triangle": (),
}  # bongos are left out: drums, but not of a kit
HEAD = struct.Struct(">4sIIII")  # what it is, version, and where tree, data and names begin
NODE = {1: 14, 2: 22, 3: 22}  # bytes of a node, by version
FOLDER, PACKED = 2, 1 | 4  # flags of a node


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resources", type=Path, default=RESOURCES)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    if not given.resources.is_file():
        raise SystemExit(DatasetError(given.resources, "is not there", "apt-get install gcompris-qt-data"))
    audio = given.out / "audio"
    audio.mkdir(parents=True, exist_ok=True)
    clips = []
    for name, sound in sorted(files(given.resources.read_bytes())):
        place = Path(name)
        if place.suffix == ".ogg" and place.stem in LABELS:
            (audio / place.name).write_bytes(sound)
            clips.append(Clip(audio / place.name, labels=LABELS[place.stem], source=place.stem))
    tables.write_clips(Dataset("gcompris", tuple(clips), exclusive=False), given.out / "clips.csv")
    print(f"{given.out}: {len(clips)} recordings")


def files(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The name and the bytes of each file that is not packed."""
    mark, version, tree, data, names = HEAD.unpack_from(content)
    if mark != b"qres" or version not in NODE:
        raise SystemExit(DatasetError("gcompris", "its resources are in another format than Qt 5's"))

    def inside(node: int) -> Iterator[tuple[str, bytes]]:
        place = tree + node * NODE[version]
        name, flags = struct.unpack_from(">IH", content, place)
        if flags & FOLDER:
            count, first = struct.unpack_from(">II", content, place + 6)
            for child in range(first, first + count):
                yield from inside(child)
        elif not flags & PACKED:
            (start,) = struct.unpack_from(">I", content, place + 10)
            (size,) = struct.unpack_from(">I", content, data + start)
            (length,) = struct.unpack_from(">H", content, names + name)
            text = content[names + name + 6 : names + name + 6 + 2 * length].decode("utf-16-be")
            yield text, content[data + start + 4 : data + start + 4 + size]

    return inside(0)


if __name__ == "__main__":
    main()
