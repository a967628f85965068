"""How well the nuclei of syllables are found in fluent speech (`earmark words --syllables`).

    python benchmarks/word_syllables.py

Fluent sentences of eSpeak NG (espeakng-loader) in twelve languages, whose phoneme events tell where each vowel is: a
nucleus is right where it lies in a vowel, or within 20 ms of it, that has no other. Each sentence is slow and fast,
clean and with noise at 20 dB. Real speech: phrases of Debian's `tuxpaint-stamps-default` whose text lies beside them,
how many syllables are found where eSpeak NG has that many vowels in the text. Settings are chosen on half of the
languages and voices, by F1 less the mean error of the real counts; the figures are those of the other half. Writes
`results/words/syllables.json`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earmark.errors import EarmarkError
from earmark.media import Given
from earmark.speech import espeak
from earmark.speech.f0 import PitchTracker
from earmark.speech.syllables import SyllableRules, nuclei
from earmark.speech.words import Analysis, analyse, loaded_classifier
from earmark.util.machine import machine

RESULTS = Path(__file__).parent.parent / "results" / "words"
STAMPS = Path("/usr/share/tuxpaint/stamps")
STAMP_LANGUAGES = {"choose": ("bg", "ca", "ro"), "test": ("el", "es", "fr", "ru")}
TOLERANCE = 0.02  # seconds around a vowel
SPEEDS = (140, 200)  # words a minute
NOISE_DB = 20.0
VOWEL = re.compile(r"[',%=|]*(?!@-)(j?[aeiouyAEIOUVWY0138@&]|[lrmn]-)")
"""What eSpeak NG's names of vowels, diphthongs and syllabic consonants begin with, after marks of stress; `@-` is the
transition into an r."""
VOICES = {"choose": ("m1", "m3", "f1", "f3"), "test": ("m2", "m4", "f2", "f4")}
SENTENCES = {
    "choose": {
        "en-us": (
            "All human beings are born free and equal in dignity and rights.",
            "Everyone has the right to life, liberty and security of person.",
        ),
        "es": (
            "Todos los seres humanos nacen libres e iguales en dignidad y derechos.",
            "Todo individuo tiene derecho a la vida, a la libertad y a la seguridad de su persona.",
        ),
        "cs": (
            "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv.",
            "Každý má právo na život, svobodu a osobní bezpečnost.",
        ),
        "ru": (
            "Все люди рождаются свободными и равными в своем достоинстве и правах.",
            "Каждый человек имеет право на жизнь, на свободу и на личную неприкосновенность.",
        ),
        "nl": (
            "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren.",
            "Een ieder heeft het recht op leven, vrijheid en onschendbaarheid van zijn persoon.",
        ),
        "sv": (
            "Alla människor är födda fria och lika i värde och rättigheter.",
            "Var och en har rätt till liv, frihet och personlig säkerhet.",
        ),
    },
    "test": {
        "de": (
            "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
            "Jeder hat das Recht auf Leben, Freiheit und Sicherheit der Person.",
        ),
        "fr": (
            "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
            "Tout individu a droit à la vie, à la liberté et à la sûreté de sa personne.",
        ),
        "it": (
            "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti.",
            "Ogni individuo ha diritto alla vita, alla libertà ed alla sicurezza della propria persona.",
        ),
        "pl": (
            "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw.",
            "Każdy człowiek ma prawo do życia, wolności i bezpieczeństwa swej osoby.",
        ),
        "el": (
            "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
            "Κάθε άτομο έχει δικαίωμα στη ζωή, την ελευθερία και την προσωπική του ασφάλεια.",
        ),
        "pt": (
            "Todos os seres humanos nascem livres e iguais em dignidade e em direitos.",
            "Todo o indivíduo tem direito à vida, à liberdade e à segurança pessoal.",
        ),
    },
}
"""Of the first and third article of the Universal Declaration of Human Rights."""
GRID = ((2.0, 2.5, 3.0, 4.0), (15.0, 20.0, 25.0, 30.0), (1, 3, 5, 7), ((0, 2), (0, 3), (1, 2), (1, 3)))
"""Dip (2 dB is the method's own, and the least), quiet, smoothing, bands that are tried."""

Vowels = Sequence[tuple[float, float]]


@dataclass
class Heard:
    """One recording: what was measured, and its vowels, begin and end in seconds."""

    analysis: Analysis
    f0: NDArray[np.float32]
    vowels: Vowels
    language: str = ""
    condition: str = ""

    def nuclei(self, rules: SyllableRules) -> tuple[float, ...]:
        """As the command finds them."""
        spans = [(word.onset, word.offset) for word in self.analysis.words]
        return nuclei(self.analysis.bands, self.f0, spans, rules)


def vowels_of(utterance: espeak.Utterance) -> Vowels:
    """Where each vowel begins and the phoneme after it."""
    end = len(utterance.samples) / utterance.rate
    starts = [at for _, at in utterance.phonemes]
    lasting = zip(utterance.phonemes, [*starts[1:], end], strict=True)
    return [(at, after) for (name, at), after in lasting if VOWEL.match(name)]


def hear(source: Given, sample_rate: int | None, vowels: Vowels, language: str, condition: str) -> Heard:
    """Measure one recording as `earmark.words` does."""
    model = loaded_classifier("gru")
    tracker = PitchTracker(model.description.front_end.rate)
    analysis = analyse(source, model, sample_rate=sample_rate, listener=tracker.add)
    return Heard(analysis, tracker.finish().f0, vowels, language, condition)


def spoken(part: str) -> Iterator[Heard]:
    """The sentences of one half, clean and with noise."""
    rng = np.random.default_rng(0)
    for (language, sentences), variant, speed in itertools.product(SENTENCES[part].items(), VOICES[part], SPEEDS):
        for utterance in espeak.utter(sentences, espeak.Voice(f"{language}+{variant}", speed)):
            vowels = vowels_of(utterance)
            clean = utterance.samples.astype(np.float32) / 32768
            loud = clean[clean != 0]
            noise = rng.standard_normal(len(clean)) * np.sqrt((loud**2).mean()) * 10 ** (-NOISE_DB / 20)
            yield hear(clean, utterance.rate, vowels, language, "clean")
            noisy = np.clip(clean + noise, -1, 1).astype(np.float32)
            yield hear(noisy, utterance.rate, vowels, language, "20 dB")


def right(found: Sequence[float], vowels: Vowels) -> int:
    """How many nuclei have a vowel of their own: both in order, the earliest that fits."""
    count, place = 0, 0
    for begins, ends in vowels:
        while place < len(found) and found[place] < begins - TOLERANCE:
            place += 1
        if place < len(found) and found[place] <= ends + TOLERANCE:
            count, place = count + 1, place + 1
    return count


def figures(recordings: Sequence[Heard], rules: SyllableRules) -> dict[str, float]:
    """Precision, recall and F1 over all vowels together."""
    found = [heard.nuclei(rules) for heard in recordings]
    hits = sum(right(times, heard.vowels) for times, heard in zip(found, recordings, strict=True))
    marked, there = sum(map(len, found)), sum(len(heard.vowels) for heard in recordings)
    shares = {"precision": hits / max(marked, 1), "recall": hits / there, "f1": 2 * hits / (marked + there)}
    return {"vowels": there, "found": marked} | {name: round(share, 4) for name, share in shares.items()}


def phrases(part: str, number: int) -> Iterator[Heard]:
    """Real phrases, some of each language, spread over the folders; of each only how many vowels it has."""
    for language in STAMP_LANGUAGES[part]:
        files = sorted(STAMPS.rglob(f"*_desc_{language}.ogg"))
        said = [(file, text) for file in files if (text := _text(file, language))]
        chosen = said[:: max(1, len(said) // number)][:number]
        utterances = espeak.utter([text for _, text in chosen], espeak.Voice(language)) if chosen else []
        for (file, _), utterance in zip(chosen, utterances, strict=True):
            try:
                yield hear(file, None, vowels_of(utterance), language, "real")
            except EarmarkError as error:
                print(error)


def _text(file: Path, language: str) -> str | None:
    """What is said, unless there are digits or brackets, which a speaker may have read in another way."""
    text_file = file.with_name(file.name.replace(f"_desc_{language}.ogg", ".txt"))
    lines = text_file.read_text("utf-8").splitlines() if text_file.is_file() else []
    texts = [line.partition("=")[2].strip() for line in lines if line.startswith(f"{language}.utf8=")]
    return texts[0] if texts and not re.search(r"[\d()«»]", texts[0]) else None


def counted(recordings: Sequence[Heard], rules: SyllableRules) -> dict[str, float]:
    """How many syllables were found where the text has how many, in all and recording by recording."""
    found = np.array([len(heard.nuclei(rules)) for heard in recordings])
    there = np.array([len(heard.vowels) for heard in recordings])
    return {
        "recordings": len(recordings),
        "syllables": int(there.sum()),
        "found": int(found.sum()),
        "correlation": round(float(np.corrcoef(found, there)[0, 1]), 3),
        "mean_error": round(float(np.abs(found - there).sum() / there.sum()), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phrases", type=int, default=40, help="real ones of each language")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    learned, learned_real = list(spoken("choose")), list(phrases("choose", options.phrases))
    tried = [SyllableRules(*choice) for choice in itertools.product(*GRID)]
    best = max(tried, key=lambda r: figures(learned, r)["f1"] - counted(learned_real, r)["mean_error"])
    rules = SyllableRules()
    if rules != best:
        print("the default is not the best:", best)
    test, test_real = list(spoken("test")), list(phrases("test", options.phrases))
    report = {
        "command": "python benchmarks/word_syllables.py",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "rules": asdict(rules),
        "best_rules": asdict(best),
        "choose": figures(learned, rules),
        "choose_real": counted(learned_real, rules),
        "test": {one: figures([h for h in test if h.condition == one], rules) for one in ("clean", "20 dB")},
        "test_real": counted(test_real, rules),
        "test_by_language": {
            one: figures([h for h in test if (h.language, h.condition) == (one, "clean")], rules)
            for one in SENTENCES["test"]
        },
        "test_real_by_language": {
            one: counted([h for h in test_real if h.language == one], rules) for one in STAMP_LANGUAGES["test"]
        },
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "syllables.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
