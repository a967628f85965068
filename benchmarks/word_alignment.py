"""How well words of a known text are found in recordings (`earmark words --text`), beside a linear guess and aeneas.

    python benchmarks/word_alignment.py --data-dir ../shared/data --recordings 5
    python benchmarks/word_alignment.py --data-dir ../shared/data --recordings 5 --aeneas aeneas/bin/python

Recordings of single words are joined, with pauses and without, so that all times are known: digits and letters of
Debian's asterisk-core-sounds-*-wav (English, Spanish, French, Italian, Russian) and the four English speakers of the
Free Spoken Digit Dataset. The linear guess knows where speech begins and ends and shares the time by letters. Writes
`results/words/alignment.json`. With `--hour` it measures time and memory of one recording of an hour instead, with
`--aeneas` how well aeneas does on the same recordings, and adds that to the file.

`--aeneas` names the Python of an environment that has aeneas (under the AGPL: it is only run). It needs the commands
`espeak` and `ffmpeg`, and an old setuptools to be built with:

    apt-get install espeak-ng-espeak libespeak-ng-libespeak-dev ffmpeg gcc
    python3.11 -m venv aeneas
    aeneas/bin/pip install 'setuptools<60' wheel 'numpy<1.26'
    aeneas/bin/pip install --no-build-isolation aeneas

Its C extension for eSpeak has to be there (`python -m aeneas.diagnostics` tells): with eSpeak NG it aligns wrongly
without. It takes its own preset for words, leaves silences out of words, and is told where speech begins and ends.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from label_speed import timed
from numpy.typing import NDArray

import earmark
from earmark.media.writing import write_samples
from earmark.speech.segmentation import Word
from earmark.synthesis.speech.recordings import join_words
from earmark.synthesis.speech.voices import ASTERISK, RecordedWord, Vocabulary, Voice, find_voices, read_vocabulary
from earmark.util.machine import machine

RESULTS = Path(__file__).parent.parent / "results" / "words"
WORDS = (6, 14)  # in a recording
HOUR = 3600  # seconds
FULL_SCALE = 32_768
PAUSES = {"pauses": (0.08, 0.6), "no pauses": (0.0, 0.0)}
AENEAS_TASK = {
    "is_text_type": "plain",
    "os_task_file_format": "json",
    "task_adjust_boundary_nonspeech_min": "0.050",
    "task_adjust_boundary_nonspeech_string": "REMOVE",
}
"""A word in a line; silences of 50 ms and more are in none."""
AENEAS_LANGUAGES = {"en": "eng", "es": "spa", "fr": "fra", "it": "ita", "ru": "rus"}
NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def voices(data_dir: Path) -> Iterator[Voice]:
    """Speakers with words that eSpeak NG says as they do: numbers and letters."""
    for voice in find_voices(ASTERISK):
        known = [w for w in voice.recordings if w.text.isdigit() or len(w.text) == 1]
        recordings = (RecordedWord(w.path, w.text.upper()) for w in known)
        yield Voice(voice.speaker, voice.language, voice.sex, tuple(recordings))
    speakers: dict[str, list[RecordedWord]] = defaultdict(list)
    for file in sorted((data_dir / "spoken_digits").glob("*.opus")):
        digit, speaker, _ = file.stem.split("_")
        speakers[speaker].append(RecordedWord(file, NAMES[int(digit)]))
    for speaker, recordings in speakers.items():
        yield Voice(speaker, "en", "m", tuple(recordings[:150]))


def recording(
    known: Vocabulary, pause: tuple[float, float], rng: np.random.Generator
) -> tuple[NDArray[np.int16], list[Word]]:
    """A recording of words of one speaker, and their times."""
    count = int(rng.integers(*WORDS))
    chosen = [known.words[place] for place in rng.choice(len(known.words), count)]
    pauses = [rng.uniform(0.3, 0.8), *rng.uniform(*pause, count - 1), rng.uniform(0.3, 0.8)]
    return join_words([w.text for w in chosen], [w.samples for w in chosen], pauses, known.rate)


def recordings(voice: Voice, known: Vocabulary, count: int) -> Iterator[tuple[str, int, NDArray[np.int16], list[Word]]]:
    """Recordings of a speaker: whether with pauses, number, samples and times; so many of each kind."""
    for kind, pause in PAUSES.items():
        for number in range(count):
            rng = np.random.default_rng([number, len(voice.speaker), len(kind)])
            yield kind, number, *recording(known, pause, rng)


def linear(words: Sequence[Word], first: float, last: float) -> list[float]:
    """Onsets where the time from `first` to `last` is shared by letters."""
    lengths = np.array([len(word.text or "") + 1 for word in words], float)
    return list(first + (last - first) * np.cumsum([0, *lengths[:-1]]) / lengths.sum())


def aeneas(python: Path, samples: NDArray[np.int16], rate: int, true: Sequence[Word], language: str) -> list[float]:
    """Onsets of words as aeneas finds them."""
    with tempfile.TemporaryDirectory() as temporary:
        audio, text, out = (Path(temporary) / name for name in ("words.wav", "words.txt", "words.json"))
        write_samples(audio, [samples / np.float32(FULL_SCALE)], rate)
        text.write_text("".join(f"{word.text}\n" for word in true), encoding="utf-8")
        task = AENEAS_TASK | {
            "task_language": AENEAS_LANGUAGES[language],
            "is_audio_file_head_length": f"{true[0].onset:.3f}",
            "is_audio_file_tail_length": f"{len(samples) / rate - true[-1].offset:.3f}",
        }
        settings = "|".join(f"{key}={value}" for key, value in task.items())
        command = [python, "-m", "aeneas.tools.execute_task", audio, text, settings, out, "--presets-word"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONIOENCODING": "UTF-8"})
        return [float(fragment["begin"]) for fragment in json.loads(out.read_text())["fragments"]]


def peer(python: Path, data_dir: Path, count: int) -> dict[str, object]:
    """How well aeneas does."""
    off: dict[str, list[float]] = defaultdict(list)
    for voice in voices(data_dir):
        known = read_vocabulary(voice)
        for kind, _, samples, true in recordings(voice, known, count):
            found = aeneas(python, samples, known.rate, true, voice.language)
            off[kind] += [onset - word.onset for onset, word in zip(found, true, strict=True)]
        print(voice.speaker, {kind: summary(some) for kind, some in off.items()}, flush=True)
    command = f"python benchmarks/word_alignment.py --recordings {count} --aeneas PYTHON"
    about = {"command": command, "version": "1.7.3.0", "date": datetime.now(UTC).date().isoformat()}
    return about | {"onsets": {kind: summary(some) for kind, some in off.items()}}


def write(path: Path, report: dict[str, object], part: str | None = None) -> None:
    """Keep a report, and show it or a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report if part is None else report[part], indent=1))


