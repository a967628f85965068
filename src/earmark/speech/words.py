"""Words, end to end: a recording of speech in, its words and the speaker's fundamental frequency out."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from earmark.errors import EarmarkError, EarmarkWarning, ModelError
from earmark.media import Given, Sound
from earmark.models.labelling import BLOCKS_AHEAD, CountedBlocks, loaded
from earmark.models.model import Model, bundled_models
from earmark.speech.energy import STEP, BandMeter, LevelMeter, Levels
from earmark.speech.f0 import Pitch, PitchTracker
from earmark.speech.segmentation import Word, WordRules, Words, find_words
from earmark.speech.syllables import nuclei
from earmark.util import streams
from earmark.util.blas import one_thread
from earmark.util.progress import reported
from earmark.util.types import Progress, Samples

BUNDLED = "words/"  # where the bundled frame classifiers stand among the models
DEFAULT = "gru"


@dataclass(frozen=True)
class Analysis:
    """What was heard in a recording; frames are one each `energy.STEP`."""

    words: Words  # without their F0
    scores: NDArray[np.float32]  # probability of speech [frames]
    levels: Levels  # dB re full scale [frames]
    bands: NDArray[np.float16]  # levels in bands, dB [frames, bands], see `energy.BandMeter`


def words(
    source: Given,
    classifier: str | os.PathLike[str] | Model = DEFAULT,
    *,
    sample_rate: float | None = None,
    sensitivity: float | None = None,
    track: int = 0,
    rules: WordRules | None = None,
    text: str | None = None,
    language: str = "en",
    syllables: bool = False,
    progress: Progress | bool | None = None,
) -> Words:
    """Find the words of one speaker, or those of a known text, and how high the voice is.

    Some twenty bytes are kept for each 10 ms of a recording; with a text, 320.

    Parameters
    ----------
    source
        Audio, or video with an audio track: a path, an address (http:// or https://), the bytes of a file, a binary
        file object; or samples, [samples] or [samples, channels].
    classifier
        A bundled frame classifier's name (see `earmark.speech.classifiers`), a model file's path, or a loaded model.
        Default `"gru"`.
    sample_rate
        Hz; needed with samples, and only there.
    sensitivity
        0 to 1: more marks more, less marks less. Default 0.5, the classifier's own thresholds.
    track
        Which of the audio tracks, from 0.
    rules
        What a word and a pause are, in detail.
    text
        What is said. Then each of its words is found, also in fluent speech, with a score from 0 to 1; a warning tells
        that text and speech do not seem to fit. eSpeak NG is loaded for this alone (extra `align`).
    language
        Of the text: a voice of eSpeak NG such as en, en-us, cs, el, fr-fr. Default `"en"`.
    syllables
        Also find the nuclei of syllables, which are there in fluent speech too (`Words.syllables`). Default False.
    progress
        Called with the seconds done and the recording's length; or True for a line on standard error.

    Returns
    -------
    Words
        A sequence of words: onset and offset in seconds, F0 in Hz; with a text also text and score.

    Raises
    ------
    MediaError
        The recording cannot be fetched or read; or the samples are of a shape, type or scale that sound has not.
    ModelError
        The model cannot be read, or is no frame classifier of speech.
    ArgumentError
        The sensitivity is not between 0 and 1, or `sample_rate` does not fit.
    EarmarkError
        The text has no words, or eSpeak NG does not speak the language; or the recording can be read only once.
    MissingExtraError
        With a text: espeakng-loader is not installed.

    Examples
    --------
    >>> import earmark
    >>> words = earmark.words("five_words.flac")
    >>> len(words)
    5
    >>> round(words[0].onset, 1), round(words.speaker_f0.mean)
    (0.8, 188)
    """
    chosen = loaded_classifier(classifier)
    tracker = PitchTracker(chosen.description.front_end.rate)
    rules = rules or WordRules()
    rules = rules if sensitivity is None else replace(rules, sensitivity=sensitivity)
    with one_thread(), reported(progress) as report:
        analysis = analyse(
            source, chosen, sample_rate=sample_rate, track=track, rules=rules, progress=report, listener=tracker.add
        )
        pitch = tracker.finish()
        found = analysis.words if text is None else aligned(analysis, text, language, pitch, report)
        if syllables:
            spans = [(word.onset, word.offset) for word in analysis.words]
            found = replace(found, syllables=nuclei(analysis.bands, pitch.f0, spans))
        return with_pitch(found, pitch)


def aligned(analysis: Analysis, text: str, language: str, pitch: Pitch, progress: Progress | None = None) -> Words:
    """The words of a text, where they are spoken; at pauses their edges are those of the words found without it."""
    from earmark.speech import alignment  # loads what only a text needs

    sound = analysis.words.sound
    if sound is None or not sound.rereadable:
        raise EarmarkError(
            analysis.words.recording, "can be read only once, and a text needs it twice", "save it to a file"
        )
    said = alignment.tokens(text)
    with sound.open() as recording:
        features = alignment.speech_features(recording.blocks(alignment.FRONT_END.rate))
    spans = [(word.onset, word.offset) for word in analysis.words]
    found = alignment.align(
        said,
        features,
        analysis.scores,
        alignment.voice_like(language, pitch.speaker(spans)),
        progress,
        analysis.words.recording,
    )
    score = float(np.median([word.score for word in found]))
    if score < alignment.DOUBTFUL:
        reason = f"does not seem to be a recording of this text (median score of its words {score:.2f})"
        warnings.warn(EarmarkWarning(f"{analysis.words.recording}: {reason}"), stacklevel=3)
    edges = alignment.at_pauses(found, spans)
    words = (Word(*edge, text=word.text, score=word.score) for word, edge in zip(found, edges, strict=True))
    return analysis.words.with_words(words)


def analyse(
    source: Given,
    classifier: str | os.PathLike[str] | Model = DEFAULT,
    *,
    sample_rate: float | None = None,
    track: int = 0,
    rules: WordRules | None = None,
    progress: Progress | bool | None = None,
    listener: Callable[[Samples], object] | None = None,
) -> Analysis:
    """Words, and the scores and levels by which they were found. Arguments and errors as for `words`.

    A `listener` is given each block of samples, at the rate of the classifier's front end, before it is scored.
    """
    sound = Sound(source, sample_rate, track)
    chosen, rules = loaded_classifier(classifier), rules or WordRules()
    about = chosen.description
    with one_thread(), reported(progress) as report, sound.open() as recording:
        blocks = CountedBlocks(recording, about.front_end.rate, report)
        loudness, bands = LevelMeter(about.front_end.rate), BandMeter(about.front_end.rate)
        passing = streams.tee(blocks, *filter(None, (listener, loudness.add, bands.add)))
        ahead = streams.ahead(passing, BLOCKS_AHEAD)
        scores = streams.concatenate(chosen.score(ahead), 1)[:, 0]
        levels, levels_in_bands = loudness.finish(), bands.finish()
        threshold = about.threshold(about.labels[0])
        spans = find_words(scores, levels, threshold, rules, blocks.seconds, levels_in_bands)
        found = Words(sound.name, round(blocks.seconds, 3), about.name, sound=sound)
    return Analysis(found.with_words(Word(onset, offset) for onset, offset in spans), scores, levels, levels_in_bands)


def with_pitch(found: Words, pitch: Pitch) -> Words:
    """Words with the fundamental frequency of each, and of the speaker over all of them."""
    measured = (replace(word, f0=_mean(pitch.within(word.onset, word.offset))) for word in found.words)
    speaker = pitch.speaker((word.onset, word.offset) for word in found.words)
    return replace(found.with_words(measured), speaker_f0=speaker, pitch=pitch)


def classifiers() -> list[str]:
    """Names of the bundled frame classifiers, the default first."""
    names = [name.removeprefix(BUNDLED) for name in bundled_models() if name.startswith(BUNDLED)]
    return sorted(names, key=lambda name: (name != DEFAULT, name))


def loaded_classifier(classifier: str | os.PathLike[str] | Model) -> Model:
    """The frame classifier itself, or the one of that name or path."""
    bundled = isinstance(classifier, str) and BUNDLED + classifier in bundled_models()
    chosen = loaded(f"{BUNDLED}{classifier}" if bundled else classifier)
    about = chosen.description
    if len(about.labels) != 1 or abs(about.step - STEP) > 1e-9:
        known = ", ".join(classifiers())
        raise ModelError(chosen.path, "is no frame classifier of speech", f"choose one of {known}")
    return chosen


def _mean(f0: Iterable[float]) -> float | None:
    values = np.fromiter(f0, np.float64)
    return round(float(values.mean()), 1) if len(values) else None
