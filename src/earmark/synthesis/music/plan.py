"""What is to be made: the user's wishes, and who plays what in each clip."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from earmark.errors import DatasetError, EarmarkWarning
from earmark.synthesis.batches import file_name
from earmark.synthesis.music import midi
from earmark.synthesis.music.instruments import LABELS, Instrument, Part, is_wide, playable, weights
from earmark.synthesis.music.midi import Music, Score
from earmark.synthesis.music.patterns import Setting, draw_setting
from earmark.synthesis.music.performance import compose
from earmark.synthesis.music.soundfonts import SoundFont

TOGETHER_DB = (-8.0, 8.0)  # a labelled instrument beside the first
BACKGROUND_DB = (-15.0, -2.0)  # one without a label
MOST_TOGETHER = (2, 2, 2, 3, 3, 4)  # labelled instruments of a clip with several
MOST_OTHERS = (1, 1, 2)


@dataclass(frozen=True)
class Companion:
    """An instrument that often plays behind another and is not named: `drum_kit` behind `guitar`."""

    label: str
    hidden: str
    share: float


@dataclass(frozen=True)
class Plan:
    """What is to be made."""

    soundfonts: Sequence[SoundFont]  # whose instruments; each plays as many clips as the others
    labels: Sequence[str]  # the labels that clips carry; one that is another's parent is carried with it
    count: int  # number of clips
    seconds: float = 5.0  # length of each
    rate: int = 22_050  # samples per second of the files
    together: float = 0.3  # share of clips with two or more labels
    nothing: float = 0.15  # share of clips with none of the labels, other instruments only
    accompaniment: float = 0.2  # share of labelled clips in which an instrument without a label plays along
    companions: Sequence[Companion] = ()  # labelled instruments that play along and are not named
    scores: Mapping[str, Score] = field(default_factory=dict)
    """Music to take excerpts from, by name; none: phrases are invented. The shares are then kept as far as the music
    goes: see `warn_of_music`."""
    effects: bool = True  # whether clips get rooms, equalisers, noise and levels
    seed: int = 0  # draws everything

    def __post_init__(self) -> None:
        if not self.labels:
            raise DatasetError("--labels", "names none", f"choose among {', '.join(LABELS)}")
        for label in [*self.labels, *(name for one in self.companions for name in (one.label, one.hidden))]:
            if label not in LABELS:
                raise DatasetError(label, "is no label of phrases", f"choose among {', '.join(LABELS)}")
        for soundfont in self.soundfonts:
            for label in self.labels:
                if not self.playing(label, soundfont):
                    raise DatasetError(
                        soundfont.path, f"has no {label}", "leave it out, or name the labels it has with --labels"
                    )
        if self.scores:
            self._check_music()

    def generator(self, number: int, purpose: int) -> np.random.Generator:
        """What draws one clip, for one purpose: clips do not depend on each other."""
        return np.random.default_rng((self.seed, number, purpose))

    def soundfont(self, number: int) -> int:
        """Which SoundFont plays a clip."""
        return number % len(self.soundfonts)

    @property
    def wide(self) -> bool:
        """Whether labels beyond the usual five are asked for, and instruments drawn accordingly."""
        return is_wide(self.labels)

    def labels_of(self, instrument: Instrument) -> tuple[str, ...]:
        """What clips in which an instrument plays are labelled, the most general first; none that is not asked for."""
        return tuple(label for label in instrument.labels if label in self.labels)

    def label_of(self, instrument: Instrument) -> str | None:
        """The finest of an instrument's labels that are asked for, by which it is drawn, or None."""
        return next(reversed(self.labels_of(instrument)), None)

    def playing(self, label: str, soundfont: SoundFont) -> tuple[Instrument, ...]:
        """The instruments of a SoundFont that are drawn for a label: not those that a finer one is asked for.

        Where only finer ones have any (a font whose brass is trumpets), theirs.
        """
        carrying = self.carrying(label, soundfont)
        return tuple(one for one in carrying if self.label_of(one) == label) or carrying

    def carrying(self, label: str, soundfont: SoundFont) -> tuple[Instrument, ...]:
        """The instruments of a SoundFont that have a label, whether it is asked for or not."""
        return tuple(one for one in playable(soundfont.presets, self.wide) if label in one.labels)

    def others(self, soundfont: SoundFont) -> tuple[Instrument, ...]:
        """The instruments of a SoundFont without a label that is asked for; the order is part of what a seed draws."""
        asked = frozenset(self.labels)
        found = [one for one in playable(soundfont.presets, self.wide) if asked.isdisjoint(one.labels)]
        return tuple(sorted(found, key=lambda one: one.label or ""))

    def music(self, soundfont: SoundFont) -> Music:
        """What a SoundFont can play of the scores."""
        return Music.of(self.scores, soundfont.presets, self.label_of)

    def _check_music(self) -> None:
        for soundfont in self.soundfonts:
            music = self.music(soundfont)
            if not music.pieces:
                raise DatasetError(soundfont.path, "has no instrument that plays in the MIDI files", "take others")
            if not music.labels and self.nothing < 1:
                remedy = "take other files or other --labels, or have nothing else: --nothing 1 --together 0"
                raise DatasetError("--midi", f"none of {', '.join(self.labels)} plays in the files", remedy)


