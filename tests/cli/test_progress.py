import pytest

from earmark.cli.progress import TrainingProgress
from earmark.training.trainer import EpochReport


@pytest.fixture
def told(capsys):
    """What is said of networks that train, a line each."""

    def tell(networks, at_once, *epochs):
        with TrainingProgress() as progress:
            progress.starting(networks, at_once)
            for part, epoch in epochs:
                progress.epoch(part, epoch)
        return capsys.readouterr().err.splitlines()

    return tell


@pytest.mark.parametrize(
    ("networks", "at_once", "seconds", "expected"),
    [
        (1, 1, 6.0, "about 6 min to go, at 6.0 s an epoch"),
        (1, 1, 0.5, "about 30 s to go, at 0.5 s an epoch"),
        (5, 2, 6.0, "about 6 min to go for this network, about 18 min for all 5"),  # three rounds
        (5, 5, 6.0, "about 6 min to go for this network, about 6 min for all 5"),
        (10, 1, 60.0, "about 60 min to go for this network, about 10.2 h for all 10"),
    ],
)
def test_how_long_it_will_take_is_said_after_the_first_epoch(told, networks, at_once, seconds, expected):
    lines = told(networks, at_once, *((f"fold-{n}", EpochReport(1, 61, 2.0, seconds)) for n in (1, 2)))
    assert lines[0] == expected
    assert sum("to go" in line for line in lines) == 1


def test_a_network_taken_up_says_what_is_left(told):
    assert told(1, 1, ("held-out", EpochReport(41, 61, 2.0, 6.0)))[0] == "about 2 min to go, at 6.0 s an epoch"


def test_nobody_told_of_networks_says_nothing(told):
    assert not any("to go" in line for line in told(0, 0, ("held-out", EpochReport(1, 61, 2.0, 6.0))))
