"""A frame of a video as a viewer sees it, with a caption on it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream
from PIL import Image, ImageDraw, ImageFont

from earmark.captions.looks import Cue, Look
from earmark.errors import EarmarkError, MediaError
from earmark.media import Source
from earmark.media.decoding import zero_of
from earmark.media.opening import moving_pictures, name_of, open_container
from earmark.util.atomic import atomic_write

BLACK = (1280, 720)  # the frame of a recording without pictures
LINE = 0.0533  # height of a line of text by the height of the picture: 15 lines, as in CEA-608 captions
WIDEST = 0.9  # of the picture's width: what lies beyond is not safe from being cut off (EBU R 95)
LOWEST = 0.05  # of the picture's height, for the same reason
SHADE = (0, 0, 0, 160)
PREFERRED = ("notosanscjk", "notosanskr", "notosans", "nanumgothic", "malgun", "applesdgothicneo", "pretendard")
"""Beginnings of the names of fonts that draw several scripts well, the best first; any other font may serve too."""
SUFFIXES = {".ttf", ".otf", ".ttc"}


def burn_preview(source: Source, seconds: float, cues: Sequence[Cue], path: Path, look: Look | None = None) -> None:
    """Write a PNG of the frame at this time on the media's clock, with these cues on it; by default white and below.

    A recording without pictures gives a black frame. EarmarkError where no font that is installed has the letters.
    """
    picture = frame_at(source, seconds) or Image.new("RGB", BLACK)
    draw_cues(picture, cues, look or Look())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as part:
            picture.save(part, format="PNG")
    except OSError as error:
        raise EarmarkError(path, f"cannot be written ({error.strerror or error})") from error


def frame_at(source: Source, seconds: float) -> Image.Image | None:
    """The frame that a player shows at this time, upright and in its true proportions; None without pictures.

    After the last frame it is that one.
    """
    with open_container(source) as container:
        stream = moving_pictures(container)
        if stream is None:
            return None
        try:
            picture = _decoded(container, stream, seconds)
        except av.FFmpegError as error:
            raise MediaError(name_of(source), "its pictures cannot be decoded") from error
    if picture is None:
        raise MediaError(name_of(source), "its pictures cannot be decoded")
    return picture


def _decoded(container: InputContainer, stream: VideoStream, seconds: float) -> Image.Image | None:
    """The last frame that begins by this time, or the first there is."""
    wanted = float(zero_of(container)) + seconds
    if stream.time_base and seconds > 0:
        container.seek(int(wanted / stream.time_base), stream=stream)
    best = None
    for frame in container.decode(stream):
        if best is not None and frame.time is not None and frame.time > wanted + 1e-6:
            break
        best = frame
    return _upright(best, float(stream.sample_aspect_ratio or 1)) if best else None


def _upright(frame: av.VideoFrame, aspect: float) -> Image.Image:
    """A frame as players show it: pixels made square, and turned as the file says."""
    picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
    if aspect != 1:
        picture = picture.resize((max(1, round(picture.width * aspect)), picture.height))
    return picture.rotate(frame.rotation, expand=True) if frame.rotation else picture


def draw_cues(picture: Image.Image, cues: Sequence[Cue], look: Look) -> None:
    """Draw cues on a picture, each where the look has it: see `draw_lines`."""
    for top in (False, True):
        lines = [line for cue in cues if look.is_top(cue) == top for line in cue.lines]
        draw_lines(picture, [line.text for line in lines], [look.colour(line.kind) for line in lines], top)


def draw_lines(picture: Image.Image, lines: Sequence[str], colours: Sequence[str] = (), top: bool = False) -> None:
    """Draw lines of text on a picture, on a dark shade, centred: at its bottom, or at its top.

    Each has its colour, as #rrggbb; white where it is empty, or there is none.
    """
    if not lines:
        return
    height = LINE * picture.height
    font_file = _font_for("".join(sorted(set("".join(lines)) - {" "})))
    font = ImageFont.truetype(font_file, max(8, round(height * 0.8)))
    widest = max(font.getlength(line) for line in lines)
    if widest > WIDEST * picture.width:
        font = ImageFont.truetype(font_file, max(6, int(font.size * WIDEST * picture.width / widest)))
        widest = max(font.getlength(line) for line in lines)
    pen = ImageDraw.Draw(picture, "RGBA")
    step, edge = sum(font.getmetrics()), font.size * 0.25
    middle = picture.width / 2
    first = picture.height * LOWEST if top else picture.height * (1 - LOWEST) - step * len(lines)
    box = (middle - widest / 2 - edge, first - edge, middle + widest / 2 + edge, first + step * len(lines) + edge)
    pen.rectangle(box, fill=SHADE)
    for row, (line, colour) in enumerate(zip_longest(lines, colours)):
        pen.text((middle, first + row * step), line, colour or "white", font, anchor="ma")


@lru_cache
def _font_for(letters: str) -> str:
    """The file of a font that has all these letters."""
    for file in _fonts():
        try:
            font = ImageFont.truetype(file, 20)
            missing = _glyph(font, "\uffff")  # no letter: drawn as those are that the font does not have
            if all(_glyph(font, c) != missing for c in letters):
                return file
        except OSError:  # not a font that can be read
            continue
    odd = next((c for c in letters if ord(c) > 0x2FF), letters[:1])
    raise EarmarkError("--burn-preview", f"no font here can draw {odd}", "install a font, such as Noto Sans CJK")


def _glyph(font: ImageFont.FreeTypeFont, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


def _fonts() -> Iterator[str]:
    """Font files: first the one that comes with matplotlib, which has Latin, Greek and Cyrillic, then the system's."""
    matplotlib = find_spec("matplotlib")
    if matplotlib and matplotlib.origin:
        yield str(Path(matplotlib.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf")
    found = [file for folder in _folders() if folder.is_dir() for file in folder.rglob("*")]
    fonts = sorted((file for file in found if file.suffix.lower() in SUFFIXES), key=_preference)
    yield from map(str, fonts)


def _preference(file: Path) -> tuple[int, bool, str]:
    name = file.stem.lower().replace("-", "").replace("_", "")
    order = next((i for i, start in enumerate(PREFERRED) if name.startswith(start)), len(PREFERRED))
    plain = not any(style in name for style in ("bold", "italic", "oblique", "light", "thin", "black", "mono"))
    return order, not plain, str(file)


def _folders() -> list[Path]:
    """Where systems keep fonts."""
    home = Path.home()
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    if sys.platform == "win32":
        return [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"]
    return [home / ".local/share/fonts", home / ".fonts", Path("/usr/local/share/fonts"), Path("/usr/share/fonts")]
