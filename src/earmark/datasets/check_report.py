"""A check's report as a person reads it, as a machine does, and what to do about it in words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from earmark.datasets.check import SHORT_SECONDS, CheckReport, EventReport
from earmark.datasets.clips import Clip
from earmark.datasets.measurements import Duplicates, Measurement
from earmark.util.text import number_of, visible

FEW = 10  # clips of a label under which it is hard to learn and cannot be judged
UNEVEN = 5.0  # how many times as many clips as the rarest label the most frequent may have without a remark
_SHOWN = 3
_SHOWN_GROUPS = 10
_BAR = 40


def as_json(report: CheckReport) -> dict[str, Any]:
    """All that a check found, every clip listed."""
    return {
        "dataset": report.dataset.name,
        "clips": len(report.dataset.clips),
        "seconds": round(sum(one.seconds for one in report.readable), 2),
        "median_seconds": round(report.median, 3),
        "labels": report.counts,
        "missing": _paths(report.dataset.missing),
        "unreadable": [{"path": str(one.clip.path), "reason": one.error} for one in report.unreadable],
        "silent": [_place(one) for one in report.silent],
        "clipped": [_place(one) | {"share": round(one.clipped, 5)} for one in report.clipped],
        "short": [_place(one) | {"seconds": round(one.seconds, 3)} for one in report.short],
        "copies": [_group(group) for group in report.copies],
        "sources_in_several_folds": report.split_sources,
        "events": _events_as_json(report.events),
        "serious": report.serious,
        "advice": advice(report),
    }


def _events_as_json(events: EventReport | None) -> dict[str, Any] | None:
    if events is None:
        return None
    labels = {label: {"events": count, "seconds": events.seconds[label]} for label, count in events.counts.items()}
    outside = [{"path": name, "offset": offset} for name, offset in events.outside]
    return {"labels": labels, "not_in_the_table": list(events.unlisted), "outside": outside}


def _paths(clips: Iterable[Clip]) -> list[str]:
    return [str(clip.path) for clip in clips]


def _place(one: Measurement) -> dict[str, Any]:
    return {"path": str(one.clip.path), "start": one.clip.start, "end": one.clip.end}


def _group(group: Duplicates) -> dict[str, Any]:
    return {
        "paths": _paths(group.clips),
        "folds": [clip.fold for clip in group.clips],
        "sources": [clip.source for clip in group.clips],
        "labels": [list(clip.labels) for clip in group.clips],
        "exact": group.exact,
        "leak": group.leak,
    }


def text(report: CheckReport) -> str:
    """The report on a screen."""
    balance = _balance(report.counts)
    parts = [
        _head(report),
        _findings(report),
        _groups(report),
        balance,
        _labelled(report.events),
        _advice_lines(report),
    ]
    return "\n\n".join(part for part in parts if part)


def _head(report: CheckReport) -> str:
    dataset = report.dataset
    folds = sorted({clip.fold for clip in dataset.clips if clip.fold is not None})
    sources = {clip.source for clip in dataset.clips if clip.source}
    minutes = sum(one.seconds for one in report.readable) / 60
    facts = [
        f"{dataset.name}: {len(dataset.clips):,} clips",
        number_of(len(report.counts), "label"),
        number_of(len(sources), "source"),
        number_of(len(folds), "fold") if folds else "no folds",
        f"{minutes:.1f} min, median {report.median:.2f} s",
    ]
    return ", ".join(facts) + (f" ({dataset.licence})" if dataset.licence else "")


def _findings(report: CheckReport) -> str:
    rows = [
        _row("missing", map(_name, report.dataset.missing)),
        _row("unreadable", (f"{_name(one.clip)} ({one.error})" for one in report.unreadable)),
        _row("silent", (_name(one.clip) for one in report.silent)),
        _row("clipped", (f"{_name(one.clip)} ({one.clipped:.1%})" for one in report.clipped)),
        _row("too short", (f"{_name(one.clip)} ({one.seconds:.2f} s)" for one in report.short)),
        ("copies", sum(len(group.clips) for group in report.copies), _of_groups(report.copies)),
        ("leaking copies", sum(len(group.clips) for group in report.leaks), _of_groups(report.leaks)),
        _row("sources in several folds", report.split_sources),
    ]
    if report.events is not None:
        rows.append(_row("events of no clip", report.events.unlisted))
        rows.append(_row("events past the end", (f"{name} ({end:g} s)" for name, end in report.events.outside)))
    return "\n".join(f"{what:<25}{count:>6,}  {example}".rstrip() for what, count, example in rows)


def _row(what: str, found: Iterable[str]) -> tuple[str, int, str]:
    names = list(found)
    return what, len(names), ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def _labelled(events: EventReport | None) -> str:
    """When labels sound: how often, and for how long."""
    if events is None or not events.counts:
        return ""
    width = max(len(visible(label)) for label in events.counts)
    lines = [
        f"{visible(label):<{width}} {number_of(count, 'event'):>14} {events.seconds[label]:>11,.1f} s"
        for label, count in events.counts.items()
    ]
    return "\n".join(["events:", *lines])


def _name(clip: Clip) -> str:
    return visible(clip.path.name) + (f" at {clip.start:g} s" if clip.start else "")


def _of_groups(groups: Sequence[Duplicates]) -> str:
    return f"in {number_of(len(groups), 'group')}" if groups else ""


def _groups(report: CheckReport) -> str:
    """The copies, those that leak first."""
    groups = sorted(report.copies, key=lambda group: not group.leak)
    lines = [_group_line(group) for group in groups[:_SHOWN_GROUPS]]
    if len(groups) > _SHOWN_GROUPS:
        lines.append(f"... and {number_of(len(groups) - _SHOWN_GROUPS, 'group')} more (--to json lists all)")
    return "\n".join(lines)


def _group_line(group: Duplicates) -> str:
    kind = "leak: " if group.leak else ""
    kind += "the same samples" if group.exact else "the same sound"
    names = (
        _name(clip) + (f" (fold {clip.fold}, {_labels(clip)})" if clip.fold is not None else f" ({_labels(clip)})")
        for clip in group.clips
    )
    return f"{kind}: " + " = ".join(names)


def _labels(clip: Clip) -> str:
    return visible("+".join(clip.labels)) or "no label"


def _balance(counts: dict[str, int]) -> str:
    if not counts:
        return ""
    most = max(counts.values())
    if most == min(counts.values()):
        return f"balance: {number_of(most, 'clip')} of each of the {len(counts)} labels"
    width = max(len(visible(label)) for label in counts)
    return "\n".join(
        f"{visible(label):<{width}} {count:>6,} {'█' * max(1, round(_BAR * count / most))}"
        for label, count in counts.items()
    )


def _advice_lines(report: CheckReport) -> str:
    sentences = advice(report)
    wrapped = (textwrap.fill(sentence, 100, initial_indent="- ", subsequent_indent="  ") for sentence in sentences)
    return "\n".join(wrapped) or "Nothing to mend."


def advice(report: CheckReport) -> list[str]:
    """What to do, the most serious first; nothing where all is well."""
    return [*_serious_advice(report), *_mild_advice(report)]


def _serious_advice(report: CheckReport) -> list[str]:
    found = []
    if report.unreadable:
        found.append("Fetch or convert the unreadable clips again, or take them out of the table.")
    if report.leaks:
        found.append(
            "The leaking copies would stand on both sides of a split and make figures too good: "
            "give all copies of a group one source and one fold, or keep only one of them."
        )
    if report.split_sources:
        found.append(
            "Clips of one source stand in several folds: figures by these folds are a little too good. "
            "Keep the folds to compare with published figures, or else split by source."
        )
    if report.events is not None and report.events.unlisted:
        found.append(
            "Some events are of recordings that the dataset table lacks: correct their paths, or add the clips."
        )
    if report.events is not None and report.events.outside:
        found.append(
            "Some events end behind their recordings: see whether these are the recordings that were labelled."
        )
    if any(group.contradict for group in report.copies):
        found.append("Some copies are labelled differently: listen to them and correct the labels.")
    return found


def _mild_advice(report: CheckReport) -> list[str]:
    found = []
    if report.dataset.missing:
        found.append(_missing_advice(report.dataset.missing))
    if report.silent:
        found.append("Nothing is to be heard in the silent clips: take them out, they teach a label for silence.")
    if len(report.clipped) > 0.01 * len(report.readable):
        found.append("Clipped clips still teach, if recordings in use are clipped too; do not add more of them.")
    if report.short:
        found.append(
            f"Clips shorter than {max(SHORT_SECONDS, 0.1 * report.median):.2f} s hold little to learn from: "
            "see whether they were cut too close."
        )
    return found + _balance_advice(report.counts)


def _missing_advice(missing: Sequence[Clip]) -> str:
    folds = sorted({clip.fold for clip in missing if clip.fold is not None})
    where = f" (folds {', '.join(map(str, folds))})" if folds else ""
    rows = "1 row of the table lacks its file" if len(missing) == 1 else f"{len(missing):,} rows lack their files"
    return f"{rows}{where}: figures of what is here do not compare with those of the whole dataset."


def _balance_advice(counts: dict[str, int]) -> list[str]:
    if not counts:
        return ["No clip has a label."]
    found = []
    rare = [label for label, count in counts.items() if count < FEW]
    if rare:
        found.append(f"Fewer than {FEW} clips of {', '.join(rare)}: add more, or their figures mean little.")
    most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    if counts[most] > UNEVEN * counts[least]:
        found.append(
            f"{most} has {counts[most] / counts[least]:.0f} times as many clips as {least}: "
            "judge by the mean over labels, not by the share of clips."
        )
    return found
