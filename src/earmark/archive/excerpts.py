"""Found events as a dataset.

    out/audio/<recording>-<fingerprint>-<begin>-<end>.flac   an excerpt, with a margin; its times in milliseconds
    out/clips.csv                                            the dataset table: a clip for each event that was found
    out/events.csv                                           all that the index knows of in the excerpts
    out/earmark-find.json                                    what was asked

A file gets its name when it is whole, so the same command goes on where it was interrupted.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from earmark.archive.database import EVENTS, Index
from earmark.archive.recordings import Archive
from earmark.archive.search import Detection, Query, durations
from earmark.datasets import Clip, Dataset, tables
from earmark.datasets.tables import write_events
from earmark.errors import EarmarkError, MediaError
from earmark.events.timeline import Event
from earmark.util.types import Progress
from earmark.util.workspace import Workspace

AUDIO, CLIPS, EVENT_TABLE, OPTIONS = "audio", "clips.csv", "events.csv", "earmark-find.json"
_NO_WORD = re.compile(r"[^A-Za-z0-9.]+")
_NAME = 60  # characters of a recording's name in a file's
_SHORTEST = 0.001  # seconds of an event that a table can hold

Failed = Callable[[EarmarkError], object]


@dataclass
class Excerpt:
    """A part of a recording, from `begin` to `end` seconds, that holds some of the found events."""

    recording: str
    begin: float
    end: float
    found: list[Detection] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Of its file, below the dataset's folder: no two are alike, and the same excerpt has the same always."""
        plain = _NO_WORD.sub("_", str(PurePosixPath(self.recording).with_suffix(""))).strip("_.")[-_NAME:]
        fingerprint = hashlib.blake2b(self.recording.encode(), digest_size=4).hexdigest()
        return f"{AUDIO}/{plain}-{fingerprint}-{self.begin * 1000:09.0f}-{self.end * 1000:09.0f}.flac"


def excerpts(found: Iterable[Detection], margin: float, durations: Mapping[str, float]) -> dict[str, list[Excerpt]]:
    """The excerpts of each recording, in order; events whose margins, seconds, overlap are in one.

    Recordings' durations bound the margins, where they are known.
    """
    made: dict[str, list[Excerpt]] = defaultdict(list)
    for one in sorted(found, key=lambda one: (one.recording, one.onset, one.offset)):
        begin = round(max(0.0, one.onset - margin), 3)
        end = max(begin, round(min(one.offset + margin, durations.get(one.recording, float("inf"))), 3))
        before = made[one.recording][-1] if made[one.recording] else None
        if before is None or begin > before.end:
            before = Excerpt(one.recording, begin, end)
            made[one.recording].append(before)
        before.end = max(before.end, end)
        before.found.append(one)
    return dict(made)


def cut(
    index: Index,
    query: Query,
    found: Sequence[Detection],
    archive: Archive,
    out: Path,
    margin: float,
    failed: Failed,
    progress: Progress = lambda done, total: None,
    asked: str = "",
) -> list[tuple[Excerpt, Path]]:
    """Write the excerpts and the tables; gives those that are there.

    The folder `out` holds excerpts of the same query, and of what was `asked` beside it, only. Seconds of `margin` are
    kept before and after each event. `failed` is told of each recording that cannot be cut, `progress` of how many are
    done and how many there are.
    """
    _claim(index, query, any(one.threshold is not None for one in found), out, margin, asked)
    wanted = excerpts(found, margin, durations(index, {one.recording for one in found}))
    there: list[tuple[Excerpt, Path]] = []
    for done, (recording, parts) in enumerate(wanted.items(), start=1):
        try:
            archive.cut(recording, [(part.begin, part.end, out / part.name) for part in parts])
        except MediaError as error:
            failed(error)
        there += [(part, out / part.name) for part in parts if (out / part.name).is_file()]
        progress(done, len(wanted))
    _write_tables(index, there, out)
    return there


def _claim(index: Index, query: Query, unsure: bool, out: Path, margin: float, also: str) -> None:
    about = {"root": index.options.root, "version": index.options.version}
    asked = {**about, "query": repr(query), "uncertain": unsure, "margin": margin}
    asked |= {"like": also} if also else {}
    try:
        Workspace(out, OPTIONS, "excerpts", f"{AUDIO}/*").claim(asked)
    except EarmarkError as error:
        raise EarmarkError(error.subject, error.reason, "choose another folder for --cut, or empty it") from error


def _write_tables(index: Index, there: Sequence[tuple[Excerpt, Path]], out: Path) -> None:
    events = _events(index, [excerpt for excerpt, _ in there])
    clips = [clip for excerpt, path in there for clip in _clips(excerpt, path, events[excerpt.name])]
    tables.write_clips(Dataset("found", tuple(clips), exclusive=False), out / CLIPS)
    write_events(events, out / EVENT_TABLE)


def _clips(excerpt: Excerpt, path: Path, events: Sequence[Event]) -> list[Clip]:
    """A clip for each found event, with the labels of all that the index holds through half of it."""
    clips = []
    for one in excerpt.found:
        onset, offset = round(one.onset - excerpt.begin, 3), round(min(one.offset, excerpt.end) - excerpt.begin, 3)
        labels = {e.label for e in events if min(e.offset, offset) - max(e.onset, onset) >= (offset - onset) / 2}
        if one.threshold is None or one.score >= one.threshold:
            labels.add(one.label)
        if offset - onset >= _SHORTEST:
            clips.append(Clip(path, onset, offset, tuple(sorted(labels)), source=excerpt.recording))
    return clips


def _events(index: Index, parts: Sequence[Excerpt]) -> dict[str, list[Event]]:
    """What the index holds in each excerpt, by its name; times from the excerpt's beginning."""
    events: dict[str, list[Event]] = {part.name: [] for part in parts}
    columns = {
        "names": [part.name for part in parts],
        "wanted": [part.recording for part in parts],
        "begins": [part.begin for part in parts],
        "ends": [part.end for part in parts],
    }
    rows = index.rows(
        f"""
        WITH parts AS (SELECT unnest($names::VARCHAR[]) AS name, unnest($wanted::VARCHAR[]) AS recording,
                       unnest($begins::DOUBLE[]) AS begin, unnest($ends::DOUBLE[]) AS stop)
        SELECT name, greatest(onset, begin) - begin, least("offset", stop) - begin, label, score
        FROM {EVENTS} e JOIN parts p ON e.recording = p.recording AND onset < stop AND "offset" > begin
        ORDER BY name, onset, label""",
        columns,
    )
    for name, onset, offset, label, score in rows:
        if offset - onset >= _SHORTEST:
            events[name].append(Event(round(onset, 3), round(offset, 3), label, round(score, 4)))
    return events
