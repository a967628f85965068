"""Files that are made to have FFmpeg open other things, or compute for minutes."""

import gc
import io
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import wave
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
from media_files import Track, many_tags, sine, write
from model_making import tones, write_wav

from earmark import media
from earmark.archive.recordings import date_from_header
from earmark.datasets.audioset.ledger import ClipError
from earmark.datasets.audioset.videos import cut_span
from earmark.errors import MediaError
from earmark.live.sources import decoded
from earmark.media import decoding, probe
from earmark.media.opening import DEMUXERS, open_container
from earmark.media.probe import is_short, try_opening

EARMARK = [sys.executable, "-c", "from earmark.cli import main; main()"]


class Named(io.BytesIO):
    """What `open` gives, without a file."""

    def __init__(self, data, name):
        super().__init__(data)
        self.name = name


class Pipe:
    """A stream that cannot be sought in."""

    name = "pipe"

    def __init__(self, data):
        self.rest = io.BytesIO(data)
        self.read_so_far = 0

    def read(self, size):
        data = self.rest.read(size)
        self.read_so_far += len(data)
        return data


@pytest.fixture
def port():
    """A server that counts who asks for anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.fixture
def lures(tmp_path, port):
    """Texts by file name that FFmpeg takes for something that leads elsewhere."""
    with wave.open(str(tmp_path / "other.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16_000))
    there = f"http://127.0.0.1:{port.getsockname()[1]}/a.ts"
    other = tmp_path / "other.wav"
    sdp = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\n"
    hls = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
    return {
        "call.sdp": sdp,
        "call.wav": sdp,
        "radio.m3u8": hls.format(there),
        "radio.wav": hls.format(there),
        "local.m3u8": hls.format(other),
        "list.ffconcat": f"ffconcat version 1.0\nfile {other.name}\n",
        "list.wav": f"ffconcat version 1.0\nfile {other.name}\n",
        "remote.ffconcat": f"ffconcat version 1.0\nfile {there}\n",
        "sound.ffmeta": ";FFMETADATA1\ntitle=x\n",
        "film.mpd": f"<MPD><Period><BaseURL>{there}</BaseURL></Period></MPD>",
        "picture.svg": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{there}"/></svg>',
    }


def test_only_kinds_of_media_files_are_opened():
    for name in DEMUXERS:
        assert av.ContainerFormat(name, "r").is_input
    others = (
        "hls concat sdp rtsp rtp sap image2 image2pipe lavfi alsa oss fbdev webm_dash_manifest ffmetadata tty vobsub"
    )
    assert not set(DEMUXERS) & set(others.split())


def test_nothing_but_the_file_itself_is_opened(tmp_path, lures):
    for name, text in lures.items():
        path = tmp_path / name
        path.write_text(text)
        for source in (path, Pipe(text.encode())):
            is_refused(source)


def is_refused(source):
    with pytest.raises(MediaError, match=r"not opened here|not a recording that FFmpeg can read"):
        media.read(source, 8000)


@pytest.mark.usefixtures("untried")
def test_nor_is_it_from_memory_or_a_file_object(tmp_path, lures):
    for name, text in lures.items():
        path = tmp_path / name
        path.write_text(text)
        is_refused(text.encode())
        is_refused(Named(text.encode(), str(path)))
        with path.open("rb") as file:
            is_refused(file)


def test_a_playlist_is_called_one(tmp_path, lures):
    (tmp_path / "list.ffconcat").write_text(lures["list.ffconcat"])
    with pytest.raises(MediaError, match=r"list\.ffconcat: is of a kind .* playlist.*; give the recordings themselves"):
        media.read(tmp_path / "list.ffconcat", 8000)


@pytest.mark.usefixtures("untried")
def test_live_dates_and_spans_open_nothing_else_either(lures):
    for name, text in lures.items():
        data = text.encode()
        for container in (None, "matroska"):
            with pytest.raises(MediaError):
                list(decoded(Pipe(data), 8000, "stream", container))
        assert date_from_header(Named(data, name)) is None
        file = Named(data, name)
        file.check = lambda: None
        with pytest.raises(ClipError):
            cut_span(file, 0.0, 1.0, 8000)


@pytest.fixture
def archive(tmp_path, lures):
    """A folder of a recording and of files that are called recordings."""
    folder = tmp_path / "archive"
    folder.mkdir()
    write_wav(folder / "good.wav", tones(2.0, (0.5, 1.5, 300.0)))
    for name, text in lures.items():
        (folder / (Path(name).stem + Path(name).suffix[1:] + ".wav")).write_text(text)
    return folder


@pytest.mark.usefixtures("untried")
def test_commands_open_nothing_else(tmp_path, archive, low_high_file, command):
    bad = sorted(path for path in archive.iterdir() if path.name != "good.wav")
    labelled = command("label", *bad, archive / "good.wav", "--model", low_high_file, "--to", "json")
    assert '"low"' in labelled.stdout
    assert all(path.name in labelled.stderr for path in bad)
    indexed = command("index", archive, "--model", low_high_file, "--out", tmp_path / "index", "--jobs", 1)
    assert re.search(rf"could not be read +{len(bad)}\n", indexed.stderr + indexed.stdout)


@pytest.mark.usefixtures("untried")
def test_what_is_piped_opens_nothing_else(lures, low_high_file, command, monkeypatch):
    for text in lures.values():
        there, here = os.pipe()
        os.write(here, text.encode())
        os.close(here)
        with open(there) as stdin:  # noqa: PTH123 - a pipe has no path
            monkeypatch.setattr(sys, "stdin", stdin)
            assert command("label", "-", "--model", low_high_file).returncode == 1


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(probe, "LIMIT", 1)


@pytest.mark.usefixtures("impatient")
def test_a_header_that_keeps_ffmpeg_busy_is_given_up():
    data, before = many_tags(10_000), set(psutil.Process().children())  # other tests may have left some
    with pytest.raises(MediaError, match="takes more than 1 s to open"):
        media.read(Named(data, "tags.mkv"), 8000)
    with pytest.raises(MediaError, match="takes more than 1 s to open"):
        list(decoded(Pipe(data), 8000, "stream"))
    assert set(psutil.Process().children()) <= before  # none is left


def test_a_few_tags_are_read(tmp_path):
    data = many_tags(100)
    (tmp_path / "tags.mkv").write_bytes(data)
    for source in (tmp_path / "tags.mkv", data, Named(data, "tags.mkv"), Pipe(data)):
        assert len(media.read(source, 8000)) == 8000


@pytest.fixture
def others(monkeypatch):
    """Another thread of this process is at work, which a copy of it could hold up for good."""
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    yield
    end.set()
    thread.join()


@pytest.mark.posix
@pytest.mark.usefixtures("impatient", "others")
def test_in_a_process_with_threads_a_new_one_tries(monkeypatch):
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("this process was copied"))
    for kind in (bytes, Pipe):
        assert len(media.read(kind(many_tags(100)), 8000)) == 8000
    with pytest.raises(MediaError, match="takes more than 1 s to open"):
        media.read(Pipe(many_tags(10_000)), 8000)


MULTIPLIES = """
import sys, threading
from pathlib import Path
import numpy as np
from earmark import media
from earmark.media import probe

