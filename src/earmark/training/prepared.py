"""Prepared features: computed once for each clip, kept on disk, memory-mapped by every run that needs them.

A store is a folder for each front end: `features.f16` holds frames end to end, `index.jsonl` a line for each clip with
its key, first frame and number of frames. A clip's key is made of its path, size, modification time and span, so a
changed file is prepared anew; the key of a copy also of what was changed, so that each is made once. The line is
written after the frames are on the disk: a killed run leaves at most frames without a line, which the next run
overwrites.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from earmark import media
from earmark.augment.copies import Copy
from earmark.datasets import Clip
from earmark.errors import EarmarkWarning, MediaError
from earmark.features.frontend import FrontEnd
from earmark.util.cache import cache_folder
from earmark.util.locks import lock_of
from earmark.util.types import Features, Samples

if TYPE_CHECKING:  # without torch, features are prepared the sooner
    from earmark.training.networks.mn import MobileNet

VERSION = 1  # raise when the front end's arithmetic changes: older stores are then left alone
AT_ONCE = 64  # clips prepared before they are written

Progress = Callable[[int, int], None]
"""Called with (done, total)."""
Index = dict[str, tuple[int, int]]
"""First frame and number of frames by key."""
Computed = NDArray[np.float16] | MediaError
Work = Mapping[tuple[str, ...], Callable[[], Sequence[Computed]]]
"""What computes the missing ones of some keys, in their order."""


@dataclass(frozen=True)
class Prepared:
    """Features of some clips."""

    frames: NDArray[np.float16]  # [all frames, size], memory-mapped
    first: NDArray[np.int64]  # first frame of each clip, -1 where the clip could not be read
    length: NDArray[np.int64]  # frames of each clip
    front_end: FrontEnd = field(default_factory=FrontEnd)  # what made them
    keys: tuple[str, ...] = ()  # of the clips and copies in the store

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, clip: int) -> Features:
        """Features [frames, size] of one clip."""
        return self.frames[self.first[clip] : self.first[clip] + self.length[clip]].astype(np.float32)

    def levels(self, clip: int) -> NDArray[np.float32]:
        """The level of each frame of a clip, that of its loudest band, dB [frames]."""
        return self.front_end.decibels(self[clip].max(axis=1))

    def take(self, clips: Sequence[int] | NDArray[np.int64]) -> Prepared:
        """The features of some of the clips."""
        chosen = np.asarray(clips, np.int64)
        keys = tuple(self.keys[i] for i in chosen) if self.keys else ()
        return replace(self, first=self.first[chosen], length=self.length[chosen], keys=keys)


def prepare(
    clips: Sequence[Clip],
    front_end: FrontEnd,
    cache: Path | None = None,
    progress: Progress | None = None,
    copies: Sequence[Copy] = (),
) -> Prepared:
    """Features of all clips, then of the first copy of all clips, and so on; from the store where they are there.

    A clip that cannot be read gets a warning and `first == -1`, and so do its copies.
    """
    versions: list[Copy | None] = [None, *copies]
    keys = [[_key_of_copy(key, version) for version in versions] for key in map(clip_key, clips)]

    def work(index: Index) -> Work:
        return {
            tuple(own): partial(_compute, clip, _missing(own, versions, index), front_end)
            for own, clip in zip(keys, clips, strict=True)
            if not index.keys() >= set(own)
        }

    folder = (cache or default_cache()) / _fingerprint(front_end)
    stored = [own[i] for i in range(len(versions)) for own in keys]
    return filled(folder, front_end.size, stored, work, front_end, progress)


def filled(
    folder: Path,
    size: int,
    keys: Sequence[str],
    work: Callable[[Index], Work],
    front_end: FrontEnd,
    progress: Progress | None,
) -> Prepared:
    """What a store of frames of some size holds under some keys, once what is missing has been added to it.

    `work` tells what is missing, given what is there: by the keys that belong together, what computes those of them
    that are not there. The front end is that of the features, or of those that they are made from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with lock_of(folder / "lock"):  # others wait, and then find the work done
        index = _read_index(folder, size)
        _add(folder, work(index), size, index, progress)
    spans = np.array([index[key] for key in keys], np.int64).reshape(-1, 2)
    return Prepared(_map(folder, _end(index), size), spans[:, 0], spans[:, 1], front_end, tuple(keys))


def _missing(keys: Sequence[str], versions: Sequence[Copy | None], index: Index) -> list[Copy | None]:
    return [version for key, version in zip(keys, versions, strict=True) if key not in index]


def default_cache() -> Path:
    """Where prepared features lie when nobody says otherwise: EARMARK_CACHE or the user's cache folder."""
    return cache_folder("prepared")


def clip_key(clip: Clip) -> str:
    """What a clip's features depend on besides the front end."""
    try:
        stat = clip.path.stat()
        state = f"{stat.st_size}:{stat.st_mtime_ns}"
    except OSError:
        state = "missing"
    text = f"{clip.path.resolve()}:{state}:{clip.start}:{clip.end}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _key_of_copy(key: str, copy: Copy | None) -> str:
    return key if copy is None else hashlib.sha256(f"{key}:{copy.key}".encode()).hexdigest()[:32]


