"""A trained classifier in one ONNX file, and the scoring of recordings with it."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark.errors import MissingExtraError, ModelError
from earmark.events.hysteresis import EventFinder, EventRules
from earmark.events.scores import Pooling, pooled
from earmark.events.timeline import Timeline
from earmark.features.frontend import FrontEnd
from earmark.util.atomic import atomic_write
from earmark.util.cache import PRETRAINED, cache_folder
from earmark.util.fields import from_json_values
from earmark.util.streams import ahead, windows
from earmark.util.types import Array, Features, Samples

FORMAT = 1
METADATA_KEY = "earmark"
CHUNK_SECONDS = 30.0  # scored at once: long enough to hide the context, short enough for the cache
FELT_SECONDS = 2.0  # of a context that moves a step's answer by much
LONGEST = 3600.0  # seconds of a step, a context or a window
_MAKE = "make it anew with `earmark train`"
PARTS_AHEAD = 16  # of features, 2 s each, computed while the network works on those before: bounds memory
CHUNK_CONTEXTS = 10  # at least so many times the context on one side


@dataclass(frozen=True)
class Threshold:
    """Scores between which an event lives: it begins at `on` and ends below `off`."""

    on: float = 0.5
    off: float = 0.25


@dataclass(frozen=True)
class Description:
    """What a model file says of itself."""

    name: str
    labels: tuple[str, ...]  # what it knows, in the order of its scores
    exclusive: bool  # whether exactly one label holds at a time (softmax), or any number (sigmoid each)
    front_end: FrontEnd
    stride: int  # frames from one step of its answer to the next
    context: int  # frames either side of a step that its answer depends on
    window: float = 1.0  # seconds over which scores are averaged on a timeline
    loud: float | None = None
    """Decibels below the loudest step of a recording at which a step no longer counts in the answer for the whole of
    it; None: all count."""
    ahead: int | None = None  # frames of context after a step, where they are fewer, as in a network for live use
    pooling: Pooling = "mean"  # how the answer for a recording is made of those of its steps
    windows: Mapping[str, float] = field(default_factory=dict)  # of labels that have others
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)  # say less, and are told where none of their children is
    card: Mapping[str, Any] = field(default_factory=dict)  # data, licence, protocol, figures, recipe, date, version
    kind: str = "segmenter"

    def to_json(self) -> str:
        """The text that stands in the model file."""
        return json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Description:
        """Read what `to_json` wrote.

        Raises
        ------
        ValueError, TypeError
            It is something else, or makes no sense.
        """
        try:
            values = json.loads(text)
        except RecursionError as error:
            raise ValueError("it is nested too deep") from error
        if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
            raise ValueError("made by another version of Earmark")
        try:
            return from_json_values(cls, values)
        except OverflowError as error:
            raise ValueError("a number is too large") from error

    def __post_init__(self) -> None:
        if not self.labels or not all(self.labels) or len(set(self.labels)) < len(self.labels):
            raise ValueError("labels must be there, each once")
        if self.stride < 1 or self.context < 0 or (self.ahead or 0) < 0:
            raise ValueError("stride must be positive, and context not negative")
        longest = max(self.stride, self.context, self.ahead or 0) * self.front_end.seconds
        seconds = (self.window, *self.windows.values())
        if longest > LONGEST or not all(0 <= one <= LONGEST for one in seconds) or (self.loud or 0.0) < 0:
            raise ValueError(f"stride, context and windows are 0 to {LONGEST:g} s, and loud is not negative")
        if not all(0 <= one.off <= one.on <= 1 for one in self.thresholds.values()):
            raise ValueError("thresholds are 0 to 1, and events end at or below where they begin")
        for label in self.parents:
            above = [label]
            while above[-1] in self.parents:
                above.append(self.parents[above[-1]])
                if above[-1] in above[:-1]:
                    raise ValueError("a label is its own parent, or that of its parents")

    def threshold(self, label: str) -> Threshold:
        """The label's thresholds, or the usual ones."""
        return self.thresholds.get(label, Threshold())

    def pooled(self, scores: Iterable[Array]) -> Array:
        """The answer [labels] for all of some scores [steps, labels], which may come in parts."""
        return pooled(scores, len(self.labels), self.exclusive, self.pooling)

    @property
    def on(self) -> Array:
        """Thresholds [labels] at which events begin."""
        return np.array([self.threshold(label).on for label in self.labels], np.float32)

    @property
    def off(self) -> Array:
        """Thresholds [labels] below which events end."""
        return np.array([self.threshold(label).off for label in self.labels], np.float32)

    def finder(
        self,
        rules: EventRules,
        on: Array | None = None,
        off: Array | None = None,
        only: Collection[str] | None = None,
    ) -> EventFinder:
        """What makes events of scores, at the model's thresholds or others [labels], moved as the rules say."""
        on, off = self.on if on is None else on, self.off if off is None else off
        return EventFinder(self.labels, *rules.thresholds(on, off), self.step, rules, self.parents, only)

    @property
    def step(self) -> float:
        """Seconds from one score to the next."""
        return self.stride * self.front_end.seconds

    @property
    def reach(self) -> float:
        """Seconds by which an event may begin before its sound, or end after it: half the window and what is heard.

        Of a context of many seconds, as backbones have, most hardly matters to a step.
        """
        context = self.front_end.patch or min(self.context * self.front_end.seconds, FELT_SECONDS)
        return (self.window + context) / 2

    @property
    def latency(self) -> float:
        """Seconds from a moment to the end of what its score on a timeline depends on: the delay of live use."""
        frames = self.context if self.ahead is None else self.ahead
        return (self.front_end.patch or frames * self.front_end.seconds) + int(self.widths.max()) // 2 * self.step

    @property
    def widths(self) -> NDArray[np.int64]:
        """Steps in a window on the timeline [labels], the nearest odd numbers."""
        seconds = np.array([self.windows.get(label, self.window) for label in self.labels])
        return np.asarray(2 * np.round((seconds / self.step - 1) / 2).clip(0) + 1, np.int64)


