import shutil

import media_files
import numpy as np
import pytest
from media_files import Track

from earmark.datasets import guess_layout, load
from earmark.errors import DatasetError, EarmarkWarning

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
        samples = media_files.sine(seconds, rate=32_000, level=0.1)
        path = root / "clips" / f"common_voice_xx_{number}.mp3"
        media_files.write(path, "mp3", Track(samples, 32_000, "libmp3lame"))
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
