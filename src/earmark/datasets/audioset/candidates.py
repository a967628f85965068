"""What is asked for: how clips are asked for, which one comes next, and where its file belongs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from earmark import media
from earmark.datasets.audioset.tables import Segment
from earmark.errors import DatasetError, EarmarkError, MediaError
from earmark.media.writing import write_samples
from earmark.util.atomic import settle
from earmark.util.types import Samples

YOUTUBE = "https://www.youtube.com/watch?v={video}"

PARTS = ".parts"


@dataclass(frozen=True)
class Settings:
    """How clips are asked for, and what is made of them.

    The defaults are for a run of hours. YouTube lets a visitor see some hundred videos an hour (yt-dlp's wiki says
    300, and 2,000 who is signed in): a run that is stopped goes on where it stopped.
    """

    rate: int = 44100  # samples a second of the clips, which are mono FLAC of 16 bits
    jobs: int = 4  # clips that are asked for at once
    pause: float = 1.0  # seconds that a worker waits before each clip, give or take half of it
    url: str = YOUTUBE  # a video's address; `{video}` stands for its identifier
    cookies: Path | None = None
    """Cookies of a signed-in browser, a file in Netscape's format; it is read, never written."""
    seed: int = 0  # what the split and the jitter of the pauses depend on
    attempts: int = 4  # how often a clip is asked for in one run while what stands in its way may pass
    backoff: float = 5.0  # seconds of the first wait after such a failure; each further one is twice as long
    longest: float = 300.0  # seconds of the longest wait; a server that asks for a longer one ends the run
    refusals: int = 8  # how many refusals in a row, with no answer between them, end the run
    timeout: float = 20.0  # seconds without a byte after which a connection is given up
    shortest: float = 0.9  # the part of its span that a clip must have

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises EarmarkError: the address has no place for a video, there is no such file of cookies, or a number is too
        small or too large.
        """
        if "{video}" not in self.url:
            raise EarmarkError(self.url, "has no place for a video", "write {video} where its identifier belongs")
        if self.cookies is not None and not self.cookies.is_file():
            raise EarmarkError(self.cookies, "is no file", "export the cookies of a signed-in browser to it")
        for name, least in (("rate", 1000), ("jobs", 1), ("attempts", 1), ("refusals", 1)):
            if getattr(self, name) < least:
                raise EarmarkError(name, f"is {getattr(self, name)}", f"it must be at least {least}")
        for name in ("pause", "backoff", "longest"):
            if not getattr(self, name) >= 0:
                raise EarmarkError(name, f"is {getattr(self, name)} seconds", "it must not be negative")
        if not self.timeout > 0:
            raise EarmarkError("timeout", f"is {self.timeout} seconds", "it must be positive")
        if not 0 < self.shortest <= 1:
            raise EarmarkError("shortest", f"is {self.shortest}", "it must be above 0 and at most 1")

    def address(self, video: str) -> str:
        """Where a video is."""
        return self.url.replace("{video}", video)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A clip that may be asked for."""

    segment: Segment
    labels: tuple[str, ...]  # the classes that it is a candidate of

    @property
    def path(self) -> str:
        """Where its file belongs: in the folder of the first of its classes."""
        return f"{self.labels[0]}/{self.segment.name}.flac"


def candidate_clips(candidates: Mapping[str, Sequence[Segment]]) -> dict[str, Candidate]:
    """The clips by name.

    Raises DatasetError: a label cannot be the name of a folder, or cannot stand in a dataset table.
    """
    clips: dict[str, Candidate] = {}
    for label, segments in candidates.items():
        if not label or label != label.strip() or label.startswith(".") or set(label) & set("/\\;\0"):
            raise DatasetError(repr(label), "cannot be the name of a class and its folder", "rename it")
        for segment in segments:
            known = clips.get(segment.name)
            labels = () if known is None else known.labels
            if label not in labels:
                clips[segment.name] = Candidate(segment, (*labels, label))
    return clips


class Quota:
    """Hands out candidates, each once.

    A class has at most as many clips under way as it lacks. So those that are asked for do not depend on which worker
    is quicker, and a class is never overfull, unless a clip belongs to several.
    """

    def __init__(self, candidates: Mapping[str, Sequence[Segment]], quota: int, settled: Container[str]) -> None:
        """`quota`: clips a class; `settled`: names of clips that are in place, or failed for good."""
        self.in_place = Counter(dict.fromkeys(candidates, 0))
        """Clips of each class."""
        self._clips = candidate_clips(candidates)
        self._waiting = {label: iter([s.name for s in segments]) for label, segments in candidates.items()}
        self._lacking = Counter(dict.fromkeys(candidates, quota))
        self._settled = settled
        self._given: set[str] = set()

    def have(self, wanted: Candidate) -> None:
        """Count a clip that is in place already."""
        self._lacking.subtract(wanted.labels)
        self.in_place.update(wanted.labels)

    def next(self) -> Candidate | None:
        """The next clip to ask for, of the class that lacks most; None while no class can do with another."""
        for label, lacking in self._lacking.most_common():
            if lacking <= 0:
                break
            for name in self._waiting[label]:
                if name not in self._given and name not in self._settled:
                    self._given.add(name)
                    self._lacking.subtract(self._clips[name].labels)
                    return self._clips[name]
        return None

    def done(self, wanted: Candidate) -> None:
        """A clip that `next` gave is in place."""
        self.in_place.update(wanted.labels)

    def failed(self, wanted: Candidate) -> None:
        """A clip that `next` gave is not to be had: another may take its place."""
        self._lacking.update(wanted.labels)


@dataclass(frozen=True)
class ClipFolder:
    """The folder that is filled."""

    out: Path  # is there already
    settings: Settings

    def clean(self) -> None:
        """Remove what is half written, and nothing that has another name, or lies elsewhere behind a link."""
        parts = self.out / PARTS
        if not parts.is_symlink():
            for half in parts.glob("*"):
                if half.suffix in (".flac", ".part") and half.is_file():
                    half.unlink()
            with suppress(OSError):  # it is not there, or not empty
                parts.rmdir()

    def place(self, wanted: Candidate, samples: Samples) -> None:
        """Write a clip, and give it its name when all of it is on the disk.

        Raises EarmarkError: it cannot be written.
        """
        part = self.out / PARTS / f"{wanted.segment.name}.flac"
        path = self.out / wanted.path
        write_samples(part, [samples], self.settings.rate)
        try:
            settle(part)
            path.parent.mkdir(exist_ok=True)
            part.replace(path)
        except OSError as error:
            raise EarmarkError(path, f"cannot be written ({error.strerror})") from error

    def files(self) -> Iterator[tuple[str, str]]:
        """Clips that lie in place, whoever put them there: name and path."""
        for file in sorted(self.out.glob("*/*.flac")):
            yield file.stem, file.relative_to(self.out).as_posix()

    def is_complete(self, wanted: Candidate) -> bool:
        """Whether a file in place has the rate and the length of its clip; it is decoded."""
        seconds = wanted.segment.end - wanted.segment.start
        rate = self.settings.rate
        try:
            with media.open_recording(self.out / wanted.path) as recording:
                samples = sum(len(block) for block in recording.blocks(rate))
                return recording.track.rate == rate and samples >= self.settings.shortest * seconds * rate
        except MediaError:
            return False
