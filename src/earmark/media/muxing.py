"""Put subtitles into a copy of a video, its pictures and sound untouched: packet by packet, and one more track."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.container import InputContainer, OutputContainer
from av.stream import AttachmentStream, DataStream, Disposition, Stream
from av.subtitles.codeccontext import SubtitleCodecContext
from av.subtitles.stream import SubtitleStream

from earmark.errors import EarmarkError, EarmarkWarning, MediaError
from earmark.media.decoding import claimed_duration, zero_of
from earmark.media.opening import open_container, open_input
from earmark.util.atomic import atomic_write
from earmark.util.types import Progress

if TYPE_CHECKING:
    from av.container.core import Chapter

TITLE = "Sounds (Earmark)"

CONTAINERS = {".mkv": "matroska", ".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".webm": "webm"}
"""FFmpeg's name of each kind of file that subtitles can be put into, by its suffix."""

# ISO 639-1 to ISO 639-2/T, which MP4 wants.
_CODES = (
    "ar:ara bg:bul ca:cat cs:ces da:dan de:deu el:ell en:eng es:spa et:est eu:eus fa:fas fi:fin fr:fra ga:gle gl:glg "
    "he:heb hi:hin hr:hrv hu:hun id:ind is:isl it:ita ja:jpn ko:kor lt:lit lv:lav mk:mkd mt:mlt nb:nob nl:nld no:nor "
    "pl:pol pt:por ro:ron ru:rus sk:slk sl:slv sq:sqi sr:srp sv:swe th:tha tr:tur uk:ukr vi:vie zh:zho"
)
_LANGUAGES = dict(pair.split(":") for pair in _CODES.split())

# ISO 639-2/T to /B, which Matroska wants, where they differ.
_BIBLIOGRAPHIC = {
    "ces": "cze", "deu": "ger", "ell": "gre", "eus": "baq", "fas": "per", "fra": "fre", "isl": "ice", "mkd": "mac",
    "nld": "dut", "ron": "rum", "slk": "slo", "sqi": "alb", "zho": "chi",
}  # fmt: skip
_TERMINOLOGICAL = {b: t for t, b in _BIBLIOGRAPHIC.items()}
_QUICKTIME = {code: _BIBLIOGRAPHIC[code] for code in ("deu", "ell", "isl", "nld", "sqi", "zho")}  # which mixes the two
_SPELT = {"matroska": _BIBLIOGRAPHIC, "webm": _BIBLIOGRAPHIC, "mov": _QUICKTIME}
MP4 = ("mp4", "mov")
CODECS = {"matroska": "subrip", "webm": "webvtt"} | dict.fromkeys(MP4, "mov_text")
"""The codec of subtitles that players expect, by FFmpeg's name of a kind of file."""

TAGS = {"avc1", "avc3", "hvc1", "hev1", "dvh1", "dvhe"}  # that MP4 and QuickTime both know
TEXT = {"subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text"}

_OF_THE_FILE = {"major_brand", "minor_version", "compatible_brands", "encoder"}  # of which a new file has its own
MILLISECOND = Fraction(1, 1000)