class Model:
    """Scores recordings; made by `load_model`."""

    def __init__(self, path: Path, threads: int | None = None) -> None:
        self.path = path
        self.session = _open(path, threads)
        self.description = _describe(path, self.session)

    def described(self, about: Description) -> Model:
        """The same network with other windows or thresholds."""
        other = copy(self)
        other.description = about
        return other

    @property
    def labels(self) -> tuple[str, ...]:
        """What the model knows."""
        return self.description.labels

    def label(self, source: Any, **options: Any) -> Timeline:
        """Mark what sounds in a recording, and when: `earmark.label` with this model, and its other arguments.

        Examples
        --------
        >>> import earmark
        >>> model = earmark.load_model("sounds")
        >>> model.label("street.mp4", sensitivity=0.6) == earmark.label("street.mp4", sensitivity=0.6)
        True
        """
        from earmark.models.labelling import label  # which stands further right in the flow

        return label(source, self, **options)

    def classify(self, source: Any, **options: Any) -> list[tuple[str, float]]:
        """Say what a recording is as a whole: `earmark.classify` with this model, and its other arguments."""
        from earmark.models.labelling import classify  # which stands further right in the flow

        return classify(source, self, **options)

    def __repr__(self) -> str:
        """`<Model sounds, 198 labels>`."""
        many = len(self.labels)
        return f"<Model {self.description.name}, {many} label{'' if many == 1 else 's'}>"

    def score(self, blocks: Iterable[Samples]) -> Iterator[Array]:
        """Scores [steps, labels] of a recording, some steps at a time as its blocks of samples come."""
        return self.score_features(ahead(self.description.front_end.stream(blocks), PARTS_AHEAD))

    def score_features(self, features: Iterable[Features], output: str = "scores") -> Iterator[Array]:
        """The same, or another output of the network, from features of the model's front end.

        They are those of the whole recording at once: chunks are run with their context, and only that is run twice.
        """
        for (answer,) in self.answers(features, (output,)):
            yield answer

    def answers(self, features: Iterable[Features], outputs: Sequence[str]) -> Iterator[tuple[Array, ...]]:
        """Several outputs of the network at once, `scores` and `embedding`, each as `score_features` gives it."""
        about = self.description
        seconds = max(CHUNK_SECONDS, CHUNK_CONTEXTS * self._context * about.front_end.seconds)
        chunk = max(1, round(seconds / about.step)) * about.stride
        for frames, before, after in windows(features, chunk, self._context, about.front_end.size, about.ahead):
            steps = slice(before // about.stride, -(-(len(frames) - after) // about.stride))
            yield tuple(answer[steps] for answer in self._answer(outputs, frames))

    def _answer(self, outputs: Sequence[str], frames: Features) -> list[Array]:
        """Of the network, each [steps, labels or dimensions], to features [frames, bands]."""
        try:
            answers: list[Array] = [of[0] for of in self.session.run(list(outputs), {"features": frames[None]})]
        except Exception as error:  # onnxruntime's own exceptions share no base
            raise ModelError(self.path, "breaks down over what it says that it takes", _MAKE) from error
        wanted = -(-len(frames) // self.description.stride)
        for output, answer in zip(outputs, answers, strict=True):
            if len(answer) != wanted or (output == "scores" and answer.shape[1:] != (len(self.labels),)):
                reason = f"answers in the shape {answer.shape} for {wanted} steps and {len(self.labels)} labels"
                raise ModelError(self.path, reason, _MAKE)
        return answers

    def embed(self, blocks: Iterable[Samples]) -> Iterator[Array]:
        """Embeddings [steps, dimensions] of a recording, some steps at a time as its blocks of samples come.

        Raises
        ------
        ModelError
            The model has none.
        """
        self.check_embeddings()
        return self.score_features(ahead(self.description.front_end.stream(blocks), PARTS_AHEAD), "embedding")

    def check_embeddings(self) -> None:
        """Nothing, or the error that the model has none: ModelError."""
        if not self.dimensions:
            remedy = "give a model that was trained on a backbone, such as mn04_as (`earmark models get mn04_as`)"
            raise ModelError(self.path, "has no embeddings", remedy)

    @property
    def dimensions(self) -> int:
        """Values of an embedding; 0 where the model has none."""
        return next((int(out.shape[2]) for out in self.session.get_outputs() if out.name == "embedding"), 0)

    @cached_property
    def _context(self) -> int:
        """Context in whole steps, so that windows begin on the grid of the steps."""
        stride = self.description.stride
        return -(-self.description.context // stride) * stride


def save_onnx(content: Any, description: Description, path: Path) -> None:
    """Write a loaded ONNX file (`onnx.ModelProto`) with a description in place of the one it may have."""
    own = [entry for entry in content.metadata_props if entry.key == METADATA_KEY]
    entry = own[0] if own else content.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, description.to_json()
    with atomic_write(path) as part:
        part.write_bytes(content.SerializeToString())


def load_model(name: str | os.PathLike[str] = "sounds", threads: int | None = None) -> Model:
    """Open a model, to be used for any number of recordings.

    Parameters
    ----------
    name
        The name of a bundled model (see `bundled_models`), that of a backbone such as `mn04_as`, the path of an `.onnx`
        file, or that of a run's folder. Default `"sounds"`.
    threads
        Processor cores to use. Default all.

    Returns
    -------
    Model
        What it knows stands in `labels`.

    Raises
    ------
    ModelError
        There is no such model, or the file is damaged or not one of ours.

    Examples
    --------
    >>> import earmark
    >>> "dog" in earmark.load_model("sounds").labels
    True
    """
    path = Path(name)
    if not path.is_absolute():
        path = bundled_models().get(str(name), path)
    if path.is_dir():
        path = path / "model.onnx"
    if not path.is_file() and Path(name).name == str(name):
        path = made_in_cache(str(name)) or path
    if not path.is_file():
        remedy = (
            f"give an .onnx file that `earmark train` made, or one of: {', '.join(bundled_models()) or 'none'}; "
            "a backbone such as mn04_as comes with `earmark models get mn04_as`"
        )
        raise ModelError(name, "no such model", remedy)
    return Model(path, threads)


def bundled_models() -> dict[str, Path]:
    """The models that come with the package, by name: `sounds`, `words/gru` and so on."""
    folder = Path(str(resources.files("earmark.models") / "bundled"))
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.rglob("*.onnx"))}


def pretrained_model(name: str) -> Path:
    """Where the model file of a backbone lies once it was made of the publisher's weights, which is in the cache."""
    return cache_folder(PRETRAINED) / f"{name}.onnx"


def made_in_cache(name: str) -> Path | None:
    """Where that file lies, if it was made."""
    try:
        path = pretrained_model(name)
    except MissingExtraError:  # without that extra none was made
        return None
    return path if path.is_file() else None


def _open(path: Path, threads: int | None) -> Any:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # newer builds report their use: nothing leaves the machine
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # its messages are for developers; errors are raised anyway
    options.intra_op_num_threads = threads or os.cpu_count() or 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no base
        raise ModelError(path, "is damaged or no ONNX file") from error


def _describe(path: Path, session: Any) -> Description:
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise ModelError(path, "was not made by Earmark", "it needs labels and a front end in its metadata")
    try:
        about = Description.from_json(text)
    except (ValueError, TypeError) as error:
        raise ModelError(path, f"describes itself in a way this version cannot read ({error})") from error
    _check_network(path, session, about)
    return about


def _check_network(path: Path, session: Any, about: Description) -> None:
    """Whether the network is the one that is described: a dimension without a fixed size is a text, or None."""
    there = {one.name: one for one in (*session.get_inputs(), *session.get_outputs())}
    needed = {"features": about.front_end.size, "scores": len(about.labels)}
    for name in (*needed, *({"embedding"} & there.keys())):
        one = there.get(name)
        last = needed.get(name)
        if one is None or one.type != "tensor(float)" or len(one.shape) != 3:
            raise ModelError(
                path, f"is no network of Earmark's: its {name} are not there, or no series of values", _MAKE
            )
        if last is not None and isinstance(one.shape[2], int) and one.shape[2] != last:
            raise ModelError(path, f"does not fit its description: {one.shape[2]} {name} in place of {last}", _MAKE)
    if len(session.get_inputs()) != 1:
        raise ModelError(path, "is no network of Earmark's: it takes more than features", _MAKE)
