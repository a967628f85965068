"""Events as a viewer reads them: captions in a language, within the reading rules. docs/captions.md explains them.

    captions(timeline, "cs")                                        # the captions of a recording's sounds
    captions(timeline, Phrases.load("en").with_file(Path("my.toml")))  # in a user's own words
    merge(timeline, dialogue, "cs")                                 # the same around subtitles of the dialogue

Inside, times are whole milliseconds, so that captions meet exactly and come out the same everywhere.
"""

from __future__ import annotations

from earmark.captions.dialogue import DialogueCue, Merged, merge
from earmark.captions.layout import Density, captions
from earmark.captions.phrases import Form, Phrases, Priority, languages
from earmark.captions.reading import Caption, ReadingRules

__all__ = [
    "Caption",
    "Density",
    "DialogueCue",
    "Form",
    "Merged",
    "Phrases",
    "Priority",
    "ReadingRules",
    "captions",
    "languages",
    "merge",
]
