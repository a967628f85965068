"""A recording to be listened to in a page: mono MP3, which every browser plays."""

from __future__ import annotations

import io
from fractions import Fraction

import av

from earmark.media.recording import Recording

RATE = 24_000  # Hz
BIT_RATE = 48_000  # 0.36 MB a minute


def mp3(recording: Recording) -> bytes:
    """The sound of a recording as an MP3 file: mono, 24 kHz, 48 kbit/s.

    Raises
    ------
    MediaError
        It cannot be read.
    """
    file, at = io.BytesIO(), 0
    with av.open(file, "w", format="mp3") as output:
        stream = output.add_stream("libmp3lame", rate=RATE, layout="mono")
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = BIT_RATE
        for block in recording.blocks(RATE, 1.0):
            frame = av.AudioFrame.from_ndarray(block[None], "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
            output.mux(stream.encode(frame))
            at += len(block)
        output.mux(stream.encode(None))
    return file.getvalue()
