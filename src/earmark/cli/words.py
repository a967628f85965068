"""`earmark words`: the words of one speaker, and how high the voice is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli import common
from earmark.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.speech.segmentation import WordRules, Words

SYLLABLE_FORMATS = ("table", "json", "textgrid")
DIALOGUE_FORMATS = ("srt", "vtt", "ctm")  # which hold what is said
HELP = """Find the words in a recording of one speaker who pauses between them, and how high the voice is.

Times are in seconds from the beginning of the recording, the fundamental frequency (F0) in Hz.

Examples:

    earmark words speech.wav

    earmark words speech.wav --play 3

    earmark words speech.mp4 --play 2,4-6 --gap 1

    earmark words *.flac --to json > words.json

    earmark words *.flac --to textgrid --out words/

    earmark words speech.wav --cut words/ --plot speech.png

    earmark words speech.wav --text "Three blue birds, one quiet river."

    earmark words talk.mp3 --text talk.txt --language fr --to srt > talk.srt

    earmark words talk.mp3 --syllables --to textgrid > talk.TextGrid

    earmark words recordings/ --menu

--menu is for listening: it lists recordings and the words that each classifier finds, plays them, and shows the figures
of recordings that have ground truth beside them. EARMARK_SOUND sets the sound system to play on, such as alsa, or null
for none.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("words", help=HELP)(words)


def words(
    files: common.Files,
    classifier: Annotated[str, typer.Option(help="Name of a bundled frame classifier, or an .onnx file.")] = "gru",
    to: Annotated[
        str,
        typer.Option(
            help="Format of the output: table, json, csv, textgrid or audacity; with --text also srt, vtt or ctm."
        ),
    ] = "table",
    out: Annotated[
        Path | None, typer.Option(help="Write to this file, or to one file a recording in this folder.")
    ] = None,
    pause: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Shortest pause between two words, seconds.",
            show_default="judged by the sound beside the gap",
        ),
    ] = None,
    min_word: Annotated[float | None, typer.Option(min=0, help="Shortest word, seconds.", show_default="0.06")] = None,
    sensitivity: common.Sensitivity = 0.5,
    text: Annotated[
        str | None,
        typer.Option(metavar="TEXT|FILE", help="Find each word of this text, which may be spoken fluently."),
    ] = None,
    language: Annotated[
        str, typer.Option(help="Language of the text: a voice of eSpeak NG, such as en-us, fr, ru or cs.")
    ] = "en",
    f0: Annotated[
        bool, typer.Option("--f0", help="With --to json: also F0 every 10 ms. With --to csv: F0 instead of words.")
    ] = False,
    syllables: Annotated[
        bool,
        typer.Option(
            "--syllables", help="Also the nuclei of syllables, for fluent speech; with --to table, json or textgrid."
        ),
    ] = False,
    play: Annotated[
        str | None, typer.Option(metavar="WORDS", help="Play these words, such as 3, or 2,4-6, or all.")
    ] = None,
    gap: Annotated[float, typer.Option(min=0, max=60, help="Silence between words that are played, seconds.")] = 0.5,
    cut: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write each word to a WAV file in this folder.")
    ] = None,
    margin: Annotated[
        float, typer.Option(min=0, max=60, help="What is kept before and after a word that is cut out, seconds.")
    ] = 0.05,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw waveform, spectrogram, words and F0 into this PNG file, or into this folder."),
    ] = None,
    track: common.Track = 0,
    menu: Annotated[
        bool, typer.Option("--menu", help="Choose recordings, look at words and listen to them, in a menu.")
    ] = False,
) -> None:
    """Find the words of every file; results to standard output or to files."""
    from earmark.cli import output

    rules = _rules(pause, min_word, sensitivity)
    if menu:
        from earmark.cli import word_menu

        others = {"--play": play, "--cut": cut, "--plot": plot, "--out": out, "--text": text, "--syllables": syllables}
        common.refuse(others, "does not go with --menu")
        if Path("-") in files:
            raise EarmarkError("--menu", "asks on standard input, so that no recording can come there", "name a file")
        return word_menu.run(files, classifier, rules, gap, track)
    if Path("-") in files:
        again = {"--play": play, "--cut": cut, "--plot": plot, "--text": text}
        common.refuse(again, "cannot use standard input, which is read only once", "save it to a file first")
    if syllables and to not in SYLLABLE_FORMATS:
        raise EarmarkError("--syllables", f"has no place in {to}", f"choose --to {', '.join(SYLLABLE_FORMATS)}")
    if text is None and to in DIALOGUE_FORMATS:
        raise EarmarkError(f"--to {to}", "writes what is said, which nobody knows", "give it with --text")
    said = None if text is None else _said(text, files)
    writer = output.words_writer(to, out, files, f0)
    actions = _actions(files, play, gap, cut, margin, plot, track)
    from earmark.speech import words as speech

    chosen = speech.loaded_classifier(classifier)

    def work(file: Path) -> None:
        with common.progress(file) as advance:
            found = speech.words(
                common.source(file), chosen, track=track, rules=rules, text=said, language=language,
                syllables=syllables, progress=advance,
            )  # fmt: skip
        writer.add(found)
        if found.fluent:
            length = sum(word.duration for word in found.words) / len(found.words)
            what = f"what was found lasts {length:.1f} s on average: stretches of fluent speech, not single words"
            ways = "--text finds the words of a text" + ("" if syllables else ", --syllables syllables")
            common.say(f"{file}: {what}; {ways}", err=True)
        for act in actions:
            act(file, found)

    try:
        common.for_each(files, work)
    finally:  # also where a file failed, or someone lost patience: what was done is kept
        writer.close()


