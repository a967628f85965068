"""What a selection would give, before anything is fetched: as plain values, and as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from earmark.datasets.audioset.counts import Together
from earmark.datasets.audioset.ontology import Ontology
from earmark.datasets.audioset.plan import GONE, Plan
from earmark.datasets.audioset.selection import RULES, Selection, Wanted

HEADS = {
    "itself": "itself",
    "descendants": "with below",
    "without": "without",
    "excluded": "excluded",
    "alone": "alone",
}
LISTED = 5  # classes that occur together are shown of each class

NOTES = """itself: clips that carry the class
with below: or a class below it in the ontology; of these are left:
without: those that carry none of what this class is wanted without
excluded: none of what is excluded from all
alone: and no second wanted class
taken: of these as many as are wanted, the same number of each class"""


def document(
    tables: Sequence[Path], ontology: Ontology, selection: Selection, occurring: Together, plan: Plan
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
        "classes": [_class(wanted, ontology, selection, occurring, plan) for wanted in rules.wanted],
        "together": {
            "rows": list(occurring.rows),
            "columns": list(occurring.columns),
            "clips": [list(row) for row in occurring.matrix],
        },
        "plan": {key: value for key, value in asdict(plan).items() if key not in ("takes", "likely", "sides")},
    }


def _class(wanted: Wanted, ontology: Ontology, selection: Selection, occurring: Together, plan: Plan) -> dict[str, Any]:
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


def text(selection: Selection, occurring: Together, plan: Plan) -> str:
    """All of it for reading."""
    parts = [_rules(selection, plan), NOTES, _together(occurring), _shortage(selection, plan), _plan(plan)]
    return "\n\n".join(part for part in parts if part)


def _rules(selection: Selection, plan: Plan) -> str:
    shown = [rule for rule in RULES if not (rule == "descendants" and selection.rules.exact)]
    sides = list(next(iter(plan.sides.values())))
    lines = [["clips", *(HEADS[rule] for rule in shown), "taken", *sides]]
    for label, left in selection.left.items():
        counts = [*(left[rule] for rule in shown), plan.takes[label], *plan.sides[label].values()]
        lines.append([label, *(f"{count:,}" for count in counts)])
    return _aligned(lines)


def _together(occurring: Together) -> str:
    lines = ["Occur together (share of the class's clips):"]
    for label, clips in zip(occurring.rows, occurring.clips, strict=True):
        most = [f"{name} {count / clips:.0%}" for name, count in occurring.most[label][:LISTED]]
        lines.append(f"  {label}: {'; '.join(most) or 'nothing'}")
    return "\n".join(lines)


def _shortage(selection: Selection, plan: Plan) -> str:
    """What there is not enough of, with what to do."""
    short = [
        f"{label} {plan.takes[label]:,} at most, some {likely:,} if {GONE:.0%} are gone"
        for label, likely in plan.likely.items()
        if likely < plan.wanted
    ]
    if short and plan.wanted:
        fewest = min(plan.likely.values())
        remedy = f"For as many of each: --per-class {fewest}, or more tables." if fewest else "Take more tables."
        return f"Candidates run out before there are {plan.wanted:,} clips: {'; '.join(short)}. {remedy}"
    empty = [label for label, clips in selection.clips.items() if not clips]
    return f"No clip is left of {', '.join(empty)}: take more tables, or exclude less." if empty else ""


def _plan(plan: Plan) -> str:
    most = "At most " if plan.short else ""
    return (
        f"{most}{plan.clips:,} clips, {plan.audio / 60:,.0f} min of sound: some {plan.megabytes:,.0f} MB and "
        f"{plan.hours:,.1f} h, asking for about {plan.asked:,}.\n({plan.basis})"
    )


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = ([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in lines)
    return "\n".join("  ".join(row).rstrip() for row in rows)