def _fingerprint(front_end: FrontEnd) -> str:
    text = json.dumps([VERSION, front_end.to_dict()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read_index(folder: Path, size: int) -> Index:
    """Where each clip's frames lie. Lines about frames that are not there, as someone removed them, are left out."""
    path, data = folder / "index.jsonl", folder / "features.f16"
    index: Index = {}
    if not path.exists() or not data.exists():
        return index
    frames = data.stat().st_size // (size * 2)
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            key, first, length = json.loads(line)
        except ValueError:  # the line that a killed run was writing
            continue
        if first + length <= frames:
            index[key] = (first, length)
    return index


def _end(index: Index) -> int:
    """The frame behind the last that a clip has."""
    return max((first + length for first, length in index.values() if first >= 0), default=0)


def _map(folder: Path, frames: int, size: int) -> NDArray[np.float16]:
    """The store's frames; what a killed run left behind them is no concern."""
    if frames == 0:  # which cannot be mapped
        return np.empty((0, size), np.float16)
    return np.memmap(folder / "features.f16", np.float16, mode="r", shape=(frames, size))


def _add(folder: Path, missing: Work, size: int, index: Index, progress: Progress | None) -> None:
    """Prepare what is missing, some clips at a time, and add it to the store and to `index`."""
    data = folder / "features.f16"
    data.touch()
    if not missing:
        return
    end = _end(index)
    work = list(missing.items())
    with ThreadPoolExecutor(os.cpu_count()) as pool, data.open("r+b") as file:
        file.truncate(end * size * 2)
        file.seek(0, os.SEEK_END)
        for first in range(0, len(work), AT_ONCE):
            some = work[first : first + AT_ONCE]
            computed = pool.map(lambda item: item[1](), some)
            keys = [key for own, _ in some for key in own if key not in index]
            spans, end = _write(file, [features for versions in computed for features in versions], end)
            index.update(zip(keys, spans, strict=True))
            _append(folder, [(key, *span) for key, span in zip(keys, spans, strict=True) if span[0] >= 0])
            if progress:
                progress(min(first + AT_ONCE, len(work)), len(work))


def _compute(clip: Clip, versions: Sequence[Copy | None], front_end: FrontEnd) -> list[Computed]:
    """Features of some versions of a clip, None being the clip itself; it is read once."""
    try:
        samples = media.read(clip.path, front_end.rate, start=clip.start, end=clip.end)
    except MediaError as error:
        return [error] * len(versions)
    return [features_of(samples, version, clip, front_end).astype(np.float16) for version in versions]


def features_of(samples: Samples, version: Copy | None, clip: Clip, front_end: FrontEnd) -> Features:
    """Features of a clip, or of a copy of it, from the clip's samples."""
    if version is None:
        return front_end.clip_features(samples)
    name = f"{clip.path.name}:{clip.start}"
    changed = version.samples(samples, front_end.rate, name)
    return version.features(front_end.clip_features(changed), front_end.rows, name)


def _write(file: BinaryIO, computed: Sequence[Computed], end: int) -> tuple[list[tuple[int, int]], int]:
    spans: list[tuple[int, int]] = []
    warned: set[str] = set()  # a clip that cannot be read lacks all its versions: one warning is enough
    for features in computed:
        if isinstance(features, MediaError) or len(features) == 0:
            reason = str(features) if isinstance(features, MediaError) else "a clip without samples"
            if not isinstance(features, MediaError) or reason not in warned:
                warnings.warn(EarmarkWarning(f"left out: {reason}"), stacklevel=2)
            warned.add(reason)
            spans.append((-1, 0))
            continue
        file.write(features.tobytes())
        spans.append((end, len(features)))
        end += len(features)
    file.flush()
    os.fsync(file.fileno())
    return spans, end


def _append(folder: Path, lines: list[tuple[str, int, int]]) -> None:
    with (folder / "index.jsonl").open("a+b") as file:
        if file.tell() > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # a killed run was writing this line
                file.write(b"\n")
        file.write("".join(json.dumps(line) + "\n" for line in lines).encode())


def embedded(
    network: MobileNet, features: Prepared, cache: Path | None = None, progress: Progress | None = None
) -> Prepared:
    """Embeddings [steps, size] of each clip that could be read, by a backbone as it is.

    Its weights tell the store, beside the front end: another backbone, or another step, has another.
    """
    network.eval()

    def work(index: Index) -> Work:
        missing = {key: i for i, key in enumerate(features.keys) if key not in index}
        return {(key,): partial(_embed_clip, network, features, i) for key, i in missing.items()}

    folder = (cache or default_cache()) / ("embeddings-" + fingerprint(network, features.front_end))
    return filled(folder, network.size, features.keys, work, features.front_end, progress)


def _embed_clip(network: MobileNet, features: Prepared, clip: int) -> Sequence[Computed]:
    import torch

    with torch.no_grad():
        values = network.embed(torch.from_numpy(features[clip])[None])[0]
    return [values.numpy().astype(np.float16)]


def fingerprint(network: MobileNet, front_end: FrontEnd) -> str:
    """What tells a backbone's embeddings from those of others, or of other features."""
    text = hashlib.sha256(f"{network.stride}:{network.reach}:{front_end}".encode())
    for name, value in network.features.state_dict().items():
        text.update(name.encode() + value.numpy().tobytes())
    return text.hexdigest()[:16]
