"""The package as it could be published, and the checks that run elsewhere."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
LARGEST = 12_000_000  # bytes of the wheel
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built by the packages that are here: nothing is fetched."""
    backend = pytest.importorskip("hatchling.build")
    out = tmp_path_factory.mktemp("dist")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return out / backend.build_wheel(str(out))


def test_the_wheel_is_small_and_holds_what_is_needed(wheel):
    assert wheel.stat().st_size < LARGEST
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("py.typed", "models/bundled/sounds.onnx", "models/bundled/words/gru.onnx", "examples/street.mp4"):
        assert f"earmark/{name}" in names
    assert any(name.startswith("earmark/service/static/") for name in names)
    assert any(name.startswith("earmark/labels/phrases/") for name in names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"earmark"}


def test_an_index_would_take_the_wheel(wheel):
    done = subprocess.run([sys.executable, "-m", "twine", "check", "--strict", wheel], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_extras_that_messages_and_documents_name_exist():
    asked = set()
    for path in (ROOT / "src").rglob("*.py"):
        asked.update(re.findall(r"MissingExtraError\([^()]*?\"(\w+)\"\)", path.read_text(encoding="utf-8")))
    assert len(asked) > 2
    for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "examples" / "earmark.ipynb"):
        text = path.read_text(encoding="utf-8")
        for name, extras in re.findall(r"install ['\"]?([\w./]+)\[([\w,]+)\]", text):
            assert name in (".", "/src"), f"{path}: the package is on no index"
            asked.update(extras.split(","))
        assert not re.search(r"pip install ['\"]?earmark", text), f"{path}: the package is on no index"
    assert asked <= set(PROJECT["optional-dependencies"])


def test_checks_run_on_three_systems():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))["jobs"]
    systems = jobs["tests"]["strategy"]["matrix"]["system"]
    assert {name.split("-")[0] for name in systems} == {"ubuntu", "macos", "windows"}
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert {"ruff check", "ruff format --check", "mypy"} <= set(commands)
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for command in commands:
        if command.startswith("make "):
            assert set(command.split()[1:]) <= targets
    extras = next(re.search(r"\.\[([\w,]+)\]", command) for command in commands if "--editable" in command)[1]
    assert set(extras.split(",")) == set(PROJECT["optional-dependencies"])
