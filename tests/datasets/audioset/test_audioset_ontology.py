import json

import networkx
import pytest
from audioset_making import GRAPH, entries, identifier, ontology_file, small_ontology
from hypothesis import given
from hypothesis import strategies as st

from earmark.datasets.audioset.tables import Ontology, Sound
from earmark.errors import DatasetError


@pytest.fixture
def ontology(tmp_path):
    return small_ontology(tmp_path)


def names(ontology, identifiers):
    return {ontology.name(one) for one in identifiers}


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("Guitar", "Guitar"),
        ("guitar", "Guitar"),
        (" GUITAR ", "Guitar"),
        ("drum kit", "Drum kit"),
        ("drum_kit", "Drum kit"),
        ("Drum-Kit", "Drum kit"),
        ("Violin, fiddle", "Violin, fiddle"),
        ("violin", "Violin, fiddle"),
        ("fiddle", "Violin, fiddle"),
        ("keyboard", "Keyboard (musical)"),
        ("small room", "Inside, small room"),
        (identifier("Piano"), "Piano"),
    ],
)
def test_find(ontology, asked, name):
    assert ontology.find(asked).name == name


@pytest.mark.parametrize(
    ("asked", "remedy"),
    [
        ("guittar", "did you mean Guitar"),
        ("inside", "did you mean Inside, small room or Inside, public space"),
        ("organ pipe", "did you mean Organ"),
        ("xyzzy", "names are those of ontology.json"),
        ("", "names are those of ontology.json"),
    ],
)
def test_a_name_that_is_none_or_several(ontology, asked, remedy):
    with pytest.raises(DatasetError) as error:
        ontology.find(asked)
    assert "is no class of AudioSet" in str(error.value)
    assert remedy in str(error.value)


def test_descendants_and_ancestors(ontology):
    assert names(ontology, ontology.descendants([identifier("Keyboard (musical)")])) == {
        "Keyboard (musical)", "Piano", "Electric piano", "Organ", "Hammond organ",
    }  # fmt: skip
    assert names(ontology, ontology.ancestors([identifier("Cowbell")])) == {
        "Cowbell", "Bell", "Percussion", "Musical instrument", "Music",
    }  # fmt: skip
    assert ontology.descendants([]) == frozenset()


def test_a_circle_has_an_end(tmp_path):
    graph = {**GRAPH, "Electric guitar": ("Guitar",)}
    ontology = Ontology.read(ontology_file(tmp_path, entries(graph)))
    below = names(ontology, ontology.descendants([identifier("Electric guitar")]))
    assert below == {"Electric guitar", "Guitar", "Bass guitar"}
    assert "Music" in names(ontology, ontology.ancestors([identifier("Electric guitar")]))


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20), st.integers(0, 7))
def test_descendants_are_what_can_be_reached(edges, root):
    below = {str(n): [] for n in range(8)}
    for parent, child in edges:
        below[str(parent)].append(str(child))
    ontology = Ontology({key: Sound(key, key, tuple(children)) for key, children in below.items()})
    graph = networkx.DiGraph()
    graph.add_nodes_from(below)
    graph.add_edges_from((str(parent), str(child)) for parent, child in edges)
    assert ontology.descendants([str(root)]) == networkx.descendants(graph, str(root)) | {str(root)}
    assert ontology.ancestors([str(root)]) == networkx.ancestors(graph, str(root)) | {str(root)}


def test_labels_in_canonical_style(ontology):
    assert ontology.find("fiddle").label == "violin"
    assert ontology.find("keyboard").label == "keyboard"
    assert ontology.find("Drum kit").label == "drum_kit"
    assert Sound("/m/01kcd", "Brass instrument").label == "brass"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not JSON"),
        ("3", "is not AudioSet's ontology"),
        ('{"a": 1}', "is not AudioSet's ontology"),
        ('[{"id": "/m/1", "name": "One"}]', "is not AudioSet's ontology"),
        ('[{"id": "/m/1", "name": "One", "child_ids": ["/m/2"]}]', "One has a child that is not there, /m/2"),
    ],
)
def test_what_is_no_ontology(tmp_path, content, reason):
    path = tmp_path / "ontology.json"
    path.write_text(content)
    with pytest.raises(DatasetError, match=reason) as error:
        Ontology.read(path)
    assert str(path) in str(error.value)


def test_an_ontology_that_is_not_there(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        Ontology.read(tmp_path / "ontology.json")


@pytest.mark.shared
def test_the_published_ontology(shared):
    path = shared / "audioset" / "ontology.json"
    ontology = Ontology.read(path)
    assert len(ontology.sounds) == 632
    raw = {entry["id"]: entry for entry in json.loads(path.read_text())}
    graph = networkx.DiGraph([(key, child) for key, entry in raw.items() for child in entry["child_ids"]])
    for name in ("Music", "Guitar", "Piano", "Brass instrument", "Drum kit", "Violin, fiddle", "Animal"):
        root = ontology.find(name).id
        assert ontology.descendants([root]) == networkx.descendants(graph, root) | {root}
    assert all(ontology.find(sound.name) is sound for sound in ontology.sounds.values())
    for label in ("brass", "drum_kit", "guitar", "piano", "violin"):
        assert ontology.find(label).label == label
    guitars = ontology.descendants([ontology.find("guitar").id])
    assert names(ontology, guitars) == {
        "Guitar", "Electric guitar", "Bass guitar", "Acoustic guitar", "Steel guitar, slide guitar",
        "Tapping (guitar technique)", "Strum",
    }  # fmt: skip
    assert names(ontology, ontology.ancestors([ontology.find("cowbell").id])) >= {"Bell", "Percussion", "Animal"}
