"""What goes in and out, as OpenAPI describes it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field, RootModel, model_validator

from earmark.service.alike import LikeEvent
from earmark.service.storage import ID

Task = Literal["label", "caption", "classify", "words", "instruments"]
To = Literal["json", "csv", "vtt", "srt", "ass", "ttml", "textgrid", "audacity", "rttm", "ctm"]
CaptionTo = Literal["vtt", "srt", "ass", "ttml"]
Language = Literal["cs", "de", "el", "en", "es", "fr", "ko", "pl", "ru"]


class JobForm(BaseModel):
    """The fields of a new job, beside its file."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    task: Task = Field("label", description="What to look for.")
    model: str | None = Field(None, max_length=200, description="A name of /v1/models; the task's own if left out.")
    classifier: str | None = Field(None, max_length=200, description="For words: the frame classifier, such as gru.")
    language: Language = Field("en", description="Of the captions, or of the text.")
    include_speech: bool = Field(False, description="Caption speech too.")
    sensitivity: float = Field(0.5, ge=0, le=1, allow_inf_nan=False, description="More marks more, less marks less.")
    text: str | None = Field(None, max_length=65_536, description="For words: what is said, to find each of its words.")
    compare: bool = Field(False, description="For words: what each bundled frame classifier finds, too.")


class ClassifyForm(BaseModel):
    """The fields beside a clip."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    model: str | None = Field(None, max_length=200, description="A name of /v1/models.")


class LabelScore(BaseModel):
    """How likely a label is."""

    label: str
    score: float


class Classified(BaseModel):
    """What a clip is as a whole, best first."""

    recording: str
    labels: list[LabelScore]

    model_config = {
        "json_schema_extra": {"examples": [{"recording": "clip.wav", "labels": [{"label": "dog", "score": 0.93}]}]}
    }


class SecondScores(BaseModel):
    """How likely each label is in each window of `every` seconds: `scores` [windows][labels], 0 to 1."""

    recording: str
    duration: float
    model: str
    every: float
    labels: list[str]
    scores: list[list[float]]


class JobView(BaseModel):
    """A job, and how far it is. Times in seconds since the epoch, durations in seconds."""

    model_config = ConfigDict(
        protected_namespaces=(),
        json_schema_extra={
            "examples": [
                {
                    "id": "0b5fae7b1c0e6f2d",
                    "task": "caption",
                    "name": "street.mp4",
                    "state": "running",
                    "progress": 0.4,
                    "created": 1790000000.0,
                    "started": 1790000000.1,
                    "finished": None,
                    "duration": 63.2,
                    "model": "sounds",
                    "options": {"language": "en"},
                    "position": None,
                    "error": None,
                    "links": {"self": "/v1/jobs/0b5fae7b1c0e6f2d"},
                }
            ]
        },
    )

    id: str
    task: str
    name: str
    state: Literal["queued", "running", "done", "failed"]
    progress: float | None
    created: float
    started: float | None
    finished: float | None
    duration: float | None
    model: str
    options: dict[str, Any]
    position: int | None
    error: dict[str, Any] | None
    links: dict[str, str]


class Jobs(BaseModel):
    """The newest first."""

    jobs: list[JobView]


class EventIn(BaseModel):
    """A sound, as a person marks it."""

    onset: float = Field(ge=0, le=1e6, allow_inf_nan=False)
    offset: float = Field(ge=0, le=1e6, allow_inf_nan=False)
    label: str = Field(min_length=1, max_length=100)
    score: float = Field(1.0, ge=0, le=1, allow_inf_nan=False)


class Events(RootModel[Annotated[list[EventIn], FailFast()]]):
    """Sounds, 10,000 at most."""

    root: Annotated[list[EventIn], FailFast()] = Field(max_length=10_000)


class Change(BaseModel):
    """One change that a person made: what it took away, and what it put there."""

    model_config = ConfigDict(extra="forbid")

    removed: Events
    added: Events


class Changes(BaseModel):
    """Changes that can be taken back, and those that can be made again, the latest last."""

    past: list[Change] = Field(default_factory=list, max_length=1000)
    future: list[Change] = Field(default_factory=list, max_length=1000)


class Corrected(Changes):
    """All events of a recording, as a person wants them; null: as the model found them."""

    events: Events | None

    model_config = {
        "json_schema_extra": {"examples": [{"events": [{"onset": 1.2, "offset": 3.9, "label": "dog", "score": 1.0}]}]}
    }


class Corrections(Changes):
    """What a person made of the events."""

    corrected: bool


class History(Changes):
    """Changes as they are kept."""

    revision: int = 0


class LikeEvents(BaseModel):
    """Stretches that are like an event, the best first."""

    candidates: list[LikeEvent]


class WordTexts(BaseModel):
    """What the words of a recording are, in their order; null where nobody says."""

    texts: Annotated[list[Annotated[str, Field(max_length=100)] | None], FailFast()] = Field(max_length=100_000)

    model_config = {"json_schema_extra": {"examples": [{"texts": ["one", None, "three"]}]}}


NAME = re.compile(r"\w[\w .,'()&-]{0,79}")


class Teaching(BaseModel):
    """What to teach: events of a label in a job's recording, as a person corrected them."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"job": "0b5fae7b1c0e6f2d", "label": "doorbell", "name": "my_doorbell"}]},
    )

    job: str = Field(pattern=ID)
    label: str = Field(min_length=1, max_length=100, description="Of the events.")
    name: str | None = Field(None, max_length=80, description="Of the sound; the label if left out.")

    @property
    def called(self) -> str:
        """The new label."""
        return self.label if self.name is None else self.name

    @model_validator(mode="after")
    def _check(self) -> Teaching:
        if not NAME.fullmatch(self.called):
            raise ValueError(
                "a sound's name has letters, digits, spaces and _ . , ' ( ) & - after the first, at most 80"
            )
        return self


class Taught(BaseModel):
    """How a sound was taught, and how well it is told."""

    id: str
    label: str
    examples: int = Field(description="Events that taught.")
    found: int | None = Field(description="Of them, marked by what the others taught; null: there was one only.")
    others: int = Field(description="Seconds of something else that taught.")
    false: float = Field(description="Share of them that is marked by what the rest taught.")


class ModelView(BaseModel):
    """A model that jobs can name."""

    name: str
    labels: list[str]
    exclusive: bool
    default_for: list[str]
    latency: float
    thresholds: dict[str, dict[str, float]]
    card: dict[str, Any]
    taught: Taught | None = Field(None, description="Of models that the service was taught.")


class Models(BaseModel):
    """All that the service knows."""

    models: list[ModelView]


class PhrasesView(BaseModel):
    """Labels as captions name them."""

    language: str
    phrases: dict[str, str]
    alarms: list[str] = Field(description="Labels of sounds that call for something to be done at once.")


class Example(BaseModel):
    """A recording to try the page on."""

    name: str
    title_key: str
    url: str
    task: str


class Limits(BaseModel):
    """What is not taken."""

    upload_bytes: int
    seconds: float


class Health(BaseModel):
    """Whether the service does its work."""

    status: Literal["ok", "failing"]
    version: str
    queued: int
    running: int
    limits: Limits


def body(kind: type[BaseModel]) -> dict[str, Any]:
    """The request body of a form of this kind with a field `file`."""
    schema = kind.model_json_schema()
    schema["properties"] = {
        "file": {"type": "string", "format": "binary", "description": "Any audio or video."},
        **schema["properties"],
    }
    schema["required"] = ["file"]
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
