"""The views of a result besides its events: the file as a whole, scores by the second, classifiers compared, texts."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from app_server import Client
from model_making import RATE, write_wav

import earmark
from earmark import media
from earmark.service.app import create_app
from earmark.service.settings import Settings

SIMPLEST_FIRST = ["least_squares", "svm", "mlp", "rnn", "gru"]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    return Client(create_app(Settings(tmp_path_factory.mktemp("views"))), base_url="http://127.0.0.1")


@pytest.fixture(scope="module")
def crossing(street, tmp_path_factory):
    """Half of the example: up to a train."""
    path = tmp_path_factory.mktemp("crossing") / "crossing.wav"
    return write_wav(path, media.read(street, RATE, end=24.5), RATE)


@pytest.fixture(scope="module")
def labelled(client, crossing):
    return client.done(crossing, "label", "sounds")


@pytest.fixture(scope="module")
def compared(client, five_words):
    return client.done(five_words, "words", "words/gru", compare=True)


def test_a_file_as_a_whole_is_what_classify_says(client, five_words):
    here = client.done(five_words, "classify", "sounds")
    found = client.get(f"{here}/result").json()
    assert found["recording"] == five_words.name
    assert [(one["label"], one["score"]) for one in found["labels"]] == earmark.classify(five_words)
    rows = list(csv.DictReader(io.StringIO(client.get(f"{here}/result", params={"to": "csv"}).text)))
    assert [row["label"] for row in rows] == [one["label"] for one in found["labels"]]
    assert client.get(f"{here}/view").json()["waveform"]["peaks"]
    assert set(client.get(here).json()["links"]) == {"self", "result", "view"}
    assert client.get(f"{here}/result", params={"to": "vtt"}).status_code == 422
    for other in ("seconds", "events", "dataset"):
        assert client.get(f"{here}/{other}").status_code == 409
    assert client.post(f"{here}/burn-in").status_code == 409


def test_scores_of_chosen_labels_second_by_second(client, labelled, crossing):
    scores = earmark.label(crossing, labels=["train", "dog"]).scores
    found = client.get(f"{labelled}/seconds", params={"label": ["train", "dog"]}).json()
    assert found["labels"] == ["train", "dog"]
    assert len(found["scores"]) == np.ceil(found["duration"])
    for second in (0, 3, 14, 22):
        inside = (scores.times >= second) & (scores.times < second + 1)
        expected = [scores.values[inside, scores.labels.index(label)].max() for label in found["labels"]]
        assert found["scores"][second] == pytest.approx(expected, abs=2e-3)

    answer = client.get(f"{labelled}/seconds", params={"label": "train", "every": 5, "to": "csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["start"] for row in rows[:3]] == ["0", "5", "10"]
    assert float(rows[-1]["end"]) == pytest.approx(found["duration"], abs=1e-3)
    best = [max(row[0] for row in found["scores"][at : at + 5]) for at in range(0, len(found["scores"]), 5)]
    assert [float(row["train"]) for row in rows] == pytest.approx(best, abs=1e-4)
    assert "crossing.scores.csv" in answer.headers["content-disposition"]


def test_seconds_that_make_no_sense_are_refused(client, labelled, compared):
    for unknown in ("unicorn", ""):
        assert "no label" in client.get(f"{labelled}/seconds", params={"label": ["dog", unknown]}).json()["detail"]
    assert client.get(f"{labelled}/seconds", params={"every": 0}).status_code == 422
    assert client.get(f"{compared}/seconds").status_code == 409


def test_words_of_five_classifiers(client, compared, five_words):
    found = client.get(f"{compared}/classifiers").json()
    assert [one["classifier"] for one in found] == SIMPLEST_FIRST
    for one in (found[0], found[-1]):
        alone = earmark.words(five_words, one["classifier"])
        assert one["words"] == replace(alone, recording=five_words.name).to_dict()["words"]
        assert one["speaker_f0"]["mean"] == pytest.approx(alone.speaker_f0.mean, abs=0.06)
    assert "classifiers" in client.get(compared).json()["links"]


@pytest.mark.filterwarnings("ignore:.*does not seem")
def test_a_text_fills_the_words(client, five_words):
    pytest.importorskip("espeakng_loader", reason="the extra align is not installed")
    text = "one two three four five"
    here = client.done(five_words, "words", "words/gru", text=text)
    words = client.get(f"{here}/result").json()["words"]
    assert [word["text"] for word in words] == text.split()
    assert all(0 <= word["score"] <= 1 for word in words)
    assert client.get(f"{here}/classifiers").status_code == 409  # it did not ask
    changed = ["uno", *text.split()[1:]]
    assert client.put(f"{here}/words", json={"texts": changed}).status_code == 204
    for to in ("json", "csv", "textgrid", "srt", "vtt", "ctm"):
        assert "uno" in client.get(f"{here}/result", params={"to": to}).text, to


def test_formats_that_cannot_hold_a_result_say_so(client, labelled, compared):
    assert client.get(f"{compared}/result", params={"to": "ctm"}).status_code == 422  # nobody wrote what is said
    assert client.get(f"{compared}/result", params={"to": "ass"}).status_code == 422
    assert client.get(f"{labelled}/result", params={"to": "ctm"}).status_code == 422


@pytest.mark.parametrize(("task", "fields"), [("label", {"text": "one"}), ("classify", {"compare": "true"})])
def test_what_only_words_have_is_refused_elsewhere(client, five_words, task, fields):
    files = {"file": (five_words.name, five_words.read_bytes())}
    answer = client.post("/v1/jobs", files=files, data={"task": task, **fields})
    assert answer.status_code == 422
    assert "words only" in answer.json()["detail"]


def test_a_text_is_kept_until_the_job_is_done(client, five_words):
    files = {"file": (five_words.name, five_words.read_bytes())}
    data = {"task": "words", "text": "eins zwei", "language": "de", "compare": "true"}
    job = client.post("/v1/jobs", files=files, data=data).json()
    assert (job["options"]["language"], job["options"]["compare"]) == ("de", True)
    assert client.app.state.service.storage.of(job["id"]).text.read_text() == "eins zwei"
