"""Models of instruments on the same clips: rendered with a SoundFont that trained none of them, and real recordings.

    python benchmarks/instruments_compared.py conv1d=runs/.../model.onnx ours=runs/.../model.onnx \\
        --solo phrases/heldout_solo/clips.csv --phrases phrases/heldout/clips.csv \\
        --recordings ../shared/data/instruments --out results/instruments/compared.json

Of a model that knows more, the usual five labels alone are looked at. For the wider list:

        --wide phrases32/heldout_wide/clips.csv --unnamed phrases32/heldout_unnamed/clips.csv \\
        --foreign gcompris/clips.csv --mixed mixed/clips.csv

There each model is asked for those labels of the list that it has; a trumpet is two of them, brass and trumpet.
What is marked is what `earmark label` marks, anywhere in a clip, at the model's own thresholds. `--unnamed` are clips
of instruments without a label (`earmark data phrases --labels all --nothing 1 --together 0`): which labels each of
those that plays alone is marked as.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from instruments_real import balanced, recordings
from numpy.typing import NDArray

from earmark import datasets
from earmark.datasets import Dataset
from earmark.evaluation import annotated, clip_evaluation
from earmark.evaluation.clip_evaluation import Predictions, predict
from earmark.evaluation.clip_metrics import of_accuracies
from earmark.evaluation.event_metrics import segment_based
from earmark.events.timeline import Timeline
from earmark.models.labelling import label
from earmark.models.model import Model, load_model
from earmark.synthesis.music.instruments import DEFAULT_LABELS, LABELS, instrument_of

Found = Mapping[Path, Timeline]
"""What a model marks in each recording."""


@dataclass(frozen=True)
class Trial:
    """Clips, the labels by which models are judged on them, and the clips' table if one of events lies beside it."""

    dataset: Dataset
    labels: tuple[str, ...]
    table: Path | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="NAME=MODEL")
    parser.add_argument("--solo", type=Path, required=True, help="clips with one instrument each")
    parser.add_argument("--phrases", type=Path, required=True, help="clips with none, one or several")
    parser.add_argument("--recordings", type=Path, required=True, help="as for instruments_real.py")
    parser.add_argument("--wide", type=Path, help="clips with labels of the wider list, none to several")
    parser.add_argument("--unnamed", type=Path, help="clips of instruments without a label")
    parser.add_argument("--foreign", type=Path, help="more real recordings, with labels of the wider list")
    parser.add_argument("--mixed", type=Path, help="two real recordings at once: instruments_mixed.py")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    each = trials(given)
    unnamed = datasets.load(None, given.unnamed) if given.unnamed else None
    found, taken = {}, {}
    for name, path in (pair.split("=", 1) for pair in given.models):
        model = load_model(path)
        found[name] = {title: measured(model, trial) for title, trial in each.items()}
        for title, summary in found[name].items():
            print(f"{name:<24}{title:<44}{line(summary)}", flush=True)
        if unnamed is not None:
            taken[name] = taken_for(model, unnamed)
    content = {"date": datetime.now(UTC).date().isoformat(), "models": found, "instruments without a label": taken}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def trials(given: argparse.Namespace) -> dict[str, Trial]:
    """All that models are tried on, by its name in the results."""
    tests = tuple(clip for half, clip in recordings(given.recordings) if half == "test")
    real = Dataset("real recordings", tests, exclusive=False)
    phrases = datasets.load(None, given.phrases)
    two = replace(phrases, clips=tuple(clip for clip in phrases.clips if len(clip.labels) == 2))
    found = {
        "held-out SoundFont, one instrument": Trial(datasets.load(None, given.solo), DEFAULT_LABELS, given.solo),
        "held-out SoundFont, none to several": Trial(phrases, DEFAULT_LABELS, given.phrases),
        "held-out SoundFont, two at once": Trial(two, DEFAULT_LABELS),
        "real recordings": Trial(real, DEFAULT_LABELS),
    }
    if given.wide:
        found["held-out SoundFont, wider list"] = Trial(datasets.load(None, given.wide), LABELS, given.wide)
        found["real recordings, wider list"] = Trial(real, LABELS)
    if given.foreign:
        found["foreign recordings, wider list"] = Trial(datasets.load(None, given.foreign), LABELS)
    if given.mixed:
        mixed = datasets.load(None, given.mixed)
        found["two real recordings"] = Trial(mixed, DEFAULT_LABELS)
        found["two real recordings, wider list"] = Trial(mixed, LABELS)
    return found


