"""ESC-50, UrbanSound8K and Common Voice as they are published, and what licences allow."""

import shutil

import media_files
import numpy as np
import pytest
from dataset_making import touch
from media_files import Track

from earmark.datasets import guess_layout, load
from earmark.datasets.clips import allows_commercial_use
from earmark.errors import DatasetError, EarmarkWarning


@pytest.mark.parametrize("suffix", [".wav", ".ogg", ".opus", ".flac", ".WAV"])
def test_esc_finds_files_by_stem(esc, suffix):
    dataset = load("esc", esc(suffix))
    assert dataset.name == "esc50"
    first = dataset.clips[0]
    assert (first.path.name, first.labels, first.fold, first.source) == (f"1-100032-A-0{suffix}", ("dog",), 1, "100032")
    assert (first.start, first.end, first.split) == (0.0, None, None)
    assert dataset.exclusive


def test_esc10_is_the_marked_part(esc):
    dataset = load("esc", esc(), subset="esc10")
    assert [clip.labels for clip in dataset.clips] == [("dog",)]
    assert dataset.licence == "CC BY 3.0"


def test_esc_ignores_what_macs_leave_behind(esc):
    root = esc()
    (root / "audio" / "._1-100032-A-0.flac").write_bytes(b"")
    assert load("esc", root).clips[0].path.suffix == ".wav"


def test_esc_with_a_hole(esc):
    root = esc()
    (root / "audio" / "1-100032-A-0.wav").unlink()
    with pytest.raises(DatasetError, match=r"1 row lacks its file of 4, such as 1-100032-A-0\.wav"):
        load("esc", root)
    with pytest.warns(EarmarkWarning, match="left out"):
        dataset = load("esc", root, missing="skip")
    assert len(dataset.clips) == 3
    assert [clip.path.name for clip in dataset.missing] == ["1-100032-A-0.wav"]


def test_esc_without_recordings(esc):
    root = esc()
    for path in (root / "audio").iterdir():
        path.unlink()
    with pytest.raises(DatasetError, match="none of the 4 recordings"):
        load("esc", root, missing="skip")


def test_esc_table_without_a_column(esc):
    root = esc()
    (root / "meta" / "esc50.csv").write_text("filename,fold\na.wav,1\n")
    with pytest.raises(DatasetError, match="lacks the column category"):
        load("esc", root)


@pytest.mark.parametrize("options", [{"subset": "esc20"}, {"missing": "maybe"}, {"folds": 3}])
def test_esc_refuses_options_it_does_not_know(esc, options):
    with pytest.raises(DatasetError, match=next(iter(options))):
        load("esc", esc(), **options)


@pytest.mark.parametrize("suffix", [".wav", ".opus"])
def test_urbansound8k(us8k, suffix):
    dataset = load("urbansound8k", us8k(suffix))
    assert dataset.labels == ("children_playing", "dog", "engine", "music")
    assert [clip.fold for clip in dataset.clips] == [1, 1, 2, 3]
    assert dataset.clips[1].source == "100263"
    assert {(clip.start, clip.end) for clip in dataset.clips} == {(0.0, None)}, "positions in the original, not here"


def test_urbansound8k_without_some_folds_warns(us8k):
    with pytest.warns(EarmarkWarning, match="2 of 4 rows are left out, for nothing of folds 2, 3 is there"):
        dataset = load("urbansound8k", us8k(folds=(1,)))
    assert len(dataset.clips) == 2
    assert len(dataset.missing) == 2


def test_urbansound8k_fold_with_a_hole_is_an_error(us8k):
    root = us8k(folds=(1, 2))
    (root / "audio" / "fold1" / "100032-3-0-0.wav").unlink()
    with pytest.warns(EarmarkWarning), pytest.raises(DatasetError, match="1 row lacks its file of 3"):
        load("urbansound8k", root)
    with pytest.warns(EarmarkWarning, match="2 rows lack their files"):
        assert len(load("urbansound8k", root, missing="skip").clips) == 2


def test_urbansound8k_may_insist_on_every_fold(us8k):
    with pytest.raises(DatasetError, match="2 rows lack"):
        load("urbansound8k", us8k(folds=(1,)), missing="error")


