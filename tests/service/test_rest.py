import io
import json
import socket
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import praatio.textgrid
import pysubs2
import pytest
import webvtt

from earmark import datasets, label, words
from earmark.datasets.tables import read_events
from earmark.formats import read
from earmark.media.writing import write_samples
from earmark.service.routes.results import _free_name


def test_a_clip_is_answered_at_once_and_forgotten(server, five_words):
    before = server.client.get("/v1/jobs").json()
    with five_words.open("rb") as file:
        answer = server.client.post("/v1/classify", files={"file": ("five.flac", file)})
    assert answer.status_code == 200
    found = answer.json()
    assert found["recording"] == "five.flac"
    assert found["labels"][0]["label"] == "speech"
    scores = [one["score"] for one in found["labels"]]
    assert scores == sorted(scores, reverse=True)
    assert server.client.get("/v1/jobs").json() == before


def test_a_long_clip_is_no_clip(server, tmp_path):
    path = tmp_path / "long.flac"
    write_samples(path, [np.zeros(8000 * 65, np.float32)], 8000)
    with path.open("rb") as file:
        answer = server.client.post("/v1/classify", files={"file": file})
    assert answer.status_code == 422
    assert "longer than 60 s" in answer.json()["detail"]


def test_a_job_tells_where_it_stands_and_where_its_results_are(server, captioned):
    job = server.job(captioned)
    assert (job["state"], job["progress"], job["name"], job["model"]) == ("done", 1.0, "street.mp4", "sounds")
    assert job["created"] <= job["started"] <= job["finished"]
    assert abs(job["duration"] - 47.0) < 0.1
    for name in ("self", "result", "view"):
        assert server.client.get(job["links"][name]).status_code == 200
    assert job["links"]["dataset"] == f"/v1/jobs/{captioned}/dataset"
    assert captioned in [one["id"] for one in server.client.get("/v1/jobs").json()["jobs"]]


def test_the_timeline_is_that_of_label(server, captioned, street):
    found = server.result(captioned).json()
    assert found["recording"] == "street.mp4"
    expected = label(street)
    assert [(e["onset"], e["offset"], e["label"]) for e in found["events"]] == [
        (e.onset, e.offset, e.label) for e in expected.events
    ]


def test_every_format_is_what_its_name_says(server, captioned, tmp_path):
    vtt = webvtt.from_string(server.result(captioned, to="vtt").text)
    assert any("[glass breaks]" in cue.text for cue in vtt)
    srt = pysubs2.SSAFile.from_string(server.result(captioned, to="srt", language="el").text)
    assert any("γυαλί" in line.text for line in srt)
    for to in ("csv", "textgrid", "audacity", "rttm", "json"):
        answer = server.result(captioned, to=to, download=True)
        name = answer.headers["content-disposition"].rpartition("''")[2]
        assert name.startswith("street.")
        path = tmp_path / name
        path.write_bytes(answer.content)
        if to in ("csv", "json"):
            assert "glass_breaking" in {event.label for event in read(path).events}
    grid = praatio.textgrid.openTextgrid(str(tmp_path / "street.TextGrid"), includeEmptyIntervals=False)
    assert grid.tierNames


def test_thresholds_move_without_an_upload(server, captioned):
    def labels(**query):
        return [event["label"] for event in server.result(captioned, **query).json()["events"]]

    assert len(labels(sensitivity=0.9)) > len(labels()) > len(labels(sensitivity=0.02))
    assert "glass_breaking" not in labels(threshold="glass_breaking:0.99999")
    view = server.client.get(f"/v1/jobs/{captioned}/view").json()
    assert {one["label"] for one in view["labels"]} >= set(labels())


