"""A sound learned in an archive by yes and no."""

import base64
import io
import re
import socket
import time
import wave
from pathlib import Path

import httpx
import numpy as np
import pytest
from archive_making import make_store
from fastapi.testclient import TestClient
from model_making import low_high_model, tones, write_wav
from warm_commands import WarmCommand

from earmark import datasets, media
from earmark.archive.classifier import fitted, write_model
from earmark.archive.database import Index
from earmark.archive.embeddings import Store
from earmark.archive.examples import embedder, example, example_query
from earmark.archive.indexing import Settings, index, options_for
from earmark.archive.recordings import Archive, below
from earmark.archive.review import Answer, Answers, Pool, Review, Second, write_dataset
from earmark.archive.vectors import directions, unit
from earmark.errors import EarmarkError
from earmark.models.labelling import label
from earmark.models.model import load_model
from earmark.service.review import Session, create_review_app, run_review
from earmark.service.settings import Settings as ServiceSettings

KINDS, SIZE = 12, 24


@pytest.fixture
def made(tmp_path):
    """Sixty recordings of ten seconds, each of one of twelve kinds; the store, and what each recording is."""
    rng = np.random.default_rng(2)
    centres = rng.standard_normal((KINDS, SIZE))
    kind = {f"{number:03}": number % KINDS for number in range(60)}
    rows = {name: centres[of] + 0.7 * rng.standard_normal((10, SIZE)) for name, of in kind.items()}
    return make_store(tmp_path / "index", rows, batches=3), kind, centres


def begun(store, centres, file, wanted=0, most=10_000):
    direction = unit(unit(centres[wanted].astype(np.float32)) - store.centre)
    return Review(
        store, Pool(store, np.random.default_rng(0), most), direction, Answers(file), np.random.default_rng(1)
    )


def said(review, seconds, kind, wanted=0, sample=None):
    review.add([Answer(*at(one), "yes" if kind[one.recording] == wanted else "no", sample) for one in seconds])


def at(one):
    return one.recording, one.second


def test_the_head_without_answers_is_the_direction_of_the_examples():
    wanted = unit(np.arange(5, dtype=np.float32))
    head = fitted(wanted, np.empty((0, 5), np.float32), np.empty(0, bool))
    assert unit(head.weights) == pytest.approx(wanted, abs=1e-4)
    assert head.weights @ wanted + head.bias > 0
    assert head.bias < 0


def test_the_head_turns_to_what_answers_say():
    rng = np.random.default_rng(0)
    yes, no = unit(rng.standard_normal((2, 8)).astype(np.float32))
    both = unit(np.stack([yes + 0.1 * rng.standard_normal(8) for _ in range(9)] + [no]).astype(np.float32))
    head = fitted(unit(yes + no), both, np.array([True] * 9 + [False]))
    assert yes @ head.weights + head.bias > 0 > no @ head.weights + head.bias


@pytest.mark.parametrize("most", [10_000, 200])
def test_answers_find_the_sound(made, tmp_path, most):
    store, kind, centres = made
    review = begun(store, centres, tmp_path / "answers.jsonl", most=most)
    for _ in range(4):
        asked = review.candidates(8)
        assert len({one.recording for one in asked}) == len(asked) == 8
        assert not any(one in review.answers for one in asked)
        said(review, asked, kind)
    assert review.fitted_to == 32
    odds = review.pool.log_odds(review.head)
    truth = np.array([kind[review.pool.names[code]] == 0 for code in review.pool.recording])
    assert odds[truth].mean() > 2 > -2 > odds[~truth].mean()


def test_half_are_the_best_and_half_the_least_sure(made, tmp_path):
    store, kind, centres = made
    review = begun(store, centres, tmp_path / "answers.jsonl")
    said(review, review.candidates(10), kind)
    odds = {review.pool.at(row): odds for row, odds in enumerate(review.pool.log_odds(review.head).tolist())}
    chosen = [odds[one] for one in review.candidates(10)]
    assert min(chosen[:5]) > np.quantile(list(odds.values()), 0.85)
    assert np.abs(chosen[5:]).mean() < np.quantile(np.abs(list(odds.values())), 0.3)


