"""The map of an archive."""

import json
import re

import numpy as np
import pytest
from archive_making import make_store
from index_making import event, make_index
from model_making import tones, write_wav

from earmark.archive.database import Index
from earmark.archive.map import SoundMap, sound_map, write_map
from earmark.archive.review import Second
from earmark.errors import EarmarkError

LABELS = ("dog", "siren", "rain")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Recordings of three kinds, ten seconds each, with the label of their kind."""
    rng = np.random.default_rng(0)
    kinds = rng.standard_normal((3, 16))
    names = [f"{kind}-{number}.wav" for kind in LABELS for number in range(8)]
    vectors = {name: kinds[LABELS.index(name.split("-")[0])] + 0.3 * rng.standard_normal((10, 16)) for name in names}
    seconds = [(name, second, name.split("-")[0], 0.9) for name in names for second in range(10)]
    events = [event(name, 0.0, 1.0, name.split("-")[0]) for name in names]
    about = {"embedder": "m", "embedder_version": "v", "dimensions": 16}
    out = make_index(tmp_path_factory.mktemp("map") / "index", events, seconds=seconds, **about)
    return Index(out), make_store(out, vectors)


@pytest.fixture(scope="module")
def some_laid(made):
    """A map of sixty of them."""
    return sound_map(*made, np.random.default_rng(0), most=60)


def embedded(path):
    return json.loads(re.search(r'id="data">(.*?)</script>', path.read_text("utf-8"), re.DOTALL)[1])


def test_what_sounds_alike_lies_together(made):
    laid = sound_map(*made, np.random.default_rng(0))
    kind = np.array([LABELS.index(one.recording.split("-")[0]) for one in laid.seconds])
    apart = np.linalg.norm(laid.positions[:, None] - laid.positions[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (kind[apart.argmin(axis=1)] == kind).mean() > 0.97
    assert [label for label, _ in laid.labels] == [LABELS[one] for one in kind]
    for number, name in enumerate(laid.names):
        assert {LABELS[one] for one in kind[laid.clusters == number]} == {name}


def test_of_many_seconds_some_are_drawn(made):
    laid, again = (sound_map(*made, np.random.default_rng(1), most=60) for _ in range(2))
    assert (len(laid.seconds), laid.total) == (60, 240)
    assert laid.seconds == again.seconds
    assert laid.positions == pytest.approx(again.positions)


def test_the_file_holds_all_that_it_needs(some_laid, tmp_path):
    laid = some_laid
    file = tmp_path / "map.html"
    write_map(laid, "</script><b>", "/far away", file)
    told = embedded(file)
    assert (told["title"], told["total"], len(told["points"])) == ("</script><b>", 240, 60)
    recording, second, *_, label, score, cluster = told["points"][0]
    assert told["recordings"][recording] == laid.seconds[0].recording
    assert told["addresses"][recording] == f"file:///far%20away/{laid.seconds[0].recording}"
    assert (second, told["labels"][label], score) == (laid.seconds[0].second, *laid.labels[0])
    assert told["clusters"][cluster] == laid.names[laid.clusters[0]]
    assert not re.search(r'(src|href)="', file.read_text("utf-8"))


def test_recordings_that_a_browser_cannot_reach(some_laid, tmp_path):
    for root, known in (("s3://bucket", False), ("https://example.org/a", True)):
        write_map(some_laid, "map", root, tmp_path / "map.html")
        assert all(bool(address) == known for address in embedded(tmp_path / "map.html")["addresses"])


def test_too_few_seconds(made, tmp_path):
    with pytest.raises(EarmarkError, match="5 seconds, too few for a map"):
        sound_map(made[0], make_store(tmp_path / "few", {"a": np.ones((5, 4))}), np.random.default_rng(0))


def test_the_command(made, command, tmp_path):
    done = command("find", "--in", made[0].folder, "--map", tmp_path / "archive.html", "--limit", 50)
    assert (done.returncode, done.stdout) == (0, "")
    assert len(embedded(tmp_path / "archive.html")["points"]) == 50
    done = command("find", "dog", "--in", made[0].folder, "--map", tmp_path / "archive.html")
    assert done.returncode == 1
    assert "does not go with --map" in done.stderr


@pytest.mark.browser
def test_in_a_browser_points_play(opened, tmp_path):
    write_wav(tmp_path / "a #1?.wav", tones(60.0))
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    seconds = [Second("a #1?.wav", 4), Second("a #1?.wav", 6), Second("broken.wav", 0)]
    positions = np.array([[0, 0], [4, 0], [0, 4]], np.float32)
    laid = SoundMap(seconds, positions, [("dog", 0.9), None, None], np.array([0, 0, 1]), ["dog", "siren"], 3)
    write_map(laid, "map", str(tmp_path), tmp_path / "map.html")
    page = opened((tmp_path / "map.html").as_uri())
    page.evaluate(
        "heard = []; listen = (on) => player.addEventListener(on, () => heard.push([on, player.currentTime]))"
    )
    page.evaluate("['playing', 'pause'].forEach(listen)")

    def click(point):
        x, y = page.evaluate(f"at(data.points[{point}])")
        page.locator("canvas").click(position={"x": x, "y": y})

    click(0)
    page.wait_for_function("heard.some(([on]) => on === 'pause')")
    (begun, *_), (*_, ended) = (
        [at for on, at in page.evaluate("heard") if on == kind] for kind in ("playing", "pause")
    )
    assert 3.4 <= begun < ended
    assert 5.4 <= ended < 60.0
    status = page.get_by_role("status")
    assert status.inner_text() == "a #1?.wav at 0:04: dog 0.90"
    click(2)
    page.wait_for_function("document.getElementById('about').textContent.includes('cannot be played here')")
    page.evaluate("heard = []; play(data.points[0]); play(data.points[1])")  # before the first has begun
    page.wait_for_function("heard.some(([on, at]) => on === 'playing' && at >= 5)")
    assert status.inner_text() == "a #1?.wav at 0:06: no label"
    page.locator("canvas").press("ArrowLeft")
    assert status.inner_text() == "a #1?.wav at 0:04: dog 0.90"
    page.get_by_role("button", name="siren").click()
    page.locator("canvas").press("ArrowLeft")
    assert status.inner_text().startswith("broken.wav at 0:00: no label")
    page.evaluate("data.addresses[1] = ''; play(data.points[2])")
    assert "cannot be played here" in status.inner_text()
