"""Recipes: all that determines one training run, in one YAML file, checked before any work is done."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from earmark.augment import copies
from earmark.augment.image import IMAGE
from earmark.augment.waveform import IN_PLACE
from earmark.events.scores import Pooling
from earmark.features.frontend import IN_DECIBELS, FrontEnd
from earmark.training.recipe_files import check_as, explained, laid_over, named, read

Share = Annotated[float, Field(ge=0, le=1)]
FRONT_ENDS = {"audioset": FrontEnd.audioset}
"""Front ends that have a name."""
COMMON = {"augment": ("copies", "copies_each"), "training": ("distillation", "precision", "seed")}
"""What all stages of a recipe share."""
BACKBONE = "mn"  # the network that has one


class Section(BaseModel):
    """Part of a recipe: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def dump(self) -> str:
        """As YAML, with every default filled in."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)


class DatasetPart(Section):
    """One dataset of the training data: a layout, where it lies, and what the layout's reader takes."""

    layout: str | None = None
    path: str
    options: dict[str, Any] = {}
    relabel: dict[str, list[str]] = {}
    """Labels of this dataset that are replaced by others; `"*"` stands for all that are not named."""
    marks: str | None = None
    """A table (CSV) of clips to keep, relabel or drop, as `earmark data label-issues` makes it, applied before
    `relabel`. Its path is seen from here, or else from the dataset's folder."""
    events: str | None = None
    """A table (CSV: path, onset, offset, label) of when labels hold within the clips, beside the dataset's own; steps
    of time are then what is learned. In datasets without one, labels hold where something is loud."""
    excerpts: Annotated[int, Field(ge=1)] = 1
    """How many excerpts of each clip an epoch takes: several of long ones."""
    optional: bool = False
    """Go on without this dataset, with a warning, where it is missing."""


class Split(Section):
    """Which clips test and which train. Clips of one source never stand on both sides."""

    protocol: Literal["folds", "grouped", "stratified", "none"] = "grouped"
    """`folds`: the dataset's own folds, each tested once. `grouped`: one split by source. `stratified`: `parts` folds
    by source with each label spread evenly. `none`: no clip is held out, no figure is made."""
    folds: list[int] | None = None
    """Test only these of the dataset's folds; all if None."""
    held_out: Share = 0.2
    """Share of the sources that test (`grouped`)."""
    parts: Annotated[int, Field(ge=2)] = 5
    """Folds that are made (`stratified`)."""


class Augmentation(Section):
    """What is varied: copies are made once and prepared, the rest in each training batch; zero switches one off."""

    copies: list[str] = []
    """Changed versions of each training clip, by name: of `earmark.augment.waveform` (pitch_up, slow, noise, ...) or of
    `earmark.augment.image` (zoom, image_style, ...). They stand on their clip's side of the split."""
    copies_each: Annotated[int, Field(ge=1)] = 1
    """How many draws of each."""

    crop_seconds: Annotated[float, Field(gt=0)] = 2.5
    """Length of a training excerpt, which starts anywhere in its clip and goes round its end."""
    gain_db: float = 10.0
    """Levels are changed by up to this, up or down."""
    response_db: Annotated[float, Field(ge=0)] = 0.0
    """Bands are up to this much louder or quieter, along a smooth curve: other microphones."""
    speed: Annotated[float, Field(ge=0)] = 0.0
    """Excerpts are played up to this much faster or slower."""
    pitch_bands: Annotated[float, Field(ge=0)] = 0.0
    """Excerpts are moved by up to so many bands up or down."""
    mixup: Annotated[float, Field(ge=0)] = 0.2
    """Both parameters of the Beta distribution that two clips are mixed by (Zhang et al., 2018)."""
    between_class: bool = False
    """Mix clips of two classes at equal loudness, in any share, instead of mixup (Tokozume et al., 2018)."""
    overlay: Share = 0.0
    """Share of the clips over which another is laid, both labels then holding."""
    noise_floor: bool = False
    """Add steady noise of random level and colour."""
    mask_frames: int = 10
    """SpecAugment: longest mask in time, frames (Park et al., 2019)."""
    mask_bands: int = 8
    """SpecAugment: widest mask in frequency, bands."""
    masks: int = 2
    """SpecAugment: masks of each kind."""

    @property
    def warps(self) -> bool:
        """Whether speed or pitch changes."""
        return self.speed > 0 or self.pitch_bands > 0

    @field_validator("copies")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        unknown = [name for name in names if name not in copies.NAMES]
        if unknown:
            raise ValueError(f"{unknown[0]} is unknown, choose among {', '.join(copies.NAMES)}")
        return names


