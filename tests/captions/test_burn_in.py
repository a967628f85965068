"""What a viewer sees: the right frame, upright, with the caption's lines on it."""

from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from earmark.captions import burn_in as burning
from earmark.captions.burn_in import burn_preview, draw_lines, frame_at
from earmark.captions.looks import Cue, Line
from earmark.errors import EarmarkError, MediaError

SHADES = (40, 90, 140, 190, 240)  # one a second


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Five seconds of plain greys, each a second long, with pixels twice as wide as high."""
    path = tmp_path_factory.mktemp("video") / "greys.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 180, "yuv420p"
        stream.sample_aspect_ratio = Fraction(2, 1)
        for i in range(50):
            frame = av.VideoFrame.from_ndarray(np.full((180, 160, 3), SHADES[i // 10], np.uint8), format="rgb24")
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


@pytest.fixture
def sound(tmp_path):
    path = tmp_path / "a.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        frame.rate = 8000
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    return path


@pytest.mark.parametrize(("seconds", "shade"), [(0, 40), (0.95, 40), (1.0, 90), (2.55, 140), (4.9, 240), (100, 240)])
def test_the_frame_of_a_moment(video, seconds, shade):
    picture = frame_at(video, seconds)
    assert picture.size == (320, 180), "pixels are made square"
    assert np.abs(np.asarray(picture, int) - shade).max() <= 6


def test_without_pictures_the_frame_is_black(sound, tmp_path):
    assert frame_at(sound, 0) is None
    burn_preview(sound, 0.5, [Cue(0, 1, (Line("[dog barks]", "sound"),))], tmp_path / "new" / "look.png")
    picture = np.asarray(Image.open(tmp_path / "new" / "look.png").convert("L"))
    assert picture.shape == (720, 1280)
    assert picture[: 720 // 2].max() == 0, "text stands below"
    assert picture[720 // 2 :].max() > 200


def bright(picture):
    """Rows and columns where there is white."""
    rows, columns = np.nonzero(np.asarray(picture.convert("L")) > 200)
    return rows, columns


@pytest.mark.parametrize("text", ["[dog barks]", "[σκύλος γαβγίζει]", "[собака лает]", "[žluťoučký kůň]"])
def test_text_is_centred_at_the_bottom_and_safe_from_the_edges(text):
    picture = Image.new("RGB", (640, 360), "gray")
    draw_lines(picture, [text])
    rows, columns = bright(picture)
    assert rows.min() > 0.8 * 360
    assert rows.max() < 0.96 * 360
    assert abs(columns.min() + columns.max() - 640) < 8


def test_each_line_stands_below_the_one_before_and_long_ones_are_made_to_fit():
    one, two, long = (Image.new("RGB", (640, 360)) for _ in range(3))
    draw_lines(one, ["[rain falling]"])
    draw_lines(two, ["[rain falling]", "[dog barks]"])
    draw_lines(long, ["[" + "w" * 90 + "]"])
    assert bright(two)[0].min() < bright(one)[0].min() - 10
    assert np.ptp(bright(long)[1]) <= 0.92 * 640
    empty = Image.new("RGB", (64, 36))
    draw_lines(empty, [])
    assert np.asarray(empty).max() == 0


def test_letters_that_no_font_has_are_told(monkeypatch):
    monkeypatch.setattr(burning, "_folders", list)
    burning._font_for.cache_clear()
    with pytest.raises(EarmarkError, match=r"no font here can draw .; install a font, such as Noto Sans CJK"):
        draw_lines(Image.new("RGB", (640, 360)), ["[개가 짖는다]"])
    burning._font_for.cache_clear()


def test_hangul_is_drawn_where_a_font_has_it():
    picture = Image.new("RGB", (640, 360))
    try:
        draw_lines(picture, ["[개가 짖는다]"])
    except EarmarkError:
        pytest.skip("no font with Hangul is installed here")
    assert len(bright(picture)[0])


def test_what_cannot_be_read_or_written_is_told(video, tmp_path):
    with pytest.raises(MediaError, match="no such file"):
        frame_at(tmp_path / "none.mp4", 0)
    (tmp_path / "file").write_text("")
    with pytest.raises(EarmarkError, match="cannot be written"):
        burn_preview(video, 0, [], tmp_path / "file" / "look.png")