def test_answers_are_kept_and_taken_up(made, tmp_path):
    store, kind, centres = made
    file = tmp_path / "reviews" / "my sound.jsonl"
    review = begun(store, centres, file)
    said(review, review.candidates(6), kind)
    review.add([Answer("001", 3, "skip")])
    with file.open("a") as opened:
        opened.write('{"recording": "002", "sec')  # a kill
    again = begun(store, centres, file)
    assert [*again.answers] == [*review.answers]
    assert again.head.weights == pytest.approx(review.head.weights)
    again.add([Answer("001", 3, "no")])
    assert len(Answers(file)) == 7
    assert Answers(file).count("skip") == 0
    file.write_text("something else\n")
    with pytest.raises(EarmarkError, match="holds something else than answers"):
        Answers(file)


def test_precision_by_a_random_sample(made, tmp_path):
    store, kind, centres = made
    review = begun(store, centres, tmp_path / "answers.jsonl")
    assert review.answers.precision is None
    said(review, review.candidates(10), kind)
    drawn = review.sample(20)
    assert len(drawn) == 20
    odds = {review.pool.at(row): odds for row, odds in enumerate(review.pool.log_odds(review.head).tolist())}
    assert all(odds[one] >= 0 and one not in review.answers for one in drawn)
    right = np.mean([kind[one.recording] == 0 for one in drawn])
    said(review, drawn, kind, sample=10)
    found = review.answers.precision
    assert (found.value, found.sample) == (pytest.approx(right, abs=1e-4), 20)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_what_left_the_index_teaches_nothing(made, tmp_path):
    store, _, centres = made
    review = begun(store, centres, tmp_path / "answers.jsonl")
    before = review.head.weights
    review.add([Answer("gone", 3, "yes"), Answer("000", 400, "no")])
    assert review.head.weights == pytest.approx(before)
    assert Second("gone", 3) in review.answers


@pytest.fixture(scope="module")
def tones_index(tmp_path_factory):
    """Recordings of tones, and their index with embeddings by `low_high_model`."""
    folder = tmp_path_factory.mktemp("review")
    for number in range(12):
        mark = (2.0, 5.0, 300.0 if number % 3 == 0 else 3000.0)
        write_wav(folder / "recordings" / f"{number:02}.wav", tones(8.0, mark))
    options = options_for(str(folder / "recordings"), str(low_high_model(folder / "model.onnx", embedding=True)))
    index(below(str(folder / "recordings")), folder / "index", options, Settings(jobs=1))
    return folder / "index"


def low(one):
    return int(one.recording[:2]) % 3 == 0 and 2 <= one.second < 5


@pytest.fixture
def learned(tones_index, tmp_path):
    """A review of the low tone: its index, itself, and what was asked for."""
    opened = Index(tones_index)
    store = Store(tones_index, opened.options)
    wanted = example_query(store, opened.options, [example("00.wav@2-5")])
    pool, answers = Pool(store, np.random.default_rng(0)), Answers(tmp_path / "answers.jsonl")
    return opened, store, Review(store, pool, wanted.wanted, answers, np.random.default_rng(1))


