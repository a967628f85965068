import numpy as np
import pytest
from matplotlib.figure import Figure

from earmark.errors import EarmarkError
from earmark.events.seconds import seconds
from earmark.events.timeline import Event, Timeline
from earmark.plots import style
from earmark.plots import timeline as plot
from earmark.plots.timeline import draw_seconds


def view_of(duration, *events, every=1.0):
    return seconds(Timeline("some/where.wav", duration, "sounds").with_events(events), every)


def drawn(view, labels):
    """The scores [labels, columns] that one row shows, NaN where there is none, and the columns' edges in seconds."""
    axes = Figure().add_subplot()
    plot._draw_roll(axes, view.windows, labels, 0.0)
    (cells,) = axes.collections
    return np.ma.filled(cells.get_array().astype(float), np.nan), cells.get_coordinates()[0, :, 0]


def size(path):
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def test_cells_show_the_scores():
    view = view_of(3.4, Event(0, 2, "rain", 0.5), Event(1.0, 3.4, "dog", 0.75))
    scores, edges = drawn(view, ["rain", "dog"])
    np.testing.assert_allclose(edges, [0, 1, 2, 3, 3.4])
    np.testing.assert_array_equal(scores, [[0.5, 0.5, np.nan, np.nan], [np.nan, 0.75, 0.75, 0.75]])


def test_a_single_second_is_seen_in_the_longest_row(monkeypatch):
    monkeypatch.setattr(plot, "COLUMNS", 100)
    scores, edges = drawn(view_of(1050.0, Event(777.0, 778.0, "dog", 0.75)), ["dog"])
    assert len(edges) <= 101
    assert edges[-1] == 1050
    (column,) = np.flatnonzero(scores[0] == 0.75)
    assert edges[column] <= 777 < edges[column + 1]


def test_a_picture_grows_with_labels_and_rows_but_not_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(plot, "ROW_COLUMNS", 200)
    monkeypatch.setattr(plot, "MOST_ROWS", 3)
    events = [Event(10.0 * n, 10.0 * n + 9, f"label_{n}", 0.9) for n in range(20)]
    sizes = []
    monkeypatch.setattr(plot, "save", lambda figure, path: sizes.append(figure.get_size_inches() * style.DPI))
    for duration, count in ((10, 0), (10, 1), (200, 5), (400, 5), (700, 5), (7000, 5), (200, 15), (200, 20)):
        draw_seconds(view_of(float(duration), *(e for e in events[:count] if e.onset < duration)), tmp_path / "a.png")
    heights = [height for _, height in sizes]
    assert {width for width, _ in sizes} == {1540}
    assert heights == [heights[0], heights[0], *heights[2:]]
    assert heights[1] < heights[2] < heights[3] < heights[4] == heights[5]
    assert heights[6] == heights[7]


def test_labels_that_fill_most_are_shown_in_the_order_in_which_they_begin(monkeypatch):
    monkeypatch.setattr(plot, "MOST_LANES", 2)
    view = view_of(9.0, Event(0, 1, "short", 1), Event(1, 3, "long", 1), Event(2, 3, "two", 1), Event(5, 7, "two", 1))
    assert plot._roll_labels(view.windows) == ["long", "two"]


@pytest.mark.parametrize(("most", "title"), [(1, "labels of each second, 1 of 2 labels)"), (2, "of each second)")])
def test_the_title_says_where_labels_are_left_out(monkeypatch, tmp_path, most, title):
    monkeypatch.setattr(plot, "MOST_LANES", most)
    titles = []
    monkeypatch.setattr(plot, "save", lambda figure, path: titles.append(figure.axes[0].get_title(loc="left")))
    draw_seconds(view_of(3.0, Event(0, 2, "rain", 1), Event(1, 2, "dog", 1)), tmp_path / "a.png")
    assert titles[0].endswith(title)


@pytest.mark.parametrize(("duration", "events"), [(0.0, []), (0.01, []), (0.01, [Event(0, 0.01, "dog", 1.0)])])
def test_shortest_recordings(tmp_path, unlaid, duration, events):
    draw_seconds(view_of(duration, *events), tmp_path / "a.png")
    assert size(tmp_path / "a.png")[0] == 1540


def test_names_with_signs_that_matplotlib_reads(tmp_path):
    events = (Event(0, 1, "$\\frac{", 0.5),)
    draw_seconds(seconds(Timeline("a_$b^{c}$$.wav", 3.0, "$x").with_events(events)), tmp_path / "a.png")


def test_a_path_that_cannot_be_written(tmp_path):
    with pytest.raises(EarmarkError, match="cannot be written"):
        draw_seconds(view_of(3.0), tmp_path / "none" / "a.png")
