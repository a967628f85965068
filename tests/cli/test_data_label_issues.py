"""`earmark data label-issues`: from a folder of clips to the table that training obeys, and back."""

import csv
import json
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

TRAINING = Path(__file__).parents[1] / "training"
sys.path.insert(0, str(TRAINING))
from sounds import SMALL, write_dataset  # noqa: E402

ODD = "hiss/odd one #1.wav"
pytestmark = pytest.mark.usefixtures("rough_pictures")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Hiss, rumble and tones; one tone lies among the hiss."""
    root = tmp_path_factory.mktemp("suspects")
    write_dataset(root / "my sounds", each=9)
    (root / "my sounds" / "tone" / "tone_3.wav").rename(root / "my sounds" / ODD)
    return root


@pytest.fixture(scope="module")
def done(place, early_command, rough_pictures):
    """What the whole command said and left, once for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("EARMARK_CACHE", str(place / "cache"))
        return early_command("data", "label-issues", "my sounds/", *SMALL, "--folds", 3, "--jobs", 1, "--top", 7)


@pytest.fixture
def earmark(place, command, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setenv("EARMARK_CACHE", str(place / "cache"))
    return command


@pytest.fixture
def suspects(earmark):
    return lambda *words: earmark("data", "label-issues", *words)


@pytest.fixture
def run_folder(done, place):
    (folder,) = (place / "runs" / "suspects_my_sounds").iterdir()
    return folder


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def cards_of(page):
    cards = []

    class Cards(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag == "article":
                cards.append(dict(attrs))

    Cards().feed(page.read_text(encoding="utf-8"))
    return cards


def test_what_lies_in_the_wrong_folder_is_the_first_suspect(done, place, run_folder):
    assert done.returncode == 0, done.stderr
    home = Path("my_sounds-suspects")
    assert done.stdout.splitlines()[0].startswith("Ranked 27 clips; confident learning doubts ")
    assert done.stdout.splitlines()[1:] == [
        f"Run: {run_folder.relative_to(place)}",
        f"Table: {home / 'suspects.csv'}",
        f"Page: {home / 'suspects.html'}",
    ]
    rows = read(place / home / "suspects.csv")
    assert len(rows) == 27
    assert (rows[0]["path"], rows[0]["label"], rows[0]["guess"], rows[0]["rank"]) == (ODD, "hiss", "tone", "1")
    assert [card["data-path"] for card in cards_of(place / home / "suspects.html")] == [r["path"] for r in rows[:7]]


def test_the_run_keeps_all_scores(done, run_folder):
    with np.load(run_folder / "scores.npz") as kept, (run_folder / "predictions.csv").open(newline="") as file:
        predictions = list(csv.DictReader(file))
        assert kept["path"].tolist() == [row["path"] for row in predictions]
        assert kept["labels"].tolist() == ["hiss", "rumble", "tone"]
        best = [kept["labels"][i] for i in kept["scores"].argmax(1)]
        assert best == [row["predicted"] for row in predictions]
        assert kept["scores"].sum(1) == pytest.approx(np.ones(27), abs=1e-3)
    recipe = (run_folder / "recipe.yaml").read_text()
    assert "protocol: stratified" in recipe
    assert len(json.loads((run_folder / "metrics.json").read_text())["divisions"]) == 3


def test_again_from_the_run_keeps_decisions(suspects, done, place, run_folder, tmp_path):
    out = tmp_path / "sheet"
    assert suspects("my sounds", "--run", run_folder, "--out", out).returncode == 0
    table = out / "suspects.csv"
    rows = read(table)
    first = {row["path"]: row["score"] for row in rows}
    rows[0] |= {"decision": "relabel", "relabel": "tone"}
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    (out / "marks.csv").write_text(f"path,decision\n{rows[5]['path']},drop\n")
    again = suspects("my sounds", "--run", run_folder, "--out", out, "--top", "2", "--first", "3")
    assert again.returncode == 0
    new = read(table)
    assert {row["path"]: row["score"] for row in new} == first
    decided = {row["path"]: (row["decision"], row["relabel"]) for row in new if row["decision"]}
    assert decided == {ODD: ("relabel", "tone"), rows[5]["path"]: ("drop", "")}
    page = out / "suspects.html"
    assert [card["data-rank"] for card in cards_of(page)] == ["3", "4"]
    assert ODD in page.read_text()  # whose decision the downloaded table holds too


def test_training_obeys(earmark, done, place, tmp_path):
    marks = tmp_path / "marks.csv"
    marks.write_text(f"path,decision,relabel\n{ODD},relabel,tone\nrumble/rumble_0.wav,drop,\nrumble/gone.wav,drop,\n")
    words = ["train", "my sounds/", f"dataset.0.marks={marks}", *SMALL, "training.epochs=1", "split.held_out=0.9"]
    trained = earmark(*words, "--out", tmp_path / "runs", "--jobs", 1)
    assert trained.returncode == 0, trained.stderr
    assert "1 row matches no clip of the dataset, such as line 4, gone.wav" in trained.stderr
    (folder,) = (tmp_path / "runs" / "my_sounds").iterdir()
    assert json.loads((folder / "metrics.json").read_text())["clips"] == 26
    labels = {row["path"]: row["label"] for row in read(folder / "predictions.csv")}
    assert "rumble/rumble_0.wav" not in labels
    assert labels.get(ODD, "tone") == "tone"
    assert f"marks: {marks}" in (folder / "recipe.yaml").read_text()


def test_a_table_of_excerpts_by_a_recipe(suspects, done, place, tmp_path):
    listed = place / "excerpts.csv"
    lines = [
        f"{p.relative_to(place)},{s},{s + 0.5},{p.parent.name}"
        for p in sorted(place.glob("my sounds/*/*_[0-4].wav"))
        for s in (0.0, 0.5)
    ]
    listed.write_text("\n".join(["path,start,end,labels", *lines]) + "\n")
    recipe = tmp_path / "own.yaml"
    recipe.write_text("dataset: {path: elsewhere}\nsplit: {protocol: grouped}\nexport: {final: all}\n")
    words = ["excerpts.csv", *SMALL, "training.epochs=1", "--recipe", recipe, "--folds", 2]
    made = suspects(*words, "--top", 3, "--jobs", 1)
    assert made.returncode == 0, made.stderr
    home = place / "excerpts-suspects"
    rows = read(home / "suspects.csv")
    assert len(rows) == 28
    assert {(row["start"], row["end"]) for row in rows} == {("", "0.5"), ("0.5", "1.0")}
    assert len(list((home / "audio").glob("*.flac"))) == 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere"], ["nowhere", "no such dataset"]),
        (["my sounds", "--run", "my sounds"], ["metrics.json", "cannot be read"]),
        (["my sounds", "--run", "runs", "--recipe", "r.yaml"], ["--run", "trains nothing"]),
        (["my sounds", "training.epoch=1"], ["unknown key training.epoch"]),
        (["my sounds", "--recipe", "gone.yaml"], ["gone.yaml", "cannot be read"]),
        (["my sounds", "-o", "source"], ["--option source", "KEY=VALUE"]),
        (["my sounds", "--out", "my sounds/hiss/hiss_0.wav"], ["hiss_0.wav", "cannot be made"]),
    ],
)
def test_mistakes_are_told_in_one_line(suspects, words, says):
    done = suspects(*words)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("earmark: ")
    for text in says:
        assert text in line


