"""`earmark words --menu`: choose recordings and classifiers, see the words, hear them. Plain text, asked with input().

    recordings -> classifiers -> what each classifier found -> the words of one, to listen to

`b` goes back by one of these, `q` leaves, and so do Ctrl-C and the end of the input.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from earmark.cli import common
from earmark.cli.streams import check_standard_input
from earmark.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.models.model import Model
    from earmark.speech.segmentation import WordRules, Words

TOLERANCE = 0.05  # seconds by which a boundary may be off
HEADS = ("", "recording", "classifier", "words", "true", "frame accuracy", "boundary F1", "F0 (Hz)")
KEYS = "b to go back, q to leave"


class _Leave(Exception):  # noqa: N818  nothing is wrong
    """The user has had enough."""


@dataclass(frozen=True)
class _Result:
    """What a classifier found in a recording, beside the truth if there is one."""

    file: Path
    words: Words
    truth: Words | None

    def row(self, number: int) -> tuple[str, ...]:
        """Its line in the table of results."""
        f0 = self.words.speaker_f0
        return (
            str(number),
            self.file.name,
            self.words.classifier or "",
            str(len(self.words.words)),
            *self._against_truth(),
            f"{f0.mean:.1f}" if f0 else "-",
        )

    def _against_truth(self) -> tuple[str, str, str]:
        """True words, frame accuracy, boundary F1."""
        if self.truth is None:
            return "-", "-", "-"
        from earmark.evaluation.frame_metrics import confusion
        from earmark.evaluation.word_metrics import count, frames_of

        duration = self.words.duration
        ours, its = (frames_of(words.words, duration) for words in (self.words, self.truth))
        counts = count(self.words.words, self.truth.words, TOLERANCE)
        return str(counts.true), f"{confusion(ours, its).accuracy:.3f}", f"{counts.boundary_f1:.3f}"


@dataclass
class _Menu:
    """What the menu knows while it runs: nothing is worked out twice."""

    files: list[Path]
    classifiers: list[str]
    rules: WordRules
    gap: float
    track: int
    models: dict[str, Model]
    found: dict[tuple[Path, str], _Result] = field(default_factory=dict)
    truths: dict[Path, Words | None] = field(default_factory=dict)
    silent: bool = False
    """Whether the user knows that nothing can be played."""

    def recordings(self) -> None:
        """Choose recordings, if there are several."""
        while True:
            chosen = self.files
            if len(self.files) > 1:
                _list("Recordings", (str(file) for file in self.files))
                numbers = _choose("recordings", len(self.files), f"numbers such as 2,4-6, or all; {KEYS}")
                if not numbers:
                    return
                chosen = [self.files[number - 1] for number in numbers]
            self.choose_classifiers(chosen)
            if len(self.files) == 1:
                return

    def choose_classifiers(self, files: Sequence[Path]) -> None:
        """Choose classifiers, and look for words."""
        while True:
            _list("Classifiers", self.classifiers)
            numbers = _choose(
                "classifiers", len(self.classifiers), f"numbers, or all; Enter for {self.classifiers[0]}; {KEYS}", "1"
            )
            if not numbers:
                return
            chosen = [self.classifiers[number - 1] for number in numbers]
            results = [result for file in files for result in self.found_in(file, chosen)]
            if len(chosen) > 1:
                _compare(results)
            if results:
                self.results(results)

    def results(self, results: Sequence[_Result]) -> None:
        """Show what was found, and choose one to listen to, if there are several."""
        from earmark.formats import plain_text

        rows = [HEADS, *(result.row(number) for number, result in enumerate(results, start=1))]
        while True:
            _say("\n" + plain_text.aligned(rows, "rllrrrrr").rstrip())
            if any(result.truth for result in results):
                _say(f"(boundary F1: onsets and offsets within {1000 * TOLERANCE:.0f} ms)")
            if len(results) == 1:
                return self.listen(results[0])
            numbers = _choose("words of", len(results), f"a number to see its words; {KEYS}")
            if not numbers:
                return None
            for number in numbers:
                self.listen(results[number - 1])

    def listen(self, result: _Result) -> None:
        """Show the words of one result, and play those that are asked for."""
        from earmark.formats import plain_text

        _say(f"\n{result.file.name}, {result.words.classifier}\n")
        _say(plain_text.words_table(result.words))
        while True:
            keys = f"a word's number, 2,4-6, or all; {KEYS}" if result.words.words else KEYS
            numbers = _choose("play", len(result.words.words), keys)
            if not numbers:
                return
            self.play(result, numbers)

    def play(self, result: _Result, numbers: Iterable[int]) -> None:
        """Play words; Ctrl-C ends that and nothing else. That there is no sound device is said once."""
        from earmark import media

        words = [result.words.words[number - 1] for number in numbers]
        try:
            media.play_spans(result.file, [(w.onset, w.offset) for w in words], gap=self.gap, track=self.track)
        except EarmarkError as error:
            if not self.silent:
                _say(f"Nothing is played: {error}")
            self.silent = True
        except KeyboardInterrupt:
            _say("")

    def found_in(self, file: Path, classifiers: Iterable[str]) -> list[_Result]:
        """What each classifier finds in a recording; where that cannot be read, it is said once for all of them."""
        found = []
        for name in classifiers:
            result = self.result(file, name)
            if result is None:
                break
            found.append(result)
        return found

    def result(self, file: Path, classifier: str) -> _Result | None:
        """What a classifier finds in a recording; None, and a line that says why, where it cannot be read."""
        from earmark.speech import words as speech

        if (file, classifier) not in self.found:
            try:
                if classifier not in self.models:
                    self.models[classifier] = speech.loaded_classifier(classifier)
                model = self.models[classifier]
                with common.progress(file) as advance:
                    words = speech.words(file, model, track=self.track, rules=self.rules, progress=advance)
            except EarmarkError as error:
                _say(f"Left out: {error}")
                return None
            self.found[file, classifier] = _Result(file, words, self.truth(file))
        return self.found[file, classifier]

    def truth(self, file: Path) -> Words | None:
        """The truth beside a recording, if there is one that can be read."""
        from earmark.datasets.ground_truth import truth_beside

        if file not in self.truths:
            try:
                self.truths[file] = truth_beside(file)
            except EarmarkError as error:
                _say(f"No truth: {error}")
                self.truths[file] = None
        return self.truths[file]


def run(files: Sequence[Path], classifier: str, rules: WordRules, gap: float, track: int) -> None:
    """Run the menu over recordings until the user leaves."""
    from earmark.speech import words as speech

    check_standard_input()
    models = {classifier: speech.loaded_classifier(classifier)}  # whoever mistyped it is told before anything is asked
    others = [name for name in speech.classifiers() if name != classifier]
    for file in files:
        if not file.exists():
            raise EarmarkError(file, "no such file or folder")
    try:
        _Menu(list(dict.fromkeys(files)), [classifier, *others], rules, gap, track, models).recordings()
    except (_Leave, EOFError, KeyboardInterrupt):
        _say("")


def _choose(prompt: str, count: int, keys: str, empty: str = "") -> list[int]:
    """Numbers from 1 to `count` that the user types; none to go back. Asks again for what is no choice."""
    _say(f"[{keys}]")
    while True:
        answer = input(f"{prompt}> ").strip() or empty
        if answer.lower() in ("q", "quit", "exit"):
            raise _Leave
        if answer.lower() in ("b", "back"):
            return []
        try:
            numbers = common.chosen_numbers(answer, count) if answer else []
        except EarmarkError as error:
            _say(error)
            continue
        if numbers:
            return numbers
        _say(f"[{keys}]")


def _say(text: object) -> None:
    common.say_lines(str(text))


def _compare(results: Iterable[_Result]) -> None:
    """The words of each recording as each classifier found them, and as they are, side by side."""
    from earmark.formats import plain_text

    for file, group in groupby(results, key=lambda result: result.file):
        beside = list(group)
        truth = [words for words in (beside[0].truth,) if words is not None]
        _say(f"\n{file.name}\n\n{plain_text.side_by_side([*(result.words for result in beside), *truth])}".rstrip())


def _list(head: str, entries: Iterable[str]) -> None:
    _say(f"\n{head}")
    for number, entry in enumerate(entries, start=1):
        _say(f"{number:>4}  {entry}")
