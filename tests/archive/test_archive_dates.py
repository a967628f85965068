import io
import struct
from datetime import datetime
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.archive.recordings import date_from_header, date_from_metadata, date_from_name

MORNING = datetime(2026, 5, 11, 5, 30)


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("20260511_053000.wav", MORNING),
        ("2026/site 7/20260511_053000.WAV", MORNING),
        ("2026-05-11T05-30-00.flac", MORNING),
        ("2026-05-11 05.30.00.mp3", MORNING),
        ("SM4-A7_20260511_053000.wav", MORNING),
        ("S4A01234_20260511_053000_0+1.wav", MORNING),
        ("20260511T053000Z.ogg", MORNING),
        ("20260511053000.mp4", MORNING),
        ("rec_20260511-053000.250.wav", MORNING.replace(microsecond=250_000)),
        ("20260511_053000.5.wav", MORNING.replace(microsecond=500_000)),
        ("99999999_999999_20260511_053000.wav", MORNING),
        ("20260511_053000.3gp", MORNING),
        ("20260511_053000.3G2", MORNING),
        ("2026-05-11 05.30.00", MORNING),
        ("20260511.wav", None),
        ("20261311_053000.wav", None),
        ("20260511_253000.wav", None),
        ("1-100032-A-0.wav", None),
        ("120260511_0530001.wav", None),
        ("20260511_053000/street.mp4", None),
        ("19700101_000012.wav", None),
    ],
)
def test_from_a_name(name, moment):
    assert date_from_name(name) == moment


@given(st.datetimes(datetime(1970, 1, 2), datetime(2026, 1, 1)), st.text("abc_-. ", max_size=5))
def test_any_time_in_a_name(moment, before):
    moment = moment.replace(microsecond=0)
    assert date_from_name(f"{before}{moment:%Y%m%d_%H%M%S}.wav") == moment
    assert date_from_name(f"{before}{moment:%Y-%m-%dT%H-%M-%S}.wav") == moment


@pytest.mark.parametrize(
    ("fields", "moment"),
    [
        ({"creation_time": "2026-05-11T05:30:00.000000Z"}, MORNING),
        ({"CREATION_TIME": "2026-05-11 05:30:00"}, MORNING),
        ({"date": "2026-05-11", "creation_time": "05:30:00"}, MORNING),
        ({"comment": "Recorded at 05:30:00 11/05/2026 (UTC) by AudioMoth 24F31901603710BC at medium gain"}, MORNING),
        ({"creation_time": "1904-01-01T00:00:00.000000Z"}, None),
        ({"creation_time": "1970-01-01T00:00:03.000000Z"}, None),
        ({"date": "1999"}, None),
        ({"date": "2026-05-11"}, None),
        ({"creation_time": "yesterday"}, None),
        ({}, None),
    ],
)
def test_from_the_fields_of_a_header(fields, moment):
    assert date_from_metadata(fields) == moment


def test_from_a_file(tmp_path):
    path = tmp_path / "a.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        container.metadata["creation_time"] = "2026-05-11T05:30:00"
        stream = container.add_stream("aac", rate=22050, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 22050), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 22050, 0, Fraction(1, 22050)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert date_from_header(str(path)) == MORNING
    with path.open("rb") as file:
        assert date_from_header(file) == MORNING


def test_from_a_file_that_was_read_before():
    """As `hear` has it from a server: a WAV's header is found at its beginning only."""
    about = b"".join(text.ljust(size, b"\0") for text, size in ((b"", 320), (b"2026-05-11", 10), (b"05:30:00", 272)))
    form = struct.pack("<HHIIHH", 1, 1, 22050, 44100, 2, 16)
    parts = ((b"bext", about), (b"fmt ", form), (b"data", bytes(44100)))
    content = b"WAVE" + b"".join(name + struct.pack("<I", len(part)) + part for name, part in parts)
    file = io.BytesIO(b"RIFF" + struct.pack("<I", len(content)) + content)
    file.seek(0, io.SEEK_END)
    assert date_from_header(file) == MORNING


def test_from_what_is_no_recording(tmp_path):
    (tmp_path / "a.wav").write_text("broken")
    assert date_from_header(str(tmp_path / "a.wav")) is None
    assert date_from_header(str(tmp_path / "none.wav")) is None