class ModelChoice(Section):
    """The network and its size."""

    network: str = "compact_cnn"
    options: dict[str, Any] = {}
    start: str | list[str] | None = None
    """A model file, or a bundled model's name, whose weights training goes on from; the answers for labels that it
    knows come with them. Its network and front end must be those of the recipe. Of several, all of which went on from
    one file, the mean, which is often better than each (Wortsman et al., 2022, arXiv:2203.05482)."""

    beside_start: str | list[str] | None = None
    """The same for the network beside a backbone (`options.beside`): the file of an `earmark` of the same width, which
    heard frames as long, in as many bands, as those that it takes the mean to."""

    @property
    def starts(self) -> list[str]:
        """All files that `start` names."""
        return _listed(self.start)

    @property
    def beside_starts(self) -> list[str]:
        """All files that `beside_start` names."""
        return _listed(self.beside_start)


def _listed(names: str | list[str] | None) -> list[str]:
    return [names] if isinstance(names, str) else names or []


class EarlyStopping(Section):
    """Stop when clips that neither train nor test are recognised no better; the best epoch's network is kept."""

    patience: Annotated[int, Field(ge=1)] = 10
    """Epochs without a better one."""
    share: Share = 0.1
    """Share of the training clips' sources that is held out for it."""


class Distillation(Section):
    """Learn also from what an ensemble answers for the same batch (Hinton et al., 2015, arXiv:1503.02531).

    Its members are trained first, by the same recipe with other seeds, on the same side of the split.
    """

    members: Annotated[int, Field(ge=1)] = 2
    temperature: Annotated[float, Field(gt=0)] = 2.0
    """Both answers are softened by it."""
    weight: Share = 0.5
    """How much the ensemble counts, the labels counting the rest."""
    epochs: Annotated[int, Field(ge=1)] | None = None
    """Epochs of each member; as many as of the network itself if None."""


