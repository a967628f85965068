"""A copy of a video in the making: its streams, packet by packet as they are, and one more subtitle track."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.container import InputContainer, OutputContainer
from av.stream import AttachmentStream, DataStream, Disposition, Stream
from av.subtitles.stream import SubtitleStream

from earmark.errors import EarmarkError, EarmarkWarning, MediaError
from earmark.media.cues import MILLISECOND, Cue, CueTrack, TextTrack, codec_of, one_at_a_time, read_cues
from earmark.media.decoding import claimed_duration, zero_of
from earmark.media.opening import open_container

if TYPE_CHECKING:
    from av.container.core import Chapter

OnProgress = Callable[[float, float | None], None]
"""Called with the seconds copied, and the video's length where it is known."""

MP4 = ("mp4", "mov")
CODECS = {"matroska": "subrip", "webm": "webvtt"} | dict.fromkeys(MP4, "mov_text")
"""The codec of subtitles that players expect, by FFmpeg's name of a kind of file."""

TAGS = {"avc1", "avc3", "hvc1", "hev1", "dvh1", "dvhe"}  # that MP4 and QuickTime both know
TEXT = {"subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text"}

_OF_THE_FILE = {"major_brand", "minor_version", "compatible_brands", "encoder"}  # of which a new file has its own


