"""`earmark words`: tables, files, cuts, pictures, playing."""

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
import parselmouth
import pytest
from hypothesis import given
from hypothesis import strategies as st
from voice_making import RATE, WORDS, loud_model, write_voice

from earmark import media
from earmark.cli import common
from earmark.datasets.ground_truth import truth_beside
from earmark.errors import EarmarkError
from earmark.formats.json_files import WordsJson
from earmark.speech.segmentation import Word, Words


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with two voices, what is no recording, and a model."""
    root = tmp_path_factory.mktemp("place")
    write_voice(root / "one.wav", *WORDS)
    write_voice(root / "two, really.wav", (0.3, 1.0, 200.0))
    write_voice(root / "still.wav")
    (root / "bad.wav").write_text("no sound")
    loud_model(root / "m.onnx")
    return root


@pytest.fixture
def words(command, place, monkeypatch):
    """Runs `earmark words` there with the model."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("EARMARK_SOUND", "null")
    return lambda *rest: command("words", *rest, "--classifier", "m.onnx")


def assert_one_line(done, *says):
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith("earmark: ")
    for text in says:
        assert text in line


def test_the_table(words):
    done = words("one.wav")
    assert (done.returncode, done.stderr) == (0, "")
    head, *rows, empty, speaker = done.stdout.splitlines()
    assert head.split()[:4] == ["word", "onset", "offset", "duration"]
    assert empty == ""
    for number, (row, (onset, offset, f0)) in enumerate(zip(rows, WORDS, strict=True), start=1):
        cells = row.split()
        assert cells[0] == str(number)
        assert [float(cell) for cell in cells[1:4]] == pytest.approx([onset, offset, offset - onset], abs=0.021)
        assert float(cells[4]) == pytest.approx(f0, rel=0.02)
    assert speaker.startswith("3 words; speaker's F0: mean 11")
    assert words("still.wav").stdout == "no words found\n"


def test_from_standard_input(words, place, monkeypatch):
    with (place / "one.wav").open("rb") as file:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
        done = words("-", "--to", "json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["classifier"] == "loud"
    assert len(found["words"]) == 3
    assert found["speaker_f0"]["voiced_seconds"] > 1


def test_what_goes_wrong_with_one_file_spares_the_others(words):
    done = words("gone.wav", "one.wav", "bad.wav", "two, really.wav", "--to", "csv")
    assert done.returncode == 1
    assert [line.split(":")[1] for line in done.stderr.splitlines()] == [" gone.wav", " bad.wav"]
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["recording"], row["word"]) for row in rows] == [
        ("one.wav", "1"),
        ("one.wav", "2"),
        ("one.wav", "3"),
        ("two, really.wav", "1"),
    ]
    assert float(rows[3]["f0"]) == pytest.approx(200, rel=0.02)


def test_several_tables_are_named(words):
    done = words("one.wav", "two, really.wav")
    assert "two, really.wav\nword" in done.stdout


def test_pauses_and_words_as_the_user_wants_them(words):
    assert len(json.loads(words("one.wav", "--pause", "0.4", "--to", "json").stdout)["words"]) == 2
    assert len(json.loads(words("one.wav", "--min-word", "0.35", "--to", "json").stdout)["words"]) == 2


def test_files_in_a_folder_that_praat_and_we_read_again(words, place, tmp_path):
    done = words("one.wav", "two, really.wav", "--to", "textgrid", "--out", tmp_path / "grids")
    assert done.returncode == 0
    grid = tmp_path / "grids" / "one.words.TextGrid"
    read = parselmouth.read(str(grid))
    assert parselmouth.praat.call(read, "Get label of interval", 1, 2) == "1"
    assert parselmouth.praat.call(read, "Get start time of interval", 1, 2) == pytest.approx(0.5, abs=0.021)
    grid.rename(tmp_path / "grids" / "one.TextGrid")
    assert len(truth_beside(tmp_path / "grids" / "one.wav").words) == 3
    done = words("one.wav", "two, really.wav", "--to", "json", "--out", tmp_path)
    assert {path.name for path in tmp_path.glob("*.json")} == {"one.words.json", "two, really.words.json"}
    assert truth_beside(tmp_path / "one.wav") is None