def test_a_recording_is_given_back_in_ranges_and_as_nothing_but_media(server, captioned, street):
    here = f"/v1/jobs/{captioned}/media"
    whole = server.client.get(here)
    assert whole.content == street.read_bytes()
    assert whole.headers["content-type"] == "video/mp4"
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert whole.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    part = server.client.get(here, headers={"range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, whole.content[1000:2000])
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(whole.content)}"
    assert server.client.get(here, headers={"range": "bytes=999999999-"}).status_code == 416


def test_changes_are_kept_with_corrections_and_those_of_two_sittings_do_not_mix(server, captioned):
    here = f"/v1/jobs/{captioned}/events"
    bark = {"onset": 1.0, "offset": 2.5, "label": "dog", "score": 1.0}
    change = {"removed": [], "added": [bark]}
    before = server.client.get(here)
    assert before.json() == {"corrected": False, "past": [], "future": []}
    known = {"if-match": before.headers["etag"]}
    saved = server.client.put(here, json={"events": [bark], "past": [change]}, headers=known)
    try:
        assert saved.status_code == 204
        assert server.client.get(here).json() == {"corrected": True, "past": [change], "future": []}
        late = server.client.put(here, json={"events": []}, headers=known)
        assert late.status_code == 412
        assert "corrected elsewhere" in late.json()["detail"]
        known = {"if-match": saved.headers["etag"]}
        undone = {"events": None, "past": [], "future": [change]}
        assert server.client.put(here, json=undone, headers=known).status_code == 204
        assert server.client.get(here).json() == {"corrected": False, "past": [], "future": [change]}
        assert server.result(captioned).json() == server.result(captioned, original=True).json()
        assert server.client.put(here, json={"events": [], "past": [{"removed": [bark] * 10_001}]}).status_code == 422
    finally:
        server.client.delete(here)
    assert server.client.get(here).json()["future"] == []


def test_captions_of_several_in_one_zip(server, captioned, spoken):
    asked = {"job": [captioned, spoken], "language": "el"}
    answer = server.client.get("/v1/captions", params=asked)
    assert answer.headers["content-disposition"].endswith("earmark-captions.zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["street.vtt", "five_words.words.vtt"]
        text = archive.read("street.vtt")
    assert text.decode() == server.result(captioned, to="vtt", language="el").text
    assert server.client.get("/v1/captions", params={"job": [captioned, "0" * 16]}).status_code == 404
    assert server.client.get("/v1/captions").status_code == 422


def test_words_are_written(server, spoken):
    here = f"/v1/jobs/{spoken}/words"
    found = server.result(spoken).json()["words"]
    texts = ["one", None, "τρία", "", "five"]
    assert server.client.put(here, json={"texts": texts}).status_code == 204
    try:
        written = server.result(spoken).json()["words"]
        assert [word.get("text") for word in written] == ["one", None, "τρία", None, "five"]
        assert [word["onset"] for word in written] == [word["onset"] for word in found]
        assert "τρία" in server.result(spoken, to="textgrid").text
        assert server.client.put(here, json={"texts": ["one"]}).status_code == 422
        assert server.client.put(here, json={"texts": ["x" * 101] * 5}).status_code == 422
    finally:
        server.client.put(here, json={"texts": [None] * 5})


def test_names_in_a_zip_are_all_different():
    taken = set()
    assert _free_name("a", ".vtt", taken) == "a.vtt"
    assert _free_name("A", ".vtt", taken) == "A (2).vtt"
    assert _free_name("../a:b", ".vtt", taken) == ".._a_b.vtt"


def test_corrections_count_until_they_are_taken_back(server, captioned):
    mine = {"events": [{"onset": 1.0, "offset": 2.5, "label": "αηδόνι", "score": 1.0}]}
    original = server.result(captioned).json()
    here = f"/v1/jobs/{captioned}/events"
    assert server.client.put(here, json=mine).status_code == 204
    try:
        assert server.result(captioned).json()["events"] == mine["events"]
        assert server.result(captioned, original=True).json() == original
        assert "αηδόνι" in server.result(captioned, to="vtt").text
    finally:
        assert server.client.delete(here).status_code == 204
    assert server.result(captioned).json() == original


@pytest.mark.parametrize(
    "body",
    [
        {"events": [{"onset": 3.0, "offset": 2.5, "label": "dog"}]},
        {"events": [{"onset": -1.0, "offset": 2.5, "label": "dog"}]},
        {"events": [{"onset": 1.0, "offset": 2.5, "label": ""}]},
        {"events": [{"onset": 1.0, "offset": 1e300, "label": "dog"}]},
        {"events": "dog"},
        [],
    ],
)
def test_corrections_that_make_no_sense_are_refused(server, captioned, body):
    answer = server.client.put(f"/v1/jobs/{captioned}/events", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_dataset_of_several_recordings_is_one_that_train_takes(server, captioned, five_words, tmp_path):
    other = server.done(five_words)
    mine = {"events": [{"onset": 0.25, "offset": 1.0, "label": "αηδόνι", "score": 1.0}]}
    assert server.client.put(f"/v1/jobs/{other}/events", json=mine).status_code == 204
    archive = server.client.get("/v1/dataset", params={"job": [captioned, other, captioned]})
    assert archive.headers["content-type"] == "application/zip"
    zipfile.ZipFile(io.BytesIO(archive.content)).extractall(tmp_path)
    dataset = datasets.load(None, tmp_path / "clips.csv")
    assert {clip.source for clip in dataset.clips} == {captioned, other}
    assert len(list((tmp_path / "audio").iterdir())) == 2
    assert any(clip.labels == () for clip in dataset.clips)
    events = read_events(tmp_path / "events.csv")
    for job in (captioned, other):
        found = server.result(job).json()["events"]
        clips = [clip for clip in dataset.clips if clip.source == job]
        assert {label for clip in clips for label in clip.labels} == {event["label"] for event in found}
        marked = next(marked for file, marked in events.items() if job in str(file))
        assert [(e.onset, e.label) for e in marked] == [(e["onset"], e["label"]) for e in found]
    assert "αηδόνι" in {label for clip in dataset.clips for label in clip.labels}
    assert server.client.get("/v1/dataset").status_code == 422
    assert server.client.get("/v1/dataset", params={"job": "../../etc"}).status_code == 422
    assert server.client.get("/v1/dataset", params={"job": "0" * 16}).status_code == 404


def test_words_with_their_pitch(server, spoken, five_words):
    found = server.result(spoken).json()
    assert [word["onset"] for word in found["words"]] == [word.onset for word in words(five_words).words]
    view = server.client.get(f"/v1/jobs/{spoken}/view").json()
    voiced = [hz for hz in view["f0"]["hz"] if hz]
    assert min(voiced) < found["speaker_f0"]["mean"] < max(voiced)
    for to in ("csv", "textgrid", "audacity", "vtt", "srt"):
        assert server.result(spoken, to=to).status_code == 200
    assert server.client.put(f"/v1/jobs/{spoken}/events", json={"events": []}).status_code == 409


def test_instruments_have_their_own_model(server, five_words):
    job = server.send(five_words, task="instruments").json()
    assert job["model"] == "instruments"
    assert server.ended(job["id"])["state"] == "done"
    assert server.client.delete(f"/v1/jobs/{job['id']}").status_code == 204
    assert server.client.get(f"/v1/jobs/{job['id']}").status_code == 404
    assert not (server.folder / "jobs" / job["id"]).exists()


def test_a_recording_that_is_none_is_told_so(server, tmp_path):
    path = tmp_path / "notes.mp3"
    path.write_text("this is no music " * 100)
    job = server.ended(server.send(path).json()["id"])
    assert job["state"] == "failed"
    assert "notes.mp3" in job["error"]["detail"]
    assert str(server.folder) not in json.dumps(job)
    answer = server.result(job["id"])
    assert answer.status_code == 409
    assert answer.json()["detail"] == job["error"]["detail"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"task": "sing"}, "task"),
        ({"language": "xx"}, "language"),
        ({"sensitivity": "2"}, "sensitivity"),
        ({"sensitivity": "nan"}, "sensitivity"),
        ({"model": "unheard_of"}, "unheard_of"),
        ({"task": "words", "classifier": "sounds"}, "choose from"),
        ({"surprise": "1"}, "surprise"),
    ],
)
def test_fields_that_make_no_sense_are_refused(server, five_words, fields, says):
    answer = server.send(five_words, **fields)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_errors_are_problems(server, captioned):
    for method, path, status in (
        ("GET", "/v1/jobs/0000000000000000", 404),
        ("GET", "/v1/jobs/..%2f..%2fetc", 404),
        ("GET", "/v1/jobs/ZZZ", 422),
        ("GET", "/nothing", 404),
        ("PATCH", "/v1/jobs", 405),
        ("POST", "/v1/jobs", 415),
        ("GET", f"/v1/jobs/{captioned}/result?to=mp3", 422),
        ("GET", f"/v1/jobs/{captioned}/result?threshold=dog", 422),
        ("GET", f"/v1/jobs/{captioned}/result?threshold=dog:nan", 422),
        ("GET", "/static/..%2f..%2fapp.py", 404),
        ("GET", "/examples/..%2fREADME.md", 404),
    ):
        answer = server.client.request(method, path)
        assert answer.status_code == status, path
        assert answer.headers["content-type"] == "application/problem+json", path
        assert answer.json()["status"] == status


