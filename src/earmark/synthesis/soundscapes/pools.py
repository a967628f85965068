"""What soundscapes are made of: clips by role, label and source, in groups that share no recording."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from earmark.datasets.clips import Clip, Dataset, combine
from earmark.datasets.layouts import guess_layout, load
from earmark.errors import DatasetError

Kind = Hashable  # what a source is good for, such as a role and a label: each kind is spread over all groups

EVENTS, BACKGROUND, SPEECH, MUSIC = ROLES = ("events", "background", "speech", "music")
UNLABELLED = ""  # what a background without labels is listed under


def unify_sources(clips: Collection[Clip]) -> dict[str, str]:
    """For each source the name of the recording it belongs to.

    Datasets may call one recording by two names, such as a table that lists files of another dataset: sources
    that share a file are one. The name is the first in the alphabet of those that belong together.
    """
    from scipy.cluster.hierarchy import DisjointSet

    belonging = DisjointSet(clip.source for clip in clips)
    first_of: dict[Path, str] = {}
    for clip in clips:
        belonging.merge(clip.source, first_of.setdefault(clip.path.resolve(), clip.source))
    return {name: min(names) for names in belonging.subsets() for name in names}


def divide_sources(sources: Mapping[str, Set[Kind]], folds: int, seed: int) -> dict[str, int]:
    """The group, from 0, of each source, given what each is good for.

    Each kind's sources are dealt out as evenly as can be, the rarest kind first, in an order that their names and
    the seed make. The order in which sources are given does not matter.
    """
    of_kind: dict[Kind, list[str]] = defaultdict(list)
    for name, kinds in sources.items():
        for kind in kinds:
            of_kind[kind].append(name)
    have: Counter[tuple[int, Kind]] = Counter()
    sizes: Counter[int] = Counter()
    groups: dict[str, int] = {}
    for kind in sorted(of_kind, key=lambda kind: (len(of_kind[kind]), repr(kind))):
        turn = _digest(repr(kind), seed)
        for name in sorted(of_kind[kind], key=lambda name: (_digest(name, seed), name)):
            if name in groups:
                continue
            group = min(range(folds), key=lambda g: (have[g, kind], sizes[g], (g + turn) % folds))
            groups[name] = group
            sizes[group] += 1
            have.update((group, each) for each in sources[name])
    return groups


def _digest(text: str, seed: int) -> int:
    """A number that looks drawn by lot, the same everywhere."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{text}".encode(errors="surrogatepass"), digest_size=8).digest())


