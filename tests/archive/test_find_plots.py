"""Pictures of when a sound occurs."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from index_making import event, make_index

from earmark.archive import search
from earmark.archive.database import Index
from earmark.archive.search import Query
from earmark.errors import EarmarkError
from earmark.plots import archive as pictures

pytestmark = pytest.mark.usefixtures("rough_pictures")


@pytest.fixture
def drawn(monkeypatch):
    """What figures show, kept before they are written."""
    figures = []
    save = pictures.save
    monkeypatch.setattr(pictures, "save", lambda figure, path: (figures.append(figure), save(figure, path)))
    return figures


def texts(figure):
    return " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def opened(tmp_path, started):
    events = [event("a", 3600.0 * hour, 3600.0 * hour + 2, "dog") for hour in (1, 1.5, 30)] + [
        event("b", 5.0, 6.0, "dog")
    ]
    return Index(make_index(tmp_path / "index", events, started=started, durations={"a": 200_000.0, "b": 10.0}))


def test_a_calendar_of_days(tmp_path, drawn):
    search.draw(opened(tmp_path, {"a": datetime(2025, 12, 31)}), Query(("dog",)), tmp_path / "a.png")
    (figure,) = drawn
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "dog: 4 events" in texts(figure)
    assert "1 without a date" in texts(figure)
    years = [axes for axes in figure.axes if axes.get_ylabel() in ("2025", "2026")]
    shown = [axes.collections[0].get_array().reshape(7, 54) for axes in years]
    assert [float(grid.max()) for grid in shown] == [2.0, 1.0]
    assert shown[0][2, 52] == 2  # Wednesday, the last of December
    assert shown[1].count() == 2  # recorded on the first and second of January


def test_a_raster_of_hours(tmp_path, drawn):
    search.draw(opened(tmp_path, {"a": datetime(2026, 5, 1)}), Query(("dog",)), tmp_path / "a.png", "hour")
    grid = drawn[0].axes[0].collections[0].get_array()
    assert grid.shape == (24, 3)
    assert [grid[1, 0], grid[6, 1], grid[7, 1]] == [2.0, 1.0, 0.0]
    assert grid.mask[23, 2]  # nothing was recorded any more


def test_recordings_where_no_date_is_known(tmp_path, drawn):
    index = opened(tmp_path, {})
    search.draw(index, Query(("dog",)), tmp_path / "a.png")
    assert [tick.get_text() for tick in drawn[0].axes[0].get_yticklabels()] == ["a", "b"]
    with pytest.raises(EarmarkError, match="no recording's date is known"):
        search.draw(index, Query(("dog",)), tmp_path / "a.png", "hour")


def test_names_of_recordings_are_no_formulas(tmp_path, drawn):
    events = [event("a$^$b.wav", 1.0, 2.0, "dog")]
    search.draw(Index(make_index(tmp_path / "index", events)), Query(("dog",)), tmp_path / "a.png")
    assert "a$^$b.wav" in texts(drawn[0])


def test_nothing_to_draw(tmp_path):
    with pytest.raises(EarmarkError, match="nothing to draw"):
        search.draw(opened(tmp_path, {}), Query(("cat",)), tmp_path / "a.png")


@given(
    st.lists(st.tuples(st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)), st.floats(0.1, 300_000)), max_size=5)
)
def test_recorded_hours_add_up(covered):
    heard = pictures.recorded_hours(covered)
    assert sum(heard.values()) * 3600 == pytest.approx(sum(seconds for _, seconds in covered), rel=1e-6)


@pytest.mark.parametrize("year", [2024, 2025, 2028])
def test_each_day_of_a_year_has_a_place_of_its_own(year):
    days = {date(year, 1, 1) + timedelta(days=number) for number in range(365)}
    grid = pictures._weeks(year, dict.fromkeys(days, 1), days)
    assert int((grid == 1).sum()) == 365
