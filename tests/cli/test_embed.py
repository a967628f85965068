"""`earmark embed`: files of embeddings."""

import sys

import numpy as np
import pytest
from model_making import tones, write_wav

import earmark


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch, backbone_file):
    """Two recordings, something that is none, and the backbone in the cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache" / "pretrained").mkdir(parents=True)
    (tmp_path / "cache" / "pretrained" / "mn04_as.onnx").write_bytes(backbone_file.read_bytes())
    write_wav(tmp_path / "low.wav", tones(2.0, (0.5, 1.5, 400.0)))
    write_wav(tmp_path / "more" / "high.wav", tones(3.0, (0.5, 1.5, 4000.0)))
    (tmp_path / "bad.wav").write_text("no sound")
    return tmp_path


def test_an_array_beside_each_recording(command, place):
    done = command("embed", "low.wav", "more/high.wav")
    assert done.returncode == 0
    assert done.stdout == ""
    assert done.stderr.splitlines()[0].startswith("low.npy: 26 x ")
    assert np.array_equal(np.load("low.npy"), earmark.embed("low.wav").values)
    high = np.load("more/high.npy", mmap_mode="r")
    assert (len(high), high.dtype) == (38, np.float32)


def test_parquet(command, place):
    parquet = pytest.importorskip("pyarrow.parquet")
    assert command("embed", "low.wav", "--to", "parquet", "--out", "made/of").returncode == 0
    table = parquet.read_table(place / "made" / "of" / "low.parquet")
    found = earmark.embed("low.wav")
    assert table.column_names == ["time", "embedding"]
    assert table["time"].to_numpy() == pytest.approx(found.times)
    assert np.array_equal(np.stack(table["embedding"].to_numpy()), found.values)
    about = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert (about["recording"], about["model"], float(about["step"])) == ("low.wav", "mn04_as", pytest.approx(0.08))


def test_a_bad_file_is_told_and_the_rest_are_done(command, place):
    done = command("embed", "bad.wav", "gone.wav", "low.wav", "--out", "made")
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if line.startswith("earmark: ")]
    assert len(told) == 2
    assert "bad.wav" in told[0]
    assert "gone.wav" in told[1]
    assert [path.name for path in (place / "made").iterdir()] == ["low.npy"]


def test_nothing_is_replaced_unasked(command, place):
    (place / "low.npy").write_text("mine")
    done = command("embed", "low.wav")
    assert done.returncode == 1
    assert "low.npy: is there already; use --overwrite" in done.stderr
    assert (place / "low.npy").read_text() == "mine"
    assert command("embed", "low.wav", "--overwrite").returncode == 0
    assert np.load("low.npy").ndim == 2


def test_two_of_one_name_are_kept_apart(command, place):
    write_wav(place / "more" / "low.wav", tones(1.0))
    done = command("embed", "low.wav", "more/low.wav", "--out", "made")
    assert done.returncode == 0, done.stderr
    assert len(np.load("made/low.npy")) == 26
    assert len(np.load("made/more/low.npy")) == 13
    done = command("embed", "low.wav", "./low.wav", "--out", "again")
    assert done.returncode == 1
    assert "low.wav: has the name of another" in done.stderr


def test_any_model_with_embeddings_will_do(command, backbone_file):
    assert command("embed", "low.wav", "--model", backbone_file).returncode == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--model", "words/gru"], ["gru.onnx", "has no embeddings"]),
        (["--model", "gone.onnx"], ["gone.onnx", "no such model"]),
        (["--to", "hdf5"], ["--to hdf5", "choose among npy, parquet"]),
    ],
)
def test_mistakes_are_one_line(command, words, says):
    done = command("embed", "low.wav", "more/high.wav", *words)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    for text in ("earmark: ", *says):
        assert text in line


def test_parquet_without_pyarrow(command, monkeypatch):
    monkeypatch.setattr("earmark.formats.embeddings.find_spec", lambda name: None)
    done = command("embed", "low.wav", "--to", "parquet")
    assert done.returncode == 1
    assert "pip install 'earmark[archive]'" in done.stderr


def test_a_folder_that_cannot_be_written(command, place):
    done = command("embed", "low.wav", "--out", "bad.wav/x")
    assert done.returncode == 1
    assert "cannot be written" in done.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Where the first model file that is made of the weights is kept: making it takes a second."""
    return tmp_path_factory.mktemp("made") / "mn04_as.onnx"


class TestFirstUse:
    """The model file is made when it is needed, of weights that are here."""

    @pytest.fixture(autouse=True)
    def empty(self, place, monkeypatch):
        (place / "cache" / "pretrained" / "mn04_as.onnx").unlink()
        monkeypatch.delenv("EARMARK_PRETRAINED", raising=False)

    def test_without_weights(self, command):
        done = command("embed", "low.wav")
        assert done.returncode == 1
        assert done.stderr.startswith("earmark: mn04_as: is not in the cache")
        assert "`earmark models get mn04_as`" in done.stderr

    @pytest.fixture
    def made_once(self, made, monkeypatch):
        """Later ones are copies of the first."""
        from earmark.training import backbone

        make = backbone.export

        def export(network, about, path):
            if made.exists():
                path.write_bytes(made.read_bytes())
            else:
                make(network, about, path)
                made.write_bytes(path.read_bytes())

        monkeypatch.setattr(backbone, "export", export)

    @pytest.mark.shared
    @pytest.mark.usefixtures("made_once")
    @pytest.mark.parametrize("name", ["label", "embed"])
    def test_with_weights(self, command, place, pretrained, monkeypatch, name):
        monkeypatch.setenv("EARMARK_PRETRAINED", str(pretrained))
        done = command(name, "low.wav", "--model", "mn04_as")
        assert done.returncode == 0, done.stderr
        assert (place / "cache" / "pretrained" / "mn04_as.onnx").is_file()

    @pytest.mark.shared
    @pytest.mark.usefixtures("made_once")
    def test_got_from_a_copy_that_is_named(self, command, place, pretrained, monkeypatch):
        monkeypatch.setenv("EARMARK_PRETRAINED", str(pretrained))
        done = command("models", "get", "mn04_as")
        path = place / "cache" / "pretrained" / "mn04_as.onnx"
        assert done.returncode == 0
        assert done.stdout == f"{pretrained}\n"
        assert "nothing was fetched" in done.stderr
        assert f"Model file, for --model mn04_as: {path}" in done.stderr
        assert f"model file: {path}" in command("models", "mn04_as").stdout

    @pytest.mark.shared
    def test_without_torch(self, command, pretrained, monkeypatch):
        from earmark.cli import common

        monkeypatch.setenv("EARMARK_PRETRAINED", str(pretrained))
        monkeypatch.setattr(common, "find_spec", lambda name: None if name == "torch" else sys.modules[__name__])
        done = command("label", "low.wav", "--model", "mn04_as")
        assert done.returncode == 1
        assert "torch, which a model file of mn04_as is made with, is not installed here" in done.stderr.replace(
            ":", ""
        )
        assert "pip install 'earmark[train]'" in done.stderr