def test_a_ground_truth_is_not_replaced(words, tmp_path):
    truth = tmp_path / "one.words.json"
    with truth.open("w") as file:
        WordsJson().write(Words("one.wav", 3.0).with_words([Word(0.5, 0.9)]), file)
    before = truth.read_bytes()
    assert_one_line(words("one.wav", "--to", "json", "--out", tmp_path), "one.words.json", "ground truth", "--out")
    assert truth.read_bytes() == before
    truth.unlink()
    assert [words("one.wav", "--to", "json", "--out", tmp_path).returncode for _ in range(2)] == [0, 0]


def test_cut(words, place, tmp_path):
    done = words("one.wav", "two, really.wav", "--cut", tmp_path / "cut", "--to", "json")
    assert done.returncode == 0
    found = json.loads(done.stdout)[0]["words"]
    assert {path.name for path in (tmp_path / "cut").iterdir()} == {
        "one-001.wav", "one-002.wav", "one-003.wav", "two, really-001.wav"
    }  # fmt: skip
    for number, word in enumerate(found, start=1):
        samples = media.read(tmp_path / "cut" / f"one-{number:03}.wav", RATE)
        assert len(samples) == pytest.approx((word["offset"] - word["onset"] + 0.1) * RATE, abs=1)
        there = media.read(place / "one.wav", RATE, start=word["onset"] - 0.05, end=word["offset"] + 0.05)
        assert np.array_equal(samples, there)
    words("one.wav", "--cut", tmp_path / "tight", "--margin", "0")
    samples = media.read(tmp_path / "tight" / "one-001.wav", RATE)
    assert len(samples) == pytest.approx((found[0]["offset"] - found[0]["onset"]) * RATE, abs=1)


def test_words_of_two_recordings_of_one_name_do_not_replace_each_other(words, place, tmp_path):
    write_voice(tmp_path / "one.wav", (0.3, 1.0, 200.0))
    assert_cut = words("one.wav", tmp_path / "one.wav", "--cut", tmp_path / "cut")
    assert assert_cut.returncode == 1
    assert "one-001.wav is taken" in assert_cut.stderr
    assert len(list((tmp_path / "cut").iterdir())) == 3


@pytest.mark.usefixtures("rough_pictures")
def test_plot(words, place, tmp_path):
    done = words("one.wav", "--plot", tmp_path / "new" / "a.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "new" / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    words("one.wav", "two, really.wav", "--plot", tmp_path / "many")
    assert {path.name for path in (tmp_path / "many").iterdir()} == {"one.png", "two, really.png"}


@pytest.fixture
def played(monkeypatch):
    calls = []
    monkeypatch.setattr(media, "play_spans", lambda *given, **options: calls.append((*given, options)))
    return calls


@pytest.mark.parametrize(
    ("wanted", "heard"), [("3", [3]), ("2,1", [2, 1]), ("1-2, 3", [1, 2, 3]), ("all", [1, 2, 3]), ("2,2", [2, 2])]
)
def test_words_that_are_played(words, played, wanted, heard):
    assert words("one.wav", "--play", wanted, "--gap", "0.2").returncode == 0
    ((file, spans, options),) = played
    assert file == Path("one.wav")
    assert options == {"gap": 0.2, "track": 0}
    assert [span[0] for span in spans] == pytest.approx([WORDS[number - 1][0] for number in heard], abs=0.021)


def test_playing_to_nobody(words):
    done = words("one.wav", "--play", "2")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("wanted", ["4", "2-9", "0", "-1", "x", "1;2", "", "2-1", "1-", "1-2-3", "9" * 5000])
def test_words_that_are_not_there(words, played, wanted):
    done = words("one.wav", f"--play={wanted}")
    assert_one_line(done, f"--play {wanted}".strip())
    assert played == []
    says = "choose from 1 to 3" if wanted in ("4", "2-9") else "write 3, or 2,4-6, or all"
    assert says in done.stderr


def test_no_words_to_play(words, played):
    assert_one_line(words("still.wav", "--play", "1"), "there is no 1", "there are none")
    assert words("still.wav", "--play", "all").returncode == 0


@given(st.integers(1, 40), st.data())
def test_numbers(count, data):
    ends = st.tuples(st.integers(1, count), st.integers(1, count)).map(sorted)
    parts = data.draw(st.lists(ends, min_size=1, max_size=5))
    text = " ,".join(f"{a}" if a == b else f"{a} -{b}" for a, b in parts)
    assert common.chosen_numbers(text, count) == [n for a, b in parts for n in range(a, b + 1)]
    with pytest.raises(EarmarkError, match=f"there is no {count + 1}"):
        common.chosen_numbers(f"{text},{count + 1}", count)


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        (["one.wav", "--to", "doc"], ["--to doc", "textgrid"]),
        (["one.wav", "--out", "x"], ["--out", "--to"]),
        (["one.wav", "still.wav", "--to", "textgrid"], ["textgrid", "--out"]),
        (["one.wav", "--track", "3"], ["one.wav", "track 3"]),
        (["one.wav", "--cut", "bad.wav"], ["bad.wav"]),
        (["-", "--play", "1"], ["--play", "standard input"]),
        (["-", "--menu"], ["--menu", "standard input"]),
        (["one.wav", "--menu", "--plot", "a.png"], ["--plot", "--menu"]),
        (["nowhere", "--menu"], ["nowhere", "no such"]),
    ],
)
def test_mistakes_are_told_in_one_line(words, rest, says):
    assert_one_line(words(*rest), *says)


