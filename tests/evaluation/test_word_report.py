import base64
import re
from dataclasses import replace

import numpy as np
import pytest
from word_models import level_classifier, spoken

from earmark.errors import EarmarkError
from earmark.evaluation import word_report
from earmark.evaluation.word_evaluation import compare, find_recordings, load, predict
from earmark.plots import style

SAID = ((0.3, 0.8), (1.1, 1.6))


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    """Two classifiers, of which one takes loud noise for speech, in two conditions."""
    root = tmp_path_factory.mktemp("speech")
    rows = ["file,condition,<b>who</b>"]
    for condition, noise in (("clean", 1e-4), ("noisy", 0.02)):
        for number in (1, 2):
            spoken(root / condition / f"{number}.wav", *SAID, noise=noise * number)
            rows.append(f"{condition}/{number}.wav,{condition},$p{number}$")
    (root / "conditions.csv").write_text("\n".join(rows))
    files = [level_classifier(root / "a.onnx", "strict", -30), level_classifier(root / "b.onnx", "<lax> $1", -60)]
    models = load([str(file) for file in files])
    said = {name: [] for name in models}
    for recording in find_recordings(root):
        for name, answer in zip(models, predict(recording, models.values()), strict=True):
            said[name].append(answer)
    return compare("speech", said)


@pytest.fixture(scope="module")
def report(comparison, tmp_path_factory, rough_pictures):
    folder = tmp_path_factory.mktemp("report") / "made" / "here"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "DPI", 75)  # not quite as rough: pictures' sizes are looked at
        assert word_report.write(comparison, folder) == folder / "report.html"
    return folder


def test_everything_is_there(report):
    names = {path.name for path in report.iterdir()}
    assert names >= {
        *("report.html", "summary.csv", "recordings.csv"),
        *("roc.png", "det.png", "confusion.png", "scores.png", "errors.png"),
        *("by_condition.png", "by_bwhob.png", "worst_01.png", "worst_02.png"),
    }
    assert not [name for name in names if name.endswith(".part")]


def test_pictures_are_pictures(report):
    from matplotlib.image import imread

    for path in report.glob("*.png"):
        picture = imread(path)[..., :3]
        assert min(picture.shape[:2]) > 150, path
        assert picture.std() > 0.03, f"{path} is blank"


def test_the_page_needs_no_other_file(report):
    page = (report / "report.html").read_text("utf-8")
    sources = re.findall(r'(?:src|href)="([^"]{0,40})', page)
    assert sources
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    embedded = {base64.b64decode(text) for text in re.findall(r'base64,([^"]+)"', page)}
    assert embedded == {path.read_bytes() for path in report.glob("*.png")}


def test_names_are_text_not_markup(report):
    page = (report / "report.html").read_text("utf-8")
    assert "<lax>" not in page
    assert "&lt;lax&gt; $1" in page
    assert "By &lt;b&gt;who&lt;/b&gt;" in page


def test_the_page_holds_the_figures(report, comparison):
    page = (report / "report.html").read_text("utf-8")
    for figures in comparison.total.values():
        assert f"<td>{figures.far.token_f1:.3f}</td>" in page
    for recording in comparison.recordings:
        assert f"<td>{recording.name}</td>" in page


def test_the_worst_recording_of_each_condition_is_drawn(comparison):
    worst = word_report.find_worst(comparison)
    assert {one.recording.tags["condition"] for one in worst} == {"clean", "noisy"}
    for condition in ("clean", "noisy"):
        shown = [one for one in worst if one.recording.tags["condition"] == condition]
        assert sorted(name for one in shown for name in one.of) == sorted(comparison.total)
    lax = next(one for one in worst if "<lax> $1" in one.of and one.recording.tags["condition"] == "noisy")
    predict = comparison.predictions["<lax> $1"]
    assert predict[lax.number].recording is lax.recording


def test_the_worst_part_of_a_long_recording():
    class Said:
        truth = np.zeros(6000, bool)
        marked = np.zeros(6000, bool)

    Said.marked[4000:4100] = True
    begin, end = word_report.worst_part([Said()])
    assert end - begin == pytest.approx(word_report.SHOWN)
    assert begin <= 40
    assert end >= 41


def test_without_conditions_each_classifier_shows_its_worst(comparison):
    bare = {
        name: [replace(one, recording=replace(one.recording, tags={})) for one in said]
        for name, said in comparison.predictions.items()
    }
    found = word_report.find_worst(compare("speech", bare))
    assert len(found) == 4
    assert all(set(one.of) == set(bare) for one in found)


def test_a_folder_that_cannot_be_written(comparison, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EarmarkError, match="cannot be written"):
        word_report.write(comparison, tmp_path / "file" / "report")
