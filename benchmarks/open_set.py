"""What a model of a few sounds marks where none of them is: other sounds, speech, music, rooms.

    python benchmarks/open_set.py --data-dir DATA --out results/open_set

`earmark train TABLE` learns five classes of ESC-50, drawn at random for each of `--draws`, from four folds; of the
fifth its own clips tell its recall, with and without the bundled negatives. It is then let loose on what is none of the
five: that fold's clips of the other 45 classes, two sets of speech, real instruments, an hour of rooms (the pauses of
recordings, and noise) and places from crowds to rivers, but those of a label that the model has. None of these taught
anything: nothing of ESC-50 is in the table of negatives, and of `long_ambient` only recordings of other publishers.
All that decides (`PENALTY`, `MIDDLE`, the shares, EVOKED, THRESHOLDS, the mean of three steps) was chosen on eight
other draws (seeds 1000 to 1007, the bar on 1000 to 1005, of all folds). With `--thorough`, models are those of
`earmark train --thorough`.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from false_captions import RATE, quiet
from few_clips import carry_out

from earmark import __version__, datasets
from earmark.datasets import Clip, Dataset, tables
from earmark.events.boundaries import FrameLevels
from earmark.events.hysteresis import EventRules
from earmark.events.scores import smooth
from earmark.events.timeline import Event
from earmark.features.frontend import FrontEnd
from earmark.media.writing import write_samples
from earmark.models.model import Model, load_model
from earmark.training.prepared import Prepared, prepare
from earmark.training.presets import recipe_for
from earmark.training.run_folder import machine

CLASSES, FOLDS = 5, 5
FIRST = 3000  # seed of the first draw
EVERY = 5  # of the spoken digits, so many are passed over for one that is taken


def events(model: Model, features: Prepared, clip: int) -> list[Event]:
    """What `earmark label` marks in a clip, from its prepared features."""
    about = model.description
    levels = FrameLevels.of(about.front_end)
    finder = about.finder(EventRules())
    steps = model.score_features(levels.follow(iter([features[clip]])))
    for part in smooth(steps, about.widths, len(about.labels), about.exclusive):
        finder.add(part)
    return levels.tighten(finder.events(seconds(features, clip)), about.reach)


def seconds(features: Prepared, clip: int) -> float:
    return float(features.length[clip] * features.front_end.seconds)


def covered(found: list[Event]) -> float:
    """Seconds in which anything is marked."""
    total, end = 0.0, 0.0
    for event in sorted(found, key=lambda event: event.onset):
        total += max(0.0, event.offset - max(event.onset, end))
        end = max(end, event.offset)
    return total


class Judges:
    """Recordings that hold none of a model's sounds, prepared."""

    def __init__(self, root: Path, cache: Path | None, hour: Path) -> None:
        self.front_end = FrontEnd.audioset()
        self.esc50 = list(datasets.load("esc", str(root / "esc50")).clips)
        self.features = prepare(self.esc50, self.front_end, cache)
        speech = sorted((root / "speech_pauses").rglob("*.flac"))
        if not hour.exists():
            write_samples(hour, quiet(speech, 60), RATE)
        groups = {
            "sentences": [Clip(path) for path in speech],
            "digits": [Clip(path) for path in sorted((root / "spoken_digits").glob("*.opus"))[::EVERY]],
            "instruments": [Clip(path) for path in sorted((root / "instruments").rglob("*.opus"))],
            "rooms": [Clip(hour, 60.0 * minute, 60.0 * (minute + 1)) for minute in range(60)],
            "places": list(places(root / "more" / "long_ambient")),
        }
        self.groups = {name: (clips, prepare(clips, self.front_end, cache)) for name, clips in groups.items()}

    def marked(self, model: Model, fold: int) -> Iterator[tuple[str, float, float]]:
        """Of each group: its name, seconds marked, and seconds in all."""
        others = [i for i, clip in enumerate(self.esc50) if clip.fold == fold and clip.labels[0] not in model.labels]
        yield "other sounds", *self._total(model, self.features, others)
        for name, (clips, features) in self.groups.items():
            foreign = [i for i, clip in enumerate(clips) if not set(clip.labels) & set(model.labels)]
            yield name, *self._total(model, features, foreign)

    def _total(self, model: Model, features: Prepared, clips: list[int]) -> tuple[float, float]:
        found = sum(covered(events(model, features, clip)) for clip in clips)
        return found, sum(seconds(features, clip) for clip in clips)

    def recall(self, model: Model, fold: int) -> float:
        """Share of the fold's clips of the model's own labels in which that label is marked."""
        own = [i for i, clip in enumerate(self.esc50) if clip.fold == fold and clip.labels[0] in model.labels]
        found = [{event.label for event in events(model, self.features, i)} for i in own]
        return float(np.mean([self.esc50[i].labels[0] in labels for i, labels in zip(own, found, strict=True)]))


