"""`earmark data speech` and `earmark data sentences`: speech with the times of its words beside it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli import common
from earmark.cli.common import DataDir, listed
from earmark.errors import EarmarkError
from earmark.util.text import number_of

if TYPE_CHECKING:
    from earmark.synthesis.speech.plan import Job, Manner

SPEECH_HELP = """Make speech whose words' times are known: recordings, and beside each its ground truth as words JSON.

The text is given, or random words of a language. eSpeak NG speaks word by word, with pauses between; ElevenLabs speaks
fluently, and needs a key in ELEVENLABS_API_KEY. The same command continues where it was interrupted, and makes the
same speech on other machines.

Examples:

    earmark data speech --text "three blue birds" --language en --out speech/

    earmark data speech --random 100 --language en,el,cs,pl,ko,ru --seed 1 --out speech/

    earmark data speech --file sentences.txt --voice en-us+f3,en-gb+m1 --speed 120-220 --pause 0.08-0.6 --out speech/

    earmark data speech --file sentences.txt --service elevenlabs --voice VOICE_ID --out speech/

    earmark data speech --out speech/ --from-answer answers/*.json
"""

SENTENCES_HELP = """Join recordings of single words into sentences with known times of each word, clean and in noise.

Each sentence has five to twelve words of one speaker, with pauses of 0.08 to 0.6 s, at a level of its own. A word lasts
from the first to the last 10 ms that are within 35 dB of its loudest; recordings in which that cannot be told are left
out. `conditions.csv` lists speaker and signal-to-noise ratio of each file. The same command continues where it was
interrupted, and makes the same sentences on other machines.

--from is `asterisk`, for the prompts of Debian's packages asterisk-core-sounds-{en,es,fr,it,ru}-wav and
asterisk-prompt-it-menardi-wav; or a folder with a folder of recorded words for each speaker; or a table (CSV) with the
columns path, speaker, and where known language, sex and text.

Examples:

    earmark data sentences --from asterisk --out words_test/

    earmark data sentences --from my_words/ --noise my_noise/ --snr 15,5 --out sentences/

    earmark data sentences --from words.csv --snr clean --sentences 100 --seed 1 --out sentences/
"""
SPEED, PITCH, PAUSE = "130-200", "30-70", "0.08-0.6"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("speech", help=SPEECH_HELP)(speech)
    app.command("sentences", help=SENTENCES_HELP)(sentences)


class Engine(StrEnum):
    """Who speaks."""

    espeak = "espeak"
    elevenlabs = "elevenlabs"


class Container(StrEnum):
    """What recordings are written as."""

    flac = "flac"
    wav = "wav"


def speech(
    out: Annotated[Path, typer.Option(help="The folder of the recordings.")],
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="More saved answers, after --from-answer.")
    ] = None,
    text: Annotated[list[str] | None, typer.Option(help="A sentence to speak; can be repeated.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="A file of sentences to speak, one a line; - for standard input.")
    ] = None,
    random: Annotated[int | None, typer.Option(min=1, help="Number of sentences of random words.")] = None,
    from_answer: Annotated[
        list[Path] | None, typer.Option(help="Use saved answers of ElevenLabs instead of asking it.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random words, voices, speeds and pauses.")] = 0,
    language: Annotated[
        str | None, typer.Option(help="Languages of the words, separated by commas.", show_default="en")
    ] = None,
    voice: Annotated[
        str | None,
        typer.Option(
            help="Voices, separated by commas: en-us+f3, or +f3 for each language; with ElevenLabs, their ids.",
            show_default="six in each language",
        ),
    ] = None,
    speed: Annotated[str | None, typer.Option(help="Range of the speed, words a minute.", show_default=SPEED)] = None,
    pitch: Annotated[
        str | None, typer.Option(help="Range of the pitch, from 0, low, to 99, high.", show_default=PITCH)
    ] = None,
    pause: Annotated[
        str | None, typer.Option(help="Range of the pause after a word, seconds.", show_default=PAUSE)
    ] = None,
    container: Annotated[Container, typer.Option("--format", help="Format of the recordings.")] = Container.flac,
    service: Annotated[Engine, typer.Option(help="The engine that speaks.")] = Engine.espeak,
    model: Annotated[
        str | None, typer.Option(help="The model of ElevenLabs.", show_default="eleven_multilingual_v2")
    ] = None,
    url: Annotated[str | None, typer.Option(help="The address of ElevenLabs.", show_default="ELEVENLABS_URL")] = None,
) -> None:
    """Make speech whose words' times are known."""
    texts = _texts(text, file)
    if (texts is not None) + (random is not None) + bool(from_answer) != 1:
        reason = "needs one of --text or --file, --random, --from-answer"
        raise EarmarkError("earmark data speech", reason, "see its --help")
    drawn = {"--speed": speed, "--pitch": pitch, "--pause": pause, "--language": language}
    asked = {"--model": model, "--url": url}
    if more and not from_answer:
        raise EarmarkError(more[0], "is not expected", "give sentences with --file, saved answers with --from-answer")
    if from_answer:
        common.refuse(drawn | asked | {"--voice": voice}, "means nothing with --from-answer", "leave it out")
        _convert([*from_answer, *(more or [])], out, container)
    elif service is Engine.elevenlabs:
        common.refuse(drawn, "means nothing with --service elevenlabs", "leave it out")
        _make(_elevenlabs(texts, listed(voice), seed, out, container, url, model), out)
    else:
        from earmark.synthesis.speech import plan

        common.refuse(asked, "means nothing with --service espeak", "leave it out")
        manner = _manner(listed(voice), listed(language) or ["en"], speed or SPEED, pitch or PITCH, pause or PAUSE)
        _make(plan.with_espeak(texts, random or 0, manner, seed, out, container.value), out)


def _texts(given: list[str] | None, file: Path | None) -> list[str] | None:
    """The sentences of --text and --file in this order; None where neither is given."""
    if given is None and file is None:
        return None
    lines = [] if file is None else [line for line in _content(file).splitlines() if line.strip()]
    if not (given or lines):
        raise EarmarkError(str(file), "holds no sentence", "write one a line")
    return [*(given or []), *lines]


def _content(file: Path) -> str:
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise EarmarkError(file, f"cannot be opened ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise EarmarkError(file, "is not UTF-8 text", "save it as UTF-8") from error


def _manner(voices: Sequence[str], languages: Sequence[str], speed: str, pitch: str, pause: str) -> Manner:
    from earmark.speech import espeak
    from earmark.synthesis.speech import plan

    return plan.Manner(
        plan.voices(voices, languages),
        plan.Range.parse("--speed", speed, *espeak.SPEEDS),
        plan.Range.parse("--pitch", pitch, *espeak.PITCHES),
        plan.Range.parse("--pause", pause, 0, 60),
    )


def _elevenlabs(
    texts: list[str] | None,
    voices: list[str],
    seed: int,
    out: Path,
    container: Container,
    url: str | None,
    model: str | None,
) -> list[Job]:
    from earmark.synthesis.speech import elevenlabs, plan

    if texts is None:
        raise EarmarkError("--random", "is for eSpeak NG", "give sentences with --text or --file")
    if not voices:
        raise EarmarkError("--service elevenlabs", "needs a voice's id", "give it with --voice")
    service = elevenlabs.ElevenLabs.from_environment(url, model or elevenlabs.MODEL)
    return plan.with_elevenlabs(texts, voices, service, seed, out, container.value)


def _convert(files: list[Path], out: Path, container: Container) -> None:
    """Saved answers, one after the other; one that is broken is reported and the others are done."""
    from earmark.synthesis.speech import plan
    from earmark.synthesis.speech.recordings import RecordingPair

    written: set[RecordingPair] = set()

    def convert(file: Path) -> None:
        pair = RecordingPair.of(out, file.stem, container.value)
        if pair in written:
            raise EarmarkError(file, f"has the name of another: {pair.audio} is taken", "use another --out")
        written.add(pair)
        plan.from_answer(file, pair)
        common.say(pair.audio)

    common.for_each(files, convert)


def _make(jobs: list[Job], out: Path) -> None:
    made = words = 0
    for job in common.tracked(jobs, len(jobs), "speech"):
        if not job.pair.complete:
            words += len(job.make().words)
            made += 1
    there = len(jobs) - made
    kept = f"; {there:,} there already" if there else ""
    common.say(f"{number_of(made, 'recording')} with {number_of(words, 'word')}{kept}", err=True)
    common.say(out)


def sentences(
    out: Annotated[Path, typer.Option(help="The folder of the sentences.")],
    place: Annotated[str, typer.Option("--from", metavar="asterisk|FOLDER|TABLE", help="The recordings of words.")],
    count: Annotated[int, typer.Option("--sentences", min=1, help="Number of sentences of each speaker.")] = 40,
    snr: Annotated[str, typer.Option(help="Signal-to-noise ratios, dB, separated by commas; or clean.")] = "20,10,0",
    noise: Annotated[
        list[str] | None,
        typer.Option(
            help="A dataset of noise, with its folds after a colon; can be repeated.",
            show_default="esc50:4,5 and urbansound8k:2",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random sentences.")] = 0,
    data_dir: DataDir = None,
) -> None:
    """Join recordings of single words to sentences with known times of each word, clean and in noise."""
    from earmark.synthesis.speech import voices
    from earmark.synthesis.speech.sentences import USUAL_BACKGROUNDS, SentencePlan, build, find_backgrounds

    snrs = _snrs(snr)
    if noise and not snrs:
        raise EarmarkError("--noise", "means nothing with --snr clean", "leave it out")
    grouped = find_backgrounds(noise or USUAL_BACKGROUNDS, data_dir) if snrs else {}
    plan = SentencePlan(voices.find_voices(place), count, snrs, grouped, seed)
    for _ in common.tracked(build(plan, out), len(plan.voices) * count, "sentences"):
        pass
    common.say(f"{number_of(len(plan.voices), 'speaker')}, {count} x {' + '.join(plan.conditions)}", err=True)
    common.say(out)


def _snrs(text: str) -> list[float]:
    if text.strip() == "clean":
        return []
    try:
        snrs = [float(one) for one in text.split(",")]
        if any(not -60 <= one <= 100 for one in snrs) or len(set(snrs)) < len(snrs):
            raise ValueError
    except ValueError as error:
        raise EarmarkError(
            f"--snr {text}", "are no levels", "give different numbers such as 20,10, or clean"
        ) from error
    return snrs