def test_models_of_something_else(command, place, low_high_file):
    assert_one_line(command("words", place / "one.wav", "--classifier", low_high_file), "no frame classifier")
    assert_one_line(command("words", place / "one.wav", "--classifier", "parrot"), "parrot")


def test_without_a_sound_device_the_table_is_printed_first(words, monkeypatch):
    import miniaudio

    def none(*_, **__):
        raise miniaudio.MiniaudioError("failed to init device", -401)

    monkeypatch.setattr(miniaudio, "PlaybackDevice", none)
    done = words("one.wav", "--play", "1")
    assert "3 words" in done.stdout
    assert_one_line(done, "no sound device")


def test_help_has_examples_and_names_the_variable(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    done = command("words", "--help")
    assert "earmark words " in done.stdout.partition("Examples:")[2]
    assert "EARMARK_SOUND" in done.stdout


@pytest.mark.shared
def test_real_speech_with_the_bundled_classifier(command, shared, tmp_path):
    file = shared / "speech_pauses" / "2014" / "pav_4161.flac"
    done = command("words", file, "--to", "json", "--plot", tmp_path / "a.png", "--pause", "0.2")
    assert done.returncode == 0
    found = json.loads(done.stdout)["words"]
    assert [(w["onset"], w["offset"]) for w in found] == [
        pytest.approx((0.465, 2.2), abs=0.15),
        pytest.approx((2.7775, 4.135), abs=0.15),
    ]


def test_f0_every_10_ms(words):
    rows = list(csv.DictReader(io.StringIO(words("one.wav", "--to", "csv", "--f0").stdout)))
    onset, offset, f0 = WORDS[0]
    inside = [float(row["f0"]) for row in rows if onset + 0.05 < float(row["time"]) < offset - 0.05]
    assert inside == pytest.approx([f0] * len(inside), rel=0.03)
    assert [rows[0]["f0"], rows[7]["time"]] == ["", "0.07"]
    found = json.loads(words("one.wav", "--to", "json", "--f0").stdout)
    assert found["f0_step"] == 0.01
    assert [("" if f0 is None else f"{f0:g}") for f0 in found["f0"]] == [row["f0"] for row in rows]
    assert len(found["words"]) == 3
    assert_one_line(words("one.wav", "--f0"), "--f0", "csv")


@pytest.mark.parametrize("kind", ["srt", "vtt", "ctm"])
def test_what_is_said_needs_a_text(words, tmp_path, kind):
    done = words("one.wav", "--to", kind, "--cut", tmp_path / "cut")
    assert_one_line(done, f"--to {kind}", "give it with --text")
    assert done.stdout == ""
    assert not (tmp_path / "cut").exists()


def test_a_file_of_a_text_that_is_not_there(words):
    assert_one_line(words("one.wav", "--text", "talk.txt"), "talk.txt: is not there")


def test_a_text_for_a_silent_recording(words):
    assert_one_line(words("still.wav", "--text", "one two"), "still.wav: has no speech in it")


def test_syllables_in_each_format_that_has_a_place_for_them(words, tmp_path):
    done = words("one.wav", "--syllables")
    assert done.stdout.splitlines()[-1] == "3 syllables, 2.3 a second of speech"
    found = json.loads(words("one.wav", "--syllables", "--to", "json").stdout)
    assert [time for time, (onset, offset, _) in zip(found["syllables"], WORDS, strict=True) if onset < time < offset]
    file = tmp_path / "one.TextGrid"
    file.write_text(words("one.wav", "--syllables", "--to", "textgrid").stdout)
    grid = parselmouth.Data.read(str(file))
    assert parselmouth.praat.call(grid, "Get number of tiers") == 2
    assert parselmouth.praat.call(grid, "Get tier name", 2) == "syllables"
    times = [parselmouth.praat.call(grid, "Get time of point", 2, number) for number in (1, 2, 3)]
    assert times == found["syllables"]
    assert_one_line(words("one.wav", "--syllables", "--to", "csv"), "--syllables", "textgrid")
    assert_one_line(words("one.wav", "--syllables", "--menu"), "--syllables", "--menu")


@pytest.mark.shared
def test_fluent_speech_is_told_of(command, shared):
    done = command("words", shared / "speech_pauses" / "2014" / "pav_4161.flac")
    assert done.returncode == 0
    assert "stretches of fluent speech, not single words" in done.stderr
    assert "--syllables" in done.stderr


EXAMPLE = Path(__file__).parents[2] / "examples" / "five_words.flac"


def test_a_text_gives_words_their_text(command, tmp_path):
    (tmp_path / "said.txt").write_text("Pound, Sunday.\nSixty F dollar!", encoding="utf-8-sig")
    done = command("words", EXAMPLE, "--text", tmp_path / "said.txt", "--to", "json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)["words"]
    truth = truth_beside(EXAMPLE).words
    assert [word["text"] for word in found] == ["Pound,", "Sunday.", "Sixty", "F", "dollar!"]
    assert [word["onset"] for word in found] == pytest.approx([word.onset for word in truth], abs=0.05)
    assert all(0 <= word["score"] <= 1 for word in found)
    done = command("words", EXAMPLE, "--text", "pound Sunday sixty F dollar", "--to", "ctm")
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[1:2] + row[4:5] for row in rows][2] == ["1", "sixty"]


def test_a_text_that_is_not_said_is_told_of(command):
    done = command("words", EXAMPLE, "--text", "nothing of what these many words say stands in that short recording")
    assert done.returncode == 0
    assert "does not seem to be a recording of this text" in done.stderr


def test_what_a_text_does_not_go_with(words, place):
    assert_one_line(words("one.wav", "two, really.wav", "--text", "one"), "--text", "one recording")
    assert_one_line(words("one.wav", "--to", "srt"), "--to srt", "--text")
    assert_one_line(words("one.wav", "--text", "..."), "has no words")
    assert_one_line(words("-", "--text", "one"), "--text", "standard input")


def test_a_picture_takes_no_recordings_place(command, tmp_path):
    import shutil
    from pathlib import Path

    example = Path(__file__).parents[2] / "examples" / "five_words.flac"
    mine = Path(shutil.copy(example, tmp_path / "mine.flac"))
    done = command("words", mine, "--plot", mine)
    assert done.returncode == 1
    assert "is no name for a .png file" in done.stderr
    assert mine.read_bytes() == example.read_bytes()
    done = command("words", mine, example, "--plot", tmp_path / "both.png")
    assert "is one file for several recordings" in done.stderr