def test_more_mistakes_with_a_run(suspects, done, run_folder, tmp_path):
    far = suspects("my sounds", "--run", run_folder, "--out", tmp_path / "a", "--first", "28")
    assert "--first: there are only 27 clips" in far.stderr
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "suspects.csv").write_text("path,decision\nx,maybe\n")
    spoilt = suspects("my sounds", "--run", run_folder, "--out", tmp_path / "b")
    assert "line 2, column decision: 'maybe'" in spoilt.stderr
    assert (tmp_path / "b" / "suspects.csv").read_text() == "path,decision\nx,maybe\n"


def test_a_run_that_leaks_is_refused(suspects, done, run_folder, tmp_path):
    leaky = tmp_path / "leaky"
    leaky.mkdir()
    for name in ("metrics.json", "scores.npz"):
        (leaky / name).write_bytes((run_folder / name).read_bytes())
    recipe = (run_folder / "recipe.yaml").read_text()
    (leaky / "recipe.yaml").write_text(recipe.replace("protocol: stratified", "protocol: random_after_augmentation"))
    told = suspects("my sounds", "--run", leaky, "--out", tmp_path / "out")
    assert "on copies of what they had learnt" in told.stderr
    assert not (tmp_path / "out").exists()


class TestByAudioSet:
    """Without training; the backbone is a small one of random weights, so it is no judge."""

    @pytest.fixture(autouse=True)
    def backbone(self, earmark, tmp_path, monkeypatch, backbone_file):
        monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "cache"))
        (tmp_path / "cache" / "pretrained").mkdir(parents=True)
        (tmp_path / "cache" / "pretrained" / "mn04_as.onnx").write_bytes(backbone_file.read_bytes())

    def test_alone(self, suspects, tmp_path):
        mapped = ("--map", "rumble=Thunder", "--map", "tone=Sine wave")
        made = suspects("my sounds", "--by", "audioset", *mapped, "--out", tmp_path / "out", "--top", 3)
        assert made.returncode == 0, made.stderr
        assert made.stdout.splitlines()[0].startswith("Ranked 27 clips")
        assert "Run:" not in made.stdout
        rows = read(tmp_path / "out" / "suspects.csv")
        assert len(rows) == 27
        assert [float(row["score"]) for row in rows] == sorted(float(row["score"]) for row in rows)
        assert {row["guess"] for row in rows} <= {"hiss", "rumble", "tone"}
        assert len(cards_of(tmp_path / "out" / "suspects.html")) == 3

    def test_labels_without_a_class_are_told(self, suspects, tmp_path, place):
        root = tmp_path / "odd sounds"
        for folder, name in (("hiss", "hiss"), ("my_machine", "rumble")):
            (root / folder).mkdir(parents=True)
            for clip in (place / "my sounds" / name).glob(f"{name}_*.wav"):
                (root / folder / clip.name).write_bytes(clip.read_bytes())
        made = suspects(root, "--by", "audioset", "--out", tmp_path / "out")
        assert made.returncode == 0, made.stderr
        assert "AudioSet has no class by the name of my_machine; name one with --map LABEL=CLASS" in made.stderr
        assert "9 clips have labels that no class stands for, and are not ranked" in made.stderr
        assert {row["label"] for row in read(tmp_path / "out" / "suspects.csv")} == {"hiss"}

    def test_together_with_a_run(self, suspects, done, run_folder, tmp_path):
        words = (
            "my sounds",
            "--by",
            "both",
            "--run",
            run_folder,
            "--map",
            "tone=Beep, bleep",
            "--out",
            tmp_path / "out",
        )
        made = suspects(*words)
        assert made.returncode == 0, made.stderr
        rows = read(tmp_path / "out" / "suspects.csv")
        assert len(rows) == 27
        assert rows[0]["path"] == ODD  # random weights are no evidence, and the networks know

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["--by", "audioset", "--run", "runs"], ["--run", "choose --by both"]),
            (["--by", "audioset", "--recipe", "r.yaml"], ["--by audioset", "trains nothing"]),
            (["--map", "tone=Beep"], ["--map", "choose --by audioset"]),
            (["--by", "audioset", "--map", "tone"], ["--map tone", "LABEL=CLASS"]),
            (["--by", "audioset", "--map", "bell=Bell"], ["--map bell", "is no label of my_sounds"]),
            (["--by", "audioset", "--map", "tone=zebra"], ["zebra", "is no class of AudioSet"]),
        ],
    )
    def test_mistakes(self, suspects, words, says):
        told = suspects("my sounds", *words)
        assert told.returncode == 1
        (line,) = told.stderr.splitlines()
        for text in says:
            assert text in line

    def test_without_the_backbone(self, suspects, tmp_path, monkeypatch):
        monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "none"))
        monkeypatch.delenv("EARMARK_PRETRAINED", raising=False)
        told = suspects("my sounds", "--by", "audioset", "--out", tmp_path / "out")
        assert told.returncode == 1
        assert "`earmark models get mn04_as`" in told.stderr


def test_help_has_examples(suspects):
    told = suspects("--help")
    assert told.returncode == 0
    assert "earmark data label-issues my_sounds/" in told.stdout
