"""The documents: they build into a site without a broken link, and name files and commands that exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").rglob("*.md"))


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    commands = (tmp_path / "site" / "commands.html").read_text(encoding="utf-8")
    assert "earmark data phrases" in commands
    assert "--sensitivity" in commands
    assert "/v1/jobs/{job_id}/result" in (tmp_path / "site" / "rest.html").read_text(encoding="utf-8")
    assert "to_dataframe" in (tmp_path / "site" / "api.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"])
def test_links_beside_the_site_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)\s]+)\)", (ROOT / name).read_text(encoding="utf-8")):
        if not re.match(r"https?://", target):
            assert (ROOT / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_that_documents_name_exist(page):
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"(?<![\w/.$-])((?:benchmarks|recipes|deploy|src/earmark|examples)/[\w./-]+\.\w+)", text)
    # Capitals stand for any name; captions are written beside the video.
    named = [name for name in named if not re.search(r"[A-Z]{4}", name) and not name.endswith(".vtt")]
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_commands_that_documents_name_exist():
    import typer

    from earmark.cli.application import app

    group = typer.main.get_command(app)
    data = group.get_command(None, "data")
    known = {*group.list_commands(None), *(f"data {name}" for name in data.list_commands(None))}
    for page in [ROOT / "README.md", *PAGES]:
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"(?:^    |`)earmark ((?:data )?[a-z]+(?:-[a-z]+)*)\b", text, re.M):
            assert name in known, f"{page}: earmark {name}"


def test_every_file_on_the_map_exists():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:\w+/)+\w+\.(?:py|toml))`", text)
    assert len(named) > 30
    assert [name for name in named if not ((ROOT / "src" / "earmark" / name).exists() or (ROOT / name).exists())] == []
    questions = re.findall(r"^\| [^|]+\? \| .*`", text, re.M)
    assert len(questions) >= 12
