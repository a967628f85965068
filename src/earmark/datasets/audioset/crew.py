"""Workers that fetch clips, several at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from earmark.datasets.audioset.outcomes import ClipError, Outcome
from earmark.datasets.audioset.pace import Pace, StoppedError
from earmark.datasets.audioset.placing import Placing
from earmark.datasets.audioset.quota import Wanted
from earmark.datasets.audioset.settings import Settings
from earmark.errors import MissingExtraError

if TYPE_CHECKING:
    from earmark.datasets.audioset.fetching import Fetcher


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a clip, why, and after how many attempts."""

    outcome: Outcome
    message: str
    attempts: int


class Crew:
    """As many workers as the settings say. They are threads: what takes time is the net, and FFmpeg."""

    def __init__(self, settings: Settings, pace: Pace, placing: Placing) -> None:
        """Workers keep the pace, and put their clips into place."""
        self._settings = settings
        self._pace = pace
        self._placing = placing
        self._idle: SimpleQueue[Fetcher] = SimpleQueue()

    def work(self, following: Callable[[], Wanted | None]) -> Iterator[tuple[Wanted, Result]]:
        """Fetch what `following` names until it names nothing and nothing is under way; results as they come.

        Only the caller's thread calls `following`, after it has heard of all results so far. Where the pace comes to
        its full stop, what is under way ends and no more is begun; so it does before a KeyboardInterrupt goes on.

        Raises:
            EarmarkError: a clip cannot be written, or the cookies cannot be read.
            MissingExtraError: yt-dlp is not installed.
        """
        self._idle.put(_new_fetcher(self._settings))
        with ThreadPoolExecutor(self._settings.jobs) as pool:
            try:
                yield from self._results(pool, following)
            finally:
                self._pace.stop()
        while not self._idle.empty():
            self._idle.get().close()

    def _results(
        self, pool: ThreadPoolExecutor, following: Callable[[], Wanted | None]
    ) -> Iterator[tuple[Wanted, Result]]:
        under_way: dict[Future[Result | None], Wanted] = {}
        interrupt: KeyboardInterrupt | None = None
        while True:
            while len(under_way) < self._settings.jobs and not self._pace.stopped and (wanted := following()):
                under_way[pool.submit(self._fetch, wanted)] = wanted
            if not under_way:
                break
            try:
                ended = wait(under_way, return_when=FIRST_COMPLETED).done
            except KeyboardInterrupt as error:
                interrupt = error
                self._pace.stop()
                continue
            for future in ended:
                wanted, result = under_way.pop(future), future.result()
                if result is not None:
                    yield wanted, result
        if interrupt is not None:
            raise interrupt

    def _fetch(self, wanted: Wanted) -> Result | None:
        """None where the run stopped before the clip was asked for."""
        try:
            fetcher = self._idle.get_nowait()
        except Empty:
            fetcher = _new_fetcher(self._settings)
        try:
            return self._attempts(fetcher, wanted)
        finally:
            self._idle.put(fetcher)

    def _attempts(self, fetcher: Fetcher, wanted: Wanted) -> Result | None:
        result: Result | None = None
        for attempt in range(1, self._settings.attempts + 1):
            try:
                began = self._pace.turn()
                samples = fetcher.fetch(wanted.segment)
            except StoppedError:
                return result
            except ClipError as failure:
                result = Result(failure.outcome, str(failure), attempt)
                if not self._again(failure, began, attempt):
                    return result
            else:
                self._placing.place(wanted, samples)
                self._pace.answered()
                return Result(Outcome.DONE, "", attempt)
        return result

    def _again(self, failure: ClipError, began: float, attempt: int) -> bool:
        """Whether to try again, after the wait that this asks for."""
        if failure.outcome is not Outcome.REFUSED:
            self._pace.answered()
            return False
        last = not failure.again or attempt == self._settings.attempts
        try:
            self._pace.failed(failure, began, None if last else attempt)
        except StoppedError:
            return False
        return not last


def _new_fetcher(settings: Settings) -> Fetcher:
    try:
        from earmark.datasets.audioset.fetching import Fetcher
    except ModuleNotFoundError as error:
        raise MissingExtraError("earmark data audioset", "data") from error
    return Fetcher(settings)