def test_urbansound8k_without_any_fold(us8k):
    with pytest.raises(DatasetError, match="none of the 4 recordings"):
        load("urbansound8k", us8k(folds=()))


@pytest.mark.shared
def test_real_esc50(shared):
    dataset = load(None, shared / "esc50")
    assert len(dataset.clips) == 2000
    assert len(dataset.labels) == 50
    assert len(load("esc", shared / "esc50", subset="esc10").clips) == 400
    assert {clip.fold for clip in dataset.clips} == {1, 2, 3, 4, 5}


@pytest.mark.shared
def test_real_urbansound8k(shared):
    with pytest.warns(EarmarkWarning, match="6971 of 8732 rows"):
        dataset = load(None, shared / "urbansound8k")
    assert len(dataset.clips) == 873 + 888
    assert len(dataset.labels) == 10


HEADER = (
    "client_id\tpath\tsentence_id\tsentence\tsentence_domain\tup_votes\tdown_votes\tage\tgender\taccents\tvariant\t"
    "locale\tsegment"
)
CLIPS = (  # speaker, number, sentence, seconds
    ("anna", 1, '"Quoted, she said.', 5.0),
    ("anna", 2, "A tab was here; a \u2028 line and a \x0b too", 4.5),
    ("anna", 3, '""', 6.0),
    ("boris", 4, "Too short.", 3.0),
    ("boris", 5, 'Half "open', 4.2),
    ("carla", 6, "Žluťoučký kůň", 7.0),
)


