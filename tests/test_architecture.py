"""Who may import whom: docs/architecture.md, enforced."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from model_making import tones, write_wav

import earmark

SOURCE = Path(earmark.__file__).parent

BASE = {"errors", "util", "processes", "noise", "locking", "cache", "machine", "fft", "blas", "progress", "_version"}
INFERENCE = {
    "streaming",
    "media",
    "results",
    "captioning",
    "notebook",
    "descriptors",
    "patches",
    "frontend",
    "timeline",
    "second_view",
    "model",
    "edges",
    "labelling",
    "embedding",
    "heard",
    "contour",
    "pitch",
    "spoken",
    "speech",
    "captions",
    "formats",
    "labels",
}
MAY_IMPORT = {
    "_version": set(),
    "errors": set(),
    "util": set(),
    "processes": set(),
    "locking": set(),
    "cache": set(),
    "machine": set(),
    "fft": set(),
    "blas": set(),
    "progress": set(),
    "noise": set(),
    "streaming": set(),
    "labels": set(),
    "media": set(),
    "descriptors": set(),
    "patches": {"streaming"},
    "frontend": {"streaming", "descriptors", "patches"},
    "results": {"media"},
    "timeline": {"streaming", "media", "results"},
    "second_view": {"timeline"},
    "model": {"streaming", "frontend", "timeline"},
    "edges": {"frontend", "timeline"},
    "captions": {"timeline", "labels"},
    "contour": set(),
    "pitch": {"streaming", "frontend"},
    "spoken": {"media", "results", "timeline", "model", "contour", "pitch"},
    "formats": {"timeline", "second_view", "captions", "spoken", "pitch"},
    "labelling": {"streaming", "media", "frontend", "timeline", "edges", "model"},
    "embedding": {"streaming", "media", "timeline", "model", "labelling"},
    "heard": {"streaming", "media", "frontend", "timeline", "edges", "model", "labelling"},
    "speech": {"streaming", "media", "frontend", "timeline", "model", "labelling", "contour", "pitch", "spoken"},
    "captioning": {"media", "results", "timeline", "model", "labelling", "captions", "formats"},
    "notebook": {"media", "results", "timeline", "spoken", "plot", "word_plot"},
    "plot": {"streaming", "media", "frontend", "timeline", "second_view"},
    "augment_plot": {"frontend", "augment", "plot"},
    "burning": {"media"},
    "word_plot": {"streaming", "media", "frontend", "pitch", "spoken", "plot"},
    "datasets": {"media", "labels", "contour", "timeline", "spoken", "formats"},
    "models": {"datasets"},
    "augment": {"frontend"},
    "live": {
        "streaming",
        "media",
        "frontend",
        "patches",
        "timeline",
        "edges",
        "model",
        "captions",
        "labels",
        "labelling",
        "processes",
    },
    "service": {
        "streaming",
        "media",
        "frontend",
        "timeline",
        "edges",
        "model",
        "captions",
        "labelling",
        "heard",
        "pitch",
        "spoken",
        "speech",
        "formats",
        "datasets",
        "live",
        "processes",
    },
    "archive": {"media", "timeline", "model", "labelling", "embedding", "formats", "plot", "datasets"},
    "cooccurrence_plot": {"plot"},
    "evaluation": {
        "datasets",
        "labels",
        "frontend",
        "timeline",
        "model",
        "pitch",
        "contour",
        "spoken",
        "speech",
        "media",
        "labelling",
        "heard",
        "edges",
    },
    "training": {
        "captions",
        "streaming",
        "media",
        "edges",
        "frontend",
        "timeline",
        "model",
        "labels",
        "contour",
        "spoken",
        "datasets",
        "models",
        "augment",
        "evaluation",
    },
    "cli": INFERENCE
    | {"plot", "word_plot", "burning", "cooccurrence_plot", "augment", "augment_plot"}
    | {"datasets", "models", "training", "evaluation", "live", "service", "archive"},
}
"""For each room the rooms to its left in the flow; every room may import those of BASE."""

LATE = {"results": {"formats", "notebook"}, "model": {"labelling"}}
"""What methods hand a result or a model on to: rooms further right, which they import when they are called."""

FILES = sorted(SOURCE.rglob("*.py"))
INFERENCE_MODULES = sorted(
    ".".join(("earmark", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")
    for path in FILES
    if path.relative_to(SOURCE).with_suffix("").parts[0] in INFERENCE | BASE
)
HEAVY = {
    "torch",
    "sklearn",
    "matplotlib",
    "librosa",
    "lightning_fabric",
    "onnx",
    "onnxscript",
    "pandas",
    "scipy.signal",
}

SLOW_TO_START = {"scipy.special", "numpy.f2py", "pydantic"}
"""What a clip need not wait for: `scipy.fft` draws in the first two, typer from 0.29 on the third."""


def room_of(path):
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def imports(path):
    """(module, name or None) for everything of Earmark that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide which room is meant"
            if node.module and node.module.split(".")[0] == "earmark":
                yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names if alias.name.split(".")[0] == "earmark")


def room_imported(module, name):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else name


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_room_imports_only_from_rooms_to_its_left(path):
    room = room_of(path)
    if room == "__init__":
        return
    assert room in MAY_IMPORT, f"say in the table above what {room} may import, and in docs/architecture.md"
    allowed = MAY_IMPORT[room] | BASE | {room}
    late = LATE.get(room, set())
    for module, name in imports(path):
        assert room_imported(module, name) in allowed | late, f"{path.name} imports {module}"
    for node in ast.parse(path.read_text(encoding="utf-8")).body:  # at the top of the file
        assert not (isinstance(node, ast.ImportFrom) and room_imported(node.module, None) in late), node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_private_names_stay_at_home(path):
    for module, name in imports(path):
        words = [*module.split("."), *([name] if name else [])]
        assert not [word for word in words if word.startswith("_") and word not in ("_version", "__version__")], module


def test_the_flow_has_no_loop():
    seen = dict.fromkeys(BASE, True)
    while len(seen) < len(MAY_IMPORT):
        ready = [room for room, others in MAY_IMPORT.items() if room not in seen and others <= set(seen)]
        assert ready, f"a loop among {set(MAY_IMPORT) - set(seen)}"
        seen.update(dict.fromkeys(ready, True))


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


def test_inference_imports_nothing_heavy():
    assert "earmark.model" in INFERENCE_MODULES
    assert "earmark.media.clock" in INFERENCE_MODULES
    loaded = loaded_by("\n".join(f"import {module}" for module in INFERENCE_MODULES))
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
    code = """
import contextlib, io
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
    assert not loaded & (HEAVY | SLOW_TO_START)


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