def test_what_was_learned_is_a_model_and_a_dataset(learned, tmp_path):
    opened, store, review = learned
    for _ in range(4):
        review.add([Answer(*at(one), "yes" if low(one) else "no") for one in review.candidates(6)])
    file = tmp_path / "hum.onnx"
    write_model(file, "hum", review.head, store.centre, embedder(opened.options), review.answers.summary)
    model = load_model(file)
    assert (model.labels, model.dimensions) == (("hum",), store.dimensions)
    assert model.description.card["reviewed"]["yes"] == review.answers.count("yes")
    place = tmp_path / "new.wav"
    (event,) = label(write_wav(place, tones(12.0, (3.0, 6.0, 300.0), (8.0, 11.0, 3000.0))), model)
    assert (event.label, event.onset, event.offset) == ("hum", pytest.approx(3.0, abs=0.6), pytest.approx(6.0, abs=0.6))
    others = review.unmarked(5, np.random.default_rng(0))
    assert len(others) == 5
    assert not any(low(one) for one in others)
    assert others == review.unmarked(5, np.random.default_rng(0))
    failed = []
    folder = tmp_path / "hum"
    count = write_dataset(folder, "hum", review.answers, Archive(opened.options.root), failed.append)
    dataset = datasets.load(None, str(folder / "clips.csv"))
    assert (count, failed) == (review.fitted_to, [])
    assert sum(clip.labels == ("hum",) for clip in dataset.clips) == review.answers.count("yes")
    assert {clip.source for clip in dataset.clips} == {one.recording for one in review.answers}
    assert all(clip.end - clip.start == pytest.approx(1.0) for clip in dataset.clips)


def test_scores_of_the_file_are_those_of_the_review(learned, tmp_path):
    opened, store, review = learned
    review.add([Answer(*at(one), "yes" if low(one) else "no") for one in review.candidates(8)])
    write_model(tmp_path / "m.onnx", "hum", review.head, store.centre, embedder(opened.options), review.answers.summary)
    model = load_model(tmp_path / "m.onnx")
    for name in ("00.wav", "01.wav"):
        rows = store.of(name)
        odds = unit(directions(rows) - store.centre) @ review.head.weights + review.head.bias
        samples = media.read(Path(opened.options.root) / name, model.description.front_end.rate)
        per_step = np.concatenate(list(model.score([samples])))[:, 0]
        steady = [0, 3, 6]  # seconds without the beginning or end of a tone
        middles = [per_step[round((second + 0.5) / model.description.step)] for second in steady]
        assert middles == pytest.approx(1 / (1 + np.exp(-odds[steady])), abs=0.05)


@pytest.fixture
def page(learned):
    opened, _, review = learned
    rounds, ended = [], []
    session = Session(review, Archive(opened.options.root), "hum", lambda: rounds.append(review.fitted_to))
    app = create_review_app(session, ServiceSettings(Path(), "127.0.0.1", 8766), lambda: ended.append(True))
    return TestClient(app, base_url="http://127.0.0.1:8766"), review, rounds, ended


def test_the_page_asks_and_learns(page):
    client, review, rounds, ended = page
    assert "review.js" in client.get("/").text
    assert client.get("/static/review.js").status_code == 200
    state = client.get("/v1/review").json()
    assert (state["label"], state["round"], state["precision"]) == ("hum", 1, None)
    assert 0 < len(state["candidates"]) <= 12
    for number, one in enumerate(state["candidates"]):
        answer = "yes" if low(Second(one["recording"], one["second"])) else "no"
        state = client.post("/v1/review/answers", json={"round": 1, "candidate": number, "answer": answer}).json()
        assert state["candidates"][number]["answer"] == answer
    assert review.fitted_to == len(state["candidates"])
    assert len(Answers(review.answers.file)) == review.fitted_to
    state = client.post("/v1/review/rounds", json={"sample": True}).json()
    assert (state["round"], state["sample"], rounds) == (2, True, [review.fitted_to])
    assert state["candidates"]
    client.post("/v1/review/answers", json={"round": 2, "candidate": 0, "answer": "yes"})
    assert client.get("/v1/review").json()["precision"]["sample"] == 1
    assert client.post("/v1/review/end").status_code == 204
    assert ended == [True]


