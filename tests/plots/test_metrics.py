"""Pictures of metrics."""

import numpy as np
import pytest

from earmark.evaluation.clip_metrics import reliability
from earmark.plots import metrics
from earmark.plots.metrics import RunAccuracy


@pytest.fixture
def drawn(monkeypatch, unlaid):
    """What figures show, kept before they are written."""
    figures = []
    save = metrics.save
    monkeypatch.setattr(metrics, "save", lambda figure, path: (figures.append(figure), save(figure, path)))
    return figures


def test_a_leak_is_told_from_an_honest_run(tmp_path, drawn):
    honest = RunAccuracy("esc50, cnn7\nofficial folds", 0.8, (0.75, 0.85), [0.78, 0.82])
    leaky = RunAccuracy("esc50, cnn7\nleaks", 0.99, None, [0.99], leaky=True)
    metrics.draw_runs({"esc50": [honest, leaky], "esc10": [honest]}, tmp_path / "runs.png")
    metrics.draw_runs({"esc50": [honest]}, tmp_path / "honest.png")
    both, alone = drawn
    assert [axes.get_title(loc="left") for axes in both.axes] == ["esc50", "esc10"]
    assert [label.get_color() for label in both.axes[0].get_yticklabels()] == ["black", metrics.WRONG]
    assert both.legends
    assert not alone.legends
    assert (tmp_path / "runs.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("confidence", "right"), [([0.2, 0.9], [False, True]), ([], [])])
def test_reliability(tmp_path, drawn, confidence, right):
    found = reliability(np.array(confidence, float), np.array(right, bool))
    path = tmp_path / "reliability.png"
    metrics.draw_reliability(found, path)
    bars = drawn[0].axes[0].patches
    assert [bar.get_height() for bar in bars] == [float(one) for one in right]
    assert path.read_bytes().startswith(b"\x89PNG")


def test_counts_of_a_confusion_matrix_are_readable_on_every_shade(tmp_path, drawn):
    metrics.draw_confusion(np.array([[9, 1], [0, 0]]), ["dog", "cat"], tmp_path / "confusion.png")
    texts = {text.get_text(): text.get_color() for text in drawn[0].axes[0].texts}
    assert texts == {"9": "white", "1": "black"}