Action = Callable[[Path, "Words"], None]
"""Something to do with a recording and its words."""


def _said(text: str, files: list[Path]) -> str:
    """The text itself, or what a file of that name holds."""
    if len(files) != 1:
        raise EarmarkError("--text", "is what is said in one recording", "name one recording")
    try:
        path = Path(text)
        if len(text) < 1000 and path.is_file():
            return path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".txt" and len(text.split()) == 1:
            raise EarmarkError(text, "is not there", "name a file of the text, or give the words themselves")
        return text
    except UnicodeDecodeError as error:
        raise EarmarkError(text, "is no text in UTF-8", "save it as UTF-8") from error
    except OSError as error:
        raise EarmarkError(text, f"cannot be read ({error.strerror})") from error


def _actions(
    files: list[Path], play: str | None, gap: float, cut: Path | None, margin: float, plot: Path | None, track: int
) -> list[Action]:
    actions: list[Action] = []
    if plot is not None:
        actions.append(_plotting(plot, files, track))
    if cut is not None:
        actions.append(_Cutting(cut, margin, track, {file.absolute() for file in files}))
    if play is not None:
        actions.append(_playing(play, gap, track))
    return actions


def _plotting(place: Path, files: Sequence[Path], track: int) -> Action:
    common.need_matplotlib("--plot")
    from earmark.cli import output
    from earmark.datasets.ground_truth import truth_beside
    from earmark.plots.words import draw_words

    names = output.names_in_folder(files)

    def act(file: Path, found: Words) -> None:
        draw_words(file, found, output.place(place, file, ".png", names), truth_beside(file), track)

    return act


def _playing(wanted: str, gap: float, track: int) -> Action:
    common.number_ranges(wanted, "--play")  # what is no number is told before hours of work

    def act(file: Path, found: Words) -> None:
        from earmark import media

        chosen = [found.words[number - 1] for number in common.chosen_numbers(wanted, len(found.words), "--play")]
        media.play_spans(file, [(word.onset, word.offset) for word in chosen], gap=gap, track=track)

    return act


@dataclass
class _Cutting:
    """Writes each word to a file of its own."""

    folder: Path
    margin: float
    track: int
    taken: set[Path]
    """Files that are not to be replaced: the recordings, and the words of others of them."""

    def __call__(self, file: Path, found: Words) -> None:
        """Write `speech-001.wav` and so on, in one pass over the recording."""
        from earmark import media

        digits = max(3, len(str(len(found.words))))
        spans = []
        for number, word in enumerate(found.words, start=1):
            path = self.folder / f"{file.stem}-{number:0{digits}}.wav"
            if path.absolute() in self.taken:
                raise EarmarkError(file, f"its words have the names of others: {path} is taken", "use another --cut")
            spans.append((max(0.0, word.onset - self.margin), min(word.offset + self.margin, found.duration), path))
        self.taken.update(path.absolute() for *_, path in spans)
        written = list(media.write_spans(file, spans, track=self.track)) if spans else []
        common.say(f"{self.folder}: {len(written)} words of {file.name}", err=True)


def _rules(pause: float | None, min_word: float | None, sensitivity: float) -> WordRules:
    from earmark.speech.segmentation import WordRules

    return WordRules(pause, WordRules.min_word if min_word is None else min_word, sensitivity)