def measured(model: Model, trial: Trial) -> dict[str, Any]:
    """The figures of one model on one set, of those of its labels that count."""
    answers = only(predict(model, trial.dataset), trial.labels)
    found = {clip.path: label(clip.path, model) for clip in answers.clips}
    names = [{event.label for event in found[clip.path].events} for clip in answers.clips]
    said = np.array([[name in each for name in answers.labels] for each in names])
    summary = clip_evaluation.summary(answers) | balanced(answers)
    summary |= {"marked": marked(answers, said), "labels_at_once": at_once(answers, said)}
    return summary | {"segments": in_time(found, answers.labels, trial.table)} if trial.table else summary


def only(answers: Predictions, labels: Sequence[str]) -> Predictions:
    """The answers for those of a model's labels that are among `labels`."""
    kept = [column for column, name in enumerate(answers.labels) if name in labels]
    names = tuple(answers.labels[column] for column in kept)
    return replace(answers, labels=names, truth=answers.truth[:, kept], scores=answers.scores[:, kept])


def at_once(answers: Predictions, said: NDArray[np.bool_]) -> dict[str, Any]:
    """By how many labels clips have: the share whose best scores are theirs, and in which all and only they are marked.

    Args:
        answers: for each clip as a whole.
        said: which labels are marked in each clip [clips, labels].
    """
    count, best = answers.truth.sum(1), clip_evaluation.best_are_true(answers)
    exact = (said == answers.truth).all(1)
    kinds = {"none": count == 0, "one": count == 1, "two": count == 2, "three or more": count > 2}
    return {
        name: {
            "clips": int(chosen.sum()),
            "best_scores_are_theirs": share(best[chosen]) if name != "none" else None,
            "all_and_only_they_are_marked": share(exact[chosen]),
        }
        for name, chosen in kinds.items()
        if chosen.any()
    }


def share(hits: NDArray[np.bool_]) -> dict[str, Any]:
    """The share that is right, and its 95 % interval."""
    interval = of_accuracies([float(hits.mean())], [len(hits)])
    return {
        "share": round(float(hits.mean()), 4),
        "interval": interval and [round(interval[0], 4), round(interval[1], 4)],
    }


def marked(answers: Predictions, said: NDArray[np.bool_]) -> dict[str, Any]:
    """F1 over clips of what is marked: of each label that occurs, and their mean."""
    hits, both = (answers.truth & said).sum(0), answers.truth.sum(0) + said.sum(0)
    f1 = {
        name: round(2 * int(hits[column]) / int(both[column]), 4)
        for column, name in enumerate(answers.labels)
        if answers.truth[:, column].any()
    }
    return {"f1": f1, "macro_f1": round(float(np.mean(list(f1.values()))), 4) if f1 else None}


def in_time(found: Found, labels: Sequence[str], table: Path) -> dict[str, Any]:
    """F1 of segments of a second: all labels counted together, each label, and their mean."""
    truth = annotated.load(table).truth
    result = segment_based(
        {str(path): truth.get(path, ()) for path in found},
        {str(path): timeline.events for path, timeline in found.items()},
        {str(path): timeline.duration for path, timeline in found.items()},
        labels=labels,
    )
    f1 = {name: round(counts.f1, 4) for name, counts in result.labels.items() if counts.truth}
    return {"micro_f1": round(result.micro.f1, 4), "macro_f1": round(result.macro.f1, 4), "f1": f1}


def taken_for(model: Model, dataset: Dataset) -> dict[str, Any]:
    """Of each instrument without a label that plays alone: its clips, and in how many of them each label is marked."""
    clips: Counter[str] = Counter()
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for clip in dataset.clips:
        programs = (clip.source or "").rpartition("/")[2]
        instrument = instrument_of(0, int(programs), wide=True) if programs.isdigit() else None
        if instrument is not None:
            clips[instrument.name] += 1
            found[instrument.name].update({event.label for event in label(clip.path, model).events})
    return {name: {"clips": clips[name], "marked": dict(found[name].most_common())} for name in sorted(clips)}


def line(summary: Mapping[str, Any]) -> str:
    """Of one, of several the share whose best scores are theirs; of two, in which both and only they are marked."""
    two = summary["labels_at_once"].get("two", {})
    shares = {
        "one": summary["one_label"]["accuracy"],
        "several": summary["several_labels"]["all_in_top"],
        "two": two.get("best_scores_are_theirs", {}).get("share"),
        "two marked": two.get("all_and_only_they_are_marked", {}).get("share"),
        "F1 marked": summary["marked"]["macro_f1"],
        "F1 of segments": summary.get("segments", {}).get("micro_f1"),
    }
    return "  ".join(f"{name} {'-' if value is None else format(value, '.3f')}" for name, value in shares.items())


if __name__ == "__main__":
    main()
