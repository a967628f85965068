"""A picture of a whole archive: its seconds on a map, those that sound alike beside each other.

Embeddings are reduced to their principal components, and these to two dimensions by t-SNE (van der Maaten and Hinton,
JMLR 9, 2008). Clusters are those of k-means, named by the labels that score higher in them than elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark.archive.database import SECONDS, Index
from earmark.archive.embeddings import Store
from earmark.archive.recordings import is_url, place_of
from earmark.archive.review import Pool, Second
from earmark.archive.vectors import directions, unit
from earmark.errors import EarmarkError
from earmark.util.atomic import atomic_write
from earmark.util.types import Array

MOST = 3000  # seconds on a map: more hide each other, and take minutes
FEWEST = 10
COMPONENTS = 50
PERPLEXITY = 30.0  # about how many neighbours each second has
CLUSTERS = 24  # at most, with `EACH` seconds or more on average
EACH = 20
NAMES = 2  # labels in the name of a cluster
_TEMPLATE = "map.html"


@dataclass(frozen=True)
class SoundMap:
    """Seconds on a map."""

    seconds: list[Second]
    positions: Array  # of each [seconds, 2]
    labels: list[tuple[str, float] | None]  # the label that scores highest in each, with its score
    clusters: NDArray[np.int64]  # the number of each one's cluster
    names: list[str]  # of the clusters
    total: int  # seconds there are in all; those on the map are drawn at random


def sound_map(index: Index, store: Store, rng: np.random.Generator, most: int = MOST) -> SoundMap:
    """Lay out an archive, or `most` of its seconds; `rng` draws them, and where they begin."""
    pool = Pool(store, rng, most)
    seconds = [pool.at(row) for row in range(len(pool.rows))]
    if len(seconds) < FEWEST:
        raise EarmarkError(index.folder, f"holds {len(seconds)} seconds, too few for a map", "index more recordings")
    from sklearn.cluster import KMeans  # slow to import: a map is laid out, too few seconds are not
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    seed = int(rng.integers(2**31))
    vectors = unit(directions(pool.rows) - pool.centre)
    reduced = PCA(min(COMPONENTS, *vectors.shape), random_state=seed).fit_transform(vectors)
    perplexity = min(PERPLEXITY, (len(seconds) - 1) / 3)
    positions = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(reduced)
    count = max(1, min(CLUSTERS, len(seconds) // EACH))
    clusters = KMeans(count, n_init=4, random_state=seed).fit_predict(reduced).astype(np.int64)
    scores = _scores(index, seconds)
    highest = [max(of.items(), key=lambda each: each[1]) if of else None for of in scores]
    total = sum(map(store.size, store.batches))
    return SoundMap(seconds, np.asarray(positions, np.float32), highest, clusters, _names(scores, clusters), total)


def _scores(index: Index, seconds: Sequence[Second]) -> list[dict[str, float]]:
    """The labels of each second, with their scores."""
    sql = f"""
        WITH chosen AS (SELECT unnest($wanted::VARCHAR[]) AS recording, unnest($at::INTEGER[]) AS second,
            generate_subscripts($at::INTEGER[], 1) - 1 AS place)
        SELECT place, label, score FROM {SECONDS} s JOIN chosen c ON s.recording = c.recording AND s.second = c.second
        ORDER BY place, label"""
    values = {"wanted": [one.recording for one in seconds], "at": [one.second for one in seconds]}
    scores: list[dict[str, float]] = [{} for _ in seconds]
    for place, label, score in index.rows(sql, values):
        scores[place][label] = round(score, 3)
    return scores


def _names(scores: Sequence[dict[str, float]], clusters: NDArray[np.int64]) -> list[str]:
    """Of each cluster, the labels whose mean score in it is most above that of all."""
    labels = sorted({label for of in scores for label in of})
    column = {label: number for number, label in enumerate(labels)}
    table = np.zeros((len(scores), len(labels)))
    for row, of in enumerate(scores):
        for label, score in of.items():
            table[row, column[label]] = score
    names = []
    for number in range(int(clusters.max()) + 1):
        above = table[clusters == number].mean(axis=0) - table.mean(axis=0)
        best = [labels[at] for at in np.argsort(-above, kind="stable")[:NAMES] if above[at] > 0]
        names.append(", ".join(best) or f"cluster {number + 1}")
    return names


def write_map(made: SoundMap, title: str, root: str, path: Path) -> None:
    """Write the map as one HTML file that needs no other, and plays the recordings where they lie, below `root`."""
    names = list(dict.fromkeys(one.recording for one in made.seconds))
    code = {name: number for number, name in enumerate(names)}
    labels = sorted({label[0] for label in made.labels if label})
    content: dict[str, Any] = {
        "title": title,
        "total": made.total,
        "recordings": names,
        "addresses": [_address(name, root) for name in names],
        "labels": labels,
        "clusters": made.names,
        "points": [
            [
                code[one.recording],
                one.second,
                round(float(x), 2),
                round(float(y), 2),
                labels.index(label[0]) if label else -1,
                label[1] if label else 0,
                int(cluster),
            ]
            for one, (x, y), label, cluster in zip(
                made.seconds, made.positions, made.labels, made.clusters, strict=True
            )
        ],
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    template = (resources.files("earmark.archive") / _TEMPLATE).read_text("utf-8")
    try:
        with atomic_write(path) as part:
            part.write_text(template.replace("{{map}}", text), "utf-8")
    except OSError as error:
        raise EarmarkError(path, f"cannot be written ({error.strerror})", "choose another place") from error


def _address(name: str, root: str) -> str:
    """What a browser plays a recording from; empty where it cannot."""
    place = place_of(name, root)
    if is_url(place):
        return place if place.startswith(("http://", "https://")) else ""
    return Path(place).absolute().as_uri()