ended, going = threading.Event(), threading.Event()
def multiply():
    one, other = np.ones((400, 513), np.float32), np.ones((513, 64), np.float32)
    while not ended.is_set():
        one @ other
        going.wait()

serve = probe._serve
def pausing(*words):  # another process has begun: what is under way now may be lost, not what comes later
    going.clear()
    try:
        return serve(*words)
    finally:
        going.set()

probe._serve = pausing
going.set()

thread = threading.Thread(target=multiply, daemon=True)
thread.start()
for _ in range(3):
    media.read(Path(sys.argv[1]), 8000)
ended.set()
thread.join(300)
sys.exit(thread.is_alive())
"""


@pytest.mark.posix
def test_products_of_other_threads_come_to_an_end(tmp_path):
    """OpenBLAS loses those that are under way when a process is copied."""
    (tmp_path / "tags.mkv").write_bytes(many_tags(100))
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    command = [sys.executable, "-c", MULTIPLIES, tmp_path / "tags.mkv"]
    assert subprocess.run(command, env={**environment, "OPENBLAS_NUM_THREADS": "2"}, timeout=300).returncode == 0


@pytest.mark.posix
def test_a_pipe_with_a_name_is_read_once(tmp_path):
    """As `<(ffmpeg ...)` is one in a shell."""
    pipe = tmp_path / "pipe.mkv"
    for data in (many_tags(100), write(None, "wav", Track(sine(1.0, 8000), 8000))):
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_bytes, args=(data,), daemon=True)
        writer.start()
        assert len(media.read(pipe, 8000)) == 8000
        writer.join(300)
        pipe.unlink()


@pytest.mark.posix
@pytest.mark.usefixtures("impatient")
def test_label_says_so_and_can_be_interrupted(tmp_path, low_high_file, command, monkeypatch):
    (tmp_path / "tags.mkv").write_bytes(many_tags(10_000))
    words = ["label", str(tmp_path / "tags.mkv"), "--model", str(low_high_file)]
    monkeypatch.setattr(probe, "limit", lambda seconds: os.kill(os.getpid(), signal.SIGXCPU))  # as if it were over
    done = command(*words)
    assert done.returncode == 1
    assert re.fullmatch(r".*tags\.mkv: takes more than 1 s to open: .*\n", done.stderr)
    with subprocess.Popen([*EARMARK, *words], stderr=subprocess.PIPE, start_new_session=True) as process:
        limit = time.monotonic() + 300
        while not psutil.Process(process.pid).children():
            assert time.monotonic() < limit, "it has not begun to open the file"
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=300)
    assert process.returncode == 130


INTERRUPTED_AS_IT_FORKS = """
import os, signal
os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGINT))
os.environ["OPENBLAS_NUM_THREADS"] = "1"
from earmark.cli import main
main()
"""


@pytest.mark.posix
def test_an_interrupt_at_the_birth_of_the_trial_is_not_lost(tmp_path, low_high_file):
    (tmp_path / "tags.mkv").write_bytes(many_tags(100))
    words = ["label", str(tmp_path / "tags.mkv"), "--model", str(low_high_file)]
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_AS_IT_FORKS, *words], capture_output=True, timeout=300, check=False
    )
    assert (done.returncode, done.stderr) == (130, b"")


def test_waiting_for_bytes_is_no_computing(monkeypatch):
    """A slow disk or network may take as long as it likes."""
    monkeypatch.setattr(probe, "LIMIT", 1)
    data = many_tags(10)

    class Slow(Pipe):
        def read(self, size):
            time.sleep(0.3)
            return super().read(min(size, 4_000))

    assert len(media.read(Slow(data), 8000)) == 8000


def test_a_trial_without_a_sign_of_life_proves_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(probe, "PATIENCE", 0.2)
    assert try_opening("x", "x", True, lambda _: time.sleep(60)) == "x"
    pipe = Pipe(b"0123456789")

    def reads_and_waits(file):
        assert file.read(4) == b"0123"
        time.sleep(60)

    again = try_opening("x", pipe, False, reads_and_waits)
    assert (again.read(10), again.read(10)) == (b"0123", b"456789")


def test_a_trial_waits_for_no_threads_of_its_parent(monkeypatch):
    """WavPack's decoder has some: one in a cycle of references is closed by the next collection, wherever that is."""
    monkeypatch.setattr(probe, "PATIENCE", 5.0)
    with open_container(write(None, "wv", Track(np.repeat(sine(1.5), 2, 0), codec="wavpack"))) as container:
        next(container.decode(audio=0))
        cycle = [container.streams.audio[0].codec_context]
        cycle.append(cycle)
    del cycle, container
    pipe = Pipe(b"0123456789")

    def opening(file):
        gc.collect()
        file.read(4)

    try_opening("x", pipe, False, opening)
    assert pipe.read_so_far, "it was given up before it read"


