"""How many clips of a new sound are enough: accuracy against 1, 5, 10 and 20 clips a class.

    python benchmarks/few_clips.py --data-dir DATA --out results/environment/few_clips

`earmark train TABLE` is given a few clips of each of ESC-10's ten classes, in three ways: `backbone`, as it does by
itself, on `mn04_as`, which learned AudioSet (two million clips, such sounds among them, and it was not looked whether
any are these); `start`, from a network that learned the forty other classes of ESC-50 and nothing else; and `nothing`.
Clips to learn from are drawn from folds 1 to 4, anew for each of `--draws`; all 80 of fold 5 test. The settings of
`backbone` were chosen on ten of the forty other classes at a time, those of the others with fold 4 as the test
(`--test-fold 4`). Seconds are of the run, decoding included, nothing being held out. `--ways` carries out some of the
ways and keeps the rows of the others. An interrupted run is taken up, in an hour on one core for all three ways.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from earmark import __version__, datasets
from earmark.cli.progress import TrainingProgress
from earmark.datasets import Clip, Dataset, tables
from earmark.models import labelling
from earmark.models.model import Model, load_model
from earmark.training import recipe as recipes
from earmark.training import run
from earmark.training.presets import recipe_for
from earmark.training.recipe import Recipe
from earmark.training.run_folder import machine
from earmark.training.trainer import start_fabric

COUNTS = (1, 5, 10, 20)
NETWORK = "segmenter"
BASE = {
    "model": {"network": NETWORK},
    "split": {"protocol": "none"},
    "augment": {"noise_floor": True, "overlay": 0.3, "gain_db": 15},
    "training": {"epochs": 30, "optimizer": "muon", "learning_rate": 0.003},
    "export": {"exclusive": False},
}
FROM_NOTHING = f"model.network={NETWORK}"  # names the network, so no start is taken


def carry_out(plan: Recipe, out: Path, cache: Path | None) -> Path:
    """The model file of a run; that of an earlier one where there is one."""
    for done in sorted((out / plan.name).glob("*[!.partial]/model.onnx")):
        if recipes.load(done.with_name("recipe.yaml")) == plan:
            return done
    with TrainingProgress() as progress:
        return run.run(plan, out, start_fabric(plan, "cpu", "1"), progress, cache).model


def base_model(clips: list[Clip], work: Path, cache: Path | None) -> Path:
    """The network that knows the other forty classes, whichever fold."""
    listed = work / "forty.csv"
    tables.write_clips(Dataset("forty", tuple(clips)), listed)
    return carry_out(
        recipes.check({"name": "forty", "dataset": [{"path": str(listed)}], **BASE}, listed, []), work, cache
    )


def drawn(clips: list[Clip], count: int, rng: np.random.Generator) -> list[Clip]:
    """So many clips of each class."""
    chosen: list[Clip] = []
    for label in sorted({clip.labels[0] for clip in clips}):
        own = [clip for clip in clips if clip.labels[0] == label]
        chosen += [own[place] for place in rng.choice(len(own), count, replace=False)]
    return chosen


def accuracy(model: Model, clips: list[Clip]) -> float:
    hits = 0
    for clip in clips:
        (best, _), *_ = labelling.classify(clip.path, model)
        hits += best == clip.labels[0]
    return hits / len(clips)


def measure(args: argparse.Namespace) -> dict[str, Any]:
    root = datasets.find("esc50", args.data_dir)
    ten = list(datasets.load("esc", str(root), subset="esc10").clips)
    known = {clip.labels[0] for clip in ten}
    others = [clip for clip in datasets.load("esc", str(root)).clips if clip.labels[0] not in known]
    base = base_model(others, args.work, args.cache) if "start" in args.ways else None
    train = [clip for clip in ten if clip.fold not in (args.test_fold, 5)]
    if args.test_fold == 5:
        train = [clip for clip in ten if clip.fold != 5]
    test = [clip for clip in ten if clip.fold == args.test_fold]
    rows = kept(args)
    for count in args.counts:
        for draw in range(args.draws):
            listed = args.work / f"few_{args.test_fold}_{count}_{draw}.csv"
            rng = np.random.default_rng([draw, count])
            tables.write_clips(Dataset(listed.stem, tuple(drawn(train, count, rng))), listed)
            for way in args.ways:
                words = {"backbone": [], "start": [f"model.start={base}", FROM_NOTHING], "nothing": [FROM_NOTHING]}[way]
                plan = recipe_for(listed, ["split.protocol=none", f"name={listed.stem}_{way}", *words, *args.override])
                with tempfile.TemporaryDirectory() as fresh:
                    began = time.monotonic(), time.process_time()
                    path = carry_out(plan, args.work, args.cache or Path(fresh))
                    taken = {
                        "seconds": round(time.monotonic() - began[0], 1),
                        "processor_seconds": round(time.process_time() - began[1], 1),
                    }
                right = round(accuracy(load_model(path), test), 4)
                rows.append({"clips": count, "way": way, "draw": draw, "accuracy": right, **taken})
                print(rows[-1], flush=True)
    return {"test_clips": len(test), "classes": len(known), "base_classes": 40, "rows": rows}


def kept(args: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows of an earlier file that are of other ways."""
    path = args.out and args.out / "few_clips.json"
    rows = json.loads(path.read_text())["rows"] if path and path.exists() else []
    return [row for row in rows if row["way"] not in args.ways]


def draw_curves(result: dict[str, Any], path: Path) -> None:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    names = {
        "backbone": "on the backbone, AudioSet",
        "start": "from a network of 40 classes",
        "nothing": "from nothing",
    }
    for way, name in names.items():
        counts = sorted({row["clips"] for row in result["rows"] if row["way"] == way})
        own = [[r["accuracy"] for r in result["rows"] if r["way"] == way and r["clips"] == c] for c in counts]
        means = [float(np.mean(values)) for values in own]
        axes.plot(counts, means, "o-", label=name)
        axes.fill_between(counts, [min(v) for v in own], [max(v) for v in own], alpha=0.2)
    axes.set(xlabel="clips a class", ylabel="accuracy on 80 clips of ten new classes", ylim=(0, 1), xticks=COUNTS)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--work", type=Path, default=Path("runs/few_clips"))
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--test-fold", type=int, default=5)
    parser.add_argument("--ways", nargs="+", default=["backbone", "start", "nothing"])
    parser.add_argument("--override", nargs="*", default=[])
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    args.work = args.work.resolve()
    args.work.mkdir(parents=True, exist_ok=True)
    result = measure(args)
    about = {"date": datetime.now(UTC).date().isoformat(), "earmark": __version__, "machine": machine()}
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / "few_clips.json").write_text(json.dumps({**about, **result}, indent=1) + "\n")
        draw_curves(result, args.out / "few_clips.png")


if __name__ == "__main__":
    main()
