"""The contact sheet: what it holds, what it lets in, and that it works in a browser."""

import base64
import csv
import io
import json
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote

import numpy as np
import pytest
import soundfile
from browser import eventually
from label_issue_making import NAMES, scores_of, write_clips
from model_making import tones, write_wav

from earmark.datasets.clips import Clip
from earmark.datasets.label_issues import Decision, clip_key, read_decisions
from earmark.evaluation import label_issues
from earmark.evaluation.label_issues import LabelIssue
from earmark.plots import spectrogram
from earmark.service import label_issues_page

ODD = 'rain </script><img src=x onerror="alert(1)">'


class Elements(HTMLParser):
    """All elements with their attributes, and the text of those that hold only text."""

    def __init__(self, text):
        super().__init__()
        self.found, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append((self.found[-1][0] if self.found else "", data))

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture
def sheet(tmp_path):
    """Writes the page of a small dataset; where it is."""
    data = tmp_path / "data"
    dataset = write_clips(data)
    home = tmp_path / "sheet"
    home.mkdir()

    def make(decided=None, exclusive=True, labels=("high", "low", ODD), top=5):
        found = label_issues.find(dataset, data, scores_of(dataset, data), decided)
        shown = found.ranked[:top]
        cards = list(label_issues_page.cards(shown, home / "audio"))
        others = label_issues.others(shown, decided or {}, data)
        about = label_issues_page.Sheet("pitch", "All of them.", labels, exclusive, others)
        label_issues_page.write(about, cards, home / "suspects.html")
        return home / "suspects.html"

    return make


def key(root, name):
    return clip_key(Clip(root / name))


def test_a_card_for_each(sheet):
    path = sheet()
    page = Elements(path.read_text(encoding="utf-8"))
    cards = page.all("article")
    assert len(cards) == len(page.all("img")) == len(page.all("audio")) == len(page.all("fieldset")) == 5
    first = {key: cards[0][f"data-{key}"] for key in ("path", "label", "guess", "score", "rank")}
    assert first == {"path": NAMES[2], "label": "low", "guess": "high", "score": "0.0300", "rank": "1"}
    for audio in page.all("audio"):
        assert (path.parent / unquote(audio["src"])).is_file()
        assert audio["preload"] == "none"


def test_nothing_comes_from_elsewhere(sheet):
    page = Elements(sheet().read_text(encoding="utf-8"))
    text = sheet().read_text(encoding="utf-8")
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; base-uri 'none'; form-action 'none'")
    assert "unsafe" not in policy
    assert "http://" not in text
    assert "https://" not in text
    assert not page.all("link")
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.all("img"))


def test_names_cannot_break_out(sheet, tmp_path):
    decided = {key(tmp_path / "data", "gone/<script>.wav"): Decision("relabel", (ODD,))}
    page = Elements(sheet(decided).read_text(encoding="utf-8"))
    assert len(page.all("script")) == 2
    assert not [attributes for _, attributes in page.found if any(name.startswith("on") for name in attributes)]
    assert {option["value"] for option in page.all("option")} == {"", "high", "low", ODD}
    about = json.loads(next(text for tag, text in page.texts if tag == "script"))
    assert about["others"] == [["gone/<script>.wav", "", "", "", "", "", "", "relabel", ODD]]


def test_every_control_has_a_name(sheet):
    page = Elements(sheet().read_text(encoding="utf-8"))
    assert page.all("html")[0]["lang"] == "en"
    assert all(select["aria-label"] for select in page.all("select"))
    assert all(image["alt"] for image in page.all("img"))
    ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(article["aria-labelledby"] in ids for article in page.all("article"))
    names = [radio["name"] for radio in page.all("input") if radio["type"] == "radio"]
    assert len(set(names)) == 5


def test_what_was_decided_stands_there(sheet, tmp_path):
    decided = {key(tmp_path / "data", NAMES[2]): Decision("relabel", ("high",))}
    page = Elements(sheet(decided).read_text(encoding="utf-8"))
    checked = [radio["value"] for radio in page.all("input") if "checked" in radio and radio["type"] == "radio"]
    assert checked == ["relabel", "", "", "", ""]
    assert page.all("select")[0]["data-labels"] == "high"


