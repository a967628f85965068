"""Live audio for tests: samples as microphones send them, and streams as browsers make them."""

import io

import av
import numpy as np


def pcm(samples):
    return np.rint(samples * 32767).astype("<i2").tobytes()


def container(samples, form="webm", codec="libopus", rate=48_000):
    """A recording as a browser's MediaRecorder makes it: written as it goes, never gone back in."""
    out = io.BytesIO()
    with av.open(out, "w", form, options={"live": "1"} if form == "webm" else {}) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.layout = "mono"
        for first in range(0, len(samples), 960):
            frame = av.AudioFrame.from_ndarray(
                np.rint(samples[None, first : first + 960] * 32767).astype(np.int16), "s16", "mono"
            )
            frame.sample_rate, frame.pts = rate, first
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out.getvalue()
