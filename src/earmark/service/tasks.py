"""What each task does with an upload, in a worker's process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earmark.errors import EarmarkError
from earmark.service.picture import Picture
from earmark.service.storage import JobFolder
from earmark.util.atomic import atomic_write, settle
from earmark.util.types import Progress

if TYPE_CHECKING:
    from earmark.models.model import Model
    from earmark.speech.segmentation import WordRules, Words


WITHOUT_EVENTS = ("classify", "words")  # tasks whose results are no timeline
BURN_IN = "burn_in"  # the task of a video with captions burned in
QUICK = "clip"  # the task that a request waits for: it goes first, and is forgotten with the request
CLIP_SECONDS = 60.0  # longest recording that `classify` answers at once
BY_SIMPLICITY = {name: place for place, name in enumerate(("least_squares", "svm", "mlp", "rnn", "gru"))}
USUAL = 48_000 * 8  # samples a second, of all channels; one that has more may be as much shorter


@dataclass(frozen=True)
class Work:
    """One job, as a worker gets it."""

    folder: Path  # where the upload is, and where results go
    task: str  # one of `schemas.Task`, `BURN_IN` or `QUICK`
    name: str  # the recording's
    model: str  # path or name of the model, or of the frame classifier
    options: Mapping[str, Any]  # what was asked
    longest: float  # of a recording, seconds


def do(work: Work, progress: Progress) -> float:
    """Do a job, write its results, and return the recording's duration in seconds.

    Raises
    ------
    EarmarkError
        The recording or the model cannot be used.
    """
    folder = JobFolder(work.folder)
    longest, what = _longest(work, folder.upload)

    def bounded(seconds: float, duration: float | None) -> None:
        if seconds > longest:
            raise EarmarkError(work.name, f"is longer than {longest:g} s{what}", "send a shorter part of it")
        progress(seconds, duration)

    how = {"words": _words, "classify": _classify, QUICK: _classify, BURN_IN: _burn_in}.get(work.task, _label)
    duration = how(work, folder, bounded)
    settle(work.folder)
    return duration


def _longest(work: Work, upload: Path) -> tuple[float, str]:
    """The seconds that a recording may have, and what of it makes them fewer than usual."""
    from earmark.media import open_recording

    with open_recording(upload) as recording:
        track = recording.track
    longest = min(work.longest, CLIP_SECONDS) if work.task == QUICK else work.longest
    if track.rate * track.channels <= USUAL:
        return longest, ""
    bounded = round(longest * USUAL / (track.rate * track.channels), 1)
    return bounded, f" of {track.channels} channel{'s' * (track.channels > 1)} at {track.rate} Hz"


def _label(work: Work, folder: JobFolder, progress: Progress) -> float:
    from earmark.formats import FORMATS
    from earmark.models.labelling import recorded_scores
    from earmark.service import scores
    from earmark.service.alike import KeptEmbeddings

    model = _model(work.model)
    about, picture = model.description, Picture(model.description.front_end.rate)
    embeddings = KeptEmbeddings(about.step, model.dimensions) if model.dimensions else None
    embed = embeddings.add if embeddings else None
    recorded = recorded_scores(model, folder.upload, picture.hear, progress, embed)
    if embeddings:
        embeddings.save(folder.embeddings, recorded.duration)
    scores.save(recorded, folder.scores)
    best = recorded.scores.max(axis=0, initial=0.0)
    labels = [
        {"label": label, "on": about.threshold(label).on, "off": about.threshold(label).off, "best": round(float(b), 4)}
        for label, b in zip(about.labels, best, strict=True)
    ]
    _write_view(folder, recorded.duration, picture, labels, None, progress)
    found = scores.timeline(recorded, work.name, work.options.get("sensitivity", 0.5))
    _write(folder.result, FORMATS["json"].text(found))
    return recorded.duration


def _words(work: Work, folder: JobFolder, progress: Progress) -> float:
    from earmark.formats import WORD_FORMATS
    from earmark.speech.f0 import STEP, PitchTracker
    from earmark.speech.segmentation import WordRules
    from earmark.speech.words import aligned, analyse, loaded_classifier, with_pitch

    model = loaded_classifier(_model(work.model))
    rate = model.description.front_end.rate
    tracker, picture = PitchTracker(rate), Picture(rate)

    def listen(block: Any) -> None:
        tracker.add(block)
        picture.add(block)

    rules = WordRules(sensitivity=work.options.get("sensitivity", 0.5))
    analysis = analyse(folder.upload, model, rules=rules, progress=progress, listener=listen)
    pitch, said = tracker.finish(), folder.text.read_text(encoding="utf-8") if folder.text.is_file() else None
    words = (
        analysis.words if said is None else aligned(analysis, said, work.options.get("language", "en"), pitch, progress)
    )
    found = replace(with_pitch(words, pitch), recording=work.name)
    if work.options.get("compare"):
        compared = [
            with_pitch(one, pitch) for one in _by_each_classifier(work, folder, analysis.words, rules, progress)
        ]
        _write(folder.classifiers, json.dumps([replace(one, recording=work.name).to_dict() for one in compared]))
    f0 = {"step": STEP, "hz": [round(float(hz), 1) if hz > 0 else None for hz in pitch.f0]}
    _write_view(folder, found.duration, picture, [], f0, progress)
    _write(folder.result, WORD_FORMATS["json"].text(found))
    return found.duration


def _by_each_classifier(
    work: Work, folder: JobFolder, words: Words, rules: WordRules, progress: Progress
) -> Iterator[Words]:
    """The words that each bundled frame classifier finds, the simplest first; `words` are those of the job's own."""
    from earmark.speech.words import BUNDLED, analyse, classifiers, loaded_classifier

    for name in sorted(classifiers(), key=lambda name: BY_SIMPLICITY.get(name, len(BY_SIMPLICITY))):
        found = words
        if work.model != BUNDLED + name:
            model = loaded_classifier(_model(BUNDLED + name))
            found = analyse(
                folder.upload, model, rules=rules, progress=lambda *_: progress(words.duration, words.duration)
            ).words
        yield replace(found, classifier=name)