class TrainingLoop(Section):
    """How long, how fast, and with what."""

    epochs: Annotated[int, Field(ge=1)] = 100
    batch: Annotated[int, Field(ge=2)] = 32
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    optimizer: Literal["adamw", "muon", "ridge"] = "adamw"
    """`muon` needs fewer epochs, each of which takes somewhat longer. `adamw` without weight decay is Adam. `ridge`
    solves what answers on a frozen backbone's embeddings at once, by least squares with the penalty `weight_decay`."""
    schedule: Literal["one_cycle", "constant"] = "one_cycle"
    """The learning rate rises to its value and falls again (Smith and Topin, 2018), or stays."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.05
    balance: Share = 0.0
    """0: each clip comes once an epoch. Otherwise clips are drawn, the more often the rarer their labels: in
    proportion to the label's number of clips to the power of minus this."""
    balance_sources: Share = 0.0
    """The same for recordings of one label: with 1, all count the same, however many clips were cut from each."""
    ema: Share = 0.998
    """Decay, a step, of the running mean of the weights, which is the model that is kept."""
    stages: list[int] = []
    """Epochs after which one more part of the network is trained, from the answer back to the input: `[2, 4]` trains
    the last layer for two epochs, and for two more the part before it. Empty: everything from the start."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of each clip's label that is spread over all labels, where they exclude each other (Szegedy et al., 2016,
    arXiv:1512.00567)."""
    freeze: bool = False
    """Train only what answers on a backbone's embeddings, which are prepared once (network `mn`). Of what `augment`
    varies in each batch only excerpts and mixup are left: embeddings have no levels and no bands."""
    beside: bool = False
    """Train only the network beside a backbone (`model.options.beside`), as if it were alone."""
    negatives: bool = False
    """Learn also from a bundled table of embeddings of sounds that are none of the recipe's (`ridge` on `mn04_as`), so
    that they are left unmarked."""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The learning rate of each of the network's parts is this share of that of the part before it, from the answer
    back to the input: what is near the input, and most general, changes least (Howard and Ruder, 2018,
    arXiv:1801.06146)."""
    batch_norm: Literal["trained", "frozen"] = "trained"
    """`frozen`: batch normalisation keeps the statistics that it came with."""
    keep: Literal["audioset"] | None = None
    """Learn also to go on answering for AudioSet's classes as the backbone did before, on all that is heard (learning
    without forgetting: Li and Hoiem, 2016, arXiv:1606.09282)."""
    keep_weight: Annotated[float, Field(gt=0)] = 1.0
    """How much that counts beside the labels."""
    early_stopping: EarlyStopping | None = None
    distillation: Distillation | None = None
    precision: Literal["auto", "bf16-mixed", "32-true"] = "auto"
    """`auto`: half precision (bfloat16) on GPUs and processors that compute in it, single precision on all others."""
    seed: int = 0


class Testing(Section):
    """How held-out clips are heard."""

    crops: Annotated[int, Field(ge=0)] = 0
    """Beside the figures for clips heard whole, make those of the mean answer to so many excerpts, as long as those of
    training and evenly spread over what is loud in the clip."""


class Export(Section):
    """The model file."""

    name: str | None = None
    exclusive: bool | None = None
    """Whether exactly one label holds at a time; what the dataset says if None."""
    window_seconds: Annotated[float, Field(gt=0)] = 1.0
    """Scores on a timeline are the mean over a window of this length."""
    loud_db: Annotated[float, Field(gt=0)] | None = None
    """What a clip is as a whole is told by what is at most this much quieter than its loudest moment; None: by all."""
    pooling: Pooling = "mean"
    """How it is made of the answers for steps of time: `linear_softmax` suits networks that learned from events."""
    windows: Literal["same", "by_length"] = "same"
    """`by_length`: each label's scores are averaged over a third of the mean length of its events in the training
    data, where datasets have `events`; `window_seconds` then holds for the others."""
    thresholds: Literal["each", "common"] = "each"
    """Whether events choose thresholds for each label, or rare ones share them, which is safer: a pair for sounds that
    happen, and one for sounds that go on."""
    beta: Annotated[float, Field(gt=0)] = 1.0
    """How much more a miss weighs than a false mark where events choose the thresholds."""
    final: Literal["measured", "all"] = "measured"
    """`measured`: the model file holds the network of the last split, whose figures are known.
    `all`: once measured, a network is trained on every clip, and the file holds that one."""
    bits: Literal[8, 16] = 16
    """Of the weights in the file. 8: convolutions are done with integers too, several times as fast on newer
    processors; scores change a little, so measure the file itself (`earmark evaluate`)."""
    licence: str = ""


class Levelling(Section):
    """Thresholds by recordings from elsewhere, after training; `earmark tune` chooses them for one's own."""

    recordings: list[str]
    """Tables of recordings with `events.csv` beside them, in the data folder; none may teach."""
    by: Literal["segments", "events", "both"] = "both"
    """What is made as good as can be."""
    beta: Annotated[float, Field(gt=0)] = 1.0
    """How much more a miss weighs than a false mark."""
    nothing: dict[str, list[str]] = {}
    """Recordings in the data folder in which nothing happens, and the labels that they hold all the same, with their
    children: speech, music."""
    price: Annotated[float, Field(ge=0)] = 0.02
    """What an event where nothing happens costs, in the F of its label: so thresholds rise until they are worth it."""
    alarm_price: Annotated[float, Field(ge=0)] = 0.02
    """The same of an alarm (`labels/priority.toml`): a false one is the worst that a caption can do."""
    untaught: dict[str, Annotated[float, Field(ge=0)]] = {}
    """Tables of recordings, in the data folder, that may teach; and for how many seconds of an hour of them a label
    that none of theirs is may be marked."""
    margin: Annotated[float, Field(ge=0)] = 0.0
    """How far above all that it gets in any of them, in log-odds, an event of a label begins that sounds in no
    recording: nothing tells how high that must be, and other rooms have noises of their own."""


