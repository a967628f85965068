"""A recording as its users see it: its tracks, its duration, its samples in blocks."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from weakref import ref

import numpy as np
from av.container import InputContainer

from earmark.errors import MediaError
from earmark.media.decoding import Damage, Decoder, claimed_duration
from earmark.media.opening import (
    AudioTrack,
    Source,
    audio_tracks,
    chosen_track,
    moving_pictures,
    name_of,
    open_container,
    rewindable,
    wav_claim,
)
from earmark.media.probe import ogg_duration
from earmark.media.wav import extent_of
from earmark.util.types import Samples

_BLOCK_S = 10.0
# In these, a timestamp is the number of a sample and each packet decodes by itself, so that what follows a
# seek equals what reading from the start gives. Lossy codecs carry state and noise from packet to packet.
_EXACT_SEEK = {"wav", "w64", "flac", "aiff", "au", "caf"}
_WORTH_SEEKING_S = 5.0
_RUN_UP_S = 3.5  # decoded before a span, so that mixing, offset and the resampler's filter are as they would be
_KEPT_BLOCKS = 2  # blocks: spans that overlap a little, as words with their margins do, need no second pass


class Recording:
    """One audio track of an open recording; made by `open_recording`, closed by `with` or `close`.

    name: the path as given, `<bytes>`, or the file object's name. duration: what the container claims,
    seconds, or None. tracks: all audio tracks. track: the one that `blocks` reads. has_video: whether
    there are moving pictures.
    """

    def __init__(self, source: Source, track: int = 0, name: str | None = None) -> None:
        """See `open_recording`; `name` is what messages call it, if not by its own name."""
        self.name = name or name_of(source)
        self._source = source
        self._container: InputContainer | None = open_container(source, name=self.name)
        self._fresh = True
        self._reading: Callable[[], Generator[Samples, None, None] | None] = lambda: None
        try:
            self.tracks: tuple[AudioTrack, ...] = audio_tracks(self._container)
            self.has_video: bool = moving_pictures(self._container) is not None
            self.track: AudioTrack = chosen_track(self.name, self.tracks, track, self.has_video)
            self.duration: float | None = claimed_duration(self._container)
            self._wav_claim = wav_claim(source, self._container)
            extent = (
                extent_of(source) if self._container.format.name in ("wav", "aiff") and rewindable(source) else None
            )
            self._note = extent.note() if extent else ""
            self._ogg = self._container.format.name == "ogg"
            self._mp4 = "mp4" in self._container.format.name.split(",")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        """`<Recording talk.mp4, track 0 (aac, 48000 Hz, 2 channels)>`."""
        return f"<Recording {self.name}, track {self.track}>"

    def close(self) -> None:
        """Release the file. A file object that was passed in stays open: it is its owner's."""
        if self._container is None:
            return
        try:
            if (blocks := self._reading()) is not None:
                blocks.close()
        except ValueError:  # another thread is reading just now: the file is closed when it has ended
            pass
        else:
            self._container.close()
        self._container = None

    def blocks(self, rate: int, seconds: float = _BLOCK_S) -> Iterator[Samples]:
        """The track from its start to its end as the mean of its channels, at `rate` Hz.

        Yields 1-D float32 arrays of exactly rate * seconds samples, the last one shorter; full scale is 1.
        Sample i of them joined stands at i / rate seconds on the media's clock. Memory does not grow with
        the recording. Each call starts over, which only a source that can be read twice allows.

        Raises MediaError if nothing can be decoded, and ValueError for a rate or length that is not
        positive. Ends with one EarmarkWarning if some of it was damaged or missing.
        """
        size = _block_size(rate, seconds)
        blocks = self._blocks(rate, size)
        self._reading = ref(blocks)
        return blocks

    def _blocks(self, rate: int, size: int) -> Generator[Samples, None, None]:
        decoder = self._decoder(rate)
        decoded = False
        for block in _in_blocks(decoder.chunks(), size):
            decoded = True
            yield block
        if not decoded:
            raise self._nothing()
        decoder.warn(True, self._claim())

    def _claim(self) -> float | None:
        """Where its header says that it ends, seconds, if more can be known than FFmpeg tells."""
        if self._ogg and self._damage.unreadable and rewindable(self._source):
            return ogg_duration(self._source)
        return self._wav_claim

    def span(self, rate: int, start: float = 0.0, end: float | None = None) -> Samples:
        """The samples from `start` to `end` seconds (to the end if None), 1-D, at `rate` Hz.

        Exactly those that the joined blocks hold at round(start * rate) up to round(end * rate); fewer,
        or none, where the recording ends before. Raises as `blocks` does, and ValueError for a span that
        starts before 0 or ends before it starts.
        """
        if not (0 <= start < math.inf) or (end is not None and not (end >= start)):
            raise ValueError(f"a span runs from 0 or later to a later time, not from {start} to {end} s")
        size = _block_size(rate, _BLOCK_S)
        first = round(start * rate)
        last = None if end is None or end == math.inf else round(end * rate)
        origin = self._seek(start, rate)
        decoder = self._decoder(rate, origin)
        offset = origin * rate // self.track.rate  # exact: see _seek
        pieces = []
        at = offset
        complete = True
        for block in _in_blocks(decoder.chunks(), size):
            low, high = max(first - at, 0), block.size if last is None else last - at
            if low < block.size and high > 0:
                pieces.append(block[low:high])
            at += block.size
            if last is not None and at >= last:
                complete = False
                break
        if at == offset and not origin:
            raise self._nothing()
        decoder.warn(complete and at > offset, self._claim())
        if len(pieces) == 1:
            return pieces[0]
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)

    def _seek(self, start: float, rate: int) -> int:
        """Go to before `start` where that changes no sample; returns the source sample to begin at."""
        container = self._ready()
        exact = not _EXACT_SEEK.isdisjoint(container.format.name.split(","))
        stream = container.streams.audio[self.track.number]
        source_rate = self.track.rate
        time_base = stream.time_base
        if start < _WORTH_SEEKING_S or not exact or time_base is None or time_base * source_rate != 1:
            return 0
        if container.start_time or not rewindable(self._source):
            return 0
        # The resampler's phases repeat after this many source samples: begin on one of them.
        step = source_rate // math.gcd(source_rate, rate)
        origin = int((start - _RUN_UP_S) * source_rate) // step * step
        if origin <= 0:
            return 0
        try:
            container.seek(origin, stream=stream)
            packet = next(p for p in container.demux(stream) if p.size)
            if packet.pts is None or packet.pts > origin:
                raise ValueError("the seek went too far")
            container.seek(origin, stream=stream)
        except (OSError, ValueError, RuntimeError, StopIteration):
            self._fresh = False
            return 0
        return origin

    def _ready(self) -> InputContainer:
        """The container, standing at its start."""
        if self._container is None:
            raise ValueError(f"{self.name} is closed")
        if not self._fresh:
            if not rewindable(self._source):
                raise MediaError(self.name, "is a stream that can be read only once", "save it to a file first")
            self._container.close()
            self._container = open_container(self._source, tried=True, name=self.name)
            self._fresh = True
        return self._container

    def _decoder(self, rate: int, origin: int = 0) -> Decoder:
        container = self._ready()
        self._fresh = False
        self._damage = Damage(self.name, self._note)
        return Decoder(container, container.streams.audio[self.track.number], rate, self._damage, origin)

    def _nothing(self) -> MediaError:
        packets = self._damage.packets
        if not packets and self._mp4 and not rewindable(self._source):
            reason = "gives no sound: an MP4 whose index is at its end cannot be read from a pipe"
            return MediaError(self.name, reason, "save it to a file first")
        if not packets or not (self._damage.undecodable or self._damage.unreadable):
            return MediaError(self.name, "holds no sound: its audio track is empty")
        reason = f"none of the {packets} packets of its {self.track.codec} audio could be decoded"
        return MediaError(self.name, reason, "get an undamaged copy")