def mux(
    video: Path,
    subtitles: str,
    out: Path,
    *,
    language: str = "und",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write a copy of a video that has these subtitles as one more track. Memory hardly grows with its length.

    The packets of pictures, sound and subtitles are copied as they are, with their times; so are chapters, attachments,
    metadata, languages, dispositions, rotation and the like. A copy of another kind than the video begins at 0:00, and
    subtitles in a form that it cannot hold are converted, if they are text. The
    new track is marked as being for the hearing impaired, and not as the one to be shown by default. Tracks of data,
    such as a camera's movements, are left out with an `EarmarkWarning` where the copy cannot hold them.

    Parameters
    ----------
    video
        A video, or audio, that FFmpeg can read.
    subtitles
        The text of an SRT or VTT file, times from what a player shows as 0:00; may be without any.
    out
        The copy; its suffix, one of `CONTAINERS`, says its kind. It is there whole or not at all.
    language
        Of the subtitles, as an ISO 639 code of two or three letters.
    overwrite
        Replace a file that is there.
    progress
        Told how far the work has come, once for each second of the video at most.

    Raises
    ------
    EarmarkError
        See `check_output`; or the copy cannot be written or hold the video's tracks, or the subtitles are neither SRT
        nor VTT.
    MediaError
        The video cannot be read, or is damaged.
    """
    container = check_output(out, video, overwrite)
    with open_container(video) as source:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(out) as part, Copy(video, source, part, container) as copy:
                copy.write(subtitles, iso639_2(language, container), progress)
        except (OSError, av.FFmpegError) as error:
            raise EarmarkError(out, f"cannot be written ({error.strerror})") from error
    return out


def check_output(out: Path, video: Path, overwrite: bool) -> str:
    """What FFmpeg calls the kind of file that `out` is to be; refuse what subtitles cannot be put into."""
    container = CONTAINERS.get(out.suffix.lower())
    if container is None:
        raise EarmarkError(out, "is no kind of file that subtitles are put into", f"end it in {', '.join(CONTAINERS)}")
    with contextlib.suppress(OSError):  # one of them is missing: told elsewhere, if it matters
        if out.samefile(video):
            raise EarmarkError(out, "is the video itself", "give the copy another name")
    if out.exists() and not overwrite:
        raise EarmarkError(out, "is there already", "choose another name, or --overwrite")
    return container


def iso639_2(language: str, container: str = "mp4") -> str:
    """A language's code of three letters, as this kind of file has it; `und` where it is unknown.

    >>> iso639_2("el"), iso639_2("el", "matroska"), iso639_2("gre"), iso639_2("pt-BR"), iso639_2("Bavarian")
    ('ell', 'gre', 'ell', 'por', 'und')
    """
    code = language.lower().replace("_", "-").partition("-")[0]
    three = code if len(code) == 3 and code.isascii() and code.isalpha() else _LANGUAGES.get(code, "und")
    three = _TERMINOLOGICAL.get(three, three)
    return _SPELT.get(container, {}).get(three, three)


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

    def write(self, subtitles: str, language: str, progress: Progress | None) -> None:
        """Write it all; times of the subtitles' text from what a player shows as 0:00."""
        cues = read_cues(subtitles)
        output, track = self._begun(codec_of(subtitles), language)
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

    def _begun(self, markup: str, language: str) -> tuple[OutputContainer, CueTrack]:
        """The output with its header written; without the data streams if the format does not take them."""
        data = [s for s in self.source.streams if isinstance(s, DataStream) and not self._is_made_anew(s)]
        for kept in [data, []] if data else [data]:
            try:
                begun = self._header(kept, markup, language)
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

    def _header(self, data: Sequence[DataStream], markup: str, language: str) -> tuple[OutputContainer, CueTrack]:
        self.output = output = av.open(str(self.path), "w", format=self.container, options=self._options())
        output.metadata.update(_kept(self.source.metadata))
        output.set_chapters([self._shifted(chapter) for chapter in self.source.chapters()])
        self.copies, self.converted = {}, {}
        for stream in self.source.streams:
            if not isinstance(stream, DataStream) or stream in data:
                self._add(output, stream)
        track = CueTrack(output, CODECS[self.container], markup)
        track.stream.metadata.update(language=language, title=TITLE)
        track.stream.disposition = Disposition.hearing_impaired
        if self.container in MP4:
            track.stream.metadata["handler_name"] = TITLE  # what some players show instead of a title
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
        if self.container in MP4 and (language := stream.metadata.get("language")):  # Matroska takes any
            copy.metadata["language"] = iso639_2(language, self.container)
        copy.disposition = stream.disposition
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

    def _packets(self, progress: Progress | None) -> Iterator[tuple[av.Packet[Stream], Fraction]]:
        """The packets of all copied streams as the file has them, each with its time in the copy, seconds."""
        length, reported = claimed_duration(self.source), 0
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
                if progress and (seconds := int(now + self.shift - self.zero)) > reported:
                    reported = seconds
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


def _kept(metadata: dict[str, str]) -> dict[str, str]:
    if "name" in metadata:  # so FFmpeg reads the title of an MP4's track
        metadata = {"title": metadata["name"], **metadata}
    return {name: value for name, value in metadata.items() if name.lower() not in _OF_THE_FILE}


@dataclass(frozen=True, slots=True)
class Cue:
    """What stands on the screen from start to end, in milliseconds: text with markup, line feeds between lines."""

    start: int
    end: int
    text: str


def read_cues(subtitles: str) -> list[Cue]:
    """The cues of a file's text, SubRip or WebVTT, in order of time; none of an empty text."""
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