def places(root: Path) -> Iterator[Clip]:
    """Recordings of places whose publisher's are not in the table of negatives."""
    with (root / "clips.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["source"].startswith("moodist"):
                yield Clip(root / row["path"], labels=tuple(row["labels"].split(";")))


def measure(args: argparse.Namespace) -> dict[str, Any]:
    judges = Judges(args.data_dir, args.cache, args.work / "hour.flac")
    names = sorted({clip.labels[0] for clip in judges.esc50})
    draws: list[dict[str, Any]] = []
    for number in range(args.draws):
        rng = np.random.default_rng(FIRST + number)
        chosen = sorted(rng.choice(names, CLASSES, replace=False).tolist())
        fold = 1 + number % FOLDS
        listed = args.work / f"open_{number}.csv"
        train = tuple(clip for clip in judges.esc50 if clip.labels[0] in chosen and clip.fold != fold)
        tables.write_clips(Dataset(listed.stem, train), listed)
        models = {}
        for way, words in (("with", []), ("without", ["training.negatives=false"])):
            if way == "without" and args.thorough:
                words = [f"stages.{stage}.training.negatives=false" for stage in (0, 2)]
            words = ["split.protocol=none", f"name=open_{number}_{way}", *words]
            plan = recipe_for(listed, words, args.thorough)
            models[way] = load_model(carry_out(plan, args.work, args.cache))
        groups = {name: [found, total] for name, found, total in judges.marked(models["with"], fold)}
        draws.append(
            {
                "classes": chosen,
                "fold": fold,
                "recall": judges.recall(models["with"], fold),
                "recall_without_negatives": judges.recall(models["without"], fold),
                "marked": {name: round(found / total, 5) for name, (found, total) in groups.items()},
                "seconds": {name: round(total) for name, (_, total) in groups.items()},
                "marked_in_all": round(sum(f for f, _ in groups.values()) / sum(t for _, t in groups.values()), 5),
            }
        )
        print(json.dumps(draws[-1]), flush=True)
    mean = {key: round(float(np.mean([draw[key] for draw in draws])), 4) for key in MEANS}
    mean["recall_kept"] = round(mean["recall"] / mean["recall_without_negatives"], 4)
    marked = {name: round(float(np.mean([draw["marked"][name] for draw in draws])), 5) for name in draws[0]["marked"]}
    return {"thorough": args.thorough, "mean": mean, "marked": marked, "draws": draws}


MEANS = ("recall", "recall_without_negatives", "marked_in_all")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("runs/open_set"))
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--thorough", action="store_true")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    args.work = args.work.resolve()
    args.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as fresh:
        args.cache = args.cache or Path(fresh)
        result = measure(args)
    print(json.dumps({"mean": result["mean"], "marked": result["marked"]}))
    about = {"date": datetime.now(UTC).date().isoformat(), "earmark": __version__, "machine": machine()}
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        name = "five_classes_thorough.json" if args.thorough else "five_classes.json"
        (args.out / name).write_text(json.dumps({**about, **result}, indent=1) + "\n")


if __name__ == "__main__":
    main()
