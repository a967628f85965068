"""A few dozen files with faults; `benchmarks/hostile.py` makes thousands."""

import mutants
import numpy as np
import pytest
from mutants import KINDS


@pytest.fixture(scope="module")
def originals() -> list[tuple[str, bytes]]:
    return mutants.originals(0.5)


def test_faults_give_errors_or_results_and_hurt_nobody(server, originals):
    workers = {worker.pid for worker in server.workers()}
    for name, content in mutants.mutants(originals, 32, np.random.default_rng(7)):
        answer = server.client.post("/v1/classify", files={"file": (name, content)})
        assert answer.status_code in (200, 422), (name, answer.text)
        if answer.status_code == 422:
            assert name in answer.json()["detail"] or "broken" in answer.json()["detail"]
    assert server.client.get("/healthz").json()["status"] == "ok"
    assert server.client.get("/v1/jobs").status_code == 200
    assert len(server.workers()) == len(workers)


def test_faults_are_of_every_kind(originals):
    made = list(mutants.mutants(originals, 24, np.random.default_rng(1)))
    assert {name.split("-")[1] for name, _ in made} == set(KINDS)
    kept = dict(originals)
    assert all(content != kept[name.split("-", 2)[2]] for name, content in made)
