"""The text of a SubRip or WebVTT file as the packets of a subtitle track."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import av
from av.container import OutputContainer
from av.stream import Stream
from av.subtitles.codeccontext import SubtitleCodecContext
from av.subtitles.stream import SubtitleStream

from earmark.errors import EarmarkError
from earmark.media.opening import open_input

MILLISECOND = Fraction(1, 1000)


@dataclass(frozen=True, slots=True)
class Cue:
    """What stands on the screen from start to end, in milliseconds: text with markup, line feeds between lines."""

    start: int
    end: int
    text: str


def read_cues(subtitles: str) -> list[Cue]:
    """The cues of a file's text, in order of time; none of an empty text.

    Raises:
        EarmarkError: it is neither SubRip nor WebVTT.
    """
    demuxer = "webvtt" if codec_of(subtitles) == "webvtt" else "srt"
    if "-->" not in subtitles:
        return []
    try:
        text = io.BytesIO(subtitles.encode())
        with open_input(text, "subtitles", seekable=True, demuxers=(demuxer,), tried=True) as container:
            packets = [packet for packet in container.demux() if packet.pts is not None]
            cues = [Cue(p.pts or 0, (p.pts or 0) + (p.duration or 0), bytes(p).decode()) for p in packets]
    except (av.FFmpegError, UnicodeError):
        cues = []
    if not cues:
        raise EarmarkError("subtitles", "are no SRT or VTT text that FFmpeg can read")
    return cues


def codec_of(subtitles: str) -> str:
    """FFmpeg's name of the markup in a file's text: webvtt or subrip."""
    return "webvtt" if subtitles.lstrip("\ufeff").startswith("WEBVTT") else "subrip"


def one_at_a_time(cues: Iterable[Cue]) -> list[Cue]:
    """The same screen in cues that do not overlap: where several stand at once, one holds the lines of all.

    The samples of an MP4 text track follow each other, so that a second one would end the first.
    """
    listed = sorted(cues, key=lambda cue: (cue.start, cue.end))
    moments = sorted({time for cue in listed for time in (cue.start, cue.end)})
    apart: list[Cue] = []
    for start, end in pairwise(moments):
        listed = [cue for cue in listed if cue.end > start]
        text = "\n".join(cue.text for cue in listed if cue.start <= start)
        if apart and apart[-1].end == start and apart[-1].text == text:
            apart[-1] = Cue(apart[-1].start, end, text)
        elif text:
            apart.append(Cue(start, end, text))
    return apart


class TextTrack:
    """A subtitle track whose text comes in another markup: italics and the like become what its codec has for them."""

    def __init__(self, output: OutputContainer, codec: str, decoder: SubtitleCodecContext) -> None:
        """Add the track; codec is FFmpeg's name, subrip, webvtt or mov_text; the decoder knows the markup."""
        decoder.open(strict=False)
        self._decoder = decoder
        stream = output.add_stream(codec)
        assert isinstance(stream, SubtitleStream)
        self.stream = stream
        self.stream.codec_context.subtitle_header = decoder.subtitle_header

    def converted(self, packet: av.Packet[Stream]) -> av.Packet[Stream] | None:
        """A packet with its text as this track has it, or None where it says that nothing is shown."""
        decoded = self._decoder.decode2(packet)
        if decoded is None or not len(decoded):
            return None
        made: av.Packet[Stream] = av.Packet(bytes(self.stream.codec_context.encode_subtitle(decoded)))
        made.pts = made.dts = packet.pts
        made.duration, made.time_base, made.stream = packet.duration, packet.time_base, self.stream
        return made


class CueTrack(TextTrack):
    """A subtitle track of cues."""

    def __init__(self, output: OutputContainer, codec: str, markup: str) -> None:
        """Add the track; `markup` is that of the cues, subrip or webvtt."""
        decoder = av.CodecContext.create(markup, "r")
        assert isinstance(decoder, SubtitleCodecContext)
        super().__init__(output, codec, decoder)
        self._as_it_is = codec == markup

    def packets(self, cues: Iterable[Cue]) -> Iterator[av.Packet[Stream]]:
        """The packets of these cues, in order."""
        for cue in cues:
            packet: av.Packet[Stream] = av.Packet(cue.text.encode())
            packet.pts = packet.dts = cue.start
            packet.duration, packet.time_base = cue.end - cue.start, MILLISECOND
            if self._as_it_is:
                packet.stream = self.stream
                yield packet
            elif (made := self.converted(packet)) is not None:
                yield made
