"""The tables that the scenes of `sounds` are made from, in the data folder's folder `sounds`.

    python recipes/sounds/tables.py DATA [--everything] [--without DATA/scenes/parts.csv]

DATA holds esc50, spoken_digits and more (kitchen20, antum_sounds, games, long_ambient, scratch, donateacry: dataset
tables that name each recording's licence). Debian's packages bring speech and music: tuxpaint-stamps-default,
asterisk-core-sounds-fr-wav, -it-wav and -ru-wav; asterisk-moh-opsound-wav, hedgewars-data, wesnoth-1.16-music,
planetblupi-music-ogg, warzone2100-music and boswars-data.

Written are events.csv, backgrounds.csv, speech.csv and music.csv. Without `--everything`, only recordings are in them
whose own licence is known to allow commercial use. Left out are those that the example is made of, those that judge
(three folds of UrbanSound8K), and with `--without` those of a test that such a table of scenes lists. A label with
fewer than eight sources is called by its parent, which says less.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from earmark import datasets
from earmark.datasets import Clip, Dataset
from earmark.datasets.tables import read_clips, read_rows, write_clips
from earmark.labels import SOUNDS, canonical
from earmark.labels.groups import ancestors

FEWEST = 8  # sources of a label
JUDGING = (1, 2, 3)  # folds of UrbanSound8K
MORE = ("antum_sounds", "games", "scratch", "donateacry", "long_ambient")
NOT_FREE = ("kitchen20",)  # licences not known
OF_EXAMPLE = re.compile(r"LRApplauses_1|default_break_glass|LRTrain_slowing_down_01|LRBark|LRRain|misc_crow")
BACKGROUNDS = frozenset({  # labels that may go on behind others
    "airplane", "boat", "chirping_birds", "crackling_fire", "crickets", "crowd_chatter", "engine", "fan", "insects",
    "rain", "sea_waves", "traffic", "train", "washing_machine", "water", "wind",
})  # fmt: skip
SPEECH = (  # folder, pattern, what tells the speaker, phrases of each
    ("/usr/share/tuxpaint/stamps", "**/*_desc_*.ogg", r"_desc_(.+)\.ogg", 60),
    ("/usr/share/asterisk/sounds", "fr_CA_f_June/*.wav", "^([^/]+)/", 120),
    ("/usr/share/asterisk/sounds", "it_IT_m_Carlo/*.wav", "^([^/]+)/", 120),
    ("/usr/share/asterisk/sounds", "ru_RU_f_IvrvoiceRU/*.wav", "^([^/]+)/", 120),
    ("spoken_digits", "*.opus", r"_([a-z]+)_", 40),
)
MUSIC = (  # folder, pattern, parts of each piece
    ("/usr/share/asterisk/moh", "*.wav", 12),
    ("/usr/share/games/hedgewars/Data/Music", "*.ogg", 6),
    ("/usr/share/games/wesnoth/1.16/data/core/music", "*.ogg", 8),
    ("/usr/share/planetblupi/music", "*.ogg", 12),
    ("/usr/share/games/warzone2100/music/albums", "**/*.opus", 10),
    ("/usr/share/games/boswars", "**/*.ogg", 12),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--everything", action="store_true", help="recordings for non-commercial use, too")
    parser.add_argument("--without", type=Path, help="parts.csv of scenes whose test nothing of this may have heard")
    given = parser.parse_args()
    out = given.data / "sounds"
    out.mkdir(parents=True, exist_ok=True)
    kept_apart = Apart(given.data, given.without)
    found = [clip for clip in events(given.data, given.everything) if clip not in kept_apart]
    found = by_parents(found)
    write(out / "events.csv", found)
    write(out / "backgrounds.csv", (clip for clip in found if set(clip.labels) & BACKGROUNDS and lasting(clip)))
    write(out / "speech.csv", (clip for clip in speech(given.data) if clip not in kept_apart))
    write(out / "music.csv", (clip for clip in music() if clip not in kept_apart))


class Apart:
    """Recordings that must teach nothing, by their files and their sources."""

    def __init__(self, data: Path, parts: Path | None) -> None:
        clips = () if parts is None else read_clips(parts, exclusive=False, split="test").clips
        self.files = {clip.path.resolve() for clip in clips}
        slices = read_rows(data / "urbansound8k" / "metadata" / "UrbanSound8K.csv", ("fsID", "fold"))
        judging = [row.required("fsID") for row in slices if row.integer("fold") in JUDGING]
        self.sources = {clip.source for clip in clips} | {f"freesound:{number}" for number in judging}

    def __contains__(self, clip: Clip) -> bool:
        of_example = OF_EXAMPLE.search(clip.path.name) is not None
        return of_example or clip.path.resolve() in self.files or clip.source in self.sources


def events(data: Path, everything: bool) -> Iterator[Clip]:
    """Labelled recordings, by our names for their labels."""
    use = "any" if everything else "commercial"
    for clip in datasets.load("esc", data / "esc50", use=use).clips:
        yield replace(clip, source=f"freesound:{clip.source}", fold=None)
    for name in (*MORE, *(NOT_FREE if everything else ())):
        for clip in datasets.load("table", data / "more" / name, use=use, exclusive=False).clips:
            labels = tuple(canonical(name, label) for label in clip.labels)
            number = re.match(r"freesound-(\d+)", clip.source)
            source = f"freesound:{number[1]}" if number else f"{name}/{clip.source}"
            yield replace(clip, labels=tuple(label for label in labels if label in SOUNDS), source=source)


def by_parents(clips: list[Clip]) -> list[Clip]:
    """The clips, labels of few sources called by their parents; those that have none are left out."""
    sources: dict[str, set[str]] = defaultdict(set)
    for clip in clips:
        for label in clip.labels:
            for name in (label, *ancestors(label)):
                sources[name].add(clip.source)

    def known(label: str) -> list[str]:
        return [name for name in (label, *ancestors(label)) if len(sources[name]) >= FEWEST][:1]

    named = [replace(clip, labels=tuple(new for label in clip.labels for new in known(label))) for clip in clips]
    return [clip for clip in named if clip.labels]


def lasting(clip: Clip) -> bool:
    """Whether a clip of the label of a background is one: of games only what is called so."""
    return "games" not in clip.source


def speech(data: Path) -> Iterator[Clip]:
    """Spoken phrases; a folder that is not absolute lies in the data folder."""
    for folder, pattern, speaker, most in SPEECH:
        options = {"labels": "speech", "pattern": pattern, "source": speaker, "limit_per_source": most}
        yield from datasets.load("files", data / folder, **options).clips


def music() -> Iterator[Clip]:
    """Five seconds of every twenty of each piece."""
    for folder, pattern, most in MUSIC:
        options = {"labels": "music", "pattern": pattern, "cut": (5, 20), "limit_per_source": most}
        yield from datasets.load("files", Path(folder), **options).clips


def write(path: Path, clips: Iterable[Clip]) -> None:
    kept = tuple(clips)
    write_clips(Dataset(path.stem, kept), path)
    print(f"{path}: {len(kept)} clips of {len({clip.source for clip in kept})} sources")


if __name__ == "__main__":
    main()
