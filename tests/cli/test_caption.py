"""`earmark caption`: languages, a user's phrases, the dialogue's file, the preview."""

import av
import media_files
import numpy as np
import pysubs2
import pytest
from media_files import Track
from PIL import Image

DIALOGUE = "1\n00:00:00,500 --> 00:00:01,500\nHello\n\n2\n00:00:05,000 --> 00:00:05,900\nBye\n\n"


@pytest.fixture(scope="module")
def video():
    """The content of a video with a low tone from 2 to 5 s."""
    sound = Track(media_files.sine(3.0, 48_000, 500.0), 48_000, "aac", at=((0, 2.0),))
    return media_files.write(None, "mp4", sound, video=6.0)


@pytest.fixture
def folder(tmp_path, video):
    """The video and its dialogue."""
    (tmp_path / "holiday.mp4").write_bytes(video)
    (tmp_path / "holiday.srt").write_text(DIALOGUE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def caption(command, folder, low_high_file):
    return lambda *words: command("caption", folder / "holiday.mp4", "--model", low_high_file, *words)


def failed(done, *words):
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    for word in words:
        assert word in done.stderr


def test_own_phrases(caption, folder):
    mine = folder / "mine.toml"
    mine.write_text('[phrases]\nlow = ["hoot", "hooting", "still hooting"]', encoding="utf-8")
    assert "\n[hooting]\n" in caption("--phrases", mine, "--out", "-").stdout
    assert "\n[low: 소리가 계속된다]\n" not in caption("--language", "ko", "--out", "-").stdout
    mine.write_text("[phrases]\nlow = 3", encoding="utf-8")
    failed(caption("--phrases", mine), "mine.toml", "low has no three phrases")


def test_phrases_for_labels_that_nothing_has_are_named(caption, folder):
    mine = folder / "mine.toml"
    three = '["a", "b", "c"]'
    mine.write_text(f'[phrases]\nlow = {three}\ndog = {three}\nlaw = {three}\n[priority]\nhihg = "alarm"')
    done = caption("--phrases", mine, "--out", "-")
    assert done.returncode == 0
    assert done.stderr == f"earmark: {mine}: not known to the model, so never said: hihg, law\n"


def test_dialogue_and_sounds_in_one_file(caption, folder):
    done = caption("--merge", folder / "holiday.srt")
    assert done.returncode == 0, done.stderr
    assert "holiday.sdh.srt: 1 caption\n" in done.stderr
    lines = (folder / "holiday.sdh.srt").read_text(encoding="utf-8").splitlines()
    assert lines[:3] == ["1", "00:00:00,500 --> 00:00:01,500", "Hello"]
    assert lines[6] == "[low]"
    assert lines[-4:] == ["3", "00:00:05,000 --> 00:00:05,900", "Bye", ""]
    assert (folder / "holiday.srt").read_text(encoding="utf-8") == DIALOGUE
    done = caption("--merge", folder / "holiday.srt", "--to", "vtt", "--out", "-")
    assert done.stdout.startswith("WEBVTT\n\nNOTE Sounds marked by Earmark")
    assert "00:00:05.000 --> 00:00:05.900\nBye" in done.stdout
    (folder / "holiday.vtt").write_text(done.stdout, encoding="utf-8")
    done = caption("--merge", folder / "holiday.vtt", "--out", "-")  # as the dialogue is
    assert done.stdout.startswith("WEBVTT\n")


def test_dialogue_is_never_replaced(caption, folder):
    own = folder / "holiday.sdh.srt"
    own.write_text(DIALOGUE, encoding="utf-8")
    failed(caption("--merge", own, "--overwrite"), "is the dialogue itself", "--out")
    assert own.read_text(encoding="utf-8") == DIALOGUE


def test_recordings_of_one_name_do_not_replace_each_others_captions(command, folder, low_high_file):
    video, other = folder / "holiday.mp4", folder / "holiday.m4v"
    other.write_bytes(video.read_bytes())
    done = command("caption", video, other, "--model", low_high_file)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first == f"{folder / 'holiday.vtt'}: 1 caption"
    assert second.startswith(f"earmark: {other}: has the name of another: ")


def test_a_file_that_cannot_be_replaced_is_told_before_the_work(command, folder):
    (folder / "broken.mp4").write_text("no video")
    (folder / "broken.vtt").write_text("WEBVTT\n")
    failed(command("caption", folder / "broken.mp4"), "broken.vtt", "is there already")


def test_dialogue_in_an_old_encoding(caption, folder):
    path = folder / "ru.srt"
    path.write_bytes(DIALOGUE.replace("Hello", "Привет").encode("cp1251"))
    failed(caption("--merge", path, "--out", "-"), "ru.srt", "--encoding", "cp1251 (Russian)")
    assert "Привет" in caption("--merge", path, "--encoding", "cp1251", "--out", "-").stdout


def test_captions_go_into_a_copy_of_the_video(caption, folder):
    done = caption("--mux", folder / "copy.mkv", "--language", "pl", "--to", "srt")
    assert done.returncode == 0, done.stderr
    assert "copy.mkv: 1 caption\n" in done.stderr
    assert not (folder / "holiday.vtt").exists()
    with av.open(folder / "copy.mkv") as container:
        (track,) = container.streams.subtitles
        assert track.language == "pol"
        (shown,) = [bytes(packet).decode() for packet in container.demux(track) if packet.size]
    assert shown == "[low]"
    failed(caption("--mux", folder / "copy.mkv"), "copy.mkv", "--overwrite")
    failed(caption("--mux", folder / "copy.avi"), "copy.avi")


def test_a_copy_keeps_colours_where_it_can_and_says_where_it_cannot(caption, folder):
    look = "--preset", "french", "--position", "top"
    done = caption("--mux", folder / "copy.mkv", *look)
    assert "without colours" not in done.stderr
    with av.open(folder / "copy.mkv") as container:
        (shown,) = [bytes(packet).decode() for packet in container.demux(container.streams.subtitles[0]) if packet.size]
    assert shown == '{\\an8}<font color="#ff0000">Low</font>'
    assert "copy.mp4: holds captions without colours" in caption("--mux", folder / "copy.mp4", *look).stderr


@pytest.mark.parametrize("kind", ["vtt", "srt", "ass", "ttml"])
def test_earmarks_own_captions_are_made_again(caption, folder, kind):
    (folder / "holiday.srt").unlink()
    for _ in range(2):
        done = caption("--to", kind)
        assert done.returncode == 0, done.stderr


def test_recordings_of_one_name_have_their_own_files_in_a_folder(command, folder, low_high_file):
    content = (folder / "holiday.mp4").read_bytes()
    files = [
        folder / "holiday.mp4",
        folder / "north" / "site" / "holiday.mp4",
        folder / "north" / "site" / "holiday.m4v",
    ]
    for file in files[1:]:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    out = folder / "out"
    done = command("label", folder, "--model", low_high_file, "--plot", out, "--to", "rttm", "--out", out)
    assert done.returncode == 0, done.stderr
    done = command("caption", *files, "--model", low_high_file, "--out", out)
    assert done.returncode == 0, done.stderr
    names = ["holiday", "north/site/holiday.m4v", "north/site/holiday.mp4"]
    made = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert made == sorted(f"{name}.{kind}" for name in names for kind in ("png", "rttm", "vtt"))


def test_a_copy_and_a_file(caption, folder):
    done = caption("--mux", folder / "copy.mp4", "--out", folder / "captions", "--merge", folder / "holiday.srt")
    assert done.returncode == 0, done.stderr
    assert (folder / "captions" / "holiday.sdh.srt").is_file()
    with av.open(folder / "copy.mp4") as container:
        texts = [bytes(packet)[2:].decode() for packet in container.demux(container.streams.subtitles[0])]
    assert [text for text in texts if text] == ["Hello", "[low]", "Bye"]


def test_a_preview_shows_the_first_caption(caption, folder):
    done = caption("--burn-preview", folder / "look.png")
    assert done.returncode == 0, done.stderr
    bare = caption("--burn-preview", folder / "bare.png", "--at", "0.2", "--overwrite")
    assert bare.returncode == 0, bare.stderr
    look, empty = (np.asarray(Image.open(folder / name).convert("L"), int) for name in ("look.png", "bare.png"))
    assert look.shape == empty.shape
    assert (np.abs(look - empty) > 60).any()
    assert bare.stderr.endswith("bare.png: no caption stands there at 0.2 s\n")


def test_no_preview_of_what_is_after_the_end(caption, folder):
    done = caption("--burn-preview", folder / "look.png", "--at", "900", "--out", "-")
    failed(done, "--at 900: is after the end of", "a moment up to 6.0 s")
    assert not (folder / "look.png").exists()


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--at", "3"], "--burn-preview"),
        (["--encoding", "cp1253"], "--merge"),
        (["--burn-preview", "look.jpg"], "end it in .png"),
        (["--merge", "none.srt"], "cannot be opened"),
        (["--to", "doc"], "--to doc"),
        (["--to", "ass", "--mux", "copy.mkv"], "with --mux, use vtt or srt"),
        (["--preset", "loud"], "plain, youtube, french"),
    ],
)
def test_mistakes_are_told_in_one_line(caption, words, what):
    done = caption(*words)
    assert done.returncode == 1
    assert what in done.stderr.splitlines()[-1]


