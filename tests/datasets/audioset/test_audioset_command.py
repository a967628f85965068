import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from audioset_making import ontology_file, segment, segments_file
from faulty_media_server import FaultyServer, file_options

from earmark.datasets import tables
from earmark.datasets.audioset import videos

pytestmark = pytest.mark.usefixtures("rough_pictures")

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "results" / "instruments"
COUNTS = RESULTS / "audioset_counts.json"
FIVE = [word for name in ("brass", "drum kit", "guitar", "piano", "violin") for word in ("--include", name)]


@pytest.fixture
def data(tmp_path):
    """A data folder with a small AudioSet: ten guitars, ten pianos, one of both, and speech. Clips last a second."""
    folder = tmp_path / "data" / "audioset"
    guitars = [segment(n, "Guitar", "Speech") for n in range(10)]
    pianos = [segment(n, "Electric piano") for n in range(10, 20)]
    others = [segment(20, "Guitar", "Piano"), segment(21, "Speech")]
    listed = [replace(one, start=1.0, end=2.0) for one in guitars + pianos + others]
    segments_file(folder / "balanced_train_segments.csv", listed)
    ontology_file(folder)
    return folder.parent


@pytest.fixture
def audioset(command, data, monkeypatch):
    monkeypatch.setattr(videos, "_options", file_options)

    def run(*words):
        return command("data", "audioset", "--data-dir", data, "--part", "balanced", *words)

    return run


def test_counts(audioset):
    done = audioset("--include", "guitar", "--include", "piano", "--exclude", "violin", "--dry-run", "--to", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    guitar, piano = found["classes"]
    assert guitar["clips"] == {
        "itself": 11, "descendants": 11, "without": 11, "excluded": 11, "alone": 10, "taken": 10,
    }  # fmt: skip
    assert piano["clips"]["itself"] == 1
    assert piano["clips"]["descendants"] == 11
    assert guitar["together"] == [{"class": "Speech", "clips": 10}, {"class": "Piano", "clips": 1}]
    assert found["rules"]["excluded"] == ["Violin, fiddle"]
    assert found["plan"]["clips"] == 20


def test_options_change_the_counts(audioset):
    words = ("--include", "guitar", "--include", "piano", "--dry-run")
    table = audioset(*words, "--allow-several", "--exact").stdout
    assert "with below  without" not in table
    assert ["guitar", "11", "11", "11", "11", "1"] in [line.split()[:6] for line in table.splitlines()]
    done = audioset(*words, "--exclude", "speech", "--per-class", 3)
    assert "Candidates run out before there are 3 clips: guitar 0 at most, some 0 if 16% are gone." in done.stdout


def test_what_can_be_had_where_candidates_run_out(audioset):
    """Of ten guitars and ten pianos, 16 % of which are gone, some eight can be had."""
    words = ("--include", "guitar", "--include", "piano", "--dry-run")
    told = audioset(*words, "--per-class", 9).stdout
    assert "before there are 9 clips: guitar 9 at most, some 8 if 16% are gone; piano 9 at most, some 8" in told
    assert "For as many of each: --per-class 8, or more tables." in told
    assert "At most 18 clips" in told
    assert "asking for about 20." in told
    enough = audioset(*words, "--per-class", 8).stdout
    assert "run out" not in enough
    assert "At most" not in enough
    found = json.loads(audioset(*words, "--per-class", 30, "--to", "json").stdout)
    assert [one["clips"]["taken"] for one in found["classes"]] == [10, 10]
    assert [one["likely"] for one in found["classes"]] == [8, 8]


@pytest.mark.parametrize(
    "name", ['"Violin, fiddle"', "'Violin, fiddle'", 'Guitar,"Violin, fiddle"', '-"Violin, fiddle"']
)
def test_names_with_commas_may_stand_in_quotes(audioset, name):
    found = json.loads(audioset("--include", f"a=Guitar,{name}", "--dry-run", "--to", "json").stdout)
    (one,) = found["classes"]
    assert "Violin, fiddle" in one["without" if name.startswith("-") else "named"]


def test_a_class_within_another_is_told_in_one_line(audioset):
    words = ("--dry-run", "--include", "percussion", "--include", "drum kit")
    said = audioset(*words, "--exact").stderr.strip()
    assert said.startswith(
        "earmark: drum_kit: lies within percussion, and so each of its clips holds both, with --exact"
    )
    assert audioset(*words, "--allow-several").returncode == 0


def test_the_picture(audioset, tmp_path):
    done = audioset("--include", "guitar", "--dry-run", "--plot", tmp_path / "together.png")
    assert (tmp_path / "together.png").read_bytes().startswith(b"\x89PNG")
    assert str(tmp_path / "together.png") in done.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--include", "guitar"), "needs a folder for the clips; give --out, or count with --dry-run"),
        (("--dry-run",), "needs a class; name one with --include"),
        (("--dry-run", "--include", "guittar"), "guittar: is no class of AudioSet; did you mean Guitar"),
        (("--dry-run", "--preset", "noises"), "--preset noises: is unknown; choose among instruments"),
        (("--dry-run", "--include", "guitar", "--plot", "a.jpg"), "a.jpg: is no name for a .png file"),
        (("--dry-run", "--include", "guitar", "--segments", "nowhere.csv"), "nowhere.csv: cannot be read"),
        (("--dry-run", "--include", "guitar", "--ontology", "nowhere.json"), "nowhere.json: cannot be read"),
        (("--out", "a", "--include", "drum kit"), "drum_kit: no clip is left; take more tables"),
        (("--out", "a", "--include", "guitar", "--video-url", "http://a/"), "http://a/: has no place for a video"),
    ],
)
def test_mistakes_are_one_line(audioset, words, reason):
    done = audioset(*words)
    assert done.returncode == 1
    assert reason in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_clips_are_acquired_and_gone_ones_replaced(audioset, data, tmp_path):
    few = [segment(n, "Guitar" if n < 5 else "Piano") for n in range(10)]
    segments_file(data / "audioset" / "balanced_train_segments.csv", [replace(one, start=1.0, end=2.0) for one in few])
    gone = {segment(n).video: "404" for n in (0, 3, 7)}
    with FaultyServer(gone) as server:
        words = ("--include", "guitar", "--include", "piano", "--per-class", 3, "--out", tmp_path / "clips")
        asking = ("--video-url", server.url, "--pause", 0, "--jobs", 2, "--rate", 8000)
        done = audioset(*words, *asking)
        assert done.returncode == 0, done.stderr
        clips = tables.read_clips(Path(done.stdout.strip())).clips
        assert [clip.labels for clip in clips] == [("guitar",)] * 3 + [("piano",)] * 3
        assert not {clip.source for clip in clips} & set(gone)
        assert "guitar: 3 of 3 clips" in done.stderr
        asked = server.requests.total()
        again = json.loads(audioset(*words, *asking, "--to", "json").stdout)
        assert again["fetched"] == 0
        assert again["outcomes"]["piano"]["done"] == 3
        assert server.requests.total() == asked, "nothing is fetched twice"
        more = audioset(*words[:4], "--per-class", 5, *words[6:], *asking)
    assert more.returncode == 0
    assert "guitar: 3 of 5 clips, 2 gone" in more.stderr
    assert "There are no more clips of guitar, piano" in more.stderr


