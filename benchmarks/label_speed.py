"""How fast `earmark label` is, and how much memory it takes, beside what nothing can beat: a script that does the least
with a clip, and decoding alone.

    python benchmarks/label_speed.py                # a clip of five seconds, start included; one and ten hours of MP4
    python benchmarks/label_speed.py --hours 1 --runs 3

Makes the recordings itself, runs every command as a process of its own, and writes `results/label_speed.json` and a
table for the docs to `results/label_speed.md`. Times are wall clock, the median of the runs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from earmark.models.model import bundled_models
from earmark.util.machine import in_words, machine

RATE = 48000
CLIP_SECONDS = 5
CLIP_RUNS = 10  # of what takes less than a second: more runs, as little disturbs it
RESULTS = Path(__file__).parent.parent / "results"
DECODE = """
import sys
from earmark.media import open_recording
with open_recording(sys.argv[1]) as recording:
    print(sum(len(block) for block in recording.blocks(22050)) / 22050)
"""
LEAST = """
import sys
import av, numpy as np, onnxruntime
with av.open(sys.argv[1]) as container:
    resampler = av.AudioResampler("flt", "mono", 22050)
    frames = [part.to_ndarray()[0] for frame in container.decode(audio=0) for part in resampler.resample(frame)]
cut = np.lib.stride_tricks.sliding_window_view(np.pad(np.concatenate(frames), 512), 1024)[::441]
power = np.abs(np.fft.rfft(cut * np.hanning(1024).astype(np.float32))) ** 2
session = onnxruntime.InferenceSession(sys.argv[2], providers=["CPUExecutionProvider"])
bands = power[:, : session.get_inputs()[0].shape[2]]
session.run(["scores"], {"features": 10 * np.log10(np.maximum(bands, 1e-10)).astype(np.float32)[None]})
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=int, nargs="*", default=[1, 10], help="of the recordings; none: clips alone")
    parser.add_argument("--runs", type=int, default=3, help="runs of each command with hours")
    parser.add_argument("--model", default="sounds")
    parser.add_argument(
        "--folder", type=Path, help="where the recordings are made and kept; a temporary one if not given"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        rows = measure(folder, arguments.hours, arguments.runs, arguments.model)
    report = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": "python benchmarks/label_speed.py",
        "machine": in_words(machine()),
        "model": arguments.model,
        "runs": {"clip": CLIP_RUNS, "hours": arguments.runs},
        "rows": rows,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "label_speed.json").write_text(json.dumps(report, indent=1) + "\n")
    (RESULTS / "label_speed.md").write_text(table(report))
    print(table(report))


def measure(folder: Path, hours: list[int], runs: int, model: str) -> list[dict[str, object]]:
    earmark = str(Path(sys.executable).with_name("earmark"))
    wav, mp4 = make_clip(folder / "clip.wav", "pcm_s16le"), make_clip(folder / "clip.mp4", "aac")
    least = [sys.executable, "-c", LEAST, str(wav), str(bundled_models()["sounds"])]
    clip = f"{CLIP_SECONDS} s clip, start included"
    rows = [
        timed("`earmark label --help`", [earmark, "label", "--help"], CLIP_RUNS),
        timed(f"a script that does the least, {clip}, WAV", least, CLIP_RUNS),
        timed(f"`earmark label`, {clip}, WAV", [earmark, "label", str(wav), "--model", model], CLIP_RUNS),
        timed(f"`earmark label`, {clip}, MP4", [earmark, "label", str(mp4), "--model", model], CLIP_RUNS),
        timed(f"`earmark classify`, {clip}, MP4", [earmark, "classify", str(mp4), "--model", model], CLIP_RUNS),
    ]
    for count in hours:
        film = make_film(folder / f"{count}h.mp4", count)
        seconds = 3600.0 * count
        label = [earmark, "label", str(film), "--model", model, "--to", "json"]
        often = runs if count < 5 else 1  # a long one is a mean by itself
        rows.append(
            timed(f"decoding alone, {count} h of MP4", [sys.executable, "-c", DECODE, str(film)], often, seconds)
        )
        rows.append(timed(f"`earmark label`, {count} h of MP4", label, often, seconds))
    return rows