def test_dialogue_is_of_one_video(command, folder, low_high_file):
    video = folder / "holiday.mp4"
    failed(command("caption", video, video, "--merge", folder / "holiday.srt", "--model", low_high_file), "one video")


def test_a_name_that_ends_as_the_file_does_is_a_file(caption, folder):
    failed(caption("--to", "srt", "--out", folder / "m.vtt"), "m.vtt", "is no name of a srt file")
    done = caption("--out", folder / "m.srt")
    assert done.returncode == 0, done.stderr
    assert (folder / "m.srt").read_text().startswith("1\n")
    assert caption("--out", folder / "new" / "M.VTT").returncode == 0
    assert (folder / "new" / "M.VTT").read_text().startswith("WEBVTT")
    (folder / "dir.vtt").mkdir()
    assert caption("--out", folder / "dir.vtt").returncode == 0
    assert [path.suffix for path in (folder / "dir.vtt").iterdir()] == [".vtt"]


def test_density_is_one_of_three(caption):
    assert "[low]" in caption("--density", "few", "--out", "-").stdout
    failed(caption("--density", "some"), "--density", "few, normal, all")


def test_looks_are_those_of_the_page(caption, folder):
    """In every file, in a copy of the video, and on the preview."""
    look = ["--preset", "french", "--position", "top", "--overwrite"]
    done = caption(*look, "--mux", folder / "copy.mkv", "--to", "srt", "--burn-preview", folder / "look.png")
    assert done.returncode == 0, done.stderr
    with av.open(folder / "copy.mkv") as container:
        (shown,) = [bytes(p).decode() for p in container.demux(container.streams.subtitles[0]) if p.size]
    assert shown == '{\\an8}<font color="#ff0000">Low</font>'
    picture = np.asarray(Image.open(folder / "look.png").convert("RGB"), int)
    red = picture[..., 0] - picture[..., 1:].max(axis=2) > 70
    assert red[: len(red) // 5].sum() > 20
    assert red[len(red) // 5 :].sum() == 0
    assert "Style: sound," in caption("--to", "ass", "--out", "-").stdout
    assert caption("--to", "ttml", "--preset", "youtube", "--out", folder).returncode == 0
    assert ">[Low]<" in (folder / "holiday.ttml").read_text(encoding="utf-8")


def test_a_script_gets_sounds_and_keeps_the_rest(caption, folder):
    script = pysubs2.SSAFile.load(str(folder / "holiday.srt"))
    script.styles["Default"].fontname = "Gentium"
    script.save(str(folder / "film.ass"))
    done = caption("--merge", folder / "film.ass")
    assert done.returncode == 0, done.stderr
    merged = (folder / "holiday.sdh.ass").read_text(encoding="utf-8")
    assert all(line in merged for line in (folder / "film.ass").read_text(encoding="utf-8").splitlines())
    assert [one.plaintext for one in pysubs2.SSAFile.from_string(merged)] == ["Hello", "Bye", "[low]"]
