"""How clips are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from earmark.errors import EarmarkError

YOUTUBE = "https://www.youtube.com/watch?v={video}"


@dataclass(frozen=True)
class Settings:
    """How clips are asked for, and what is made of them.

    The defaults are for a run of hours. YouTube lets a visitor see some hundred videos an hour (yt-dlp's wiki says
    300, and 2,000 who is signed in): a run that is stopped goes on where it stopped.

    Attributes:
        rate: samples a second of the clips, which are mono FLAC of 16 bits.
        jobs: clips that are asked for at once.
        pause: seconds that a worker waits before each clip, give or take half of it.
        url: a video's address; `{video}` stands for its identifier.
        cookies: cookies of a signed-in browser, a file in Netscape's format; it is read, never written.
        seed: what the split and the jitter of the pauses depend on.
        attempts: how often a clip is asked for in one run while what stands in its way may pass.
        backoff: seconds of the first wait after such a failure; each further one is twice as long.
        longest: seconds of the longest wait; a server that asks for a longer one ends the run.
        refusals: how many refusals in a row, with no answer between them, end the run.
        timeout: seconds without a byte after which a connection is given up.
        shortest: the part of its span that a clip must have.
    """

    rate: int = 44100
    jobs: int = 4
    pause: float = 1.0
    url: str = YOUTUBE
    cookies: Path | None = None
    seed: int = 0
    attempts: int = 4
    backoff: float = 5.0
    longest: float = 300.0
    refusals: int = 8
    timeout: float = 20.0
    shortest: float = 0.9

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            EarmarkError: the address has no place for a video, there is no such file of cookies, or a number is too
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
