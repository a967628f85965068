"""`earmark data sentences`: sentences of real words, whose times are known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli import common
from earmark.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.synthesis.speech.sentences import SentencePlan

HELP = """Join recordings of single words to sentences whose words' times are known, clean and in real noise.

Each sentence is five to twelve words of one speaker with pauses of 0.08 to 0.6 s, at a level of its own. A word lasts
from the first to the last 10 ms that are within 35 dB of its loudest; recordings in which that cannot be told are
left out. `conditions.csv` says who speaks in which file and how loud the noise is. The same command goes on where it
was interrupted, and makes the same again elsewhere.

--from is `asterisk`, for the prompts of Debian's packages asterisk-core-sounds-{en,es,fr,it,ru}-wav and
asterisk-prompt-it-menardi-wav; or a folder with a folder of recorded words for each speaker; or a table (CSV) with the
columns path, speaker, and where known language, sex and text.

Examples:

    earmark data sentences --from asterisk --out words_test/

    earmark data sentences --from my_words/ --noise my_noise/ --snr 15,5 --out sentences/

    earmark data sentences --from words.csv --snr clean --sentences 100 --seed 1 --out sentences/
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sentences", help=HELP)(sentences)


def sentences(
    out: Annotated[Path, typer.Option(help="The folder of the sentences.")],
    place: Annotated[str, typer.Option("--from", metavar="asterisk|FOLDER|TABLE", help="Recordings of words.")],
    count: Annotated[int, typer.Option("--sentences", min=1, help="So many of each speaker.")] = 40,
    snr: Annotated[str, typer.Option(help="Words over noise, dB, separated by commas; or clean.")] = "20,10,0",
    noise: Annotated[
        list[str] | None,
        typer.Option(
            help="A dataset of sounds, and its folds after a colon; may be given often.",
            show_default="esc50:4,5 and urbansound8k:2",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another one draws other sentences.")] = 0,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="The folder that datasets are kept in.", show_default="EARMARK_DATA or data"),
    ] = None,
) -> None:
    """Join recordings of single words to sentences whose words' times are known, clean and in real noise."""
    from earmark.synthesis.speech import voices
    from earmark.synthesis.speech.sentences import USUAL_BACKGROUNDS, SentencePlan, find_backgrounds

    snrs = _snrs(snr)
    if noise and not snrs:
        raise EarmarkError("--noise", "means nothing with --snr clean", "leave it out")
    grouped = find_backgrounds(noise or USUAL_BACKGROUNDS, data_dir) if snrs else {}
    plan = SentencePlan(voices.find_voices(place), count, snrs, grouped, seed)
    _build(plan, out)
    voiced = "1 speaker" if len(plan.voices) == 1 else f"{len(plan.voices)} speakers"
    common.say(f"{voiced}, {count} x {' + '.join(plan.conditions)}", err=True)
    common.say(out)


def _build(plan: SentencePlan, out: Path) -> None:
    """Build it, with a bar on standard error where a terminal shows it."""
    from earmark.synthesis.speech.sentences import build

    for _ in common.tracked(build(plan, out), len(plan.voices) * plan.sentences, "sentences"):
        pass


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
