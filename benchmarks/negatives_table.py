"""Tables of sounds that are none of a user's: negatives.npz and background.npz in src/earmark/models/bundled/.

    apt-get download tuxpaint-stamps-default sonic-pi-samples  # and of each: dpkg-deb -x PACKAGE.deb packages
    earmark data phrases --soundfont FluidR3_GM.sf2 --count 150 --seed 20 --out music
    python benchmarks/negatives_table.py --more DATA/more --packages packages --music music --esc50 DATA/esc50
    python benchmarks/negatives_table.py ... --model sounds --rows 800 --out src/earmark/models/bundled/background.npz

The first is of the backbone `mn04_as` (`earmark models get mn04_as`), for training on it; the second of the bundled
`sounds`, for what the service is taught, and to be made anew with each new `sounds` (60 pieces of music suffice).

Taken are sounds of Debian's games and other free collections (`more`: games, antum_sounds, scratch, long_ambient; only
CC0, CC BY, CC BY-SA, GPL and public domain, by each row's licence), speech and sounds of tuxpaint-stamps-default
(GPL-2), sonic-pi-samples (CC0), music played with FluidR3_GM (MIT), and coloured noise. Nothing of ESC-50 is in it, and
no recording whose Freesound number stands there.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from earmark import datasets
from earmark.archive.classifier import steps_of_second
from earmark.datasets import Clip
from earmark.features.frontend import FrontEnd
from earmark.models.model import Model, load_model
from earmark.models.negatives import OPTIONS, Embed, Negatives, probe_features
from earmark.training import networks
from earmark.training.networks.mn import MobileNet
from earmark.training.prepared import prepare
from earmark.util.fft import coloured_noise

FREE = ("CC0", "CC BY", "GPL", "Public Domain")
PLACES = "long_ambient"
SPOKEN = re.compile(r"_desc_(\w+)$")
PER_LANGUAGE = 30
NOISES = 40
MEANS = 3  # steps of the backbone in a row; of a model file as many as are nearest to a second
ABOUT = (
    "sounds of Debian's games and other free collections (CC0, CC BY, CC BY-SA, GPL, public domain)",
    "speech and sounds of Debian's tuxpaint-stamps-default (GPL-2)",
    "samples of Debian's sonic-pi-samples (CC0)",
    "music played with FluidR3_GM (MIT)",
    "coloured noise",
)


@dataclass(frozen=True)
class Source:
    """Recordings of one kind, and how many rows each gives at most."""

    kind: str
    clips: tuple[Clip, ...]
    rows: int


def collections(root: Path, known: set[str]) -> Iterator[Source]:
    """What `more` holds under a free licence, without the recordings whose source is known to the judges."""
    for name in ("games", "antum_sounds", "scratch", PLACES):
        with (root / name / "clips.csv").open(newline="", encoding="utf-8") as file:
            listed = [row for row in csv.DictReader(file) if row["licence"].startswith(FREE)]
        own = [row for row in listed if row["source"].removeprefix("freesound-") not in known]
        clips = tuple(Clip(root / name / row["path"], labels=(row["labels"],)) for row in own)
        yield Source("place" if name == PLACES else "sound", clips, 12 if name == PLACES else 6)


def packages(root: Path, rng: np.random.Generator) -> Iterator[Source]:
    stamps = sorted(root.rglob("stamps/**/*.ogg"))
    spoken = [path for path in stamps if "_desc" in path.stem]
    languages: dict[str, list[Path]] = {}
    for path in spoken:
        if found := SPOKEN.search(path.stem):
            languages.setdefault(found[1], []).append(path)
    chosen = [path for _, own in sorted(languages.items()) for path in rng.permutation(np.array(own))[:PER_LANGUAGE]]
    yield Source("speech", tuple(Clip(Path(path)) for path in chosen), 2)
    yield Source("sound", tuple(Clip(path) for path in stamps if "_desc" not in path.stem), 2)
    yield Source("music", tuple(Clip(path) for path in sorted(root.rglob("sonic-pi/**/*.flac"))), 2)


def spread(embeddings: NDArray[np.float32], rows: int, width: int) -> NDArray[np.float32]:
    """Means of so many steps [rows, size], evenly spread over a recording [steps, size]; fewer of a short one."""
    if len(embeddings) < width:
        return embeddings.mean(0, keepdims=True)
    means = np.mean([embeddings[i : len(embeddings) - width + 1 + i] for i in range(width)], axis=0)[::width]
    return np.asarray(means[np.linspace(0, len(means) - 1, min(rows, len(means))).astype(int)])


def noises(front_end: FrontEnd, embed: Embed, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Rows of coloured noise, from loud to next to nothing, and of silence."""
    rows = []
    for level in [*rng.uniform(-80, -15, NOISES), -200.0]:
        noise = coloured_noise(2 * front_end.rate, front_end.rate, rng.uniform(-0.5, 2.5), rng) * 10 ** (level / 20)
        rows.append(spread(embed(front_end.clip_features(noise.astype(np.float32))), 1, width))
    return np.concatenate(rows)


def embedding(model: Model) -> Embed:
    """The embeddings of a model file."""
    return lambda features: np.concatenate(list(model.score_features([features], "embedding")))


def backbone() -> Embed:
    """The embeddings of `mn04_as` as it was published."""
    network = networks.build("mn", FrontEnd.audioset().size, 2, OPTIONS)
    assert isinstance(network, MobileNet)
    network.initialise()
    network.eval()

    @torch.no_grad()
    def embed(features: NDArray[np.float32]) -> NDArray[np.float32]:
        return network.embed(torch.from_numpy(features)[None])[0].numpy()

    return embed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--more", type=Path, required=True)
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--music", type=Path, required=True)
    parser.add_argument("--esc50", required=True)
    parser.add_argument("--model", help="a model with embeddings, in place of mn04_as")
    parser.add_argument("--rows", type=int, help="of the table, drawn at random; all if left out")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--out", type=Path, default=Path("src/earmark/models/bundled/negatives.npz"))
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    judged = {clip.source for clip in datasets.load("esc", args.esc50).clips}
    front_end, width, embed = FrontEnd.audioset(), MEANS, None if args.model else backbone()
    if embed is None:
        model = load_model(args.model)
        front_end, width, embed = model.description.front_end, steps_of_second(model.description), embedding(model)
    played = tuple(Clip(path) for path in sorted((args.music / "audio").rglob("*.*"))[:150])
    rows, kinds = [noises(front_end, embed, width, rng)], ["noise"] * (NOISES + 1)
    for source in [*collections(args.more, judged), *packages(args.packages, rng), Source("music", played, 2)]:
        features = prepare(source.clips, front_end, args.cache)
        steps = [embed(features[i]) for i in np.flatnonzero(features.first >= 0)]
        own = np.concatenate([spread(one, source.rows, width) for one in steps])
        rows.append(own)
        kinds += [source.kind] * len(own)
        print(f"{source.kind}: {len(steps)} recordings, {len(own)} rows", flush=True)
    kept = np.sort(rng.permutation(len(kinds))[: args.rows])
    chosen = np.concatenate(rows)[kept]
    table = Negatives(chosen, tuple(kinds[i] for i in kept), embed(probe_features()).mean(0), ABOUT)
    table.save(args.out)
    print(f"{args.out}: {len(table.kinds)} rows, {args.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