@dataclass(frozen=True)
class Player:
    """One part of a clip, its level in dB, and the labels it is given: none where it is not named."""

    part: Part
    decibels: float
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Phrase:
    """One clip to be."""

    number: int
    players: tuple[Player, ...]

    @property
    def name(self) -> str:
        """Its file, relative to the table."""
        return file_name(self.number)


def draw_phrase(plan: Plan, number: int) -> Phrase:
    """Who plays what in a clip."""
    rng = plan.generator(number, 0)
    soundfont = plan.soundfonts[plan.soundfont(number)]
    if plan.scores:
        return Phrase(number, tuple(_from_music(plan, soundfont, rng)))
    setting = draw_setting(plan.seconds, rng)
    players = []
    for place, label in enumerate(_drawn_labels(plan, rng)):
        decibels = 0.0 if place == 0 else rng.uniform(*TOGETHER_DB)
        part = _composed(plan, plan.playing(label, soundfont), setting, rng)
        players.append(Player(part, float(decibels), plan.labels_of(part.instrument)))
    others = plan.others(soundfont)
    if others and (not players or rng.random() < plan.accompaniment):
        players += [
            Player(_composed(plan, others, setting, rng), float(rng.uniform(*BACKGROUND_DB)), ())
            for _ in range(rng.choice(MOST_OTHERS))
        ]
    hidden = _hidden_labels(plan, players, rng)
    players += [
        Player(_composed(plan, carrying, setting, rng), float(rng.uniform(*BACKGROUND_DB)), ())
        for carrying in (plan.carrying(label, soundfont) for label in hidden)
        if carrying
    ]
    return Phrase(number, tuple(players))


def warn_of_music(plan: Plan) -> None:
    """Say which shares the given music cannot keep: excerpts have the instruments that they have.

    Warns
    -----
    EarmarkWarning
        It has no instrument without a label, or no two labels, or lacks a hidden companion.
    """
    all_music = [plan.music(soundfont) for soundfont in plan.soundfonts] if plan.scores else []
    lacking = []
    if any(None not in music.names for music in all_music) and (plan.nothing or plan.accompaniment):
        lacking.append("--nothing and --accompaniment are not kept: no instrument without a label plays in it")
    if any(music.most < 2 for music in all_music) and plan.together:
        lacking.append("--together is not kept: no two labels play in one file")
    for one in plan.companions:
        if any(one.hidden not in music.names for music in all_music):
            lacking.append(f"--accompany {one.label}={one.hidden} does nothing: no {one.hidden} plays in it")
    if lacking:
        warnings.warn(f"--midi: {'; '.join(lacking)}", EarmarkWarning, stacklevel=2)


def _drawn_labels(plan: Plan, rng: np.random.Generator) -> list[str]:
    """The labels of a clip: none, one, or several."""
    count = _how_many(plan, rng)
    if count < 2:
        return [str(rng.choice(list(plan.labels)))] if count else []
    return [str(label) for label in rng.choice(list(plan.labels), count, replace=False)]


def _how_many(plan: Plan, rng: np.random.Generator) -> int:
    """How many labels a clip has."""
    kind = rng.random()
    if kind < plan.nothing:
        return 0
    if kind < plan.nothing + plan.together and len(plan.labels) > 1:
        return min(len(plan.labels), int(rng.choice(MOST_TOGETHER)))
    return 1


def _hidden_labels(plan: Plan, players: Sequence[Player], rng: np.random.Generator) -> list[str]:
    named = {label for player in players for label in player.labels}
    return [
        one.hidden
        for one in plan.companions
        if one.label in named and one.hidden not in named and rng.random() < one.share
    ]


def _composed(plan: Plan, instruments: Sequence[Instrument], setting: Setting, rng: np.random.Generator) -> Part:
    chosen = instruments[rng.choice(len(instruments), p=weights(instruments, plan.wide))]
    return compose(chosen, setting, rng)


def _from_music(plan: Plan, soundfont: SoundFont, rng: np.random.Generator) -> list[Player]:
    """An excerpt of the given music, and of its instruments those that a clip keeps."""
    parts, named = midi.draw_excerpt(plan.music(soundfont), plan.seconds, _how_many(plan, rng), rng)
    kept = [part for part in parts if plan.label_of(part.instrument) in named]
    if not named or rng.random() < plan.accompaniment:
        kept += [part for part in parts if plan.label_of(part.instrument) is None]
    behind = [part for part in parts if part not in kept and _behind(plan, part, named, rng)]
    return [
        *(Player(part, float(rng.uniform(*TOGETHER_DB)), plan.labels_of(part.instrument)) for part in kept),
        *(Player(part, float(rng.uniform(*BACKGROUND_DB)), ()) for part in behind),
    ]


def _behind(plan: Plan, part: Part, named: Collection[str], rng: np.random.Generator) -> bool:
    pairs = [one for one in plan.companions if one.label in named and one.hidden in part.instrument.labels]
    return any(rng.random() < one.share for one in pairs)
