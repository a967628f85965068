"""AudioSet's tables: read, and fetched."""

import csv
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path

import pytest
from audioset_making import identifier, ontology_file, segment, segments_file, small_ontology
from hypothesis import given
from hypothesis import strategies as st

from earmark.datasets.audioset import tables
from earmark.datasets.audioset.tables import (
    CLASSES,
    ONTOLOGY,
    PARTS,
    Ontology,
    Segment,
    missing_files,
    warn_of_unknown_classes,
)
from earmark.errors import DatasetError, EarmarkWarning

OFFICIAL = """# Segments csv created Sun Mar  5 10:54:25 2017
# num_ytids=4, num_segs=4
# YTID, start_seconds, end_seconds, positive_labels
--PJHxphWEs, 30.000, 40.000, "/m/09x0r,/t/dd00088"
-0_abcDEF-_, 0.000, 6.500, "/m/012xff"
_bcdefghijk,5,15,/g/122z_qxw

ABCDEFGHIJK, 100.000, 110.000, "/m/09x0r"
"""


@pytest.fixture
def table(tmp_path):
    def make(text, encoding="utf-8"):
        path = tmp_path / "segments.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return make


def test_the_official_layout(table):
    assert list(tables.read_segments(table(OFFICIAL))) == [
        Segment("--PJHxphWEs", 30, 40, ("/m/09x0r", "/t/dd00088")),
        Segment("-0_abcDEF-_", 0, 6.5, ("/m/012xff",)),
        Segment("_bcdefghijk", 5, 15, ("/g/122z_qxw",)),
        Segment("ABCDEFGHIJK", 100, 110, ("/m/09x0r",)),
    ]


def test_line_ends_of_windows_and_a_byte_order_mark(table):
    plain = list(tables.read_segments(table(OFFICIAL)))
    assert list(tables.read_segments(table(OFFICIAL.replace("\n", "\r\n"), "utf-8-sig"))) == plain


def test_only_segments_that_carry_a_class(table):
    found = tables.read_segments(table(OFFICIAL), {"/m/09x0r"})
    assert [one.video for one in found] == ["--PJHxphWEs", "ABCDEFGHIJK"]
    assert list(tables.read_segments(table(OFFICIAL), {"/m/09x"})) == [], "a part of an identifier is another class"


def test_a_segment_of_several_tables_comes_once(tmp_path):
    first = segments_file(tmp_path / "a.csv", [segment(1, "Guitar"), segment(2, "Piano")])
    second = segments_file(tmp_path / "b.csv", [segment(2, "Piano"), segment(3, "Guitar")])
    assert list(tables.read_all_segments([first, second])) == [
        segment(1, "Guitar"),
        segment(2, "Piano"),
        segment(3, "Guitar"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("only text", "line 9: is not YTID"),
        ("ABCDEFGHIJK, 1, 2", "line 9: is not YTID"),
        ("ABCDEFGHIJ, 1, 2, /m/09x0r", "'ABCDEFGHIJ' is no video's identifier"),
        ("ABCDE/../JK, 1, 2, /m/09x0r", "is no video's identifier"),
        ("ABCDEFGHIJÄ, 1, 2, /m/09x0r", "is no video's identifier"),
        ("ABCDEFGHIJK, one, 2, /m/09x0r", "line 9: could not convert string to float"),
        ("ABCDEFGHIJK, 2, 2, /m/09x0r", "2 to 2 s is no stretch of a video"),
        ("ABCDEFGHIJK, -1, 2, /m/09x0r", "-1 to 2 s is no stretch"),
        ("ABCDEFGHIJK, nan, 2, /m/09x0r", "is no stretch"),
        ("ABCDEFGHIJK, 1, inf, /m/09x0r", "is no stretch"),
        ('ABCDEFGHIJK, 1, 2, "/m/09x0r,"', "line 9: '' is no label"),
        ('ABCDEFGHIJK, 1, 2, "/m/09x0r", 3', "is no label"),
    ],
)
def test_a_line_that_does_not_fit_is_named(table, line, reason):
    path = table(OFFICIAL + line + "\n")
    with pytest.raises(DatasetError) as error:
        list(tables.read_segments(path))
    assert str(error.value).startswith(str(path))
    assert reason in str(error.value)


def test_what_is_no_table(table, tmp_path):
    for text in ("", "# only\n# comments\n"):
        with pytest.raises(DatasetError, match="lists no segments"):
            list(tables.read_segments(table(text)))
    with pytest.raises(DatasetError, match="cannot be read"):
        list(tables.read_segments(tmp_path / "nowhere.csv"))
    with pytest.raises(DatasetError, match="is not UTF-8"):
        list(tables.read_segments(table("# Größe\n", "latin-1")))
    with pytest.raises(DatasetError, match="line 1"):
        list(tables.read_segments(table("<html>Not Found</html>\n")))


VIDEOS = st.text("ABCdef019-_", min_size=11, max_size=11)
LABELS = st.lists(st.sampled_from(["/m/09x0r", "/t/dd00088", "/g/122z_qxw"]), min_size=1, max_size=3, unique=True)
TIMES = st.tuples(st.integers(0, 9000), st.integers(1, 10000)).map(lambda t: (t[0] / 10, (t[0] + t[1]) / 10))


