"""Contrasts of the page's colours, as WCAG 2.2 computes them: AA is 4.5 for text, 3 for what else must be seen."""

import re

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from earmark.service.pages import STATIC

PAGE = (STATIC / "style.css").read_text(encoding="utf-8")
TONES = [f"tone-{number}" for number in range(10)]
GROUNDS = ["ground", "card", "sunken", "accent-soft"]
TEXTS = [
    *[(text, ground) for text in ("text", "faint") for ground in GROUNDS],
    *[("accent", ground) for ground in GROUNDS],
    ("accent-ink", "accent"),
    ("danger", "danger-soft"),
    ("danger", "card"),
    ("ok", "card"),
    ("alarm", "card"),
    *[("tone-ink", tone) for tone in TONES],
]
SHAPES = [
    *[(tone, ground) for tone in TONES for ground in ("sunken", "card")],
    *[("border", ground) for ground in ("ground", "card")],
    ("wave", "sunken"),
    ("wave-played", "sunken"),
    ("danger", "sunken"),
    ("accent", "sunken"),
    ("alarm", "card"),
]


def colours(theme):
    """Custom properties by name, as (red, green, blue), for theme 0, light, or 1, dark."""
    both = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", PAGE)
    return {name: tuple(bytes.fromhex(values[theme][1:])) for name, *values in both}


def luminance(colour):
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    parts = [value / 255 for value in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_black_on_white():
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21.0)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("pairs", "least"), [(TEXTS, 4.5), (SHAPES, 3.0)], ids=["texts", "shapes"])
def test_contrasts(theme, pairs, least):
    known = colours(theme)
    ratios = {pair: contrast(known[pair[0]], known[pair[1]]) for pair in pairs}
    assert {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < least} == {}


GIVEN = {"#000", "#fff", "#080614", "#f00", "#f0f"}  # video, captions, a quiet spectrogram, the French convention


def test_no_other_colours_are_made_up():
    for path in STATIC.glob("*.css"):
        text = (
            path.read_text(encoding="utf-8").partition("--shadow")[2] if path.name == "style.css" else path.read_text()
        )
        literal = set(re.findall(r"#[0-9a-f]{3,8}\b(?=[;,\s)])", text))
        assert literal <= GIVEN, path


def test_texts_are_sized_by_the_readers_own_size():
    for path in STATIC.glob("*.css"):
        assert not re.search(r"font(-size)?:[^;]*\dpx", path.read_text(encoding="utf-8")), path