@dataclass(frozen=True)
class Pool:
    """Clips of one role: by label, and among those by source, so that either can be drawn evenly."""

    clips: Mapping[str, Mapping[str, tuple[Clip, ...]]] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels there are, in order; `UNLABELLED` may be among them."""
        return tuple(self.clips)

    @property
    def sources(self) -> frozenset[str]:
        """All sources."""
        return frozenset(source for by_source in self.clips.values() for source in by_source)

    @property
    def all(self) -> Iterator[Clip]:
        """The clips, once for each label."""
        return (clip for by_source in self.clips.values() for clips in by_source.values() for clip in clips)


Group = Mapping[str, Pool]  # the pools of one group, by role; a role that no dataset plays has an empty one


@dataclass(frozen=True)
class Cast:
    """Which datasets play which role, and what of them."""

    datasets: Mapping[str, Sequence[Dataset]]
    """For each role its datasets. One that plays several roles must be the same object in each."""
    event_labels: Set[str] | None = None  # the labels whose clips become events; None: all
    background_labels: Set[str] | None = None
    """The labels whose clips become backgrounds, beside clips without a label; None: all."""
    relabel: Mapping[str, str] = field(default_factory=dict)
    """Other names for labels; an empty one takes the label away."""


def make_groups(cast: Cast, folds: int, seed: int) -> tuple[Group, ...]:
    """The cast in groups that share no source: every recording of every dataset is in one group alone.

    Raises DatasetError: a label is in none of the datasets, or a role has too few sources for so many groups.
    """
    _check_labels(cast)
    roles = _roles(cast)
    kinds: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for role, clips in roles.items():
        for clip in clips:
            kinds[clip.source].update((role, label) for label in clip.labels or (UNLABELLED,))
    fold_of = divide_sources(kinds, folds, seed)
    made = tuple(
        {role: _make_pool(clip for clip in clips if fold_of[clip.source] == fold) for role, clips in roles.items()}
        for fold in range(folds)
    )
    _check_groups(cast, made)
    return made


def _roles(cast: Cast) -> dict[str, list[Clip]]:
    """Each role's clips as it labels them, with sources that say of all datasets which recordings are one.

    A clip that plays no role counts there, too: it may join two sources of those that do.
    """
    unique = list({id(one): one for role in ROLES for one in cast.datasets.get(role, ())}.values())
    # a clip whose dataset names no source is its own
    own = [one.map(lambda clip: clip if clip.source else replace(clip, source=clip.path.name)) for one in unique]
    joined = combine(own).clips
    names = unify_sources(joined)
    named = iter([replace(clip, source=names[clip.source]) for clip in joined])
    clips = {id(one): [next(named) for _ in one.clips] for one in unique}
    roles: dict[str, list[Clip]] = {}
    for role in ROLES:
        found = dict.fromkeys(clip for one in cast.datasets.get(role, ()) for clip in clips[id(one)])
        roles[role] = [kept for clip in found if (kept := _in_role(role, clip, cast)) is not None]
    return roles


def _in_role(role: str, clip: Clip, cast: Cast) -> Clip | None:
    """A clip as a role plays it; None where it has no place there."""
    if role in (SPEECH, MUSIC):
        return replace(clip, labels=(role,))
    labels = tuple(dict.fromkeys(new for label in clip.labels if (new := cast.relabel.get(label, label))))
    wanted = cast.event_labels if role == EVENTS else cast.background_labels
    if role == EVENTS and not labels:
        return None
    if wanted is not None and clip.labels and not wanted & {*labels, *clip.labels}:
        return None
    return replace(clip, labels=labels)


def _make_pool(clips: Iterable[Clip]) -> Pool:
    found: dict[str, dict[str, list[Clip]]] = defaultdict(lambda: defaultdict(list))
    for clip in clips:
        for label in clip.labels or (UNLABELLED,):
            found[label][clip.source].append(clip)
    return Pool(
        {
            label: {
                source: tuple(sorted(clips, key=lambda clip: (clip.path.name, clip.path, clip.start)))
                for source, clips in sorted(by_source.items())
            }
            for label, by_source in sorted(found.items())
        }
    )


def _check_labels(cast: Cast) -> None:
    """Refuse labels that stand nowhere: they are misspelt."""
    played = {
        "--event-labels": (cast.event_labels, (EVENTS,)),
        "--background-labels": (cast.background_labels, (BACKGROUND,)),
        "--relabel": (set(cast.relabel), (EVENTS, BACKGROUND)),
    }
    for option, (labels, roles) in played.items():
        here = {label for role in roles for one in cast.datasets.get(role, ()) for label in one.labels}
        renamed = {cast.relabel.get(label, label) for label in here} | here
        for label in sorted((labels or set()) - renamed):
            remedy = f"they have {', '.join(sorted(here))}" if here else "they have no labels"
            raise DatasetError(f"{option} {label}", "is no label of the datasets", remedy)


def _check_groups(cast: Cast, made: Sequence[Group]) -> None:
    for role in ROLES:
        if not cast.datasets.get(role):
            continue
        lacking = [str(fold) for fold, group in enumerate(made, start=1) if not group[role].clips]
        if not lacking:
            continue
        there = len(frozenset().union(*(group[role].sources for group in made)))
        if there == 0:
            raise DatasetError(f"--{role}", *_nothing(role, cast))
        reason = f"has only {there} sources, so that fold {lacking[0]} gets none"
        raise DatasetError(f"--{role}", reason, "give fewer --folds, or more datasets")


def _nothing(role: str, cast: Cast) -> tuple[str, str]:
    """Why a role has no clips at all, and what to do."""
    if any(one.labels for one in cast.datasets[role]) or role != EVENTS:
        return "has no clips with these labels", "name others"
    return "has clips without labels only", "give a folder that holds a folder for each label, or a table with labels"


def read_any(root: Path) -> Dataset:
    """A dataset in any layout, or the recordings of a folder in none, without labels.

    Raises DatasetError: there is none.
    """
    try:
        layout = guess_layout(root)
    except DatasetError:
        if not root.is_dir():
            raise
        return load("files", root, labels=())
    return load(layout, root)
