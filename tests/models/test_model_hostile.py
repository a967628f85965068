"""Model files are input too: an odd one is a ModelError of one line, never a traceback, and reads no other file."""

import copy
import json

import numpy as np
import onnx
import pytest
from media_files import Track, write
from model_making import LOW_HIGH, low_high_model
from onnx import TensorProto

from earmark import label
from earmark.errors import ModelError
from earmark.models.model import Description, load_model
from earmark.util.fields import from_json_values

NOISE = write(None, "wav", Track(np.random.default_rng(3).normal(size=(1, 22_050)) * 0.1, 22_050))
ODD = [
    *(None, True, -1, 0, 1, 3, 0.5, 1e308, 1e-308, 10**400, 2**62, "", "mfcc", "summary", "\x1b[31m"),
    *([], [1, 2], [[]], ["low"], ["low", "low"], ["low", 3], {}, {"low": 1}),
    *({"low": {"on": 0.5, "off": 0.9}}, {"low": {"on": 5, "off": -5}}),
]


def places(values, before=()):
    """Where values stand in a description."""
    for key, value in values.items():
        yield (*before, key)
        if isinstance(value, dict) and value:
            yield from places(value, (*before, key))


DESCRIBED = json.loads(LOW_HIGH.to_json()) | {
    "thresholds": {"low": {"on": 0.6, "off": 0.3}},
    "windows": {"low": 0.5},
    "parents": {"low": "high"},
}


def described():
    return copy.deepcopy(DESCRIBED)


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """A function that writes the model with another description."""
    path = tmp_path_factory.mktemp("model") / "odd.onnx"
    model = onnx.load(low_high_model(path))

    def write(text):
        (entry,) = model.metadata_props
        entry.value = text
        path.write_bytes(model.SerializeToString())
        return path

    return write


PLACES = [".".join(place) for place in places(described())]


def refused(path):
    """Whether a model is refused in one line; if not, it works."""
    told = None
    try:
        label(NOISE, load_model(path, threads=1))
    except ModelError as error:
        told = str(error)
    if told is None:
        return False
    assert len(told.splitlines()) == 1
    assert str(path) in told
    return True


@pytest.mark.parametrize("place", PLACES)
def test_any_value_anywhere(odd, place):
    for value in ODD:
        values = described()
        at = values
        *way, last = place.split(".")
        for key in way:
            at = at[key]
        at[last] = value
        refused(odd(json.dumps(values)))


@pytest.mark.parametrize("place", PLACES)
def test_any_key_missing(odd, place):
    values = described()
    at = values
    *way, last = place.split(".")
    for key in way:
        at = at[key]
    del at[last]
    refused(odd(json.dumps(values)))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"format": 1, "card": ' + "[" * 100_000,
        "1" * 5_000,
        "NaN",
        "\ud800",
        "",
        json.dumps({**described(), "window": float("nan")}),
        json.dumps({**described(), "window": float("inf")}),
        json.dumps({**described(), "labels": ["low", "low"]}),
        json.dumps({**described(), "labels": ["low"]}),
        json.dumps({**described(), "labels": ["low", "high", "higher"]}),
        json.dumps({**described(), "stride": 7}),
        json.dumps({**described(), "parents": {"low": "low"}}),
        json.dumps({**described(), "parents": {"low": "high", "high": "low"}}),
        json.dumps({**described(), "pooling": "median"}),
        json.dumps({**described(), "context": 10**9}),
        json.dumps({**described(), "thresholds": {"low": {"on": 0.2, "off": 0.5}}}),
    ],
)
def test_what_makes_no_sense_is_refused(odd, text):
    assert refused(odd(text.encode("utf-8", "replace").decode()))


def test_what_is_described_is_read_back():
    about = Description.from_json(json.dumps(described()))
    assert Description.from_json(about.to_json()) == about
    assert not refused_values(described())
    whole = {**described(), "window": 1}  # JSON of others writes 1.0 so
    assert Description.from_json(json.dumps(whole)).window == 1


def refused_values(values):
    try:
        from_json_values(Description, {key: value for key, value in values.items() if key != "format"})
    except (ValueError, TypeError):
        return True
    return False


def external(model, path, location):
    """The same model with its first weights in another file."""
    model = copy.deepcopy(model)
    weights = next(one for one in model.graph.initializer if one.raw_data and len(one.raw_data) >= 8)
    size = len(weights.raw_data)
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", str(size))):
        entry = weights.external_data.add()
        entry.key, entry.value = key, value
    path.write_bytes(model.SerializeToString())
    return size


def test_weights_of_other_files_are_refused(tmp_path, compact):
    model = onnx.load(load_model(compact[1] if isinstance(compact, tuple) else compact).path)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    for location in ("../secret.bin", str(tmp_path / "secret.bin"), "link.bin", "x/../../secret.bin"):
        size = external(model, folder / "model.onnx", location)
        (tmp_path / "secret.bin").write_bytes(bytes(size))
        with pytest.raises(ModelError):
            load_model(folder / "model.onnx")


def test_a_network_of_another_shape_is_refused(tmp_path):
    from onnx import helper

    def made(features, scores, name="features", inputs=1):
        ins = [helper.make_tensor_value_info(name + "x" * i, TensorProto.FLOAT, features) for i in range(inputs)]
        outs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, scores)]
        graph = helper.make_graph([helper.make_node("Identity", [name], ["scores"])], "g", ins, outs)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        entry = model.metadata_props.add()
        entry.key, entry.value = "earmark", json.dumps(described())
        path = tmp_path / "odd.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    bands = LOW_HIGH.front_end.size
    for path in (
        made([1, "t", bands], [1, "t", bands]),
        made([1, "t", 3], [1, "t", 3]),
        made(["t", bands], ["t", bands]),
        made([1, "t", "n"], [1, "t", "n"]),  # which only an answer shows
        made([1, "t", bands], [1, "t", bands], name="sound"),
        made([1, "t", bands], [1, "t", bands], inputs=2),
    ):
        assert refused(path)