def timed(name: str, command: list[str], runs: int, audio: float | None = None) -> dict[str, object]:
    """Median wall time, processor time and peak memory of a command."""
    print(f"measuring {name}", file=sys.stderr)
    measured = [run(command) for _ in range(runs)]
    wall = statistics.median(m[0] for m in measured)
    row: dict[str, object] = {
        "what": name,
        "seconds": round(wall, 3),
        "slowest": round(max(m[0] for m in measured), 3),
        "cpu_seconds": round(statistics.median(m[1] for m in measured), 3),
        "peak_mb": round(max(m[2] for m in measured) / 1e6, 1),
    }
    if audio:
        row["times_real_time"] = round(audio / wall)
    return row


def run(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, processor seconds, peak bytes."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    scale = 1 if platform.system() == "Darwin" else 1024
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * scale


def make_clip(path: Path, codec: str) -> Path:
    """Five seconds of stereo."""
    with av.open(str(path), "w") as container:
        encode(container, container.add_stream(codec, rate=RATE, layout="stereo"), CLIP_SECONDS)
    return path


def make_film(path: Path, hours: int) -> Path:
    """So many hours of MP4 with a small picture and stereo AAC at 128 kbit/s: an hour, put end to end."""
    if path.exists():
        return path
    one = path.with_name("1h.mp4")
    if not one.exists():
        print("making an hour of MP4", file=sys.stderr)
        temporary = path.with_name("making.mp4")
        with av.open(str(temporary), "w") as container:
            picture = container.add_stream("mpeg4", rate=1)
            picture.width, picture.height, picture.pix_fmt = 320, 180, "yuv420p"
            stream = container.add_stream("aac", rate=RATE, layout="stereo")
            stream.bit_rate = 128_000
            for second in range(3600):
                frame = av.VideoFrame.from_ndarray(np.full((180, 320, 3), second % 256, np.uint8), format="rgb24")
                frame.pts, frame.time_base = second, Fraction(1)
                container.mux(picture.encode(frame))
            container.mux(picture.encode(None))
            encode(container, stream, 3600)
        temporary.rename(one)
    if hours > 1:
        repeat(one, path, hours)
    return path


def encode(container: av.container.OutputContainer, stream: av.AudioStream, seconds: int) -> None:
    """Noise whose level and colour change, with tones: nothing that is easier to decode than real sound."""
    rng = np.random.default_rng(0)
    for second in range(seconds):
        noise = rng.standard_normal((2, RATE)) * 0.02 * (1 + np.sin(second))
        tone = 0.2 * np.sin(2 * np.pi * rng.uniform(100, 4000) * np.arange(RATE) / RATE) * (rng.random() < 0.3)
        samples = np.ascontiguousarray(np.clip((noise + tone) * 32767, -32768, 32767).astype(np.int16).T.reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, second * RATE, Fraction(1, RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def repeat(one: Path, path: Path, times: int) -> None:
    """The same packets again and again, each stream after its own end, without encoding anew."""
    with av.open(str(path), "w") as out:
        streams: dict[int, av.stream.Stream] = {}
        ends: dict[int, int] = {}
        for turn in range(times):
            shifts: dict[int, int] = {}
            with av.open(str(one)) as container:
                for stream in container.streams:
                    if turn == 0:
                        streams[stream.index] = out.add_stream_from_template(stream)
                for packet in container.demux():
                    if packet.dts is None or packet.pts is None:
                        continue
                    index = packet.stream_index
                    shift = shifts.setdefault(index, ends.get(index, packet.dts) - packet.dts)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    ends[index] = packet.dts + (packet.duration or 1)
                    packet.stream = streams[index]
                    out.mux(packet)


def table(report: dict[str, Any]) -> str:
    runs = report["runs"]
    lines = [
        f"Command: `{report['command']}`. Model: `{report['model']}`. Machine: {report['machine']}. "
        f"Date: {report['date']}. Wall time, start-up included: median of {runs['clip']} runs, of {runs['hours']} with "
        "hours; recordings of 5 h and more once.",
        "",
        "| what | seconds | times real time | processor seconds | peak memory, MB |",
        "|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        speed = row.get("times_real_time", "")
        lines.append(f"| {row['what']} | {row['seconds']} | {speed} | {row['cpu_seconds']} | {row['peak_mb']} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
