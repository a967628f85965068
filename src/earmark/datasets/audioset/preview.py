"""What a selection would give and take, before anything is fetched: counts, classes that occur together, disk, time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from earmark.datasets.audioset.candidates import YOUTUBE, Settings
from earmark.datasets.audioset.selection import RULES, Selection, TargetClass
from earmark.datasets.audioset.tables import SHARES, Ontology, Segment, split_of
from earmark.formats.plain_text import aligned

BITS = 10.0
"""Of FLAC for each sample of 16 bits. Measured: street music of UrbanSound8K 9.6 at 22,050 Hz, solo instruments of
Freesound 7.2 at 22,050 Hz and 5.9 at 44,100 Hz. Rather too much than too little."""

GONE_SHARE = 0.16
"""The share of segments that cannot be had any more: in March 2023, 18,685 of the 22,160 of the balanced table could
(https://huggingface.co/datasets/agkphysics/AudioSet). It grows."""

FETCH_SECONDS = 5.0
"""Seconds that a clip takes beside the pause: asking the page, the player, and for ten seconds of sound. A guess."""

HOURLY = {False: 300, True: 2000}
"""Videos an hour that YouTube shows a visitor, and one who is signed in, by yt-dlp's wiki
(https://github.com/yt-dlp/yt-dlp/wiki/Extractors)."""

LISTED = 5  # classes that occur together are shown of each class

NOTES = """itself: clips that carry the class
with below: or a class below it in the ontology; of these are left:
without: those that carry none of what this class is wanted without
excluded: none of what is excluded from all
alone: and no second wanted class
taken: of these as many as are wanted, the same number of each class"""


@dataclass(frozen=True)
class Cooccurrences:
    """A co-occurrence matrix: of the clips that hold a wanted class, how many carry another.

    A class stands beside its own kin, above and below it in the ontology, in almost every clip: that says nothing of
    what sounds together, and is not counted.
    """

    rows: tuple[str, ...]  # labels of the wanted classes
    clips: tuple[int, ...]  # how many hold each of them
    columns: tuple[str, ...]
    """The wanted classes again, and then AudioSet's other classes, as displayed: the one that occurs most with each
    wanted class, then the second of each, and so on."""
    matrix: tuple[tuple[int | None, ...], ...]  # [rows, columns] clips; None for a class and its kin
    most: Mapping[str, Sequence[tuple[str, int]]]
    """Of each wanted class the classes that occur with it most, and in how many clips; one by one, whether wanted or
    not."""


def count_cooccurrences(selection: Selection, ontology: Ontology, top: int = 10) -> Cooccurrences:
    """Count what occurs together in all clips that hold a wanted class, before the rules take any of them away.

    Of AudioSet's other classes `top` are shown, in the matrix and for each class.
    """
    wanted = selection.rules.wanted
    kin = {one.label: ontology.ancestors(one.named) | ontology.descendants(one.named) for one in wanted}
    carried = {
        label: Counter(name for segment in segments for name in set(segment.labels) - kin[label])
        for label, segments in selection.holding.items()
    }
    columns = _columns(selection, carried.values(), ontology)[:top]
    return Cooccurrences(
        rows=tuple(one.label for one in wanted),
        clips=tuple(len(selection.holding[one.label]) for one in wanted),
        columns=(*(one.label for one in wanted), *map(ontology.name, columns)),
        matrix=tuple(
            (
                *(_clips_of_both(selection, one, other) for other in wanted),
                *(None if label in kin[one.label] else carried[one.label][label] for label in columns),
            )
            for one in wanted
        ),
        most={
            one.label: [(ontology.name(label), n) for label, n in _ranked(carried[one.label], ontology)[:top]]
            for one in wanted
        },
    )


def _columns(selection: Selection, carried: Iterable[Counter[str]], ontology: Ontology) -> list[str]:
    """The classes that are not wanted: each wanted one's first, then each one's second, and so on."""
    ranked = [[label for label, _ in _ranked(counted, ontology)] for counted in carried]
    strange = ([label for label in row if label not in selection.rules.carrying] for row in ranked)
    return list(dict.fromkeys(label for place in zip_longest(*strange) for label in place if label is not None))


def _clips_of_both(selection: Selection, one: TargetClass, other: TargetClass) -> int | None:
    if one is other:
        return None
    return sum(other.holds(frozenset(segment.labels)) for segment in selection.holding[one.label])


def _ranked(counted: Counter[str], ontology: Ontology) -> list[tuple[str, int]]:
    """Most first; of those that are equal, by name, so that the order does not depend on the tables' order."""
    return sorted(counted.items(), key=lambda pair: (-pair[1], ontology.name(pair[0])))


@dataclass(frozen=True)
class Estimate:
    """What it will take, roughly."""

    wanted: int  # clips wanted of each class
    takes: Mapping[str, int]  # clips that there will be of each class at most: as many as wanted, or as are left
    likely: Mapping[str, int]
    """Clips that there will be of each class, if no more of its candidates are gone than of all."""
    sides: Mapping[str, Mapping[str, int]]  # of each class, how many of its first clips stand on each side of the split
    clips: int  # in all, each once
    asked: int  # clips that must be asked for to get these, as some will be gone
    audio: float  # seconds of sound
    megabytes: float  # disk
    hours: float  # from beginning to end
    basis: str  # what this rests on, for the reader

    @property
    def short(self) -> bool:
        """Whether candidates of a class will run out."""
        return any(likely < self.wanted for likely in self.likely.values())


def estimate(candidates: Mapping[str, Sequence[Segment]], quota: int, settings: Settings) -> Estimate:
    """Estimate what it takes to acquire `quota` clips of each class, whose segments are in the order of trying them.

    Time is that of the pauses and of fetching, shared by the jobs, and not less than the number of videos that YouTube
    shows in an hour allows.
    """
    first = {label: list(islice(segments, quota)) for label, segments in candidates.items()}
    chosen = {segment.name: segment for segments in first.values() for segment in segments}
    audio = sum(segment.end - segment.start for segment in chosen.values())
    tried = {label: list(islice(segments, round(quota / (1 - GONE_SHARE)))) for label, segments in candidates.items()}
    asked = len({segment.name for segments in tried.values() for segment in segments})
    return Estimate(
        wanted=quota,
        takes={label: len(segments) for label, segments in first.items()},
        likely={label: min(quota, round(len(segments) * (1 - GONE_SHARE))) for label, segments in candidates.items()},
        sides={label: _sides(segments, settings.seed) for label, segments in first.items()},
        clips=len(chosen),
        asked=asked,
        audio=round(audio, 1),
        megabytes=round(audio * settings.rate * BITS / 8 / 1e6, 1),
        hours=round(_seconds(asked, settings) / 3600, 2),
        basis=_estimate_basis(settings),
    )


def _seconds(asked: int, settings: Settings) -> float:
    paced = asked * (settings.pause + FETCH_SECONDS) / settings.jobs
    return max(paced, asked * 3600 / _hourly_limit(settings)) if settings.url == YOUTUBE else paced


def _hourly_limit(settings: Settings) -> int:
    return HOURLY[settings.cookies is not None]


def _estimate_basis(settings: Settings) -> str:
    who = "signed in" if settings.cookies is not None else "a visitor"
    allowed = f", at most {_hourly_limit(settings):,} videos an hour ({who})" if settings.url == YOUTUBE else ""
    return (
        f"{BITS:g} bits of FLAC a sample at {settings.rate:,} Hz; {GONE_SHARE:.0%} of the clips gone; "
        f"{settings.jobs} at a time, each {settings.pause:g} s of pause and {FETCH_SECONDS:g} s of fetching{allowed}"
    )


def _sides(segments: Sequence[Segment], seed: int) -> dict[str, int]:
    sides = [split_of(segment.video, seed) for segment in segments]
    return {side: sides.count(side) for side, _ in SHARES}


def document(
    tables: Sequence[Path], ontology: Ontology, selection: Selection, occurring: Cooccurrences, plan: Estimate
) -> dict[str, Any]:
    """All of it as plain values; tables are named without their folder, so that it is the same everywhere."""
    rules = selection.rules
    return {
        "tables": [table.name for table in tables],
        "rules": {
            "exact": rules.exact,
            "allow_several": rules.allow_several,
            "excluded": _names(rules.excluded, ontology),
        },
        "classes": [_class_document(wanted, ontology, selection, occurring, plan) for wanted in rules.wanted],
        "together": {
            "rows": list(occurring.rows),
            "columns": list(occurring.columns),
            "clips": [list(row) for row in occurring.matrix],
        },
        "plan": {key: value for key, value in asdict(plan).items() if key not in ("takes", "likely", "sides")},
    }


def _class_document(
    wanted: TargetClass, ontology: Ontology, selection: Selection, occurring: Cooccurrences, plan: Estimate
) -> dict[str, Any]:
    most = [{"class": name, "clips": clips} for name, clips in occurring.most[wanted.label]]
    return {
        "label": wanted.label,
        "named": _names(wanted.named, ontology),
        "counted": _names(wanted.named if selection.rules.exact else wanted.reach, ontology),
        "without": _names(wanted.without, ontology),
        "clips": {**selection.left[wanted.label], "taken": plan.takes[wanted.label]},
        "likely": plan.likely[wanted.label],
        "split": dict(plan.sides[wanted.label]),
        "together": most,
    }


def _names(identifiers: frozenset[str], ontology: Ontology) -> list[str]:
    return sorted(map(ontology.name, identifiers))


def text(selection: Selection, occurring: Cooccurrences, plan: Estimate) -> str:
    """All of it for reading."""
    parts = [
        _rules_text(selection, plan),
        NOTES,
        _cooccurrence_text(occurring),
        _shortage(selection, plan),
        _estimate_text(plan),
    ]
    return "\n\n".join(part for part in parts if part)


def _rules_text(selection: Selection, plan: Estimate) -> str:
    shown = [rule for rule in RULES if not (rule == "descendants" and selection.rules.exact)]
    sides = list(next(iter(plan.sides.values())))
    lines = [["clips", *("with below" if rule == "descendants" else rule for rule in shown), "taken", *sides]]
    for label, left in selection.left.items():
        counts = [*(left[rule] for rule in shown), plan.takes[label], *plan.sides[label].values()]
        lines.append([label, *(f"{count:,}" for count in counts)])
    return aligned(lines, "l".ljust(len(lines[0]), "r")).rstrip("\n")


def _cooccurrence_text(occurring: Cooccurrences) -> str:
    lines = ["Occur together (share of the class's clips):"]
    for label, clips in zip(occurring.rows, occurring.clips, strict=True):
        most = [f"{name} {count / clips:.0%}" for name, count in occurring.most[label][:LISTED]]
        lines.append(f"  {label}: {'; '.join(most) or 'nothing'}")
    return "\n".join(lines)


def _shortage(selection: Selection, plan: Estimate) -> str:
    """What there is not enough of, with what to do."""
    short = [
        f"{label} {plan.takes[label]:,} at most, some {likely:,} if {GONE_SHARE:.0%} are gone"
        for label, likely in plan.likely.items()
        if likely < plan.wanted
    ]
    if short and plan.wanted:
        fewest = min(plan.likely.values())
        remedy = f"For as many of each: --per-class {fewest}, or more tables." if fewest else "Take more tables."
        return f"Candidates run out before there are {plan.wanted:,} clips: {'; '.join(short)}. {remedy}"
    empty = [label for label, clips in selection.clips.items() if not clips]
    return f"No clip is left of {', '.join(empty)}: take more tables, or exclude less." if empty else ""


def _estimate_text(plan: Estimate) -> str:
    most = "At most " if plan.short else ""
    return (
        f"{most}{plan.clips:,} clips, {plan.audio / 60:,.0f} min of sound: some {plan.megabytes:,.0f} MB and "
        f"{plan.hours:,.1f} h, asking for about {plan.asked:,}.\n({plan.basis})"
    )