@pytest.mark.parametrize("frequency", [500.0, 4000.0])
def test_a_thumbnail_shows_where_a_tone_is(tmp_path, frequency):
    from matplotlib.image import imread

    picture = spectrogram.thumbnail(tones(1.0, (0.5, 0.75, frequency)))
    pixels = imread(io.BytesIO(picture))[..., :3].sum(-1)
    assert pixels.shape == (spectrogram.FRONT_END.bands, spectrogram.THUMBNAIL_COLUMNS)
    rows, columns = np.nonzero(pixels > 0.8 * pixels.max())
    wanted = np.abs(spectrogram.FRONT_END.centres() - frequency).argmin()
    assert abs((len(pixels) - 1 - np.median(rows)) - wanted) <= 1
    assert columns.min() / pixels.shape[1] == pytest.approx(0.5, abs=0.03)
    assert columns.max() / pixels.shape[1] == pytest.approx(0.75, abs=0.03)


def test_a_thumbnail_of_nothing():
    assert spectrogram.thumbnail(np.zeros(0, np.float32))[:8] == b"\x89PNG\r\n\x1a\n"


def suspect(path, start=0.0, end=None):
    return LabelIssue(Clip(path, start, end, ("a",)), path.name, ("b",), 0.1, 1, True, (("b", 0.9), ("a", 0.1)))


def test_excerpts_and_what_a_browser_cannot_play_are_written(tmp_path):
    samples = tones(2.0, (1.0, 1.5, 1000.0))
    plain = write_wav(tmp_path / "a.wav", samples)
    rare = tmp_path / "b.aiff"
    soundfile.write(rare, samples, 22050)
    ones = [suspect(plain), suspect(plain, 1.0, 1.5), suspect(rare)]
    whole, part, other = label_issues_page.cards(ones, tmp_path / "audio")
    assert whole.sound == plain
    assert soundfile.info(part.sound).duration == pytest.approx(0.5, abs=1e-3)
    assert np.abs(soundfile.read(part.sound)[0]).mean() > 0.1
    assert soundfile.info(other.sound).duration == pytest.approx(2.0, abs=1e-3)
    assert {part.sound.parent, other.sound.parent} == {tmp_path / "audio"}


def test_only_what_the_sheet_needs_is_kept_and_nothing_else_removed(tmp_path):
    path = write_wav(tmp_path / "a.wav", tones(2.0))
    mine = tmp_path / "audio" / "mine.flac"
    (first,) = label_issues_page.cards([suspect(path, 0.5, 1.0)], tmp_path / "audio")
    mine.write_bytes(b"mine")
    written = first.sound.stat().st_mtime_ns
    (again,) = label_issues_page.cards([suspect(path, 0.5, 1.0)], tmp_path / "audio")
    assert again.sound.stat().st_mtime_ns == written
    (other,) = label_issues_page.cards([suspect(path, 1.0, 1.5)], tmp_path / "audio")
    assert set((tmp_path / "audio").iterdir()) == {mine, other.sound}


def test_long_and_broken_clips_say_so(tmp_path, monkeypatch):
    monkeypatch.setattr(label_issues_page, "LONGEST", 1.0)
    path = write_wav(tmp_path / "a.wav", tones(3.0))
    broken = tmp_path / "b.wav"
    broken.write_bytes(b"no sound")
    long, short, bad = label_issues_page.cards(
        [suspect(path, 0.5), suspect(path, 2.0), suspect(broken)], tmp_path / "audio"
    )
    assert "first 1 s" in long.note
    assert soundfile.info(long.sound).duration == pytest.approx(1.0, abs=1e-3)
    assert bad.picture is bad.sound is None
    assert "cannot be heard" in bad.note
    assert short.picture is not None


def test_addresses_of_odd_names(tmp_path):
    path = tmp_path / "a b" / "50% #1?.wav"
    address = label_issues_page.address(path, tmp_path / "sheet")
    assert address == "../a%20b/50%25%20%231%3F.wav"


def downloaded(page):
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download marks.csv").click()
    assert waiting.value.suggested_filename == "marks.csv"
    return waiting.value.path()