def _classify(work: Work, folder: JobFolder, progress: Progress) -> float:
    from earmark.models.labelling import classify

    model = _model(work.model)
    picture = Picture(model.description.front_end.rate) if work.task != QUICK else None
    recorded = 0.0

    def noted(seconds: float, duration: float | None) -> None:
        nonlocal recorded
        recorded = seconds
        progress(seconds, duration)

    found = classify(folder.upload, model, progress=noted, tap=picture.hear if picture else None)
    labels = [{"label": label, "score": score} for label, score in found]
    if picture:
        _write_view(folder, recorded, picture, [], None, progress)
    _write(folder.result, json.dumps({"recording": work.name, "labels": labels}, ensure_ascii=False))
    return recorded


def _burn_in(work: Work, folder: JobFolder, progress: Progress) -> float:
    from earmark.captions.looks import Cue, Line, Look
    from earmark.captions.video_burn_in import burn_in, suffix_of

    asked = json.loads(folder.captions.read_text(encoding="utf-8"))
    cues = [Cue(onset, offset, tuple(Line(*line) for line in lines)) for onset, offset, lines in asked["cues"]]
    path = folder.path / f"video{suffix_of(folder.upload)}"
    duration = burn_in(folder.upload, cues, path, progress, Look(**asked["look"]))
    _write(folder.result, json.dumps({"recording": work.name, "video": path.name}, ensure_ascii=False))
    return duration


def warm_up() -> None:
    """Import what most jobs need, so that the first one need not wait for it."""
    import earmark.models.labelling  # noqa: F401

    _model("sounds")


@lru_cache(maxsize=8)
def _model(name: str) -> Model:
    """A model; those that were used last stay loaded."""
    from earmark.models.model import load_model

    return load_model(name, threads=1)


def _write_view(
    folder: JobFolder,
    duration: float,
    picture: Picture,
    labels: list[dict[str, Any]],
    f0: dict[str, Any] | None,
    progress: Progress,
) -> None:
    """Write what a page draws, and what it plays."""
    from earmark.service.playback import prepare

    media = asdict(prepare(folder.upload, folder.copy, lambda: progress(duration, duration)))
    _write(folder.media, json.dumps(media))
    view = {"duration": round(duration, 3), **picture.view(), "labels": labels, "f0": f0, "media": media}
    _write(folder.view, json.dumps(view, ensure_ascii=False, allow_nan=False))


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as part:
        part.write_text(text, encoding="utf-8")
        settle(part)
