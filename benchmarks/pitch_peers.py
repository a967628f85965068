"""How well and how fast `earmark.speech.f0` follows a voice, beside Praat and swift-f0, against a laryngograph.

    python benchmarks/pitch_peers.py                      # needs praat-parselmouth, swift-f0, soundfile, matplotlib
    python benchmarks/pitch_peers.py --minutes 60         # a longer recording for the speeds

Reads the Edinburgh FDA recordings and ESC-50 (for background) from `--data`; writes `results/pitch/`: metrics.json,
recordings.csv, table.md, peers.png. Set OMP_NUM_THREADS=1 for the speeds to be those of one core.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import parselmouth
import soundfile
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt
from swift_f0 import SwiftF0

from earmark.datasets import layout_readers
from earmark.evaluation.pitch_metrics import at_times, figures
from earmark.media import read
from earmark.speech.f0 import STEP, track
from earmark.util.machine import in_words, machine

Samples = NDArray[np.float64]
Found = tuple[float, float, NDArray[np.float64]]  # time of the first frame, step, F0

REFERENCE_STEP = 0.015  # the laryngograph's frame i stands at i times this: see docs/results.md
FLOOR, CEILING = 60.0, 500.0
BACKGROUND = ("rain", "wind", "sea_waves", "washing_machine", "vacuum_cleaner", "engine", "train", "keyboard_typing")
RESULTS = Path(__file__).parent.parent / "results" / "pitch"
DATA = Path(__file__).parents[2] / "shared" / "data"


@dataclass(frozen=True)
class Utterance:
    """One sentence and what the laryngograph says of it."""

    name: str
    half: str
    samples: Samples
    rate: int
    f0: NDArray[np.float64]

    @property
    def speaker(self) -> str:
        return self.name[:2]


def ours(samples: Samples, rate: int) -> Found:
    return 0.0, STEP, track([samples.astype(np.float32)], rate).f0.astype(np.float64)


def praat(samples: Samples, rate: int) -> Found:
    pitch = parselmouth.Sound(samples, rate).to_pitch_ac(time_step=STEP, pitch_floor=FLOOR, pitch_ceiling=CEILING)
    return pitch.t1, pitch.dt, pitch.selected_array["frequency"]


def praat_default(samples: Samples, rate: int) -> Found:
    pitch = parselmouth.Sound(samples, rate).to_pitch()
    return pitch.t1, pitch.dt, pitch.selected_array["frequency"]


SWIFT = SwiftF0(threads=1)


def swift(samples: Samples, rate: int) -> Found:
    found = SWIFT.detect(samples.astype(np.float32), rate, fmin=FLOOR, fmax=CEILING)
    return float(found.timestamps[0]), 0.016, np.where(found.confidence >= 0.5, found.pitch_hz, 0.0)


TRACKERS: dict[str, Callable[[Samples, int], Found]] = {
    "earmark": ours,
    "Praat, to_pitch_ac 60-500 Hz": praat,
    "Praat, to_pitch": praat_default,
    "swift-f0": swift,
}


def telephone(samples: Samples, rate: int) -> Samples:
    return np.asarray(sosfiltfilt(butter(6, (300, 3400), "bandpass", fs=rate, output="sos"), samples))


def with_noise(samples: Samples, noise: Samples, snr: float) -> Samples:
    """The noise at a ratio of mean powers, dB."""
    return samples + noise * np.sqrt((samples**2).mean() / (noise**2).mean() / 10 ** (snr / 10))


class Conditions:
    """What happens to a sentence on its way, the same for every tracker."""

    names = ("clean", "telephone", "white 20 dB", "white 10 dB", "background 20 dB", "background 10 dB")

    def __init__(self, data: Path) -> None:
        clips = [c for c in layout_readers.read_esc(data / "esc50").clips if set(c.labels) & set(BACKGROUND)]
        self.clips = sorted(clips, key=lambda clip: str(clip.path))

    def apply(self, name: str, utterance: Utterance, rng: np.random.Generator) -> Samples:
        samples = utterance.samples
        if name == "clean":
            return samples
        if name == "telephone":
            return telephone(samples, utterance.rate)
        kind, snr, _ = name.split()
        if kind == "white":
            return with_noise(samples, rng.standard_normal(len(samples)), float(snr))
        clip = self.clips[rng.integers(len(self.clips))]
        noise = read(str(clip.path), utterance.rate).astype(np.float64)
        while not np.any(noise[: len(samples)]):  # some clips of ESC-50 are silent at first
            noise = np.roll(noise, -len(samples))
        return with_noise(samples, np.resize(noise, len(samples)), float(snr))


def utterances(folder: Path) -> Iterator[Utterance]:
    """Every other sentence of each speaker, from the first, is of the half on which settings were chosen."""
    for i, path in enumerate(sorted(folder.glob("*.flac"))):
        samples, rate = soundfile.read(path)
        yield Utterance(
            path.stem, "tested" if i % 2 else "chosen", samples, rate, np.loadtxt(path.with_suffix(".f0ref"))
        )


def measure(sentences: list[Utterance], conditions: Conditions) -> Iterator[dict[str, object]]:
    """A row for each tracker, condition and sentence, with the tracks themselves under `reference`, `estimate`."""
    for condition in conditions.names:
        for number, sentence in enumerate(sentences):
            sound = conditions.apply(condition, sentence, np.random.default_rng(number))
            times = np.arange(len(sentence.f0)) * REFERENCE_STEP
            for tracker, find in TRACKERS.items():
                start, step, f0 = find(sound, sentence.rate)
                estimate = at_times(f0, start, step, times)
                yield {
                    "tracker": tracker,
                    "condition": condition,
                    "recording": sentence.name,
                    "speaker": sentence.speaker,
                    "half": sentence.half,
                    "reference": sentence.f0,
                    "estimate": estimate,
                }


def joined(rows: Iterable[dict[str, object]]) -> dict[str, object]:
    """Figures over the frames of several recordings together."""
    rows = list(rows)
    reference = np.concatenate([row["reference"] for row in rows])
    estimate = np.concatenate([row["estimate"] for row in rows])
    each = [abs(alone(row)["mean_error"]) for row in rows]
    found = asdict(figures(reference, estimate))
    return found | {"recordings": len(rows), "mean_error_of_a_recording": float(np.nanmean(each))}


def alone(row: dict[str, object]) -> dict[str, float]:
    return asdict(figures(row["reference"], row["estimate"]))


def summary(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Figures by tracker, condition and half ("both" as well), and the speakers' means."""
    found = []
    for condition in Conditions.names:
        for tracker in TRACKERS:
            for half in ("chosen", "tested", "both"):
                mine = [
                    r
                    for r in rows
                    if (r["tracker"], r["condition"]) == (tracker, condition) and half in (r["half"], "both")
                ]
                means = {s: joined(r for r in mine if r["speaker"] == s)["mean_error"] for s in ("rl", "sb")}
                keys = {"tracker": tracker, "condition": condition, "half": half}
                found.append(keys | joined(mine) | {"mean_error_of_speaker": means})
    return found


