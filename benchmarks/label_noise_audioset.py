"""How many wrong labels AudioSet's answers find, alone and together with networks: the experiment of label_noise.py.

    python benchmarks/label_noise_audioset.py --data-dir DATA --out results/environment/suspects

The same 8 % of ESC-50's labels are made wrong. Clips are ranked by classifiers that were cross-validated on the
official folds by the labels as they then are, by AudioSet's answers alone, which nothing was trained for, and by both.
The classifiers are logistic regressions on the backbone's frozen embeddings; `--run FOLDER` takes the networks of a run
of label_noise.py instead. Needs the backbone: `earmark models get mn04_as`. Answers are kept in the folder of runs.
Settings were chosen by the first fold alone, which is counted by itself, too.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from label_noise import SEED, asked_for, figures, flipped_esc50
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from earmark import __version__, load_model
from earmark.cli import common
from earmark.datasets import Dataset
from earmark.datasets.label_issues import shown_path
from earmark.evaluation import held_out_scores, zero_shot
from earmark.evaluation.held_out_scores import HeldOut
from earmark.evaluation.label_issues import rank
from earmark.features.frontend import FrontEnd
from earmark.models import pretrained
from earmark.training.backbone import AudioSetNetwork, converted
from earmark.training.prepared import embedded, prepare
from earmark.util.machine import in_words, machine

BACKBONE = "mn04_as"
STRENGTH = 0.1  # inverse, of the regressions' penalty
CHOSEN_BY = 1  # the fold that settings were chosen by


def answered(dataset: Dataset, kept: Path) -> NDArray[np.float32]:
    """AudioSet's answers for all clips."""
    if kept.is_file():
        return np.load(kept)
    clips = dataset.clips
    found, errors = zero_shot.answers(
        load_model(converted(BACKBONE)), clips, lambda items: common.tracked(items, len(clips), "clips")
    )
    if errors:
        raise errors[0]
    np.save(kept, found)
    return found


def frozen(flipped: Dataset, listed: Path, cache: Path | None) -> HeldOut:
    """Scores of logistic regressions on clips' mean embeddings, each of the fold that it did not learn."""
    network = AudioSetNetwork()
    network.load(pretrained.find(BACKBONE))
    features = prepare(flipped.clips, FrontEnd.audioset(), cache)
    steps = embedded(network, features, cache)
    means = np.stack([steps[i].mean(0) for i in range(len(steps))])
    labels = np.array([clip.labels[0] for clip in flipped.clips])
    fold = np.array([clip.fold for clip in flipped.clips])
    scores = np.zeros((len(labels), len(flipped.labels)), np.float32)
    for tested in np.unique(fold):
        learnt = fold != tested
        classifier = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=500))
        classifier.fit(means[learnt], labels[learnt])
        assert tuple(classifier.classes_) == flipped.labels
        scores[~learnt] = classifier.predict_proba(means[~learnt])
    names = [shown_path(clip.path, listed) for clip in flipped.clips]
    return HeldOut.of(flipped.clips, names, flipped.labels, scores)


def ranked(flipped: Dataset, true: Dataset, listed: Path, held_out: HeldOut) -> dict[str, Any]:
    """Recall and precision of a ranking, and how often the best label is the true one."""
    scores = held_out.scores[held_out.find(flipped.clips, listed)]
    column = {label: i for i, label in enumerate(held_out.labels)}
    label, truth = (np.array([column[clip.labels[0]] for clip in one.clips]) for one in (flipped, true))
    order = rank(scores, np.eye(len(column), dtype=bool)[label], exclusive=True).order
    right = round(float((scores.argmax(1) == truth).mean()), 4)
    return {"accuracy_by_the_true_labels": right, **figures(order, label != truth)}


def only(dataset: Dataset, fold: int) -> Dataset:
    return dataset.with_clips([clip for clip in dataset.clips if clip.fold == fold])


def main() -> None:
    asked = asked_for(__doc__)
    true, flipped, wrong, listed = flipped_esc50(asked.runs)
    classes = zero_shot.mapped(flipped.labels)
    answers = answered(true, asked.runs / "esc50_answers.npy")
    first = np.array([clip.fold == CHOSEN_BY for clip in true.clips])
    part, part_true = only(flipped, CHOSEN_BY), only(true, CHOSEN_BY)
    chosen_by = zero_shot.judged(part, listed, answers[first], classes)
    alone = zero_shot.judged(flipped, listed, answers, classes)
    trained = held_out_scores.load(asked.run) if asked.run else frozen(flipped, listed, asked.cache)
    both = zero_shot.judged(flipped, listed, answers, classes, trained)
    content = {
        "command": "python benchmarks/label_noise_audioset.py --data-dir DATA --out results/environment/suspects",
        "date": datetime.now(UTC).date().isoformat(),
        "earmark": __version__,
        "machine": in_words(machine()),
        "clips": len(true.clips),
        "wrong": len(wrong),
        "seed": SEED,
        "networks": asked.run.name if asked.run else f"logistic regression (C {STRENGTH}) on embeddings of {BACKBONE}",
        "by": {
            name: ranked(flipped, true, listed, held_out)
            for name, held_out in (("networks", trained), ("audioset", alone), ("both", both))
        },
        "fold_that_settings_were_chosen_by": {
            "fold": CHOSEN_BY,
            "audioset": ranked(part, part_true, listed, chosen_by),
        },
    }
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "label_noise_audioset.json").write_text(json.dumps(content, indent=1) + "\n")
    print(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