def test_a_server_that_refuses_ends_the_run(audioset, tmp_path):
    with FaultyServer({segment(n).video: "429@1000" for n in range(30)}) as server:
        asking = ("--video-url", server.url, "--pause", 0, "--rate", 8000)
        done = audioset("--include", "guitar", "--out", tmp_path / "clips", *asking)
    assert done.returncode == 1
    assert "guitar: 0 of 11 clips" in done.stderr
    assert "run the same command" in done.stderr.splitlines()[-1]
    assert (tmp_path / "clips" / "clips.csv").is_file()


def test_as_a_process(data):
    words = ["data", "audioset", "--data-dir", str(data), "--part", "balanced", "--include", "guitar", "--dry-run"]
    code = "from earmark.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("clips")
    assert done.stderr == ""


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "words"),
    [("audioset_counts.json", ["--preset", "instruments"]), ("audioset_counts_plain.json", FIVE)],
)
def test_the_committed_counts_are_what_the_command_gives(shared, command, name, words):
    done = command("data", "audioset", "--data-dir", shared, "--part", "balanced", "--dry-run", "--to", "json", *words)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((RESULTS / name).read_text())


@pytest.mark.shared
def test_counts_of_the_published_table_by_hand(shared):
    """Parity: the same counts from the raw files, with nothing of ours."""
    folder = shared / "audioset"
    lines = (folder / "balanced_train_segments.csv").read_text().splitlines()[2:]
    carried = [set(line.split(",", 3)[3].strip('"').split(",")) for line in lines]
    sounds = {entry["name"]: entry for entry in json.loads((folder / "ontology.json").read_text())}
    names = {entry["id"]: name for name, entry in sounds.items()}

    def below(name):
        return {sounds[name]["id"]}.union(*(below(names[child]) for child in sounds[name]["child_ids"]))

    apart = {"brass": ("Wind instrument, woodwind instrument",), "piano": ("Organ",), "violin": ("Harp", "Zither")}
    counted = json.loads(COUNTS.read_text())["classes"]
    wanted = {one["label"]: below(one["named"][0]) for one in counted}
    assert list(wanted) == ["brass", "drum_kit", "guitar", "piano", "violin"]
    for one in counted:
        reach, (name,) = wanted[one["label"]], one["named"]
        without = set().union(*map(below, apart.get(one["label"], ())))
        rest = set().union(*(reached for label, reached in wanted.items() if label != one["label"]))
        clips = one["clips"]
        assert clips["itself"] == sum(sounds[name]["id"] in labels for labels in carried)
        assert clips["descendants"] == sum(bool(reach & labels) for labels in carried)
        left = [labels for labels in carried if reach & labels and not without & labels]
        assert clips["without"] == clips["excluded"] == len(left)
        assert clips["alone"] == sum(not rest & labels for labels in left)


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("audioset_counts.json", ("itself", "descendants", "without", "alone", "taken")),
        ("audioset_counts_plain.json", ("itself", "descendants", "alone")),
    ],
)
def test_the_docs_hold_the_counts(name, rules):
    text = (ROOT / "docs" / "audioset.md").read_text(encoding="utf-8")
    for one in json.loads((RESULTS / name).read_text())["classes"]:
        assert f"| {one['label']} | " + " | ".join(str(one["clips"][rule]) for rule in rules) + " |" in text
