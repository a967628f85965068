"""Events as a viewer reads them: captions in a language, within the reading rules. docs/captions.md explains them.

    captions(timeline, "cs")                                        # the captions of a recording's sounds
    captions(timeline, Phrases.load("en").with_file(Path("my.toml")))  # in a user's own words
    weave(timeline, dialogue, "cs")                                 # the same around subtitles of the dialogue

Inside, times are whole milliseconds, so that captions meet exactly and come out the same everywhere.
"""

from __future__ import annotations

from earmark.captions.making import captions
from earmark.captions.phrases import Form, Phrases, languages
from earmark.captions.priority import Priority
from earmark.captions.rules import Caption, ReadingRules
from earmark.captions.weaving import DialogueCue, Woven, weave

__all__ = [
    "Caption",
    "DialogueCue",
    "Form",
    "Phrases",
    "Priority",
    "ReadingRules",
    "Woven",
    "captions",
    "languages",
    "weave",
]
