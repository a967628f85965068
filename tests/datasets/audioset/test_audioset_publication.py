import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path

import pytest
from audioset_making import identifier, ontology_file, segment, segments_file, small_ontology

from earmark.datasets.audioset.tables import CLASSES, ONTOLOGY, PARTS, missing_files, warn_of_unknown_classes
from earmark.errors import DatasetError, EarmarkWarning

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
