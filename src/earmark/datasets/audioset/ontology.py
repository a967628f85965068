"""AudioSet's ontology: 632 classes of sounds in a graph, where a class may stand below several others."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from earmark.errors import DatasetError
from earmark.labels import normalise
from earmark.labels.audioset import alone, parts, reached

CANONICAL: Mapping[str, str] = MappingProxyType({"brass": "Brass instrument"})
"""Canonical label names that cannot be told from the class's own name."""


@dataclass(frozen=True, slots=True)
class Sound:
    """One class of the ontology."""

    id: str
    """Such as `/m/0342h`."""
    name: str
    """As displayed, such as `Guitar`."""
    children: tuple[str, ...] = ()
    """Identifiers of the classes right below."""
    restrictions: tuple[str, ...] = ()
    """`abstract`: only holds others together; `blacklist`: too hard to tell. No segment is labelled with either."""

    @property
    def label(self) -> str:
        """The name in canonical style: the first of several, without what stands in parentheses.

        >>> Sound("/m/07y_7", "Violin, fiddle").label
        'violin'
        """
        own = next((label for label, name in CANONICAL.items() if name == self.name), None)
        return own or normalise(re.sub(r"\(.*?\)", "", self.name).split(",")[0])


@dataclass(frozen=True)
class Ontology:
    """The graph of classes, by their identifiers."""

    sounds: Mapping[str, Sound]

    @classmethod
    def read(cls, path: Path) -> Ontology:
        """Read `ontology.json`.

        Raises
        ------
        DatasetError
            It cannot be read, is no JSON, or is laid out differently.
        """
        try:
            entries = json.loads(path.read_bytes())
        except OSError as error:
            raise DatasetError(path, f"cannot be read ({error.strerror})") from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise DatasetError(path, "is not JSON", "fetch it again") from error
        try:
            sounds = {sound.id: sound for sound in map(_sound, entries)}
        except (KeyError, TypeError) as error:
            reason = "is not AudioSet's ontology: a list of classes with id, name and child_ids"
            raise DatasetError(path, reason, "fetch it again") from error
        for sound in sounds.values():
            for child in sound.children:
                if child not in sounds:
                    raise DatasetError(path, f"{sound.name} has a child that is not there, {child}", "fetch it again")
        return cls(MappingProxyType(sounds))

    def name(self, identifier: str) -> str:
        """How a class is displayed; a class that the ontology lacks is called by its identifier."""
        sound = self.sounds.get(identifier)
        return identifier if sound is None else sound.name

    def find(self, name: str) -> Sound:
        """The class of that name: as displayed, in any case, as a canonical label (`drum_kit`), or its identifier.

        A part of a name (`fiddle`, `keyboard`) will do where it is a part of that one only.

        Raises
        ------
        DatasetError
            There is none, or several; the remedy names those that are close.
        """
        found = self.lookup(name)
        if found is None:
            close = self._close(name)
            remedy = f"did you mean {' or '.join(close)}?" if close else "names are those of ontology.json"
            raise DatasetError(name, "is no class of AudioSet", remedy)
        return found

    def lookup(self, name: str) -> Sound | None:
        """The same, or None where there is none or several."""
        if name.strip() in self.sounds:
            return self.sounds[name.strip()]
        return self._named.get(normalise(name))

    def descendants(self, roots: Iterable[str]) -> frozenset[str]:
        """The classes with these identifiers and all below them, each once, whatever ways lead to it."""
        return reached(roots, lambda identifier: self.sounds[identifier].children)

    def ancestors(self, roots: Iterable[str]) -> frozenset[str]:
        """The classes with these identifiers and all above them."""
        return reached(roots, lambda identifier: self._parents.get(identifier, []))

    @cached_property
    def _parents(self) -> dict[str, list[str]]:
        parents: dict[str, list[str]] = {}
        for sound in self.sounds.values():
            for child in sound.children:
                parents.setdefault(child, []).append(sound.id)
        return parents

    @cached_property
    def _named(self) -> dict[str, Sound]:
        """Classes by every name they can be told by; whole names go before parts of names."""
        whole = {normalise(sound.name): sound for sound in self.sounds.values()}
        canonical = {label: whole[normalise(name)] for label, name in CANONICAL.items() if normalise(name) in whole}
        named = alone((sound.id, sound.name) for sound in self.sounds.values())
        return {part: self.sounds[identifier] for part, identifier in named.items()} | canonical | whole

    def _close(self, name: str) -> list[str]:
        """At most four displayed names that share a part with this one, hold it, or are spelt like it."""
        wanted = normalise(name)
        same = [sound.name for sound in self.sounds.values() if wanted in parts(sound.name)]
        holding = [sound.name for sound in self.sounds.values() if wanted and wanted in normalise(sound.name)]
        spelt = [self._named[near].name for near in difflib.get_close_matches(wanted, self._named, 3)]
        return list(dict.fromkeys(same + spelt + holding))[:4]


def _sound(entry: Mapping[str, Any]) -> Sound:
    return Sound(str(entry["id"]), str(entry["name"]), tuple(entry["child_ids"]), tuple(entry.get("restrictions", ())))
