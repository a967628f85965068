"""What was learned in an archive as a model file, and as a dataset."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.utils import Extractor

from earmark import media
from earmark._version import __version__
from earmark.archive.recordings import Archive
from earmark.archive.review import Answer, Answers, Head
from earmark.datasets import Clip, Dataset, tables
from earmark.errors import MediaError
from earmark.models.model import Model, Threshold, describe
from earmark.util.atomic import atomic_write
from earmark.util.types import Array

AUDIO, CLIPS = "audio", "clips.csv"
MARGIN = 1.0  # seconds before and after the one that was answered, in the files of a dataset


def write_model(path: Path, label: str, head: Head, centre: Array, embedder: Model, answers: Answers) -> None:
    """Write a model with this one label: the network that gives the embeddings, and the head behind it.

    Args:
        path: the file.
        label: what it marks.
        head: of the review.
        centre: of the archive [dimensions].
        embedder: what made the index's embeddings.
        answers: that the head was fitted to; their number and precision stand in the model's card.

    Raises:
        EarmarkError: the file cannot be written.
    """
    about = embedder.description
    steps = max(1, 2 * round((1 / about.step - 1) / 2) + 1)  # the nearest odd number to those of a second
    body = Extractor(onnx.load(embedder.path)).extract_model(["features"], ["embedding"])
    _put(body.graph, head, centre, steps)
    precision = answers.precision
    learned = {
        "yes": answers.count("yes"),
        "no": answers.count("no"),
        "precision": None if precision is None else asdict(precision),
        "embeddings": about.name,
        "date": datetime.now(UTC).date().isoformat(),
        "earmark": __version__,
    }
    further = steps // 2 * about.stride
    described = replace(
        about,
        name=label,
        labels=(label,),
        exclusive=False,
        window=0.0,  # the head sees the mean of a second
        windows={},
        context=about.context + further,
        ahead=None if about.ahead is None else about.ahead + further,
        thresholds={label: Threshold()},
        parents={},
        card={key: about.card[key] for key in ("source", "licence") if key in about.card} | {"reviewed": learned},
    )
    describe(body, described)
    with atomic_write(path) as part:
        part.write_bytes(body.SerializeToString())


def _put(graph: onnx.GraphProto, head: Head, centre: Array, steps: int) -> None:
    """Scores of the head, from embeddings averaged over so many steps: as of an index's seconds."""
    constants = {"centre": centre, "weights": head.weights[:, None], "bias": np.array([head.bias])}
    pads = [steps // 2, steps // 2]
    graph.node.extend(
        [
            helper.make_node("Transpose", ["embedding"], ["reviewed_in_time"], perm=[0, 2, 1]),
            helper.make_node(
                "AveragePool", ["reviewed_in_time"], ["reviewed_means"],
                kernel_shape=[steps], pads=pads, count_include_pad=0,
            ),
            helper.make_node("Transpose", ["reviewed_means"], ["reviewed_mean"], perm=[0, 2, 1]),
            helper.make_node("LpNormalization", ["reviewed_mean"], ["reviewed_direction"], axis=2, p=2),
            helper.make_node("Sub", ["reviewed_direction", "reviewed_centre"], ["reviewed_apart"]),
            helper.make_node("LpNormalization", ["reviewed_apart"], ["reviewed_vector"], axis=2, p=2),
            helper.make_node("MatMul", ["reviewed_vector", "reviewed_weights"], ["reviewed_product"]),
            helper.make_node("Add", ["reviewed_product", "reviewed_bias"], ["reviewed_odds"]),
            helper.make_node("Sigmoid", ["reviewed_odds"], ["scores"]),
        ]
    )  # fmt: skip
    for name, value in constants.items():
        array = np.ascontiguousarray(value, np.float32)
        graph.initializer.append(numpy_helper.from_array(array, f"reviewed_{name}"))
    graph.output.insert(0, helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", "steps", 1]))


def write_dataset(
    folder: Path, label: str, answers: Iterable[Answer], archive: Archive, failed: Callable[[MediaError], object]
) -> int:
    """Write what was answered as clips, for `earmark train`: a second each, with the label or with none.

    Args:
        folder: `audio/` and `clips.csv` in it.
        label: of what was answered with yes.
        answers: skipped ones are left out.
        archive: where the recordings are.
        failed: told of each recording that cannot be read.

    Returns:
        How many clips there are.
    """
    by_recording = defaultdict(list)
    for one in answers:
        if one.answer != "skip":
            by_recording[one.recording].append(one)
    clips = []
    for recording, some in sorted(by_recording.items()):
        stem = hashlib.blake2b(recording.encode(), digest_size=6).hexdigest()
        spans = {
            one: (max(0.0, one.second - MARGIN), one.second + 1 + MARGIN, folder / AUDIO / f"{stem}-{one.second}.flac")
            for one in some
        }
        try:
            missing = [span for span in spans.values() if not span[2].is_file()]
            if missing:
                (folder / AUDIO).mkdir(parents=True, exist_ok=True)
                with archive.opened(recording) as source:
                    for _ in media.write_spans(source, missing):
                        pass
        except MediaError as error:
            failed(error)
            continue
        for one, (begin, _, path) in spans.items():
            labels = (label,) if one.answer == "yes" else ()
            clips.append(Clip(path, one.second - begin, one.second + 1 - begin, labels, source=recording))
    folder.mkdir(parents=True, exist_ok=True)
    tables.write_clips(Dataset(label, tuple(clips), exclusive=False), folder / CLIPS)
    return len(clips)