def test_a_trial_that_computes_is_waited_for(monkeypatch):
    """However little a busy machine gives it."""
    monkeypatch.setattr(probe, "PATIENCE", 1.0)
    monkeypatch.setattr(probe, "LIMIT", 1)

    def computes(_):
        while True:
            pass

    with pytest.raises(MediaError, match="takes more than 1 s"):
        try_opening("x", "x", True, computes)


def test_a_trial_of_a_long_stream_keeps_little(monkeypatch):
    monkeypatch.setattr(probe, "MOST", 100)

    def reads_all(file):
        while file.read(30):
            pass

    pipe = Pipe(bytes(range(256)) * 10)
    again = try_opening("x", pipe, False, reads_all)
    assert pipe.read_so_far <= 130
    data = b"".join(iter(lambda: again.read(64), b""))
    assert data == bytes(range(256)) * 10


@pytest.mark.posix
def test_what_breaks_ffmpeg_breaks_only_the_trial():
    with pytest.raises(MediaError, match="FFmpeg breaks down over"):
        try_opening("x", "x", True, lambda _: os.kill(os.getpid(), signal.SIGSEGV))
    with pytest.raises(MediaError, match="takes more than"):
        try_opening("x", "x", True, lambda _: os.kill(os.getpid(), signal.SIGXCPU))


