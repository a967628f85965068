"""Who may import whom: the order of the rooms in docs/architecture.md, enforced."""

import ast
import json
import os
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from model_making import tones, write_wav

import earmark
from earmark.util import blas

SOURCE = Path(earmark.__file__).parent

ROOMS = (
    "_version",
    "errors",
    "util",
    "labels",
    "media",
    "features",
    "events",
    "models",
    "speech",
    "captions",
    "formats",
    "augment",
    "plots",
    "datasets",
    "synthesis",
    "live",
    "evaluation",
    "training",
    "archive",
    "service",
    "cli",
    "__main__",
)
"""In the order of the flow: every room may import those before it, and docs/architecture.md lists them so."""

LATE = {
    "events.results": {"formats", "plots"},
    "captions.captioning": {"formats"},
}
"""What a method hands its object on to: rooms further right, which these modules import when they are called."""

INFERENCE = ROOMS[: ROOMS.index("augment")]

FILES = sorted(SOURCE.rglob("*.py"))
INFERENCE_MODULES = sorted(
    ".".join(("earmark", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")
    for path in FILES
    if path.relative_to(SOURCE).with_suffix("").parts[0] in INFERENCE
)
HEAVY = {
    "torch",
    "sklearn",
    "matplotlib",
    "librosa",
    "lightning_fabric",
    "onnx",
    "pandas",
    "scipy.signal",
}

SLOW_TO_START = {"scipy.special", "numpy.f2py", "pydantic"}
"""What a clip need not wait for: `scipy.fft` draws in the first two, typer from 0.29 on the third."""


def module_of(path):
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


@cache
def imports(path):
    """(node, module, name or None) for everything of Earmark that a file imports, wherever in it."""
    return list(_imports(_statements(ast.parse(path.read_text(encoding="utf-8"))), path))


def _statements(node):
    """All below a node, and no expressions, which are most of what `ast.walk` visits."""
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        for one in getattr(node, field, ()):
            yield one
            yield from _statements(one)


def _imports(nodes, path):
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide which room is meant"
            if node.module and node.module.split(".")[0] == "earmark":
                yield from ((node, node.module.removeprefix("earmark").removeprefix("."), a.name) for a in node.names)
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.split(".")[0] == "earmark"]
            yield from ((node, name.removeprefix("earmark").removeprefix("."), None) for name in names)


def test_rooms_import_in_the_order_of_the_flow_and_no_private_names():
    wrong = []
    for path in FILES:
        module = module_of(path)
        room = module.split(".")[0]
        if path == SOURCE / "__init__.py":
            continue
        assert room in ROOMS, f"say in ROOMS above and in docs/architecture.md where {room} stands"
        for node, target, name in imports(path):
            words = [*target.split("."), *([name] if name else [])]
            if [word for word in words if word.startswith("_") and word not in ("_version", "__version__")]:
                wrong.append(f"{path}:{node.lineno} imports a private name of {target}")
            other = target.split(".")[0] or name
            late = other in LATE.get(module, ()) and node.col_offset > 0
            if not late and other != room and other in ROOMS and ROOMS.index(other) > ROOMS.index(room):
                wrong.append(f"{path}:{node.lineno} imports {other}, which stands further right")
    assert not wrong, "\n".join(wrong)
    table = (SOURCE.parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = [line.split("`")[1].rstrip("/") for line in table.splitlines() if line.startswith("| `")]
    assert [room for room in listed if room in ROOMS] == [room for room in ROOMS if not room.startswith("_")]


def test_no_circle_of_imports():
    """What modules import as they are loaded, in any room."""
    known = {module_of(path): path for path in FILES}
    graph = {}
    for module, path in known.items():
        found = set()
        for node, target, name in imports(path):
            if node.col_offset == 0:
                found.add(f"{target}.{name}".strip(".") if f"{target}.{name}".strip(".") in known else target)
        graph[module] = {other for other in found if other in known and other not in (module, "")}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as circle:
        raise AssertionError(" -> ".join(circle.args[1])) from None


def test_the_command_line_draws_in_nothing_but_itself():
    """What stands at the top of a command's file is loaded for `earmark --help` too."""
    for path in (SOURCE / "cli").glob("*.py"):
        top = ast.Module(ast.parse(path.read_text(encoding="utf-8")).body, [])
        modules = {
            node.module for node in top.body if isinstance(node, ast.ImportFrom) and node.module.startswith("earmark")
        }
        if path.name not in ("output.py", "progress.py"):  # which commands import when they run
            assert {m.split(".")[1] for m in modules} <= {"cli", "errors", "util", "_version"}, path


def loaded_by(code, *arguments):
    """The modules at the top and one below that a fresh Python holds after some code."""
    text = f"import sys\n{code}\nimport json\nprint(json.dumps(['.'.join(m.split('.')[:2]) for m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", text, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_earmark_costs_nothing():
    assert not loaded_by("import earmark; earmark.EarmarkError") & (HEAVY | {"numpy", "scipy", "av", "onnxruntime"})


def test_inference_and_archives_import_nothing_heavy():
    """An archive needs it only to draw: it is not in the extra that it comes with, nor is a search to wait for it."""
    modules = [*INFERENCE_MODULES, *(f"earmark.archive.{path.stem}" for path in (SOURCE / "archive").glob("[!_]*.py"))]
    assert {"earmark.models.model", "earmark.media.clock", "earmark.archive.search"} <= set(modules)
    loaded = loaded_by("\n".join(f"import {module}" for module in modules))
    assert "av" in loaded
    assert not loaded & HEAVY


def test_nothing_is_noted_for_anybody_else(tmp_path, low_high_file):
    """ONNX Runtime would keep a queue of events to send in the user's cache folder."""
    home = tmp_path / "home"
    home.mkdir()
    code = f"from earmark import load_model; load_model({str(low_high_file)!r})"
    environment = {"HOME": str(home), "XDG_CACHE_HOME": str(home), "PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert list(home.rglob("*")) == []


def test_labelling_loads_nothing_heavy(tmp_path, low_high_file):
    """Nor what sets the threads of BLAS, which the command line sets before NumPy is there."""
    code = f"""
import contextlib, io, os
os.environ.pop({blas.ENVIRONMENT!r}, None)
from earmark.cli import main
model, wav = sys.argv[1:]
for words in (["label", wav, "--to", "json"], ["classify", wav], ["caption", wav, "--out", "-"]):
    sys.argv = ["earmark", *words, "--model", model]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            main()
        except SystemExit as end:
            assert not end.code, end.code
    assert "low" in out.getvalue(), out.getvalue()
"""
    wav = write_wav(tmp_path / "a.wav", tones(2.0, (0.5, 1.5, 300.0)))
    loaded = loaded_by(code, low_high_file, wav)
    assert {"av", "onnxruntime"} <= loaded
    assert not loaded & (HEAVY | SLOW_TO_START | {"threadpoolctl"})


def test_a_backbone_gives_answers_and_embeddings_without_anything_heavy(tmp_path, backbone_file):
    code = """
from earmark.cli import main
model, wav = sys.argv[1:]
for words in (["label", wav, "--to", "json"], ["classify", wav], ["embed", wav]):
    sys.argv = ["earmark", *words, "--model", model]
    try:
        main()
    except SystemExit as end:
        assert not end.code, end.code
import earmark
assert len(earmark.embed(wav, model))
"""
    wav = write_wav(tmp_path / "a.wav", tones(2.0, (0.5, 1.5, 300.0)))
    loaded = loaded_by(code, backbone_file, wav)
    assert (tmp_path / "a.npy").is_file()
    assert {"av", "onnxruntime"} <= loaded
    assert not loaded & HEAVY


def test_help_loads_neither_numpy_nor_onnxruntime():
    code = """
from earmark.cli import main
sys.argv = ["earmark", "label", "--help"]
try:
    main()
except SystemExit:
    pass
"""
    assert not loaded_by(code) & (HEAVY | {"numpy", "scipy", "av", "onnxruntime"})


def test_no_two_files_of_tests_have_one_name():
    """They are no packages: pytest would refuse the second where both are asked for."""
    names = [path.name for path in Path(__file__).parent.rglob("*.py") if path.name != "conftest.py"]
    assert sorted(names) == sorted(set(names))
