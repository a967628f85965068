"""Which segments stand for which wanted class: the rules, in their order, and how many clips each of them leaves."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from earmark.datasets.audioset.tables import Ontology, Segment, Sound
from earmark.errors import DatasetError
from earmark.labels import normalise

PRESETS: Mapping[str, tuple[str, ...]] = {
    "instruments": (
        "brass=Brass instrument,-Wind instrument",
        "drum_kit=Drum kit",
        "guitar=Guitar",
        "piano=Piano,-Organ",
        "violin=Violin, fiddle,-Harp,-Zither",
    )
}
"""Ready sets of wanted classes, as `Wanted.parse` reads them.

In the balanced table two fifths of the brass plays with saxophones or other woodwind, a quarter of the pianos is
labelled as organ too, and most of what is violin because pizzicato stands below it is a harp or a zither.
"""

RULES = ("itself", "descendants", "without", "excluded", "alone")
"""What `Selection.left` counts, in this order.

itself: clips that carry one of the named classes. descendants: one of these or of the classes below; not counted where
only the named ones count. The rest take away: without: what the class is wanted without. excluded: what no clip may
carry. alone: clips that hold a second wanted class.
"""

_LABEL = re.compile(r"\w+")


@dataclass(frozen=True)
class TargetClass:
    """A class that clips are wanted of."""

    label: str  # its canonical name
    named: frozenset[str]  # identifiers of the classes that it is made of
    reach: frozenset[str]  # these with their descendants: a clip that carries one of them holds the class
    without: frozenset[str] = frozenset()
    """A clip that carries one of these is none of it: what it is wanted without, with descendants."""
    above: frozenset[str] = frozenset()
    """Those of `reach` that stand above what it is wanted without: clips of that carry them as well."""

    @classmethod
    def parse(cls, text: str, ontology: Ontology) -> TargetClass:
        """Read `guitar`, `Violin, fiddle`, or `keyboard=Keyboard (musical),Accordion,-Organ`.

        That is a name, the classes that it is made of, and behind `-` those that it is wanted without.

        Raises DatasetError: a class that AudioSet lacks; several classes without a name for them; nothing left.
        """
        label, sign, classes = text.partition("=")
        names = _split(classes if sign else text, ontology)
        named = [ontology.find(name) for name in names if not name.startswith("-")]
        apart = [ontology.find(name[1:]).id for name in names if name.startswith("-")]
        without = ontology.descendants(apart)
        if not named or (len(named) > 1 and not sign):
            raise DatasetError(f"--include {text}", "names no class, or several", "write NAME=CLASS,CLASS,-CLASS")
        identifiers = frozenset(sound.id for sound in named)
        reach = ontology.descendants(identifiers) - without
        if not identifiers & reach:
            raise DatasetError(f"--include {text}", "leaves nothing of the class", "leave less out")
        above = ontology.ancestors(apart) & reach
        return cls(_label(text, label, sign, named), identifiers & reach, reach, without, above)

    def holds(self, labels: frozenset[str]) -> bool:
        """Whether the class sounds in a clip with these labels, alone or beside what it is wanted without.

        A clip of a piano is labelled as keyboard too; it holds no keyboard that is wanted without pianos.
        """
        apart = not self.without.isdisjoint(labels)
        return not labels.isdisjoint(self.reach - self.above if apart else self.reach)


@dataclass(frozen=True)
class Rules:
    """What is wanted, and what is not."""

    wanted: tuple[TargetClass, ...]
    excluded: frozenset[str] = frozenset()  # identifiers of classes, with descendants, of which no clip may carry one
    exact: bool = False  # whether only clips that carry a named class itself count, not those of the classes below
    allow_several: bool = False  # whether a clip may hold several of the wanted classes

    def __post_init__(self) -> None:
        if not self.wanted:
            raise DatasetError("earmark data audioset", "needs a class", "name one with --include, or give a --preset")
        for label, times in Counter(wanted.label for wanted in self.wanted).items():
            if times > 1:
                raise DatasetError(f"--include {label}", "is there twice", "give one another name: NAME=CLASS")
        for wanted in self.wanted:
            if wanted.reach <= self.excluded or (self.exact and wanted.named <= self.excluded):
                raise DatasetError(wanted.label, "is wanted and excluded", "exclude less: what is excluded goes whole")
            if not self.allow_several:
                self._refuse_within(wanted)

    @property
    def carrying(self) -> frozenset[str]:
        """Identifiers of which a clip must carry one to be of any use."""
        return frozenset().union(*(wanted.reach for wanted in self.wanted))

    def left(self, labels: frozenset[str], wanted: TargetClass) -> Iterator[str]:
        """The rules that leave a clip with these labels to a wanted class, up to the first that takes it away."""
        itself = not wanted.named.isdisjoint(labels)
        if itself:
            yield "itself"
        if not self.exact:
            if wanted.reach.isdisjoint(labels):
                return
            yield "descendants"
        elif not itself:
            return
        if not wanted.without.isdisjoint(labels):
            return
        yield "without"
        if not self.excluded.isdisjoint(labels):
            return
        yield "excluded"
        if self.allow_several or sum(other.holds(labels) for other in self.wanted) == 1:
            yield "alone"

    def _refuse_within(self, wanted: TargetClass) -> None:
        """A class that lies within another would have no clip of its own."""
        for other in self.wanted:
            if other is not wanted and wanted.reach <= other.reach:
                reason = f"lies within {other.label}, and so each of its clips holds both"
                reason += ", with --exact too" if self.exact else ""
                remedy = f"take it out there with --include {other.label}=CLASS,-CLASS, or give --allow-several"
                raise DatasetError(wanted.label, reason, remedy)


@dataclass(frozen=True)
class Selection:
    """The segments that the rules leave."""

    rules: Rules
    clips: Mapping[str, Sequence[Segment]]
    """Of each wanted class, by its label, in the order in which they shall be tried."""
    left: Mapping[str, Mapping[str, int]]  # of each wanted class, how many clips each rule leaves, see `RULES`
    holding: Mapping[str, Sequence[Segment]] = field(repr=False, default_factory=dict)
    """Of each wanted class all clips that hold it, whatever the rules then take away."""

    @property
    def fewest(self) -> int:
        """Clips of the rarest class: more of each cannot be had of all."""
        return min(map(len, self.clips.values()))


def select(segments: Iterable[Segment], rules: Rules, seed: int = 0) -> Selection:
    """Apply the rules to segments.

    Clips of a class are shuffled by a hash of their name and the seed: other classes, other tables and more clips
    change nothing in the order of those that are there, so that a larger selection begins with the smaller one.
    """
    clips: dict[str, list[Segment]] = {wanted.label: [] for wanted in rules.wanted}
    holding: dict[str, list[Segment]] = {wanted.label: [] for wanted in rules.wanted}
    left: dict[str, Counter[str]] = {wanted.label: Counter() for wanted in rules.wanted}
    for segment in segments:
        labels = frozenset(segment.labels)
        for wanted in rules.wanted:
            if wanted.reach.isdisjoint(labels):
                continue
            holding[wanted.label].append(segment)
            survived = list(rules.left(labels, wanted))
            left[wanted.label].update(survived)
            if "alone" in survived:
                clips[wanted.label].append(segment)
    shuffled = {label: sorted(found, key=lambda s: hash_draw("order", seed, s.name)) for label, found in clips.items()}
    counted = [rule for rule in RULES if not (rules.exact and rule == "descendants")]
    counts = {label: {rule: counter[rule] for rule in counted} for label, counter in left.items()}
    return Selection(rules, shuffled, counts, holding)


def hash_draw(purpose: str, seed: int, name: str) -> float:
    """A number in 0..1 that depends on these three alone, so that it is the same everywhere and always."""
    digest = hashlib.blake2b(f"{purpose}/{seed}/{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def excluded(names: Iterable[str], ontology: Ontology) -> frozenset[str]:
    """Identifiers of the named classes with their descendants; a text may hold several names with commas between.

    Raises DatasetError: a class that AudioSet lacks.
    """
    return ontology.descendants(ontology.find(name).id for text in names for name in _split(text, ontology))


def _split(text: str, ontology: Ontology) -> list[str]:
    """The names in a text with commas between them, where names hold commas too: the longest that are classes."""
    pieces = [piece.strip() for piece in unquoted(text).split(",")]
    names: list[str] = []
    while pieces:
        ends = range(len(pieces), 0, -1)
        joined = (end for end in ends if ontology.lookup(", ".join(pieces[:end]).removeprefix("-")))
        end = next(joined, 1)
        names.append(", ".join(pieces[:end]))
        pieces = pieces[end:]
    return [name for name in names if name]


def unquoted(text: str) -> str:
    """A text without the quotes in which names with commas may have been put; apostrophes stay.

    >>> unquoted('strings="Violin, fiddle",Cello')
    'strings=Violin, fiddle,Cello'
    """
    pieces = [piece.strip() for piece in text.replace('"', "").split(",")]
    return ", ".join(re.sub(r"^(-?)'|'$", r"\1", piece) for piece in pieces)


def _label(text: str, label: str, sign: str, named: Sequence[Sound]) -> str:
    name = normalise(label) if sign else named[0].label
    if not _LABEL.fullmatch(name):
        raise DatasetError(f"--include {text}", f"{label!r} is no name for a class", "use letters, digits and _")
    return name
