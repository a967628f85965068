"""The benchmark of wrong labels: what it flips, and that the docs quote what it wrote."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from earmark.datasets import Clip, Dataset

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results" / "environment" / "suspects" / "label_noise.json"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("label_noise", ROOT / "benchmarks" / "label_noise.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_as_many_labels_as_asked_become_others(benchmark):
    clips = tuple(Clip(Path(f"{i}.wav"), labels=("abcd"[i % 4],)) for i in range(200))
    dataset = Dataset("d", clips)
    flipped, wrong = benchmark.flip(dataset, 0.08, np.random.default_rng(3))
    differ = [i for i in range(200) if flipped.clips[i].labels != clips[i].labels]
    assert differ == wrong.tolist()
    assert len(wrong) == 16
    assert set(flipped.labels) <= set("abcd")
    again, _ = benchmark.flip(dataset, 0.08, np.random.default_rng(3))
    assert again.clips == flipped.clips


def test_figures_by_hand(benchmark):
    is_wrong = np.zeros(200, bool)
    is_wrong[[0, 5, 15, 150]] = True
    figures = benchmark.figures(np.arange(200), is_wrong)
    assert figures["recall"] == {"5%": 0.5, "10%": 0.75, "15%": 0.75, "20%": 0.75}
    assert figures["precision"]["5%"] == 0.2
    assert figures["curve"][-1] == 4


def test_the_margin_by_hand(benchmark):
    two = np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9]])
    assert benchmark.normalised_margin(two, np.array([0, 1, 0])) == pytest.approx([0.9, 0.8, 0.1])
    assert benchmark.normalised_margin(np.array([[0.5, 0.3, 0.2]]), np.array([2])) == pytest.approx([0.35])


@pytest.mark.parametrize("seed", range(4))
def test_the_margin_is_that_of_cleanlab(benchmark, seed):
    rank = pytest.importorskip("cleanlab.rank", reason="cleanlab is not installed")
    rng = np.random.default_rng(seed)
    scores, label = rng.dirichlet(np.full(6, 0.3), 600), rng.integers(6, size=600)
    by_margin = rank.get_label_quality_scores(label, scores, method="normalized_margin")
    assert benchmark.normalised_margin(scores, label) == pytest.approx(by_margin)


def test_the_docs_quote_the_figures():
    content = json.loads(RESULTS.read_text())
    text = (ROOT / "docs" / "label_issues.md").read_text()
    used, margin, joint = content["rankings"].values()
    for share, recall in used["recall"].items():
        figures = (recall, used["precision"][share], margin["recall"][share], joint["recall"][share])
        row = " | ".join([share.replace("%", " %"), *(f"{figure:.3f}" for figure in figures)])
        assert f"| {row} |" in text
    told = content["confident_joint"]
    for figure in (told["precision"], told["recall"], told["estimated_share_of_wrong_labels"]):
        assert f"{figure:.1%}".replace("%", " %") in text
    assert f"{told['clips']} labels" in text
    assert f"{100 * content['accuracy']['by_the_true_labels']:g} %" in text


def test_most_wrong_labels_are_found():
    """At least 60 % of the flipped stand in the top 15 % of the ranking."""
    content = json.loads(RESULTS.read_text())
    assert content["wrong"] == round(0.08 * content["clips"])
    assert content["rankings"]["self_confidence"]["recall"]["15%"] >= 0.6


def test_the_docs_quote_the_figures_of_audiosets_answers():
    content = json.loads(RESULTS.with_name("label_noise_audioset.json").read_text())
    text = (ROOT / "docs" / "label_issues.md").read_text()
    audioset, networks, both = (content["by"][name] for name in ("audioset", "networks", "both"))
    for share, recall in audioset["recall"].items():
        figures = (recall, networks["recall"][share], both["recall"][share], audioset["precision"][share])
        row = " | ".join([share.replace("%", " %"), *(f"{figure:.3f}" for figure in figures)])
        assert f"| {row} |" in text
    told = " | ".join(f"{one['accuracy_by_the_true_labels']:.3f}" for one in (audioset, networks, both))
    assert f"| accuracy by the true labels | {told} |" in text
    assert content["wrong"] == json.loads(RESULTS.read_text())["wrong"]
    assert audioset["recall"]["15%"] >= 0.9