def open_recording(source: Source, track: int = 0) -> Recording:
    """Open a recording: audio, or video with an audio track.

    source: a path, the bytes of a file, or a binary file object (from its beginning if it can seek).
    track: which audio track, from 0.

    Raises MediaError, one line, if there is no such file, it is empty, a directory or forbidden, it is no
    recording or too damaged to open, or it has no such track.
    """
    return Recording(source, track)


def read(source: Source, rate: int, *, track: int = 0, start: float = 0.0, end: float | None = None) -> Samples:
    """Read a recording, or the span from `start` to `end` seconds of it: see `Recording.span`.

    Seeks where that changes no sample (WAV, FLAC, AIFF, ...), otherwise decodes from the start.
    """
    with open_recording(source, track) as recording:
        return recording.span(rate, start, end)


def _block_size(rate: int, seconds: float) -> int:
    if rate <= 0 or not 0 < seconds < math.inf:
        raise ValueError(f"a block needs a positive rate and length, not {rate} Hz and {seconds} s")
    return max(1, round(rate * seconds))


def _in_blocks(chunks: Iterator[Samples], size: int) -> Iterator[Samples]:
    block = np.empty(size, np.float32)
    filled = 0
    for chunk in chunks:
        taken = 0
        while taken < chunk.size:
            count = min(size - filled, chunk.size - taken)
            block[filled : filled + count] = chunk[taken : taken + count]
            taken += count
            filled += count
            if filled == size:
                yield block
                block = np.empty(size, np.float32)
                filled = 0
    if filled:
        yield block[:filled].copy() if filled < size // 2 else block[:filled]


class Passage:
    """Reads spans at `rate` Hz; only one that begins well before the last one's end makes it start over.

    The last two blocks of the recording are kept, whatever its length.
    """

    def __init__(self, recording: Recording, rate: int) -> None:
        self._recording, self._rate = recording, rate
        self._blocks: Iterator[Samples] = iter(())
        self._kept: list[tuple[int, Samples]] = []

    def span(self, onset: float, offset: float) -> Iterator[Samples]:
        """The samples from `onset` to `offset` seconds in pieces, 1-D; fewer where the recording ends before.

        Joined they are what `Recording.span` gives. Raises as that does, ValueError where a span is none.
        """
        if not 0 <= onset <= offset:
            raise ValueError(f"a span runs from 0 or later to a later time, not from {onset} to {offset} s")
        at = round(onset * self._rate)
        end = math.inf if offset == math.inf else round(offset * self._rate)
        if not self._kept or at < self._kept[0][0]:
            self._blocks, self._kept = self._recording.blocks(self._rate), []
        while at < end:
            block = self._block_at(at)
            if block is None:
                return
            piece = block if end == math.inf else block[: int(end) - at]
            yield piece
            at += len(piece)

    def _block_at(self, at: int) -> Samples | None:
        """What is left of the block that holds this sample; None beyond the end."""
        while True:
            for begin, block in self._kept:
                if begin <= at < begin + len(block):
                    return block[at - begin :]
            end = self._kept[-1][0] + len(self._kept[-1][1]) if self._kept else 0
            following = next(self._blocks, None)
            if following is None:
                return None
            self._kept = [*self._kept[1 - _KEPT_BLOCKS :], (end, following)]
