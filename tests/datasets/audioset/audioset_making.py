"""A small AudioSet: an ontology with a class below two others, and tables of segments in the official layout."""

import json
from pathlib import Path

from earmark.datasets.audioset.tables import Ontology, Segment

# name: names of the classes below
GRAPH = {
    "Music": ("Musical instrument",),
    "Musical instrument": ("Guitar", "Keyboard (musical)", "Percussion", "Violin, fiddle", "Bell"),
    "Guitar": ("Electric guitar", "Bass guitar"),
    "Electric guitar": (),
    "Bass guitar": (),
    "Keyboard (musical)": ("Piano", "Organ"),
    "Piano": ("Electric piano",),
    "Electric piano": (),
    "Organ": ("Hammond organ",),
    "Hammond organ": (),
    "Percussion": ("Drum kit", "Cowbell"),
    "Drum kit": ("Drum machine",),
    "Drum machine": (),
    "Bell": ("Cowbell",),
    "Cowbell": (),
    "Violin, fiddle": (),
    "Inside, small room": (),
    "Inside, public space": (),
    "Speech": (),
}


def identifier(name: str) -> str:
    return f"/m/{list(GRAPH).index(name):02}x"


def entries(graph=GRAPH):
    return [
        {"id": identifier(name), "name": name, "child_ids": [identifier(child) for child in below], "restrictions": []}
        for name, below in graph.items()
    ]


def ontology_file(folder: Path, content=None) -> Path:
    path = folder / "ontology.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries() if content is None else content), encoding="utf-8")
    return path


def small_ontology(folder: Path) -> Ontology:
    return Ontology.read(ontology_file(folder))


def segment(number: int, *names: str) -> Segment:
    """A segment of a video of its own that carries the named classes."""
    return Segment(f"-_video{number:04}", 30.0, 40.0, tuple(map(identifier, names)))


def segments_file(path: Path, segments) -> Path:
    """A table as it is published: three comments, a blank behind each comma, quotes around the labels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["# Segments csv created Sun Mar  5 10:54:25 2017", f"# num_ytids={len(segments)}"]
    lines.append("# YTID, start_seconds, end_seconds, positive_labels")
    for one in segments:
        lines.append(f'{one.video}, {one.start:.3f}, {one.end:.3f}, "{",".join(one.labels)}"')
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