class Recipe(Section):
    """One training run."""

    name: str
    description: str = ""
    dataset: list[DatasetPart]
    """By name, `dataset: {scenes: {layout: ..., path: ...}}`, so that a recipe on a base changes, adds and drops single
    ones; or a list, which replaces all of the base's."""
    stages: list[dict[str, dict[str, Any]]] = []
    """Trainings of the same network one after the other, each of which goes on from what the one before it left: what
    each says in its sections `training` and `augment` is laid over the recipe's own."""
    labels: Literal["data", "sounds"] = "data"
    """Those that the data has; or all sounds that captions know, with the parents of each: a dog is an animal. Of those
    that the data has not, nothing is learned: the network must know them (`model.options.prior`), so those for which
    AudioSet has no class of its own are left out."""
    split: Split = Split()
    front_end: FrontEnd = FrontEnd()
    """Its parameters, or the name of one: `audioset`, which backbones need."""
    augment: Augmentation = Augmentation()
    model: ModelChoice = ModelChoice()
    training: TrainingLoop = TrainingLoop()
    test: Testing = Testing()
    export: Export = Export()
    level: Levelling | None = None

    @field_validator("dataset", mode="before")
    @classmethod
    def _datasets(cls, value: Any) -> Any:
        """Several by name, of which `null` drops one that the base has; or a list, or one."""
        by_name = named(value)
        return list(by_name.values()) if by_name else [value] if isinstance(value, dict) else value

    @field_validator("front_end", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return FRONT_ENDS[value]() if isinstance(value, str) and value in FRONT_ENDS else value

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        pictures = [copy for copy in self.augment.copies if copy in IMAGE]
        if pictures and (self.front_end.patch is None or self.front_end.image is None):
            raise ValueError(f"augment.copies: {pictures[0]} changes pictures: set front_end.patch and front_end.image")
        if self.test.crops and self.front_end.patch is not None:
            raise ValueError("test.crops: the answers to a clip's patches are averaged anyway")
        if self.export.loud_db and (self.front_end.patch is not None or self.front_end.kind not in IN_DECIBELS):
            raise ValueError("export.loud_db: only levels tell what is loud: log_mel or linear, without patches")
        if any(part.events for part in self.dataset):
            self._fits_events()
        if self.training.layer_decay < 1 and self.training.optimizer == "muon":
            raise ValueError("training.layer_decay: muon has one learning rate; set training.optimizer to adamw")
        self._fits_backbone()
        self.phases()
        return self

    def _fits_backbone(self) -> None:
        own = self.training
        if self.labels == "sounds" and not (self.weights and self.model.options.get("prior")):
            raise ValueError("labels: sounds that no clip has need a network that knows them: set model.options.prior")
        if (own.freeze or own.keep) and self.model.network != BACKBONE:
            raise ValueError(f"training.freeze and training.keep need a backbone: set model.network to {BACKBONE}")
        if own.keep and not self.weights:
            raise ValueError("training.keep needs a backbone that knows AudioSet: set model.options.weights")
        if self.level and not self.model.options.get("prior"):
            raise ValueError("level: only a network with model.options.prior can be levelled; use `earmark tune`")
        beside = self.model.network == BACKBONE and self.model.options.get("beside")
        if own.beside and (own.freeze or own.keep or not beside):
            raise ValueError("training.beside: needs model.options.beside, and neither training.freeze nor keep")
        if self.model.beside_start and not beside:
            raise ValueError("model.beside_start: there is no network beside a backbone: set model.options.beside")
        if self.level and beside:
            raise ValueError("level: the network beside a backbone cannot be levelled: leave out model.options.beside")
        if (own.freeze or own.beside) and own.distillation:
            raise ValueError("training.distillation: nothing can be learned from others with training.freeze or beside")
        if own.optimizer == "ridge" and not own.freeze:
            raise ValueError("training.optimizer: ridge solves what answers on frozen embeddings: set training.freeze")
        if own.optimizer == "ridge" and self.model.options.get("hidden"):
            raise ValueError("training.optimizer: ridge solves one layer: leave out model.options.hidden")
        if own.negatives and (own.optimizer != "ridge" or not self.weights):
            raise ValueError("training.negatives: only ridge learns from them, on model.options.weights: mn04_as")
        if self.weights and self.front_end != FrontEnd.audioset():
            raise ValueError("front_end: these weights hear others: set front_end to audioset")

    @property
    def weights(self) -> str | None:
        """The pretrained weights of its backbone: a name or a path; None if it has none."""
        return self.model.options.get("weights") if self.model.network == BACKBONE else None

    @property
    def solved(self) -> bool:
        """Whether the labels' answers are solved by least squares in the end."""
        return self.phases()[-1].training.optimizer == "ridge"

    def phases(self) -> list[Recipe]:
        """The recipe of each of the stages, or the recipe itself where there are none.

        Raises
        ------
        ValueError
            A stage has sections or values that do not fit.
        """
        return [self._phase(number, stage) for number, stage in enumerate(self.stages)] or [self]

    def _phase(self, number: int, stage: dict[str, dict[str, Any]]) -> Recipe:
        for section, values in stage.items():
            key = f"stages.{number}.{section}"
            if section not in COMMON:
                raise ValueError(f"{key}: a stage has only the sections training and augment")
            common = sorted(values.keys() & COMMON[section])
            if common:
                raise ValueError(f"{key}.{common[0]}: all stages have the same: say it in the recipe's own {section}")
        if stage.get("training", {}).get("early_stopping") is not None and not self.training.early_stopping:
            raise ValueError(f"stages.{number}.training.early_stopping: set it in the recipe's own training, too")
        try:
            return type(self).model_validate(laid_over(self.model_dump(mode="json") | {"stages": []}, stage))
        except ValidationError as error:
            raise ValueError(f"stages.{number}: {explained(error)}") from error

    def _fits_events(self) -> None:
        if self.front_end.patch is not None or self.front_end.kind not in IN_DECIBELS:
            raise ValueError("dataset.events: steps of time are learned from log_mel or linear, without patches")
        moved = [copy for copy in self.augment.copies if copy not in IN_PLACE]
        if moved:
            raise ValueError(f"augment.copies: {moved[0]} moves sounds in time, dataset.events says when they are")
        if self.augment.speed:
            raise ValueError("augment.speed moves sounds in time, and dataset.events says when they are")
        if self.training.distillation or self.augment.between_class:
            raise ValueError("dataset.events: neither distillation nor augment.between_class can learn steps of time")


def load(path: Path, overrides: list[str] | None = None) -> Recipe:
    """Read a recipe; `overrides` are `section.key=value` as on the command line.

    Raises
    ------
    RecipeError
        The file is missing, is no YAML, has an unknown key or a value that does not fit.
    """
    return check({"name": path.stem, **read(path)}, path, overrides or [])


def check(content: dict[str, Any], subject: object, overrides: list[str]) -> Recipe:
    """Recipe from plain values, with overrides applied."""
    return check_as(Recipe, content, subject, overrides)