def speeds(sentences: list[Utterance], minutes: float, runs: int = 3) -> dict[str, float]:
    """Processor seconds for an hour of 16 kHz speech, median of the runs."""
    speech = np.concatenate([np.asarray(soundfile_at_16k(s)) for s in sentences])
    speech = np.resize(speech, int(minutes * 60 * 16000)).astype(np.float64)
    found = {}
    for name, find in TRACKERS.items():
        print(f"timing {name}", file=sys.stderr)
        taken = []
        for _ in range(runs):
            began = time.process_time()
            find(speech, 16000)
            taken.append((time.process_time() - began) * 60 / minutes)
        found[name] = round(statistics.median(taken), 2)
    return found


def soundfile_at_16k(sentence: Utterance) -> Samples:
    sound = parselmouth.Sound(sentence.samples, sentence.rate).resample(16000)
    return np.asarray(sound.values[0])


def table(report: dict[str, object]) -> str:
    """The figures as Markdown."""
    lines = [
        f"Command: `{report['command']}`. Machine: {report['machine']}; one core. Date: {report['date']}. "
        f"{report['protocol']}",
        "",
        "| condition | tracker | gross, % | fine, cents | missed, % | false, % | frame error, % "
        "| mean F0 of rl, % | of sb, % | of a recording, % |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    wanted = [r for r in report["figures"] if r["half"] == "both"]  # type: ignore[attr-defined]
    lines += [f"| {row['condition']} | {cells(row)}" for row in wanted]
    lines += [
        "",
        "The same, clean, by half: settings of ours were chosen on the one and not looked at on the other.",
        "",
        "| half | tracker | gross, % | fine, cents | missed, % | false, % | frame error, % "
        "| mean F0 of rl, % | of sb, % | of a recording, % |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    halves = [r for r in report["figures"] if r["half"] != "both" and r["condition"] == "clean"]  # type: ignore[attr-defined]
    lines += [f"| {row['half']} | {cells(row)}" for row in halves]
    lines += ["", "| tracker | processor seconds for an hour of speech at 16 kHz |", "|---|---|"]
    lines += [f"| {name} | {seconds:.1f} |" for name, seconds in report["speed"].items()]  # type: ignore[attr-defined]
    return "\n".join(lines) + "\n"


def cells(row: dict[str, object]) -> str:
    percent = [row["gross"], row["missed"], row["false"], row["frame_error"], row["mean_error_of_a_recording"]]
    gross, missed, false, frame, recording = (f"{100 * p:.2f}" for p in percent)  # type: ignore[operator]
    rl, sb = (f"{100 * p:+.2f}" for p in row["mean_error_of_speaker"].values())  # type: ignore[attr-defined]
    fine = f"{row['fine_mean']:+.1f} ± {row['fine_std']:.1f}"
    return f"{row['tracker']} | {gross} | {fine} | {missed} | {false} | {frame} | {rl} | {sb} | {recording} |"


def draw(rows: list[dict[str, object]], report: dict[str, object], path: Path) -> None:
    """Above, a sentence over the telephone; below, each tracker's frame error by condition."""
    figure = Figure(figsize=(9, 7), layout="constrained")
    above, below = figure.subplots(2)
    mine = [r for r in rows if r["condition"] == "telephone" and r["recording"] == "rl032"]
    times = np.arange(len(mine[0]["reference"])) * REFERENCE_STEP  # type: ignore[arg-type]
    above.plot(times, voiced(mine[0]["reference"]), "k", lw=4, alpha=0.25, label="laryngograph")
    for row in mine:
        above.plot(times, voiced(row["estimate"]), ".", ms=4, label=row["tracker"])
    above.set(title="rl032 over the telephone", xlabel="s", ylabel="F0, Hz")
    above.legend(fontsize=8)
    width = 0.8 / len(TRACKERS)
    for i, tracker in enumerate(TRACKERS):
        both = [r for r in report["figures"] if (r["tracker"], r["half"]) == (tracker, "both")]  # type: ignore[attr-defined]
        below.bar(np.arange(len(both)) + i * width, [100 * r["frame_error"] for r in both], width, label=tracker)
    below.set_xticks(np.arange(len(Conditions.names)) + 1.5 * width, Conditions.names)
    below.set(ylabel="F0 frame error, %")
    below.legend(fontsize=8)
    figure.savefig(path, dpi=90)


def voiced(f0: object) -> NDArray[np.float64]:
    return np.where(np.asarray(f0) > 0, np.asarray(f0, np.float64), np.nan)


def write_recordings(rows: list[dict[str, object]], path: Path) -> None:
    columns = ("recording", "half", "condition", "tracker")
    names = ("gross", "fine_mean", "fine_std", "missed", "false", "frame_error", "mean_error")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*columns, *names, "frames"])
        for row in rows:
            found = alone(row)
            writer.writerow([*(row[c] for c in columns), *(f"{found[n]:.4f}" for n in names), found["frames"]])


def rounded(value: object) -> object:
    if isinstance(value, float):
        return None if np.isnan(value) else round(value, 5)
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder with f0_fda and esc50")
    parser.add_argument("--minutes", type=float, default=10, help="length of the recording for the speeds")
    arguments = parser.parse_args()
    sentences = list(utterances(arguments.data / "f0_fda"))
    rows = list(measure(sentences, Conditions(arguments.data)))
    report: dict[str, object] = {
        "command": "OMP_NUM_THREADS=1 python benchmarks/pitch_peers.py",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": in_words(machine()),
        "protocol": f"{len(sentences)} sentences of two speakers (Edinburgh FDA), at the laryngograph's frames, "
        "i * 15 ms; gross: over 20 % off.",
        "background": BACKGROUND,
        "figures": summary(rows),
        "speed": speeds(sentences, arguments.minutes),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "metrics.json").write_text(json.dumps(rounded(report), indent=1) + "\n", encoding="utf-8")
    (RESULTS / "table.md").write_text(table(report), encoding="utf-8")
    write_recordings(rows, RESULTS / "recordings.csv")
    draw(rows, report, RESULTS / "peers.png")
    print(table(report))


if __name__ == "__main__":
    main()
