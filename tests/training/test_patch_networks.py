import numpy as np
import pytest
import torch
from patch_making import compare_with_file, made, pictures, shaken
from sklearn.neural_network import MLPClassifier
from torch import nn

from earmark.errors import RecipeError
from earmark.training.networks import NETWORKS, PatchNetwork, build
from earmark.training.networks.imagenet import Pretrained
from earmark.training.networks.network import in_colours

SHAPES = {  # rows and columns of a patch
    "mlp_baseline": (1, 70),
    "cnn_small": (33, 47),
    "cnn4": (32, 48),
    "cnn4_reduced": (37, 50),
    "cnn7": (32, 45),
    "cnn9": (40, 33),
    "conv1d": (20, 20),
}
EVERY = pytest.mark.parametrize("name", SHAPES)
CONVOLUTIONAL = sorted(set(SHAPES) - {"mlp_baseline"})


def test_every_network_for_patches_is_tested_here():
    """Those with pretrained weights are in test_pretrained.py."""
    ours = {n for n, kind in NETWORKS.items() if issubclass(kind, PatchNetwork) and not issubclass(kind, Pretrained)}
    assert set(SHAPES) == ours


def trained_like(name):
    rows, columns = SHAPES[name]
    return shaken(made(name, rows, columns), pictures(8, rows, columns))


@torch.no_grad()
@EVERY
def test_each_patch_is_answered_on_its_own(name):
    network = trained_like(name)
    rows, columns = SHAPES[name]
    features = torch.rand(2, 3 * rows, columns, generator=torch.Generator().manual_seed(0))
    before = network(features)
    assert before.shape == (2, 3, 3)
    features[1, rows] += 0.5  # the first row of the second patch
    after = network(features)
    changed = (after - before).abs().amax(2) > 1e-5
    assert changed.tolist() == [[False, False, False], [False, True, False]]
    torch.testing.assert_close(network(features[1:, rows : 2 * rows])[0, 0], after[1, 1], rtol=1e-4, atol=1e-5)


