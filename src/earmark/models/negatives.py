"""Sounds that are none of a user's: bundled tables of embeddings that teach a head what to leave unmarked.

`negatives` holds embeddings of many sounds, speech, music, places and noise by the backbone `mn04_as`, each the mean of
three steps; `background` fewer of the same by the bundled model `sounds`, each the mean of a second. No recording can
be made of them again, nor any weight of a network.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np

from earmark.util.atomic import atomic_write
from earmark.util.types import Array

Embed = Callable[[Array], Array]
"""Embeddings [steps, size] of features [frames, bands]."""

WEIGHTS = "mn04_as"
OPTIONS = {"weights": WEIGHTS, "width": 0.4, "step": 32, "window": 3.0, "means": [0.9]}  # of the network `mn`
FINENESS = 4  # values to a standard deviation: finer than embeddings of one sound agree
ALIKE = 0.05  # relative difference of embeddings of the probe that rounded weights may make


@dataclass(frozen=True)
class Negatives:
    """Embeddings [rows, size] of sounds that are nobody's own."""

    embeddings: Array
    kinds: tuple[str, ...]  # what each row is of: sound, speech, music, place or noise
    probe: Array  # the embedding of `probe_features`, by which the backbone that made the table is known
    about: Sequence[str]  # where the recordings come from, with their licences

    def fits(self, embed: Embed) -> bool:
        """Whether a backbone is the one that made the table."""
        own = embed(probe_features()).mean(0)
        if own.shape != self.probe.shape:
            return False
        return bool(np.linalg.norm(own - self.probe) < ALIKE * np.linalg.norm(self.probe))

    def save(self, path: Path) -> None:
        """Write the table, its values in steps of a quarter of their standard deviation, int8."""
        middle, scale = self.embeddings.mean(0), self.embeddings.std(0) / FINENESS + 1e-9
        codes = np.clip(np.round((self.embeddings - middle) / scale), -127, 127).astype(np.int8)
        kinds = sorted(set(self.kinds))
        with atomic_write(path) as part, part.open("wb") as file:
            np.savez_compressed(
                file,
                codes=codes,
                middle=middle.astype(np.float32),
                scale=scale.astype(np.float32),
                kind=np.array([kinds.index(kind) for kind in self.kinds], np.uint8),
                probe=self.probe.astype(np.float32),
                about=np.frombuffer(json.dumps({"kinds": kinds, "about": list(self.about)}).encode(), np.uint8),
            )

    @classmethod
    def load(cls, path: Path) -> Negatives:
        """Read what `save` wrote."""
        with np.load(path) as stored:
            about = json.loads(stored["about"].tobytes())
            embeddings = stored["codes"].astype(np.float32) * stored["scale"] + stored["middle"]
            kinds = tuple(about["kinds"][i] for i in stored["kind"])
            return cls(embeddings, kinds, stored["probe"], about["about"])


@cache
def bundled(name: str = "negatives") -> Negatives:
    """A table that comes with Earmark."""
    return Negatives.load(Path(str(resources.files("earmark.models") / "bundled" / f"{name}.npz")))


def probe_features() -> Array:
    """Features [96, 128] of no sound at all, whose embedding tells one backbone from another."""
    frame, band = np.arange(96)[:, None], np.arange(128)[None]
    return np.asarray(0.5 * np.sin(frame / 7 + band / 11) + 0.5 * np.cos(band / 5), np.float32)
