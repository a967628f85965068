import subprocess
import sysconfig
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_the_dockerfile_is_lint_free():
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    if not hadolint.exists():
        pytest.skip("hadolint is not installed")
    done = subprocess.run([hadolint, DEPLOY / "Dockerfile"], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout


def test_the_unit_and_the_container_serve_with_options_that_exist(command):
    helped = command("serve", "--help").stdout
    for file in ("Dockerfile", "earmark.service", "earmark-user.service"):
        words = (DEPLOY / file).read_text().replace('"', " ").replace(",", " ").split()
        start = max(place for place, word in enumerate(words) if word == "serve")
        options = [word for word in words[start : start + 9] if word.startswith("--")]
        assert len(options) >= 2
        assert all(option in helped for option in options)


def test_the_documentation_shows_the_proxies_as_they_are():
    shown = (DEPLOY.parent / "docs" / "service.md").read_text()
    for file in ("nginx.conf", "Caddyfile"):
        assert f"\n{(DEPLOY / file).read_text()}```" in shown