@EVERY
def test_the_file_answers_as_the_network(name, tmp_path):
    compare_with_file(trained_like(name), SHAPES[name][1], tmp_path / "model.onnx")


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_learns_which_way_stripes_run(name):
    stripes = (torch.arange(32) // 4 % 2).float().expand(32, 32)
    patches = torch.stack([stripes, stripes.T, 1 - stripes, 1 - stripes.T])
    network = made(name, 32, 32).train()
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(30):
            loss = nn.functional.cross_entropy(network(patches)[:, 0], torch.tensor([0, 1, 0, 1]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert network(patches)[:, 0].argmax(1).tolist() == [0, 1, 0, 1]


def counted(name):
    """Trainable parameters and others, as Keras counts them, for pictures of 128x128 and 3 labels."""
    network = build(name, 128, 3, {}, 128)
    others = sum(value.numel() for value in network.buffers() if value.is_floating_point())
    return sum(value.numel() for value in network.parameters() if value.requires_grad), others


def test_cnn4_has_the_published_number_of_parameters():
    assert counted("cnn4") == (4_584_643, 1_472)
    assert counted("cnn4_reduced") == (106_211, 608)


def test_conv1d_is_the_network_that_was_published():
    """Each layer's weights and biases, reckoned by hand from 20 cepstra of 20 frames and 5 answers."""
    network = build("conv1d", 20, 5, {}, 20)
    left = ((20 - 2) // 2 - 2) // 2
    layers = [(20 * 3, 64), (64 * 3, 128), (left * 128, 256), (256, 128), (128, 5)]
    assert sum(value.numel() for value in network.parameters()) == sum((i + 1) * o for i, o in layers)
    dense = [network.dense[0].weight, network.dense[3].weight]
    torch.testing.assert_close(network.penalty(), 0.001 * sum(weight.square().sum() for weight in dense))


def test_conv1d_refuses_patches_of_which_nothing_would_be_left():
    with pytest.raises(RecipeError, match="needs 10"):
        build("conv1d", 20, 5, {}, 9)
    assert build("conv1d", 20, 5, {}, 10)(torch.zeros(1, 10, 20)).shape == (1, 1, 5)


def test_cnn_small_is_small():
    assert counted("cnn_small")[0] < 100_000


@pytest.mark.parametrize(("name", "layers", "millions"), [("cnn7", 7, 44), ("cnn9", 9, 53)])
def test_layers_and_cost_are_as_described(name, layers, millions):
    network = build(name, 128, 50, {}, 128).eval()
    costs = []
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            part.register_forward_hook(
                lambda part, _, out: costs.append(out[0].numel() // len(part.weight) * part.weight.numel())
            )
    network(torch.zeros(1, 128, 128))
    assert len(costs) == layers
    assert round(sum(costs) / 1e6) == millions


@pytest.mark.parametrize("name", ["cnn7", "cnn9"])
def test_l2_is_the_sum_of_squares_of_all_weights(name):
    network = made(name, 32, 32, l2=0.01)
    penalty = network.penalty()
    weights = [value for key, value in network.named_parameters() if key.endswith("weight") and value.ndim > 1]
    assert len(weights) == int(name.removeprefix("cnn"))
    expected = 0.01 * sum(float((value.detach().numpy().astype(float) ** 2).sum()) for value in weights)
    assert penalty.item() == pytest.approx(expected, rel=1e-5)
    penalty.backward()
    torch.testing.assert_close(network.head.weight.grad, 0.02 * network.head.weight.detach())
    assert network.head.bias.grad is None
    assert made(name, 32, 32, l2=0.0).penalty().item() == 0


def test_other_networks_leave_training_as_it_is():
    network = made("cnn_small", 32, 32)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.initialise()
    network.unfreeze(1)
    assert network.penalty() is None
    assert network.stages() == [network]
    assert all(value.requires_grad for value in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_mlp_baseline_is_the_perceptron_of_scikit_learn():
    """The same weights give the same probabilities, and as many of them start in the same range."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(5, 3, (200, 70)).astype(np.float32)
    theirs = MLPClassifier(max_iter=1, random_state=0)
    with pytest.warns(UserWarning, match="converged"):
        theirs.fit(inputs, np.arange(200) % 3)
    network = made("mlp_baseline", 1, 70)
    starts = [network.hidden.weight, network.head.weight]
    for ours, weights in zip(starts, theirs.coefs_, strict=True):
        assert ours.shape == weights.T.shape
        assert float(ours.detach().abs().max()) == pytest.approx(np.abs(weights).max(), rel=0.1)
    with torch.no_grad():
        for layer, weights, bias in zip((network.hidden, network.head), theirs.coefs_, theirs.intercepts_, strict=True):
            layer.weight.copy_(torch.from_numpy(weights.T))
            layer.bias.copy_(torch.from_numpy(bias))
        network.train()(torch.from_numpy(inputs)[:, None])
        found = network.eval()(torch.from_numpy(inputs)[:, None])[:, 0].softmax(1).numpy()
    standard = (inputs - inputs.mean(0)) / np.sqrt(inputs.var(0, ddof=1) + 1e-5)
    np.testing.assert_allclose(found, theirs.predict_proba(standard), atol=1e-5)


@pytest.mark.parametrize("name", ["cnn4", "cnn4_reduced"])
def test_too_small_a_picture(name):
    with pytest.raises(RecipeError, match=r"at least 16x16, and these are 15x128; set front_end\.image"):
        build(name, 128, 3, {}, 15)


def test_networks_for_patches_need_patches_and_others_do_not():
    with pytest.raises(RecipeError, match=r"cnn_small: answers for patches; set front_end\.patch"):
        build("cnn_small", 64, 3, {})
    with pytest.raises(RecipeError, match=r"compact_cnn: answers for frames"):
        build("compact_cnn", 64, 3, {}, 32)


def test_colours_run_from_blue_to_red():
    colours = in_colours(torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]).view(5, 1, 1, 1))[:, :, 0, 0]
    expected = [[0, 0, 0.5], [0, 0.5, 1], [0.5, 1, 0.5], [1, 0.5, 0], [0.5, 0, 0]]
    torch.testing.assert_close(colours, torch.tensor(expected))


@pytest.mark.parametrize("name", ["cnn7", "cnn9"])
def test_networks_that_see_colours(name, tmp_path):
    network = NETWORKS[name](bands=33, labels=3, rows=32, colours=True)
    assert next(part for part in network.modules() if isinstance(part, nn.Conv2d)).in_channels == 3
    compare_with_file(shaken(network, pictures(8, 32, 33)), 33, tmp_path / "model.onnx")
