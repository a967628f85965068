"""The 527 classes of sounds that AudioSet is labelled with, and which of them stand for a label.

Gemmeke et al., "Audio Set: An ontology and human-labeled dataset for audio events", ICASSP 2017. The table
`audioset.csv` has the published order, identifiers and names, and above each class the nearest of the 527; see NOTICE.
"""

from __future__ import annotations

import csv
import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from earmark.errors import EarmarkError
from earmark.labels import normalise
from earmark.labels.groups import ancestors

Ids = frozenset[str]  # identifiers of classes


@dataclass(frozen=True, slots=True)
class SoundClass:
    """One of the classes."""

    index: int  # its place among the answers of networks that learned AudioSet
    id: str  # such as `/m/0bt9lr`
    name: str  # as displayed, such as `Dog`
    parents: tuple[str, ...] = ()  # identifiers of the classes right above it


@cache
def classes() -> tuple[SoundClass, ...]:
    """All 527, in the published order."""
    text = (resources.files("earmark.labels") / "audioset.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple(
        SoundClass(int(row["index"]), row["id"], row["name"], tuple(filter(None, row["parents"].split(";"))))
        for row in rows
    )


@cache
def canonical_classes() -> Mapping[str, tuple[str, ...]]:
    """Identifiers of the classes that stand for each canonical label, in `audioset.toml`."""
    tables = _canonical().values()
    return MappingProxyType({label: tuple(ids) for table in tables for label, ids in table.items()})


@cache
def nearest_only() -> frozenset[str]:
    """The canonical labels that AudioSet has no class for: those that stand for them only sound alike."""
    return frozenset(_canonical()["nearest"])


def standing_for(label: str) -> tuple[str, ...]:
    """Identifiers of the classes that stand for a label; none where no class has such a name.

    A canonical label has them in `audioset.toml`; any other is looked for among the classes' names, in any case, with
    `_` or spaces, in the singular or plural. A part of a name (`fiddle`) will do where it is a part of that one only.

    >>> standing_for("dog"), standing_for("Owls"), standing_for("my_machine")
    (('/m/0bt9lr',), ('/m/09d5_',), ())
    """
    forms = _forms(normalise(label))
    for known in (canonical_classes(), _named(), _parts()):
        for name in forms:
            if name in known:
                return known[name]
    return ()


def find(name: str) -> tuple[str, ...]:
    """Identifiers of the class or classes that a user names: an identifier, a class's name, or a label.

    Raises EarmarkError: there is none; the remedy names those that are close.
    """
    found = (name.strip(),) if name.strip() in _by_id() else standing_for(name)
    if not found:
        names = _parts() | _named()
        near = difflib.get_close_matches(normalise(name), names, 3)
        close = dict.fromkeys(_by_id()[names[one][0]].name for one in near)
        remedy = f"did you mean {' or '.join(close)}?" if close else "`earmark models mn04_as` lists them"
        raise EarmarkError(name, "is no class of AudioSet", remedy)
    return found


def below(ids: Iterable[str]) -> Ids:
    """These classes and all below them."""
    return reached(ids, lambda identifier: _children().get(identifier, ()))


def answering(labels: Mapping[str, Sequence[str]], *, for_parents: bool = False) -> dict[str, list[int]]:
    """The places of the answers that tell of each label, given the identifiers of the classes that stand for it.

    Those below a class tell of it too, but for what another label stands for: where the labels are `engine` and
    `chainsaw`, a chainsaw is no engine.

    Parameters
    ----------
    labels
        Identifiers by label.
    for_parents
        What tells of a label tells of its parent (see `groups`) as well: where they are `animal` and `dog`, a dog is an
        animal. Classes that only sound like a label do not tell of its parent.
    """
    taken = {identifier for ids in labels.values() for identifier in ids}
    standing = {label: set(ids) for label, ids in labels.items()}
    if for_parents:
        for label, ids in labels.items():
            for parent in ancestors(label) if label not in nearest_only() else ():
                standing.get(parent, set()).update(ids)
    found = {}
    for label, its in standing.items():
        own = below(its)
        others = below((own & taken) - its) - its
        found[label] = sorted(_by_id()[identifier].index for identifier in own - others)
    return found


def parts(name: str) -> set[str]:
    """The names, in canonical style, that a displayed name is made of: `Violin, fiddle` is a violin and a fiddle."""
    bare = re.sub(r"\(.*?\)", "", name)
    return {normalise(part) for part in (bare, *bare.split(","))} - {""}


def reached(roots: Iterable[str], following: Callable[[str], Iterable[str]]) -> Ids:
    """The roots and all that lies behind them, each once, whatever ways lead to it."""
    found: set[str] = set()
    ahead = list(roots)
    while ahead:
        identifier = ahead.pop()
        if identifier not in found:
            found.add(identifier)
            ahead += following(identifier)
    return frozenset(found)


def alone(names: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Identifiers by the parts of displayed names that are parts of one alone; `names` are (identifier, name)."""
    owners: dict[str, set[str]] = {}
    for identifier, name in names:
        for part in parts(name):
            owners.setdefault(part, set()).add(identifier)
    return {part: min(own) for part, own in owners.items() if len(own) == 1}


@cache
def _canonical() -> Mapping[str, Mapping[str, list[str]]]:
    text = (resources.files("earmark.labels") / "audioset.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _by_id() -> Mapping[str, SoundClass]:
    return {one.id: one for one in classes()}


@cache
def _children() -> Mapping[str, list[str]]:
    children: dict[str, list[str]] = {}
    for one in classes():
        for parent in one.parents:
            children.setdefault(parent, []).append(one.id)
    return children


@cache
def _named() -> dict[str, tuple[str, ...]]:
    """The class by its whole name."""
    return {normalise(one.name): (one.id,) for one in classes()}


@cache
def _parts() -> dict[str, tuple[str, ...]]:
    """The class by every part of its name that is a part of no other's."""
    return {part: (identifier,) for part, identifier in alone((one.id, one.name) for one in classes()).items()}


def _forms(name: str) -> list[str]:
    """A name as it is, in the singular, in the plural."""
    singular = [name.removesuffix(ending) for ending in ("s", "es") if name.endswith(ending)]
    return [name, *singular, name + "s"]