def test_corrections_sent_at_once_are_one_of_them(server, captioned):
    def put(label):
        event = {"onset": 1.0, "offset": 2.0, "label": label, "score": 1.0}
        return server.client.put(f"/v1/jobs/{captioned}/events", json={"events": [event] * 50}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(put, [f"label {number}" for number in range(40)])) == {204}
    assert len({event["label"] for event in server.result(captioned).json()["events"]}) == 1
    server.client.delete(f"/v1/jobs/{captioned}/events")


def test_a_body_full_of_errors_gives_a_short_answer(server, captioned):
    answer = server.client.put(f"/v1/jobs/{captioned}/events", json={"events": [{}] * 100_000})
    assert answer.status_code == 422
    assert len(answer.content) < 2000


@pytest.mark.parametrize("charset", ["punycode", "undefined", "no-such-charset"])
def test_a_form_in_no_known_letters_is_refused(server, charset):
    form = b'--x\r\ncontent-disposition: form-data; name="task"\r\n\r\n\xff\xfe-\r\n--x--\r\n'
    headers = {"content-type": f"multipart/form-data; boundary=x; charset={charset}"}
    assert server.client.post("/v1/jobs", content=form, headers=headers).status_code in (400, 422)


def test_too_large_is_refused_before_it_is_read_and_while_it_is_read(server):
    declared = {"content-length": str(10**12), "content-type": "multipart/form-data; boundary=x"}
    with socket.create_connection(("127.0.0.1", server.port)) as line:
        head = "".join(f"{name}: {value}\r\n" for name, value in declared.items())
        line.sendall(f"POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\n{head}\r\n".encode())
        line.settimeout(300)
        assert b" 413 " in line.recv(2000)

    def endless():
        yield b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(30):
            yield b"\0" * 2**20

    answer = server.client.post("/v1/jobs", content=endless(), headers={"content-type": declared["content-type"]})
    assert answer.status_code == 413
    assert answer.json()["detail"] == "send at most 20 MB"