def line(client, number, sentence, suffix=".mp3"):
    name = f"common_voice_xx_{number}{suffix}"
    return "\t".join((client, name, "abc", sentence, "", "2", "0", "twenties", "", "", "", "xx", ""))


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A made-up release, laid out as the original: recordings and tables."""
    root = tmp_path_factory.mktemp("release") / "xx"
    (root / "clips").mkdir(parents=True)
    rows = [line(client, number, sentence) for client, number, sentence, _ in CLIPS]
    (root / "validated.tsv").write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8", newline="\n")
    (root / "invalidated.tsv").write_text(f"{HEADER}\n{line('anna', 7, 'No.')}\n", encoding="utf-8")
    for number, seconds in [*((n, s) for _, n, _, s in CLIPS), (7, 6.0)]:
        samples = media_files.sine(seconds, rate=16_000, level=0.1)
        path = root / "clips" / f"common_voice_xx_{number}.mp3"
        media_files.write(path, "mp3", Track(samples, 16_000, "libmp3lame"))
    return root


@pytest.fixture
def release(original, tmp_path):
    """A copy of it to spoil; newer ones have durations too."""
    return shutil.copytree(original, tmp_path / "cv-corpus-99.0" / "xx")


def write_durations(root, rows=None):
    rows = rows or [f"common_voice_xx_{number}.mp3\t{round(1000 * seconds)}" for _, number, _, seconds in CLIPS]
    (root / "clip_durations.tsv").write_text("\n".join(["clip\tduration[ms]", *rows]) + "\n")


def numbers(dataset):
    return [int(clip.path.stem.rpartition("_")[2]) for clip in dataset.clips]


@pytest.mark.parametrize("with_durations", [False, True])
def test_validated_clips_longer_than_four_seconds(release, with_durations):
    if with_durations:
        write_durations(release)
    dataset = load(None, release)
    assert guess_layout(release) == "common_voice"
    assert numbers(dataset) == [1, 2, 3, 5, 6]
    assert [clip.source for clip in dataset.clips] == ["anna", "anna", "anna", "boris", "carla"]
    assert {clip.labels for clip in dataset.clips} == {("speech",)}
    assert all((clip.start, clip.end) == (0.0, None) for clip in dataset.clips)
    assert (dataset.licence, dataset.exclusive, dataset.missing) == ("CC0 1.0", True, ())


def test_durations_in_the_table_are_believed(release):
    write_durations(release, ["common_voice_xx_1.mp3\t3999", "common_voice_xx_4.mp3\t9000"])
    assert numbers(load("common_voice", release)) == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"longer_than": 5.5}, [3, 6]),
        ({"longer_than": "0"}, [1, 2, 3, 4, 5, 6]),
        ({"limit_per_source": 1}, [1, 5, 6]),
        ({"limit_per_source": 2}, [1, 2, 5, 6]),
        ({"longer_than": 1, "span": (1.5, 3.5)}, [1, 2, 3, 5, 6]),
    ],
)
def test_options(release, options, kept):
    write_durations(release)
    assert numbers(load("common_voice", release, **options)) == kept


@pytest.mark.parametrize("span", [(1.5, 3.5), [1.5, 3.5], "1.5-3.5", "1.5, 3.5"])
def test_a_span_of_each_clip(release, span):
    dataset = load("common_voice", release, span=span, labels="voice")
    assert {(clip.start, clip.end, clip.labels) for clip in dataset.clips} == {(1.5, 3.5, ("voice",))}


def test_the_samples_are_those_of_the_span(release):
    from earmark import media

    clip = load("common_voice", release, span="1.5-3.5").clips[0]
    samples = media.read(clip.path, 16_000, start=clip.start, end=clip.end)
    assert len(samples) == 32_000
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(0.1 / np.sqrt(2), rel=0.1)


def test_missing_recordings(release):
    (release / "clips" / "common_voice_xx_3.mp3").unlink()
    with pytest.warns(EarmarkWarning, match=r"1 row lacks its file of 6, such as common_voice_xx_3\.mp3"):
        dataset = load("common_voice", release)
    assert [clip.path.name for clip in dataset.missing] == ["common_voice_xx_3.mp3"]
    assert numbers(dataset) == [1, 2, 5, 6]
    with pytest.raises(DatasetError, match="lacks its file"):
        load("common_voice", release, missing="error")
    for path in (release / "clips").iterdir():
        path.unlink()
    with pytest.raises(DatasetError, match="none of the 6 recordings is there"):
        load("common_voice", release)


def test_a_broken_recording_is_left_out(release):
    (release / "clips" / "common_voice_xx_3.mp3").write_bytes(b"no sound")
    with pytest.warns(EarmarkWarning, match=r"common_voice_xx_3\.mp3.*left out"):
        assert numbers(load("common_voice", release)) == [1, 2, 5, 6]


def test_early_releases_name_clips_without_an_ending(release):
    write_durations(release)
    table = release / "validated.tsv"
    table.write_text(table.read_text(encoding="utf-8").replace(".mp3", ""), encoding="utf-8", newline="\n")
    assert numbers(load("common_voice", release)) == [1, 2, 3, 5, 6]


def test_other_line_ends_and_broken_lines(release):
    table = release / "validated.tsv"
    content = table.read_bytes().replace(b"\n", b"\r\n").replace("ž".encode(), b"\xff")
    table.write_bytes(b"\xef\xbb\xbf" + content + b"\r\nhalf a\tline\r\n")
    with pytest.warns(EarmarkWarning, match="1 broken lines are left out"):
        assert numbers(load("common_voice", release)) == [1, 2, 3, 5, 6]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"longer_than": "long"}, "longer_than='long' is no number of seconds"),
        ({"longer_than": -1}, "is no number of seconds"),
        ({"longer_than": 60}, "no validated clip lasts longer than 60 s"),
        ({"span": "2"}, "span='2' is no span"),
        ({"span": (3, 2)}, "ends before it begins"),
        ({"span": ("a", "b")}, "is no number of seconds"),
        ({"limit_per_source": 0}, "leaves nothing"),
        ({"missing": "perhaps"}, "choose error or skip"),
        ({"fold": 1}, "has no option fold"),
    ],
)
def test_options_that_do_not_fit(release, options, reason):
    write_durations(release)
    with pytest.raises(DatasetError, match=reason):
        load("common_voice", release, **options)


def test_folders_that_are_no_release(release):
    with pytest.raises(DatasetError, match=r"cannot be read.*give the folder of one language"):
        load("common_voice", release.parent)
    (release / "validated.tsv").write_text("client_id\tsentence\nanna\thello\n")
    with pytest.raises(DatasetError, match="lacks the column path"):
        load("common_voice", release)


def test_durations_that_are_none(release):
    write_durations(release, ["common_voice_xx_1.mp3\tlong"])
    with pytest.raises(DatasetError, match="'long' of common_voice_xx_1"):
        load("common_voice", release)


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
