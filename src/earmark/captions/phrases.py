"""What captions say, and which sounds go first: a language's phrases and our priorities, and a user's own over them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import lru_cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from unicodedata import category

from earmark.captions.reading import ReadingRules
from earmark.errors import EarmarkError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

LONGEST_NAME = 60  # characters of a user's own label that are shown: with "continues" they mostly fit two lines
TABLES = ("language", "phrases", "fallback", "priority", "reading")
EXAMPLE = 'write three: label = ["a short one", "a sustained one", "one that continues"]'


class Priority(IntEnum):
    """Which sounds go first where not all fit the screen: the lower. labels/priority.toml says it for ours, and why."""

    ALARM = 0
    ORDINARY = 1
    AMBIENT = 2


def priorities(table: Mapping[str, object], where: object) -> dict[str, Priority]:
    """The classes of the [priority] table of a file, `where`: label = "alarm", "ordinary" or "ambient"."""
    names = {priority.name.lower(): priority for priority in Priority}
    found: dict[str, Priority] = {}
    for label, name in table.items():
        if not isinstance(name, str) or name not in names:
            raise EarmarkError(where, f"{label} has the priority {name!r}", "choose from: " + ", ".join(names))
        found[label] = names[name]
    return found


@lru_cache
def usual_priorities() -> Mapping[str, Priority]:
    """The classes of the labels that Earmark knows; others are ordinary."""
    file = resources.files("earmark.labels") / "priority.toml"
    return MappingProxyType(priorities(tomllib.loads(file.read_text(encoding="utf-8"))["priority"], file))


class Form(IntEnum):
    """Which of a label's three phrases is meant: its place in the language's file."""

    SHORT = 0
    SUSTAINED = 1
    CONTINUING = 2


@dataclass(frozen=True)
class Phrases:
    """What captions say in one language: three forms a label, and a pattern for labels without a phrase."""

    language: str
    forms: Mapping[str, tuple[str, ...]]
    fallback: tuple[str, ...]
    priorities: Mapping[str, Priority] = field(default_factory=usual_priorities)
    rules: ReadingRules = field(default_factory=ReadingRules)
    """How long and how much a viewer reads in this language."""

    @staticmethod
    def load(language: str) -> Phrases:
        """The phrases of labels/phrases/{language}.toml; EarmarkError where there is no such language."""
        return _load(language)

    def with_file(self, path: Path) -> Phrases:
        """These phrases, with those of a user's file over them: it has the format of labels/phrases/en.toml.

        Every table may be missing. Labels under [phrases] are overridden or added; [priority] says for labels which
        class they are of, [fallback] what is said of labels without a phrase, [reading] changes reading rules.
        """
        table = _toml(path)
        unknown = [name for name in table if name not in TABLES]
        if unknown:
            raise EarmarkError(
                path, f"has a part {unknown[0]} that means nothing here", "known are " + ", ".join(TABLES)
            )
        fallback = _forms(_part(table, "fallback", path), path)
        if set(fallback) - {"forms"}:
            raise EarmarkError(path, "[fallback] says something other than forms", "say there: forms = [three phrases]")
        if any("{" in text.replace("{label}", "") for text in fallback.get("forms", ())):
            raise EarmarkError(path, "[fallback] has braces around something other than label", "write {label}")
        return replace(
            self,
            forms={**self.forms, **_forms(_part(table, "phrases", path), path)},
            fallback=fallback.get("forms", self.fallback),
            priorities={**self.priorities, **priorities(_part(table, "priority", path), path)},
            rules=ReadingRules.of({**vars(self.rules), **_part(table, "reading", path)}, path),
        )

    def say(self, label: str, form: Form) -> str:
        """The phrase for a label, without brackets; a user's own `my_door_bell` becomes "my door bell"."""
        if label in self.forms:
            return self.forms[label][form]
        return self.fallback[form].replace("{label}", _plain(label))

    def priority(self, label: str) -> Priority:
        """Which sounds this one goes before where not all fit the screen."""
        return self.priorities.get(label, Priority.ORDINARY)


def languages() -> list[str]:
    """The languages that captions can be written in, as their codes."""
    return sorted(f.name.removesuffix(".toml") for f in folder().iterdir() if f.name.endswith(".toml"))


def in_language(language: str | Phrases) -> Phrases:
    """The phrases of a language, or those given."""
    return language if isinstance(language, Phrases) else Phrases.load(language)


def folder() -> Traversable:
    """Where the languages' files are."""
    return resources.files("earmark.labels") / "phrases"


@lru_cache
def _load(language: str) -> Phrases:
    if language not in languages():
        raise EarmarkError(f"language {language}", "has no captions", "choose from: " + ", ".join(languages()))
    file = folder() / f"{language}.toml"
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    forms = {label: tuple(three) for label, three in table["phrases"].items()}
    rules = ReadingRules.of(table.get("reading", {}), file)
    return Phrases(language, forms, tuple(table["fallback"]["forms"]), rules=rules)


def _toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise EarmarkError(path, f"cannot be opened ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise EarmarkError(path, "is not UTF-8 text", "save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise EarmarkError(path, f"is no TOML: {error}", "see docs/captions.md for an example") from error


def _part(table: Mapping[str, object], name: str, path: Path) -> Mapping[str, object]:
    part = table.get(name, {})
    if not isinstance(part, Mapping):
        raise EarmarkError(path, f"{name} is no table", f"write [{name}] on a line, and what belongs to it below")
    return part


def _forms(part: Mapping[str, object], path: Path) -> dict[str, tuple[str, ...]]:
    """A table's phrases, each checked: three texts without brackets and line breaks."""
    found: dict[str, tuple[str, ...]] = {}
    for label, value in part.items():
        three = tuple(value) if isinstance(value, list) else ()
        if len(three) != len(Form) or not all(isinstance(text, str) and text.strip() for text in three):
            raise EarmarkError(path, f"{label} has no three phrases", EXAMPLE)
        if any(c in "[]" or category(c) == "Cc" for text in three for c in text):
            raise EarmarkError(path, f"{label} holds a bracket or a line break", "captions put the brackets themselves")
        found[label] = tuple(text.strip() for text in three)
    return found


def _plain(label: str) -> str:
    """A label as words: no control characters, and no brackets but the caption's own."""
    words = label.replace("_", " ").translate({ord("["): "(", ord("]"): ")"}).lower().split()
    text = " ".join("".join(c for c in word if category(c) not in ("Cc", "Cs")) for word in words)
    text = " ".join(text.split()) or "sound"
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1].rstrip() + "…"
