"""Open any recording as blocks of mono float32 samples at a rate, on the recording's own clock.

    with open_recording("talk.mp4") as recording:
        for block in recording.blocks(22050):
            ...                                 # 1-D float32, ten seconds each
    with Sound(array, sample_rate=48000).open() as recording: ...   # also addresses, bytes, file objects
    samples = read("talk.mp4", 22050, start=60.0, end=61.5)
    play_spans("talk.mp4", [(60.0, 61.5)])
    write_span("talk.mp4", Path("word.flac"), 60.0, 61.5)

Sample i of the joined blocks stands at i / rate seconds after what a player shows as 0:00, whatever
the file does: audio that starts late or pauses is filled with zeros, audio before zero is cut.
What cannot be read is a `MediaError`; what could be read only in part ends in one `EarmarkWarning`.
"""

from __future__ import annotations

from earmark.media.opening import AudioTrack, Source
from earmark.media.playing import play_spans
from earmark.media.recording import Recording, open_recording, read
from earmark.media.sound import Given, Sound
from earmark.media.writing import write_span, write_spans

__all__ = [
    "AudioTrack",
    "Given",
    "Recording",
    "Sound",
    "Source",
    "open_recording",
    "play_spans",
    "read",
    "write_span",
    "write_spans",
]
