"""Small files that `hostile.py` has labelled, or unpacked, and that are very large inside."""

from __future__ import annotations

import io
import shutil
import struct
import tarfile
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
from hostile_trying import EARMARK, REFUSED, Tried, run
from media_files import Track, many_tags, sine, write

from earmark.datasets.archives import fetch_dataset
from earmark.datasets.catalogue import PUBLISHED
from earmark.errors import EarmarkError

GB = 1 << 30
ZEROS = GB + (GB >> 4)
MOST_MB = 1000  # of memory
BOMBS = (
    "Small files that ask for much work, each by `earmark label` as a command: processor seconds and peak memory; "
    "archives by what `earmark data get` does with one, where a dataset may take 1 GiB"
)


def bombs(folder: Path) -> Iterator[Tried]:
    """Each costs seconds, not minutes, and no memory to speak of."""
    for what, make, most_cpu in (
        ("Matroska with 10,000 tags", lambda path: path.write_bytes(many_tags(10_000)), 30),
        ("Matroska with 200,000 tags", lambda path: path.write_bytes(many_tags(200_000)), 30),
        ("MP3 with 200,000 tags", _tagged_mp3, 30),
        ("FLAC with 500,000 comments", _tagged_flac, 30),
        ("FLAC, 655,350 Hz, 8 channels, whose header claims 29 hours", _claiming_flac, 30),
        ("the same with five minutes of silence, in Matroska that counts nothing", _long_matroska, 120),
        ("WAV of a second, then 4 GiB of zeros", _zero_tail, 30),
    ):
        path = folder / "bomb"
        make(path)
        size = path.stat().st_blocks / 2
        ended = run([*EARMARK, "label", path])
        path.unlink()
        figures = {
            ended.outcome: 1,
            "kB on disk": round(size),
            "processor seconds": round(ended.cpu_seconds, 1),
            "peak MB": round(ended.peak_mb),
        }
        holds = ended.outcome in (REFUSED, "done") and ended.cpu_seconds < most_cpu and ended.peak_mb < 1000
        yield Tried(what, 1, figures, holds)
    for what, suffix, fill in (
        ("zip of 1.06 GiB of zeros", "zip", _zeros_zip),
        ("tar.gz of 1.06 GiB of zeros", "tar.gz", _zeros_tar),
        ("zip of 200,000 empty files", "zip", _many_zip),
    ):
        yield _unpacked(folder / suffix, what, suffix, fill)


def _unpacked(folder: Path, what: str, suffix: str, fill: Callable[[Path], None]) -> Tried:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    known = replace(PUBLISHED["esc50"], archive=f"bomb.{suffix}", unpacked_bytes=0, url="http://127.0.0.1:9/bomb")
    archive = folder / known.archive
    fill(archive)
    began, outcome = time.monotonic(), "done"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it would be fetched anew
            fetch_dataset(known, folder / "esc50")
    except EarmarkError:
        outcome = REFUSED
    left = sum(1 for _ in folder.rglob("*")) - 1
    figures = {
        outcome: 1,
        "kB on disk": archive.stat().st_size // 1024,
        "seconds": round(time.monotonic() - began, 1),
        "files left": left,
    }
    shutil.rmtree(folder)
    return Tried(what, 1, figures, outcome == REFUSED and not left)


def _tagged_mp3(path: Path) -> None:
    tags = b"".join(b"TXXX" + struct.pack(">I", 9) + b"\0\0\0" + b"K%05d\0v" % (k % 100_000) for k in range(200_000))
    size = bytes(len(tags) >> shift & 127 for shift in (21, 14, 7, 0))
    path.write_bytes(
        b"ID3\3\0\0" + size + tags + write(None, "mp3", Track(np.repeat(sine(1.0), 2, 0), codec="libmp3lame"))
    )


def _tagged_flac(path: Path) -> None:
    plain = write(None, "flac", Track(sine(1.0), codec="flac"))
    tags = b"".join(struct.pack("<I", 9) + b"K%06d=v" % k for k in range(500_000))
    block = struct.pack("<I", 0) + struct.pack("<I", 500_000) + tags
    path.write_bytes(plain[:42] + b"\4" + len(block).to_bytes(3, "big") + block + plain[42:])


def _silence(container: str) -> bytes:
    return write(None, container, Track(np.zeros((8, 16 * 65_535)), 655_350, "flac", "7.1", frame=65_535))


def _claiming_flac(path: Path) -> None:
    data = bytearray(_silence("flac"))
    data[21] |= 0x0F
    data[22:26] = b"\xff" * 4  # 36 bits: the samples of a channel
    path.write_bytes(data)


def _long_matroska(path: Path) -> None:
    """The same packets again and again: five minutes in 200 kB."""
    with av.open(io.BytesIO(_silence("matroska"))) as source, av.open(str(path), "w", "matroska") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        whole = [(bytes(packet), packet.duration) for packet in source.demux() if packet.size][:-1]
        at = 0
        while at * stream.time_base < 300:
            for data, duration in whole:
                packet = av.Packet(data)
                packet.stream, packet.pts, packet.dts, packet.duration = stream, at, at, duration
                target.mux(packet)
                at += duration


def _zero_tail(path: Path) -> None:
    path.write_bytes(write(None, "wav", Track(sine(1.0))))
    with path.open("r+b") as file:
        file.truncate(4 * GB)


def _zeros_zip(path: Path) -> None:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("x.wav", "w", force_zip64=True) as file,
    ):
        for _ in range(ZEROS >> 24):
            file.write(bytes(1 << 24))


def _zeros_tar(path: Path) -> None:
    class Zeros(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return bytes(size)

    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        member = tarfile.TarInfo("x.wav")
        member.size = ZEROS
        archive.addfile(member, Zeros())


def _many_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(200_000):
            archive.writestr(f"{number % 1000}/{number}", b"")