def test_a_source_that_fails_fails_as_before():
    class Failing(io.BytesIO):
        def read(self, size=-1):
            raise OSError(5, "Input/output error")

    with pytest.raises(MediaError, match=r"Input/output error|not a recording"):
        media.read(Failing(b"x" * 100), 8000)


def test_trials_in_several_threads_do_not_mix(tmp_path):
    data = [write(None, "matroska", Track(sine(0.3 * (n + 1), 8000), 8000)) for n in range(4)]
    lengths = [0] * 4

    def work(n):
        for _ in range(3):
            lengths[n] = len(media.read(Pipe(data[n]), 8000))

    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert lengths == [2400, 4800, 7200, 9600]


COMMON = {
    "wav": ("wav", "pcm_s16le"),
    "aiff": ("aiff", "pcm_s16be"),
    "flac": ("flac", "flac"),
    "mp3": ("mp3", "libmp3lame"),
    "ogg": ("ogg", "vorbis"),
    "opus": ("ogg", "libopus"),
    "m4a": ("ipod", "aac"),
}


@pytest.mark.parametrize("kind", COMMON)
def test_common_files_need_no_trial_and_long_headers_do(monkeypatch, kind):
    container, codec = COMMON[kind]
    samples = np.repeat(sine(1.0), 2, 0)
    data = write(None, container, Track(samples, codec=codec))
    assert is_short(io.BytesIO(data))
    if kind in ("mp3", "flac", "opus"):
        heavy = tagged(container, codec, samples)
        assert len(heavy) > len(data) + 32_000
        assert not is_short(io.BytesIO(heavy))
        assert len(media.read(heavy, 8000)) == pytest.approx(8_000, abs=400)
    for size in (0, 3, 11, 40, 60):  # cut off within the header
        is_short(io.BytesIO(data[:size]))


def tagged(container, codec, samples):
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        for n in range(2_000):
            output.metadata[f"K{n}"] = "a value of some length"
        stream = output.add_stream(codec, rate=48_000, layout="stereo")
        form = "fltp" if codec == "libmp3lame" else "s16"
        values = samples.astype(np.float32) if form == "fltp" else (samples.T.reshape(1, -1) * 32767).astype(np.int16)
        step = 1024 if form == "fltp" else 2048
        for first in range(0, values.shape[1] // step * step, step):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(values[:, first : first + step]), form, "stereo")
            frame.sample_rate, frame.pts = 48_000, first if form == "fltp" else first // 2
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def test_chunks_of_wav_that_are_no_sound_count():
    data = write(None, "wav", Track(sine(0.1, 8000), 8000))
    listed = b"LIST" + struct.pack("<I", 40_000) + b"INFO" + bytes(39_996)
    assert is_short(io.BytesIO(data))
    assert not is_short(io.BytesIO(data + listed))
    assert not is_short(io.BytesIO(data[:12] + listed + data[12:]))
    assert not is_short(io.BytesIO(data[:12] + b"cue \0\0\0\0" * 100 + data[12:]))


def test_a_day_of_nothing_in_a_small_file(monkeypatch):
    """Decoded samples are bounded: by what the header says at once, else when it has come."""
    data = write(None, "flac", Track(np.zeros((8, 144_000)), codec="flac", layout="7.1"))
    assert len(media.read(data, 8000)) == 24_000
    monkeypatch.setattr(decoding, "MOST_SAMPLES", 8 * 100_000)
    monkeypatch.setattr(decoding, "SAMPLES_A_BYTE", 1)
    with pytest.raises(MediaError, match=r"more than 800,000 samples in all its channels.*; cut it into parts"):
        media.read(data, 8000)
    uncounted = write(None, "matroska", Track(np.zeros((8, 144_000)), codec="flac", layout="7.1"))
    with pytest.raises(MediaError, match="more than 800,000 samples"):
        media.read(uncounted, 8000)
    monkeypatch.setattr(decoding, "SAMPLES_A_BYTE", 10_000)
    assert len(media.read(data, 8000)) == 24_000


def test_containers_of_reopened_recordings_are_restricted_too(lures):
    with pytest.raises(MediaError):
        open_container(Named(lures["list.ffconcat"].encode(), "x"), tried=True)
