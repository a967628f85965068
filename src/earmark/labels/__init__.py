"""The canonical label names, and the map from each dataset's own names to them.

One sound has one name, whichever dataset a clip comes from, so that datasets can be trained on together
and captions need one phrase a sound. The names follow ESC-50's style: lower case, words joined by `_`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from earmark.labels.groups import grouped

ESC50 = frozenset({
    "airplane", "breathing", "brushing_teeth", "can_opening", "car_horn", "cat", "chainsaw",
    "chirping_birds", "church_bells", "clapping", "clock_alarm", "clock_tick", "coughing", "cow",
    "crackling_fire", "crickets", "crow", "crying_baby", "dog", "door_wood_creaks", "door_wood_knock",
    "drinking_sipping", "engine", "fireworks", "footsteps", "frog", "glass_breaking", "hand_saw",
    "helicopter", "hen", "insects", "keyboard_typing", "laughing", "mouse_click", "pig", "pouring_water",
    "rain", "rooster", "sea_waves", "sheep", "siren", "sneezing", "snoring", "thunderstorm", "toilet_flush",
    "train", "vacuum_cleaner", "washing_machine", "water_drops", "wind",
})  # fmt: skip
"""The 50 categories of ESC-50, which are canonical as they are."""

URBANSOUND8K = frozenset({
    "air_conditioner", "car_horn", "children_playing", "dog", "drilling", "engine", "gun_shot",
    "jackhammer", "music", "siren",
})  # fmt: skip
"""The 10 classes of UrbanSound8K under their canonical names."""

INSTRUMENTS = frozenset({
    "accordion", "bass_guitar", "brass", "cello", "clarinet", "drum_kit", "flute", "guitar", "harmonica", "harp",
    "mallets", "organ", "piano", "saxophone", "trombone", "trumpet", "violin",
})  # fmt: skip

SOUNDS: frozenset[str] = grouped()
"""The labels that captions tell of, in `groups.toml`, parents with them: those of the model `sounds`."""

CANONICAL: frozenset[str] = SOUNDS | ESC50 | URBANSOUND8K | INSTRUMENTS  # every canonical name there is

MAPS: Mapping[str, Mapping[str, str]] = {
    "urbansound8k": {"dog_bark": "dog", "engine_idling": "engine", "street_music": "music"},
    # its refrigerators are opened and closed: they do not hum
    "kitchen20": {"extractor_fan": "fan", "peeling": "scraping", "refrigerator": "door"},
    "dcase2016_office": {"keys_drop": "keys_jangling"},
    "antum_sounds": {"balloon_pop": "pop", "bicycle_horn": "horn", "compressor": "machine", "match": "crackling_fire"},
    "games": {"camel": "animal", "donkey": "animal", "loom": "machine"},
    "long_ambient": {"construction": "tool", "windshield_wipers": "vehicle"},
    "scratch": {"sea_lion": "animal"},
}
"""For each dataset, its own names that differ from the canonical ones."""

_SEPARATORS = re.compile(r"[\s\-_]+")


def normalise(name: str) -> str:
    """A name in canonical style: lower case, spaces and dashes as `_`.

    >>> normalise("Glass Breaking")
    'glass_breaking'
    """
    return _SEPARATORS.sub("_", name.strip()).strip("_").lower()


def canonical(dataset: str, label: str) -> str:
    """The canonical name of what `dataset` calls `label`; names without a map are only put in style.

    >>> canonical("urbansound8k", "dog_bark")
    'dog'
    """
    name = normalise(label)
    return MAPS.get(dataset, {}).get(name, name)
