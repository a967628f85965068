"""Which recordings may be used for money, by what their tables say."""

import pytest
from dataset_making import touch

from earmark.datasets import load
from earmark.datasets.clips import allows_commercial_use
from earmark.errors import DatasetError


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("CC0", True),
        ("CC-BY", True),
        ("CC BY 3.0 (jakobthiesen) https://freesound.org/s/188423/", True),
        ("GPL-2+ / CC BY-SA 3.0 (Debian: wesnoth)", True),
        ("Pixabay Content Licence or CC0 (not for which file)", True),
        ("CC BY-NC 3.0", False),
        ("CC-BY-NC", False),
        ("CC-Sampling+", False),
        ("Freesound, Creative Commons (each recording its own; repository Apache-2.0)", False),
        ("repository Apache-2.0; source of recording not stated", False),
        ("see sources.md ()", False),
        ("", False),
    ],
)
def test_what_is_known_to_allow_it(licence, allowed):
    assert allows_commercial_use(licence) is allowed


@pytest.fixture
def table(tmp_path):
    for name in ("a.wav", "b.wav", "c.wav"):
        touch(tmp_path / name)
    path = tmp_path / "clips.csv"
    path.write_text("path,labels,licence\na.wav,dog,CC0\nb.wav,dog,CC BY-NC 4.0\nc.wav,cat,\n")
    return path


def test_a_table_goes_by_its_column(table):
    assert [clip.path.name for clip in load(None, table, use="commercial").clips] == ["a.wav"]
    assert len(load(None, table).clips) == 3


def test_what_leaves_nothing_is_refused(table):
    table.write_text("path,labels\na.wav,dog\n")
    with pytest.raises(DatasetError, match="no clip whose licence"):
        load(None, table, use="commercial")
    with pytest.raises(DatasetError, match="choose any or commercial"):
        load(None, table, use="free")


def test_esc_names_the_licence_of_each_clip(tmp_path):
    names = ["1-100-A-0.wav", "1-200-A-1.wav", "2-300-B-0.wav"]
    for name in names:
        touch(tmp_path / "audio" / name)
    (tmp_path / "meta").mkdir()
    rows = [f"{n},{n[0]},{n[-5]},{'dog' if n[-5] == '0' else 'rooster'},False,{n.split('-')[1]},A" for n in names]
    (tmp_path / "meta" / "esc50.csv").write_text(
        "\n".join(["filename,fold,target,category,esc10,src_file,take", *rows])
    )
    with pytest.raises(DatasetError, match="LICENSE"):
        load("esc", tmp_path, use="commercial")
    (tmp_path / "LICENSE").write_text(
        "- [1-100-A.ogg]: clip derived from a [x].wav (http://...) by someone [CC0]\n"
        "- [1-200-A.ogg]: clip derived from b.wav (http://...) by someone [CC-BY-NC]\n"
        "- [2-300-Bd.ogg]: clip derived from c.wav (http://...) by someone [CC-BY]\n"
    )
    assert [clip.path.name for clip in load("esc", tmp_path, use="commercial").clips] == [names[0], names[2]]


@pytest.mark.shared
def test_of_esc50_1770_clips_are_free(shared):
    assert len(load("esc", shared / "esc50", use="commercial").clips) == 1770
