import gc
import io
import os
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import pytest

# Before torch and NumPy start their threads, which mostly wait for each other, and most of all on a busy machine.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

from hypothesis import settings
from model_making import backbone_model, compact_model, low_high_model

from earmark.models.model import load_model

# Times say nothing on a busy machine. The same examples in every run; `--hypothesis-profile search` tries more of them.
settings.register_profile("earmark", deadline=None, derandomize=True, max_examples=25)
settings.register_profile("search", deadline=None)
settings.load_profile("earmark")

pytest_plugins = ["browser"]

BESIDE = Path(__file__).parents[2] / "shared"
SHARED = BESIDE / "data"
PRETRAINED = BESIDE / "pretrained" / "mn04_as_mAP_432.pt"


def pytest_collection_modifyitems(items):
    """Where the system lacks what only POSIX has, tests that use it are skipped, and say so."""
    if os.name != "posix":
        for item in items:
            if item.get_closest_marker("posix") or item.get_closest_marker("kill"):
                item.add_marker(pytest.mark.skip(reason="this system has no POSIX signals, pipes or limits"))


def pytest_collection_finish():
    """Thousands of tests, and the libraries that they import, stay to the end: to look through them frees nothing."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def seeded():
    """Torch draws the same in each test, whatever ran before; where nothing imported torch, it is not imported here."""
    if torch := sys.modules.get("torch"):
        torch.default_generator.manual_seed(0)  # where no GPU is in use, `torch.manual_seed` notes the whole stack


@pytest.fixture
def shared():
    """The real recordings beside the repository."""
    if not SHARED.is_dir():
        pytest.skip("the real recordings are not in ../shared/data")
    return SHARED


@pytest.fixture
def pretrained():
    """The publisher's weights of `mn04_as`, beside the repository; a test that asks for them is marked `shared`."""
    if not PRETRAINED.is_file():
        pytest.skip(f"the pretrained weights are not in ../shared/pretrained ({PRETRAINED.name})")
    return PRETRAINED


@pytest.fixture
def command(monkeypatch, capfd):
    """Runs `earmark` with these words in this process, which is faster than another; what it gave as from another."""

    def run(*words):
        from earmark.cli import main

        monkeypatch.setattr(sys, "argv", ["earmark", *map(str, words)])
        with warnings.catch_warnings(), pytest.raises(SystemExit) as end:
            main()
        out, err = capfd.readouterr()
        return SimpleNamespace(returncode=end.value.code or 0, stdout=out, stderr=err)

    return run


@pytest.fixture(scope="session")
def early_command():
    """The same for fixtures that several tests share."""

    def run(*words):
        from earmark.cli import main

        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "argv", ["earmark", *map(str, words)])
            with warnings.catch_warnings(), pytest.raises(SystemExit) as end:
                main()
        return SimpleNamespace(returncode=end.value.code or 0, stdout=out.getvalue(), stderr=err.getvalue())

    return run


@pytest.fixture(scope="module")
def rough_pictures():
    """For tests to which the look of pictures does not matter: small ones, without the layout, which takes long.

    They are drawn once: `savefig` draws them twice, the first time for the layout.
    """
    layout_engine = pytest.importorskip("matplotlib.layout_engine")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from earmark.plots import style

    def draw(figure, file, dpi, **_):
        figure.dpi = dpi
        FigureCanvasAgg(figure).print_png(file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "DPI", 40)
        patch.setattr(Figure, "savefig", draw)
        patch.setattr(layout_engine.ConstrainedLayoutEngine, "execute", lambda *_: None)
        yield


@pytest.fixture(scope="session")
def low_high_file(tmp_path_factory):
    """A model that marks `low` for a tone below 1 kHz and `high` for one above."""
    return low_high_model(tmp_path_factory.mktemp("model") / "low_high.onnx")


@pytest.fixture(scope="session")
def sensing_file(tmp_path_factory):
    """The same with embeddings."""
    return low_high_model(tmp_path_factory.mktemp("model") / "sensing.onnx", embedding=True)


@pytest.fixture(scope="session")
def low_high(low_high_file):
    return load_model(low_high_file, threads=1)


@pytest.fixture(scope="session")
def compact(tmp_path_factory):
    """A small network with random weights, and the file that `export` made of it."""
    return compact_model(tmp_path_factory.mktemp("model") / "compact.onnx")


@pytest.fixture(scope="session")
def backbone_file(tmp_path_factory):
    """A small model file with AudioSet's labels and embeddings, of random weights."""
    path = tmp_path_factory.mktemp("model") / "backbone.onnx"
    backbone_model(path)
    return path
