"""Files that `hostile.py` has labelled: instructions in place of sound, and damaged recordings."""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import mutants
import numpy as np
from hostile_trying import CRASHED, EARMARK, HUNG, REFUSED, Labeller, LeftOutError, Tried, run
from media_files import Track, sine, write

PLAYLISTS = (
    "Playlists, lists of files, stream descriptions and the like (HLS, DASH, M3U, concat, SDP, SVG, ffmetadata), under "
    "their own suffix and as `.wav`; strace counts ports that are bound, connections, and openings of the file that "
    "they name. The last row, FFmpeg left to itself by PyAV for 3 s each, shows that these counts can be others than 0"
)
MUTANTS = (
    "Files of 45 containers and codecs with a fault each, labelled one after the other in a process that may hold "
    "2 GiB and take 120 s for each"
)

OBJECTS = """import earmark, sys
for path in sys.argv[1:]:
    try:
        earmark.label(open(path, "rb"))
        print("labelled")
    except earmark.errors.EarmarkError as error:
        print(f"earmark: {error}", file=sys.stderr)
sys.exit(1)
"""
ALONE = """import av, os, signal, sys
for path in sys.argv[1:]:
    for source in (path, open(path, "rb")):
        if not os.fork():
            signal.alarm(3)
            [None for _ in av.open(source).decode(audio=0)]
            os._exit(0)
        os.wait()
"""
STRACE = ("strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=bind,connect,openat", "-o")


def playlists(folder: Path) -> Iterator[Tried]:
    """Nothing but the file itself is opened."""
    if not shutil.which("strace"):
        raise LeftOutError("there is no strace")
    lures = folder / "lures"
    lures.mkdir()
    other = lures / "other.bin"  # of no suffix that `index` looks for
    write(other, "wav", Track(sine(1.0, 8000), 8000))
    files = [*_lures(lures, other)]
    names = _addresses(other)
    python = [sys.executable, "-c"]
    for what, times, commands in (
        ("`earmark label FILE ...`", len(files), [([*EARMARK, "label", *files], None)]),
        ("`earmark label - < FILE`", len(files), [([*EARMARK, "label", "-"], file) for file in files]),
        ('`earmark.label(open(FILE, "rb"))`', len(files), [([*python, OBJECTS, *files], None)]),
        ("`earmark label ADDRESS ...`, such as `concat:a\\|b`", len(names), [([*EARMARK, "label", *names], None)]),
        (
            "`earmark index FOLDER`",
            len(files),
            [([*EARMARK, "index", lures, "--out", folder / "index", "--jobs", 1], None)],
        ),
        ("FFmpeg left to itself", 2 * len(files), [([*python, ALONE, *files], None)]),
    ):
        alone = what.startswith("FFmpeg")
        seen: Counter[str] = Counter()
        outcomes = set()
        for words, stdin in commands:
            outcomes.add(run([*STRACE, folder / "strace", *words], stdin).outcome)
            calls = (folder / "strace").read_text("utf-8", "replace")
            seen["ports"] += len(re.findall(r"bind\(.*AF_INET", calls))
            seen["connections"] += len(re.findall(r"connect\(.*AF_INET", calls))
            seen["other file"] += calls.count(f'"{other}"')
        figures = {name: seen[name] for name in ("ports", "connections", "other file")}
        holds = all(figures.values()) if alone else outcomes == {REFUSED} and not any(figures.values())
        yield Tried(what, times, figures if alone else {", ".join(outcomes): times, **figures}, holds)


def _lures(folder: Path, other: Path) -> Iterator[Path]:
    there = "http://127.0.0.1:9/a.ts"
    sdp = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\n"
    hls = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
    texts = {
        "call.sdp": sdp,
        "radio.m3u8": hls.format(there),
        "local.m3u8": hls.format(other),
        "songs.m3u": f"#EXTM3U\n#EXTINF:1,x\n{other}\n",
        "list.ffconcat": f"ffconcat version 1.0\nfile {other.name}\n",
        "remote.ffconcat": f"ffconcat version 1.0\nfile {there}\n",
        "film.mpd": f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><BaseURL>{there}</BaseURL></Period></MPD>',
        "picture.svg": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{there}"/></svg>',
        "sound.ffmeta": ";FFMETADATA1\ntitle=x\n",
    }
    for name, text in texts.items():
        for path in (folder / name, folder / f"{name.replace('.', '_')}.wav"):
            path.write_text(text)
            yield path


def _addresses(other: Path) -> list[str]:
    names = ("http://127.0.0.1:9/a.wav", "tcp://127.0.0.1:9", "udp://127.0.0.1:5004", "rtp://127.0.0.1:5004")
    return [
        *names,
        f"concat:{other}|{other}",
        f"subfile,,start,0,end,0,,:{other}",
        f"file:{other}",
        "data:audio/wav,x",
        "pipe:0",
    ]


def damaged(folder: Path, count: int, seed: int) -> Iterator[Tried]:
    """Labelled, or refused in one line; what does neither is kept in the working directory."""
    outcomes: dict[str, Counter[str]] = {kind: Counter() for kind in mutants.KINDS}
    slowest = dict.fromkeys(mutants.KINDS, 0.0)
    labeller = Labeller()
    for name, content in mutants.mutants(mutants.originals(), count, np.random.default_rng(seed)):
        path, kind = folder / name, name.split("-")[1]
        path.write_bytes(content)
        began = time.monotonic()
        outcome, told = labeller.label(path)
        slowest[kind] = max(slowest[kind], time.monotonic() - began)
        outcomes[kind][outcome] += 1
        if outcome in (CRASHED, HUNG):
            print(f"{name}: {outcome}: {told}", file=sys.stderr)
            shutil.copy(path, name)
        path.unlink()
    labeller.end()
    for kind, seen in outcomes.items():
        figures: dict[str, float] = {outcome: seen[outcome] for outcome in ("labelled", REFUSED, CRASHED, HUNG)}
        figures["seconds at most"] = round(slowest[kind], 1)
        yield Tried(mutants.KINDS[kind], seen.total(), figures, not (seen[CRASHED] or seen[HUNG]))