def test_a_body_beyond_its_declared_length_is_no_job(server):
    before = len(server.client.get("/v1/jobs?limit=1000").json()["jobs"])
    form = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n' + b"\0" * 5000 + b"\r\n--x--\r\n"
    head = "POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=x\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as line:
        line.sendall(f"{head}content-length: 80\r\n\r\n".encode() + form)
        line.settimeout(300)
        said = line.recv(2000)
    assert said.startswith(b"HTTP/1.1 4")
    assert len(server.client.get("/v1/jobs?limit=1000").json()["jobs"]) == before


def test_names_never_become_paths(server, five_words):
    job = server.send(five_words, name="../../../../tmp/evil\x00/..\\five.flac").json()
    assert job["name"] == "five.flac"
    assert server.ended(job["id"])["state"] == "done"
    files = {file.name for file in (server.folder / "jobs" / job["id"]).iterdir()}
    assert files == {"upload", "result.json", "scores.npz", "embeddings.npz", "view.json", "media.json"}


def test_models_phrases_examples_health_and_figures(server):
    models = {one["name"]: one for one in server.client.get("/v1/models").json()["models"]}
    assert "label" in models["sounds"]["default_for"]
    assert models["words/gru"]["default_for"] == ["words"]
    phrases = server.client.get("/v1/phrases", params={"language": "ru"}).json()["phrases"]
    assert set(models["sounds"]["labels"]) <= set(phrases)
    for example in server.client.get("/v1/examples").json():
        assert server.client.get(example["url"]).status_code == 200
    assert server.client.get("/healthz").json()["status"] == "ok"
    figures = server.client.get("/metrics").text
    assert 'earmark_requests_total{method="GET",route="/v1/models",status="200"}' in figures
    assert "earmark_audio_seconds_total" in figures


def test_the_page_carries_the_nonce_of_its_policy(server):
    page = server.client.get("/")
    nonce = page.headers["content-security-policy"].partition("'nonce-")[2].partition("'")[0]
    assert f'content="{nonce}"' in page.text
    assert "{{" not in page.text