def summary(off: Sequence[float]) -> dict[str, float]:
    """Of how far onsets are off, milliseconds."""
    sizes = 1000 * np.abs(off)
    return {
        "words": len(sizes),
        "median_ms": round(float(np.median(sizes)), 1),
        "p90_ms": round(float(np.percentile(sizes, 90)), 1),
        "within_50_ms": round(float((sizes <= 50).mean()), 3),
    }


def hour(voice: Voice) -> dict[str, object]:
    """Time, memory and onsets of the command on an hour of one speaker, with short pauses."""
    known, rng = read_vocabulary(voice), np.random.default_rng(1)
    count = 2 * round(HOUR * known.rate / np.mean([len(w.samples) for w in known.words]))  # more than enough
    chosen = [known.words[place] for place in rng.choice(len(known.words), count)]
    pauses = rng.uniform(0.1, 0.3, count + 1).tolist()
    samples, true = join_words([w.text for w in chosen], [w.samples for w in chosen], pauses, known.rate)
    true = [word for word in true if word.offset < HOUR - 0.05]
    samples[round((true[-1].offset + 0.05) * known.rate) :] = 0  # the word across the end is left out
    samples = samples[: HOUR * known.rate]
    with tempfile.TemporaryDirectory() as temporary:
        path, text, out = (Path(temporary) / name for name in ("hour.wav", "hour.txt", "hour.json"))
        write_samples(path, [samples / np.float32(FULL_SCALE)], known.rate)
        text.write_text(" ".join(word.text or "" for word in true), encoding="utf-8")
        earmark_command = str(Path(sys.executable).with_name("earmark"))
        command = [earmark_command, "words", str(path), "--text", str(text), "--language", voice.language]
        row = timed("an hour with its text", [*command, "--to", "json", "--out", str(out)], 1, HOUR)
        found = json.loads(out.read_text())["words"]
    off = [word["onset"] - there.onset for word, there in zip(found, true, strict=True)]
    about = {"command": "python benchmarks/word_alignment.py --hour", "date": datetime.now(UTC).date().isoformat()}
    return about | {"speaker": voice.speaker, "onsets": summary(off)} | row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--recordings", type=int, default=8, help="of each speaker, with pauses and without")
    parser.add_argument("--aeneas", type=Path, metavar="PYTHON", help="of an environment that has aeneas")
    parser.add_argument("--hour", action="store_true", help="time and memory of an hour, and nothing else")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    path = options.out / "alignment.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    if options.hour:
        write(path, before | {"hour": hour(next(voices(options.data_dir)))}, "hour")
        return
    if options.aeneas:
        write(path, before | {"aeneas": peer(options.aeneas, options.data_dir, options.recordings)}, "aeneas")
        return
    onsets: dict[tuple[str, str], list[float]] = defaultdict(list)
    offsets: dict[str, list[float]] = defaultdict(list)
    by_speaker: dict[str, list[float]] = defaultdict(list)
    fit: dict[str, list[float]] = defaultdict(list)
    for voice in voices(options.data_dir):
        known = read_vocabulary(voice)
        for kind, number, samples, true in recordings(voice, known, options.recordings):
            text = " ".join(word.text or "" for word in true)
            found = earmark.words(samples, sample_rate=known.rate, text=text, language=voice.language)
            off = [word.onset - there.onset for word, there in zip(found.words, true, strict=True)]
            onsets["aligned", kind] += off
            by_speaker[voice.speaker] += off
            offsets[kind] += [word.offset - there.offset for word, there in zip(found.words, true, strict=True)]
            guess = linear(true, true[0].onset, true[-1].offset)
            onsets["linear guess", kind] += [a - b.onset for a, b in zip(guess, true, strict=True)]
            fit["right text"].append(float(np.median([word.score for word in found.words])))
            wrong = " ".join(w.text for w in np.random.default_rng(number).permutation(known.words)[: len(true)])
            other = earmark.words(samples, sample_rate=known.rate, text=wrong, language=voice.language)
            fit["wrong text"].append(float(np.median([word.score for word in other.words])))
        print(voice.speaker, summary(by_speaker[voice.speaker]), flush=True)
    report = {
        "command": f"python benchmarks/word_alignment.py --recordings {options.recordings}",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "onsets": {f"{way}, {kind}": summary(off) for (way, kind), off in onsets.items()},
        "offsets": {kind: summary(off) for kind, off in offsets.items()},
        "onsets_by_speaker": {speaker: summary(off) for speaker, off in by_speaker.items()},
        "median_score": {
            what: {"mean": round(float(np.mean(s)), 3), "share_doubted": round(float((np.array(s) < 0.5).mean()), 3)}
            for what, s in fit.items()
        },
    }
    write(path, before | report)


if __name__ == "__main__":
    main()
