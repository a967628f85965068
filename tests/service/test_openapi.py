"""The OpenAPI description, and what schemathesis makes of it."""

import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

EXAMPLES = 8  # requests made up for each operation in each phase


def test_the_description_has_examples_and_names_its_errors(server):
    description = server.client.get("/openapi.json").json()
    assert description["openapi"].startswith("3.1")
    schemas = description["components"]["schemas"]
    for name in ("Problem", "JobView", "Classified", "Corrected"):
        assert schemas[name]["examples"], name
    form = description["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["file"]
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], (method, path)


@pytest.mark.slow
@pytest.mark.parametrize("of_a_job", [False, True])
def test_no_request_that_can_be_made_up_makes_it_fail(server, five_words, tmp_path, of_a_job):
    """Once with ids made up too, once all about a job that is done."""
    job = server.send(five_words).json()["id"]
    assert server.ended(job)["state"] == "done"
    config = tmp_path / "schemathesis.toml"
    config.write_text(f'[parameters]\n"path.job_id" = "{job}"\n' if of_a_job else "")
    words = ["--exclude-method", "DELETE"] if of_a_job else []
    command = [
        *(Path(sysconfig.get_path("scripts")) / "schemathesis", "--config-file", config, "run"),
        *(f"{server.client.base_url}/openapi.json", "--checks", "not_a_server_error", "--max-examples", str(EXAMPLES)),
        *("--phases", "examples,coverage,fuzzing", "--seed", "1", "--request-timeout", "120", *words),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    made, passed = re.search(r"(\d+) generated, (\d+) passed", done.stdout).groups()
    assert int(made) == int(passed) > 200
    assert server.client.get("/healthz").json()["status"] == "ok"