@pytest.mark.browser
def test_in_a_browser_by_keys(opened, sheet, tmp_path):
    decided = {key(tmp_path / "data", "gone/9.wav"): Decision("drop")}
    page = opened(sheet(decided).as_uri())
    for pressed in ("n", "3"):
        page.keyboard.press(pressed)
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "New label of clip 1"
    assert page.evaluate("document.activeElement.value") == "high"  # the guess stands there already
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.closest('article').focus()")
    for pressed in ("n", "2", "n", "1", "n", "1", "0"):
        page.keyboard.press(pressed)
    assert page.get_by_role("status").inner_text() == "3 of 5 decided"
    table = downloaded(page)
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [(row["decision"], row["relabel"]) for row in rows] == [
        ("relabel", "high"),
        ("drop", ""),
        ("keep", ""),
        ("drop", ""),
    ]
    assert (rows[0]["path"], rows[-1]["path"]) == (NAMES[2], "gone/9.wav")
    assert len(read_decisions(table, tmp_path / "data").decided) == 4


@pytest.mark.browser
def test_in_a_browser_by_mouse_and_again_after_a_reload(opened, sheet):
    page = opened(sheet().as_uri(), locale="en-GB")  # a reader whose storage no other test clears: files share theirs
    card = page.get_by_role("article").nth(1)
    card.get_by_role("combobox").select_option(ODD)
    page.reload()
    assert card.get_by_label("relabel", exact=True).is_checked()
    assert card.get_by_role("combobox").input_value() == ODD
    (row,) = csv.DictReader(downloaded(page).read_text(encoding="utf-8").splitlines())
    assert (row["decision"], row["relabel"]) == ("relabel", ODD)


@pytest.mark.browser
def test_in_a_browser_to_relabel_takes_a_label(opened, sheet):
    page = opened(sheet().as_uri())
    card = page.get_by_role("article").nth(4)  # whose guess is its label
    card.get_by_label("relabel", exact=True).check()
    assert page.get_by_role("status").inner_text() == "0 of 5 decided, 1 to relabel without a label"
    page.get_by_label("Keys", exact=True).uncheck()
    card.focus()
    page.keyboard.press("2")
    assert card.get_by_label("relabel", exact=True).is_checked()


@pytest.mark.browser
def test_in_a_browser_sounds_play_one_at_a_time(opened, sheet):
    page = opened(sheet().as_uri())
    page.evaluate("document.querySelectorAll('audio').forEach(audio => { audio.loop = true; })")  # they are short
    playing = "[...document.querySelectorAll('audio')].map(audio => audio.duration > 0.4 && !audio.paused)"
    for pressed in ("n", "p"):
        page.keyboard.press(pressed)
    eventually(page, f"{playing}[0]")
    for pressed in ("n", "p"):
        page.keyboard.press(pressed)
    eventually(page, f"{playing}[1] && !{playing}[0]")


@pytest.mark.browser
def test_in_a_browser_what_the_policy_forbids_does_not_run(opened, sheet):
    path = sheet()
    text = path.read_text(encoding="utf-8").replace("</main>", "<script>document.title = 'taken'</script></main>")
    path.write_text(text, encoding="utf-8")
    page = opened(path.as_uri())
    assert page.title() == "Label issues of pitch"
    assert any("Content Security Policy" in message for message in page.wrong)
    page.wrong.clear()


def test_pictures_are_whole(sheet):
    page = Elements(sheet(top=1).read_text(encoding="utf-8"))
    (image,) = page.all("img")
    picture = base64.b64decode(image["src"].partition(",")[2])
    assert picture.startswith(b"\x89PNG")
    assert picture.endswith(b"IEND\xaeB`\x82")


def test_several_labels_can_be_chosen_where_they_can_hold_at_once(sheet):
    page = Elements(sheet(exclusive=False).read_text(encoding="utf-8"))
    assert all("multiple" in select for select in page.all("select"))
    assert "" not in {option["value"] for option in page.all("option")}


def test_a_page_that_cannot_be_written(tmp_path):
    from earmark.errors import EarmarkError

    about = label_issues_page.Sheet("pitch", "None.", ("a", "b"), True)
    with pytest.raises(EarmarkError, match="cannot be written"):
        label_issues_page.write(about, [], tmp_path / "gone" / "suspects.html")
    label_issues_page.write(replace(about, dataset="π"), [], tmp_path / "suspects.html")
    assert "Label issues of π" in (tmp_path / "suspects.html").read_text(encoding="utf-8")
