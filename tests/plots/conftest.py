import pytest
from matplotlib.layout_engine import ConstrainedLayoutEngine


@pytest.fixture
def unlaid(monkeypatch):
    """Pictures without their layout, which takes half of the time, for tests that look at something else."""
    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", lambda *_: None)
