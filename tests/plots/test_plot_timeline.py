import numpy as np
import pytest
from model_making import RATE, tones, write_wav

from earmark.errors import EarmarkError, MediaError
from earmark.events.scores import Scores
from earmark.events.timeline import Event, Timeline
from earmark.media import Sound
from earmark.plots import style
from earmark.plots import timeline as plot
from earmark.plots.timeline import draw_timeline


def timeline_of(duration, *events):
    return Timeline("some/where.wav", duration, "sounds", events)


def read_png(path):
    from matplotlib.image import imread

    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    return imread(path)


@pytest.fixture
def recording(tmp_path):
    return write_wav(tmp_path / "tones.wav", tones(3.0, (1, 2, 500.0)))


def test_width_is_fixed_and_height_grows_with_lanes(recording, tmp_path, monkeypatch):
    sizes = {}
    monkeypatch.setattr(
        plot, "save", lambda figure, _: sizes.update({lanes: tuple(figure.get_size_inches() * style.DPI)})
    )
    for lanes in (0, 1, 15, 40):
        events = (Event(0.1, 1.0 + 0.01 * n, f"label_{n}", 0.9) for n in range(lanes))
        draw_timeline(recording, timeline_of(3.0, *events), tmp_path / "a.png")
    assert {width for width, _ in sizes.values()} == {1540}
    assert sizes[0] == sizes[1]
    assert sizes[1][1] == pytest.approx(110 * 3.52, abs=1)
    assert sizes[1] < sizes[15] == sizes[40]


def test_long_lanes_are_shown_in_the_order_in_which_they_begin(monkeypatch):
    monkeypatch.setattr(plot, "MOST_LANES", 2)
    line = timeline_of(9, Event(0, 1, "short", 1), Event(1, 3, "long", 1), Event(2, 3, "two", 1), Event(5, 7, "two", 1))
    assert [label for label, _ in plot._lanes(line)] == ["long", "two"]


def test_the_title_says_where_labels_are_left_out(monkeypatch, recording, tmp_path):
    titles = []
    monkeypatch.setattr(plot, "save", lambda figure, path: titles.append(figure.axes[0].get_title(loc="left")))
    for lanes in (15, 16):
        events = (Event(0.1, 1.0, f"label_{n}", 0.9) for n in range(lanes))
        draw_timeline(recording, timeline_of(3.0, *events), tmp_path / "a.png")
    assert titles == ["where.wav   (sounds)", "where.wav   (sounds, 15 of 16 labels)"]


@pytest.mark.parametrize("seconds", [0.3, 40.0, 65.0])
def test_spectrogram_has_a_bounded_number_of_columns(tmp_path, seconds):
    samples = tones(seconds, (seconds / 2, seconds, 2000.0))
    columns = plot._columns(Sound(write_wav(tmp_path / "a.wav", samples)), seconds)
    assert len(columns) == pytest.approx(min(1600, seconds * 50), rel=0.5)
    band = np.abs(plot.FRONT_END.centres() - 2000).argmin()
    half = len(columns) // 2
    assert columns[half + 3 :, band].min() > columns[: half - 3, band].max() + 30


@pytest.mark.parametrize("samples", [1, 100])
def test_shortest_recordings(tmp_path, unlaid, samples):
    path = write_wav(tmp_path / "a.wav", np.zeros(samples))
    draw_timeline(path, timeline_of(samples / RATE), tmp_path / "a.png")
    assert read_png(tmp_path / "a.png").shape[1] == 1540


def test_names_with_signs_that_matplotlib_reads(recording, tmp_path):
    line = Timeline("a_$b^{c}$.wav", 3.0, "$x", (Event(0, 1, "$\\frac{", 0.5),))
    draw_timeline(recording, line, tmp_path / "a.png")


def test_a_path_that_cannot_be_written(recording, tmp_path):
    with pytest.raises(EarmarkError, match="cannot be written"):
        draw_timeline(recording, timeline_of(3.0), tmp_path / "none" / "a.png")
    plot.draw_scores("duet.mp4", [("guitar", 0.9)], tmp_path / "picture.of_it")
    assert read_png(tmp_path / "picture.of_it").any()


def test_a_missing_recording(tmp_path):
    with pytest.raises(MediaError, match="gone"):
        draw_timeline(tmp_path / "gone.wav", timeline_of(3.0), tmp_path / "a.png")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (3.5, "0:03.5"), (59.96, "1:00"), (61, "1:01"), (3661, "61:01")]
)
def test_clock(seconds, text):
    assert style._clock(seconds) == text


def test_scores_are_drawn_below_the_events(recording, tmp_path):
    line = timeline_of(3.0, Event(0.1, 1.0, "low", 0.9))
    values = np.zeros((30, 2), np.float32)
    values[:, 1] = 0.8
    without = plot.timeline_figure(Sound(recording), line).get_size_inches() * style.DPI
    draw_timeline(recording, line, tmp_path / "with.png", 0, Scores(("high", "low"), 0.1, values))
    assert read_png(tmp_path / "with.png").shape[0] > without[1] + 100
    nothing = Scores(("high", "low"), 0.1, values[:0])
    draw_timeline(recording, timeline_of(0.0), tmp_path / "nothing.png", 0, nothing)


def test_the_label_that_came_nearest_is_drawn_where_nothing_was_marked(monkeypatch):
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    values = np.array([[0.1, 0.2], [0.1, 0.4]], np.float32)
    plot._draw_scores(axes, Scores(("high", "low"), 0.5, values), [], 1.0)
    (line,) = axes.get_lines()
    assert line.get_label() == "low"
    np.testing.assert_allclose(line.get_xydata(), [[0.25, 0.2], [0.75, 0.4]], rtol=1e-6)


def test_scores_of_a_whole_recording_as_bars(tmp_path, unlaid):
    plot.draw_scores("duet.mp4", [("guitar", 0.9), ("piano", 0.4)], tmp_path / "two.png")
    plot.draw_scores("duet.mp4", [(f"label_{i}", 0.1) for i in range(9)], tmp_path / "nine.png")
    assert read_png(tmp_path / "two.png").shape[0] < read_png(tmp_path / "nine.png").shape[0]