def test_candidates_are_seen_and_heard(page):
    client, *_ = page
    sound = client.get("/v1/review/rounds/1/0/sound")
    assert sound.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(sound.content)) as opened:
        assert 1.9 < opened.getnframes() / opened.getframerate() <= 3.0
    seen = client.get("/v1/review/rounds/1/0/spectrogram").json()
    assert len(base64.b64decode(seen["values"])) % seen["bands"] == 0
    assert 0 <= seen["begin"] < seen["duration"]


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "/v1/review/rounds/2/0/sound", None, 404),
        ("GET", "/v1/review/rounds/1/99/sound", None, 404),
        ("POST", "/v1/review/answers", {"round": 1, "candidate": -1, "answer": "yes"}, 404),
        ("POST", "/v1/review/answers", {"round": 1, "candidate": 0, "answer": "perhaps"}, 422),
    ],
)
def test_what_the_page_refuses(page, method, path, content, status):
    client, review, *_ = page
    assert client.request(method, path, json=content).status_code == status
    assert len(review.answers) == 0


def test_other_hosts_and_origins_are_refused(page):
    client, *_ = page
    assert client.get("/v1/review", headers={"host": "evil.example"}).status_code == 403
    refused = client.post("/v1/review/end", headers={"origin": "http://evil.example"})
    assert refused.status_code == 403


def test_a_recording_that_is_gone(learned, tmp_path):
    _, _, review = learned
    session = Session(review, Archive(str(tmp_path)), "hum", lambda: None)
    app = create_review_app(session, ServiceSettings(Path(), "127.0.0.1", 8766), lambda: None)
    answer = TestClient(app, base_url="http://127.0.0.1:8766").get("/v1/review/rounds/1/0/sound")
    assert answer.status_code == 404
    assert "cannot be read" in answer.json()["detail"] or "no such file" in answer.json()["detail"].lower()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--review"], "--review: begins with examples"),
        (["--like", "00.wav", "--save", "a.onnx"], "--save: is for --review"),
        (["--like", "00.wav", "--review", "--save", "a.bin"], "is no name of a model file"),
        (["--like", "00.wav", "--review", "--longer", "2s"], "asks about all of an archive"),
        (["--like", "00.wav", "--review", "--limit", "3"], "does not go with --review"),
    ],
)
def test_options_that_make_no_sense(tones_index, command, words, told):
    done = command("find", "--in", tones_index, *words)
    assert done.returncode == 1
    assert told in done.stderr


def test_a_port_that_is_taken():
    """The command has no --host."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EarmarkError, match=rf"127.0.0.1:{port}: cannot be listened on \(.*\); use another --port$"):
            run_review(None, port, print)


def test_the_command(tones_index, tmp_path):
    """The page comes, learns, and when it is done the model is there."""
    words = ["find", "--like", "00.wav@2-5", "--in", tones_index, "--review", "--as", "hum", "--port", "0"]
    words += ["--save", tmp_path / "hum.onnx", "--cut", tmp_path / "hum"]
    with WarmCommand(*words) as running:
        until = time.monotonic() + 300
        while not (address := re.search(r"http://\S+(?=\s)", running.said()[1])):
            assert running.poll() is None, running.said()
            assert time.monotonic() < until, "the page does not come"
            time.sleep(0.02)
        with httpx.Client(base_url=address[0], timeout=300) as client:
            for number in range(3):
                client.post("v1/review/answers", json={"round": 1, "candidate": number, "answer": "yes"})
            client.post("v1/review/end")
        code, _, told = running.ended()
    assert code == 0, told
    assert "hum: 3 yes, 0 no" in told
    assert load_model(tmp_path / "hum.onnx").labels == ("hum",)
    clips = datasets.load(None, tmp_path / "hum").clips
    assert sum(clip.labels == ("hum",) for clip in clips) == 3
    assert f"{len(clips)} clips, {len(clips) - 3} of them" in told
    assert len(Answers(tones_index / "reviews" / "hum.jsonl")) == 3
