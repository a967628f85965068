"""The OpenAPI description, and what schemathesis makes of it."""

import json
import re

import numpy as np
import pytest

EXAMPLES = 1  # requests made up for each operation by chance, beside those that cover its description
LONGEST = 20  # of made up lists; what the service does at its own limits is tested beside their routes


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


def with_short_lists(described):
    """A description whose lists end sooner: one of ten thousand events says no more than one of twenty."""
    if isinstance(described, list):
        return [with_short_lists(one) for one in described]
    if not isinstance(described, dict):
        return described
    return {
        name: min(value, LONGEST) if name == "maxItems" else with_short_lists(value)
        for name, value in described.items()
    }


@pytest.mark.slow
def test_no_request_that_can_be_made_up_makes_it_fail(server, five_words, tmp_path, monkeypatch):
    """Most requests are about a job that is done, some about ids made up; none deletes that job.

    What `merge`, `burn-in` and `captions` may be asked of a look is what `result` may be.
    """
    import schemathesis.cli  # takes a second or two, which whoever only reads this file is spared
    from click.testing import CliRunner

    job = server.done(five_words)
    rng = np.random.default_rng(1)

    def before_call(context, case, kwargs):
        if "job_id" not in (case.path_parameters or {}):
            return
        if case.operation.label == "DELETE /v1/jobs/{job_id}":
            if case.path_parameters["job_id"] == job:
                case.path_parameters["job_id"] = 16 * "0"
        elif rng.random() < (0.2 if case.operation.label.endswith("/dataset") else 0.75):  # each starts a process
            case.path_parameters["job_id"] = job

    monkeypatch.chdir(tmp_path)
    config = tmp_path / "schemathesis.toml"
    config.write_text(
        "[phases.coverage]\nunexpected-methods = []\n"
        '[[operations]]\ninclude-path-regex = "/(merge|burn-in|captions)$"\nphases.coverage.enabled = false\n'
    )
    described = with_short_lists(server.client.get("/openapi.json").json())
    del described["components"]["schemas"]["Corrected"]["properties"]["future"]  # which is as its `past`
    description = tmp_path / "openapi.json"
    description.write_text(json.dumps(described))
    words = [
        *("--config-file", config, "run", description, "--url", server.client.base_url),
        *("--checks", "not_a_server_error"),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--seed", 1, "--request-timeout", 120),
    ]
    schemathesis.hook(before_call)
    try:
        done = CliRunner().invoke(schemathesis.cli.schemathesis, [*map(str, words)])
    finally:
        schemathesis.hooks.unregister_all()
    assert done.exit_code == 0, done.output[-6000:]
    made, passed = re.search(r"(\d+) generated, (\d+) passed", done.output).groups()
    assert int(made) == int(passed) > 600
    assert server.job(job)["state"] == "done"
    assert server.client.get("/healthz").json()["status"] == "ok"