class Copy:
    """Copies an open video to a path; `write` does it once, leaving `with` closes the file."""

    def __init__(self, video: Path, source: InputContainer, path: Path, container: str) -> None:
        """`container` is the kind of the copy, a key of `CODECS`."""
        self.video, self.source, self.path, self.container = video, source, path, container
        self.copies: dict[int, Stream] = {}
        self.converted: dict[int, TextTrack] = {}
        self.output: OutputContainer | None = None
        self.zero = zero_of(source)
        same_kind = container in source.format.name.split(",")
        self.shift = Fraction(0) if same_kind else self.zero  # a broadcast begins at any time, a film at 0

    def __enter__(self) -> Copy:
        return self

    def __exit__(self, *_: object) -> None:
        if self.output is not None:
            self.output.close()

    def write(self, subtitles: str, language: str, title: str, progress: OnProgress | None) -> None:
        """Write it all; times of the subtitles' text from what a player shows as 0:00."""
        cues = read_cues(subtitles)
        output, track = self._begun(codec_of(subtitles), language, title)
        waiting = track.packets(self._placed(one_at_a_time(cues) if self.container in MP4 else cues))
        following = next(waiting, None)
        for packet, now in self._packets(progress):
            # Each cue goes before the first packet after it: the muxer need not hold packets back to sort them in.
            while following is not None and (following.pts or 0) * MILLISECOND <= now:
                output.mux(following)
                following = next(waiting, None)
            if (text := self.converted.get(packet.stream_index)) is None:
                packet.stream = self.copies[packet.stream_index]
                output.mux(packet)
            elif (made := text.converted(packet)) is not None:
                output.mux(made)
        while following is not None:
            output.mux(following)
            following = next(waiting, None)
        output.close()

    def _begun(self, markup: str, language: str, title: str) -> tuple[OutputContainer, CueTrack]:
        """The output with its header written; without the data streams if the format does not take them."""
        data = [s for s in self.source.streams if isinstance(s, DataStream) and not self._is_made_anew(s)]
        for kept in [data, []] if data else [data]:
            try:
                begun = self._header(kept, markup, language, title)
            except ValueError as error:  # FFmpeg's InvalidDataError and ArgumentError are, too
                refusal = getattr(error, "strerror", None) or str(error)
                continue
            if len(kept) < len(data):
                reason = f"{self.video}: {len(data)} track(s) of data, neither picture nor sound, cannot be copied"
                warnings.warn(EarmarkWarning(reason), stacklevel=2)
            return begun
        remedy = "" if self.container == "matroska" else "let the copy end in .mkv"
        raise EarmarkError(self.video, f"has tracks that such a copy cannot hold ({refusal})", remedy)

    def _is_made_anew(self, stream: DataStream) -> bool:
        """Whether the muxer itself makes this stream: from the chapters, or from a video's time code."""
        return bool(self.source.chapters() and stream.name == "bin_data") or "timecode" in stream.metadata

    def _header(
        self, data: Sequence[DataStream], markup: str, language: str, title: str
    ) -> tuple[OutputContainer, CueTrack]:
        self.output = output = av.open(str(self.path), "w", format=self.container, options=self._options())
        output.metadata.update(_kept(self.source.metadata))
        output.set_chapters([self._shifted(chapter) for chapter in self.source.chapters()])
        self.copies, self.converted = {}, {}
        for stream in self.source.streams:
            if not isinstance(stream, DataStream) or stream in data:
                self._add(output, stream)
        track = CueTrack(output, CODECS[self.container], markup)
        track.stream.metadata.update(language=language, title=title)
        _dispose(track.stream, Disposition.hearing_impaired)
        if self.container in MP4:
            track.stream.metadata["handler_name"] = title  # what some players show instead of a title
            track.stream.codec_context.codec_tag = "tx3g"  # in QuickTime files too, for its own players
        output.start_encoding()
        return output, track

    def _options(self) -> dict[str, str]:
        if self.container not in MP4:
            return {}
        # Browsers want the index first. Names that only QuickTime has are kept in a form of their own, where any are.
        quicktime = any(name.startswith("com.") for name in self.source.metadata)
        return {"movflags": "+faststart" + ("+use_metadata_tags" if quicktime else "")}

    def _add(self, output: OutputContainer, stream: Stream) -> None:
        if self.container == "matroska" and stream.disposition & Disposition.attached_pic:
            self._attach_picture(output, stream)
            return
        if isinstance(stream, SubtitleStream) and self._needs_conversion(stream):
            self.converted[stream.index] = TextTrack(output, CODECS[self.container], stream.codec_context)
            copy: Stream = self.converted[stream.index].stream
        else:
            copy = output.add_stream_from_template(stream, opaque=True)
        copy.time_base = stream.time_base
        copy.metadata.update(_kept(stream.metadata))
        _dispose(copy, stream.disposition)
        if isinstance(copy, av.VideoStream) and isinstance(stream, av.VideoStream) and stream.average_rate:
            copy.codec_context.framerate = stream.average_rate
        if copy.codec_context and self._keeps(stream.codec_context.codec_tag):
            copy.codec_context.codec_tag = stream.codec_context.codec_tag
        if not isinstance(stream, AttachmentStream):
            self.copies[stream.index] = copy

    def _keeps(self, tag: str) -> bool:
        """Whether the copy calls a codec by the same four letters: players go by them, such as by hvc1 or hev1."""
        if self.container not in MP4 or "mp4" not in self.source.format.name:
            return False
        from_quicktime = self.source.metadata.get("major_brand", "").strip() == "qt"
        return tag in TAGS or from_quicktime == (self.container == "mov")

    def _needs_conversion(self, stream: SubtitleStream) -> bool:
        """Whether it is text, in a form that the copy cannot hold."""
        name = stream.codec_context.name
        alien = name == "mov_text" if self.container == "matroska" else name != CODECS[self.container]
        return name in TEXT and alien

    def _attach_picture(self, output: OutputContainer, stream: Stream) -> None:
        """FFmpeg reads a Matroska file's cover as a stream of one packet, but writes it only as an attachment."""
        with open_container(self.video) as again:
            packet = next(again.demux(again.streams[stream.index]))
        ending = "png" if stream.name == "png" else "jpeg"
        name = stream.metadata.get("filename", f"cover.{ending}")
        output.add_attachment(name, stream.metadata.get("mimetype", f"image/{ending}"), bytes(packet))

    def _packets(self, progress: OnProgress | None) -> Iterator[tuple[av.Packet[Stream], Fraction]]:
        """The packets of all copied streams as the file has them, each with its time in the copy, seconds."""
        length, told = claimed_duration(self.source), 0
        try:
            for packet in self.source.demux():
                moment = packet.pts if packet.dts is None else packet.dts
                if packet.stream_index not in self.copies or (moment is None and not packet.size):
                    continue  # without time and data it is FFmpeg's sign that a stream is over
                if moment is None:  # the cover
                    moment = packet.pts = packet.dts = round(self.zero / packet.time_base)
                self._move(packet)
                now = moment * packet.time_base - self.shift
                yield packet, now
                if progress and (seconds := int(now + self.shift - self.zero)) > told:
                    told = seconds
                    progress(seconds, length)
        except av.FFmpegError as error:
            raise MediaError(self.video, f"is damaged ({error.strerror})", "get a whole copy") from error

    def _move(self, packet: av.Packet[Stream]) -> None:
        if self.shift:
            steps = round(self.shift / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts - steps
            packet.dts = None if packet.dts is None else packet.dts - steps

    def _shifted(self, chapter: Chapter) -> Chapter:
        steps = round(self.shift / (chapter["time_base"] or 1))
        return {**chapter, "start": chapter["start"] - steps, "end": chapter["end"] - steps}

    def _placed(self, cues: Iterable[Cue]) -> Iterator[Cue]:
        """The cues at their times in the copy."""
        late = round((self.zero - self.shift) / MILLISECOND)
        return (replace(cue, start=cue.start + late, end=cue.end + late) for cue in cues)


def _dispose(stream: Stream, disposition: Disposition) -> None:
    stream.disposition = disposition.value  # type: ignore[assignment]  # PyAV 16 takes nothing but a number


def _kept(metadata: dict[str, str]) -> dict[str, str]:
    if "name" in metadata:  # so FFmpeg reads the title of an MP4's track
        metadata = {"title": metadata["name"], **metadata}
    return {name: value for name, value in metadata.items() if name.lower() not in _OF_THE_FILE}