@given(st.lists(st.tuples(VIDEOS, TIMES, LABELS), min_size=1, max_size=8))
def test_what_was_written_is_read(tmp_path_factory, listed):
    segments = [Segment(video, *times, tuple(labels)) for video, times, labels in listed]
    path = segments_file(tmp_path_factory.mktemp("tables") / "segments.csv", segments)
    assert list(tables.read_segments(path)) == segments


def test_names_of_classes(tmp_path):
    path = tmp_path / "class_labels_indices.csv"
    path.write_text('index,mid,display_name\n0,/m/09x0r,"Speech"\n1,/m/05zppz,"Male speech, man speaking"\n')
    assert tables.read_class_names(path) == {"/m/09x0r": "Speech", "/m/05zppz": "Male speech, man speaking"}
    path.write_text("index,display_name\n0,Speech\n")
    with pytest.raises(DatasetError, match="lacks the column mid"):
        tables.read_class_names(path)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["balanced_train_segments.csv", "eval_segments.csv"])
def test_the_published_tables_as_a_csv_reader_sees_them(shared, name):
    """Parity with Python's own reader of CSV, and with the figures that the table's head gives."""
    path = shared / "audioset" / name
    segments = list(tables.read_segments(path))
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file, skipinitialspace=True) if not row[0].startswith("#")]
    assert [(s.video, s.start, s.end, list(s.labels)) for s in segments] == [
        (row[0], float(row[1]), float(row[2]), row[3].split(",")) for row in rows
    ]
    head = path.read_text().splitlines()[0] if name.startswith("balanced") else "num_segs=20371, num_unique_labels=527"
    assert f"num_segs={len(segments)}," in head
    assert f"num_unique_labels={len({label for s in segments for label in s.labels})}" in head
    some = {"/m/0342h", "/m/05r5c"}
    assert list(tables.read_segments(path, some)) == [s for s in segments if some & set(s.labels)]


@pytest.mark.shared
def test_the_published_classes_are_in_the_ontology_under_the_same_names(shared):
    names = tables.read_class_names(shared / "audioset" / "class_labels_indices.csv")
    ontology = Ontology.read(shared / "audioset" / "ontology.json")
    assert len(names) == 527
    assert {key: ontology.name(key) for key in names} == names


NAMES = (PARTS["balanced"], ONTOLOGY, CLASSES)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def mirror(tmp_path):
    """A folder that is served, and its address."""
    folder = tmp_path / "mirror"
    segments_file(folder / PARTS["balanced"], [segment(n, "Guitar" if n % 2 else "Piano") for n in range(20)])
    ontology_file(folder)
    (folder / CLASSES).write_text(f"index,mid,display_name\n0,{identifier('Guitar')},Guitar\n")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_what_lacks_is_fetched_and_named_no_more(mirror, tmp_path):
    served, url = mirror
    folder = tmp_path / "data" / "audioset"
    for file in missing_files(NAMES, folder, url):
        file.fetch()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in served.iterdir()
    }
    assert missing_files(NAMES, folder) == []


@pytest.mark.parametrize("name", NAMES)
def test_something_else_is_not_kept(mirror, tmp_path, name):
    served, url = mirror
    (served / name).write_text("<html>sign in to the hotel's network</html>\n")
    (file,) = missing_files([name], tmp_path / "data", url)
    with pytest.raises(DatasetError, match=f"is not {name}: .*; give a mirror with --url"):
        file.fetch()
    assert list((tmp_path / "data").iterdir()) == []


def test_official_addresses():
    addresses = {file.name: file.url for file in missing_files([*PARTS.values(), *NAMES], Path("nowhere"))}
    assert addresses[PARTS["unbalanced"]] == (
        "http://storage.googleapis.com/us_audioset/youtube_corpus/v1/csv/unbalanced_train_segments.csv"
    )
    assert addresses[ONTOLOGY] == "https://raw.githubusercontent.com/audioset/ontology/master/ontology.json"
    assert missing_files([CLASSES], Path("nowhere"), "http://mirror/a")[0].url == f"http://mirror/a/{CLASSES}"


def test_an_ontology_of_another_release_is_told(tmp_path):
    ontology = small_ontology(tmp_path)
    classes = tmp_path / CLASSES
    warn_of_unknown_classes(ontology, classes)
    classes.write_text(f"index,mid,display_name\n0,{identifier('Guitar')},Guitar\n1,/m/new,Theremin\n")
    with pytest.warns(EarmarkWarning, match="1 classes that the ontology lacks, such as Theremin"):
        warn_of_unknown_classes(ontology, classes)


def test_the_command_asks_before_it_fetches(mirror, tmp_path, command, monkeypatch):
    _, url = mirror
    words = ["data", "audioset", "--include", "guitar", "--part", "balanced", "--dry-run", "--url", url]
    words += ["--data-dir", tmp_path / "data"]
    monkeypatch.setattr("sys.stdin", StringIO())
    refused = command(*words)
    assert refused.returncode == 1
    assert "balanced_train_segments.csv (1.3 MB), ontology.json" in refused.stderr
    assert "CC BY 4.0" in refused.stderr
    assert "answer y, or give --yes" in refused.stderr
    assert not (tmp_path / "data").exists()
    agreed = command(*words, "--yes")
    assert agreed.returncode == 0, agreed.stderr
    assert "10 clips" in agreed.stdout
    again = command(*words)
    assert again.returncode == 0, "nothing is asked, nothing is fetched"
    assert again.stderr == ""
