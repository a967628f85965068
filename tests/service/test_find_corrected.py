"""From what a model is least sure of to a dataset that it can learn from: the way of docs/archives.md, step by step."""

import io
import json
import zipfile

from index_making import event, make_index
from model_making import tones, write_wav

from earmark import datasets
from earmark.training import presets

RECORDINGS = ("a.wav", "b.wav")


def cut_out(command, folder):
    """The excerpts that `earmark find --uncertain --cut` makes."""
    for name in RECORDINGS:
        write_wav(folder / "sounds" / name, tones(30.0, (3.0, 5.0, 400.0)))
    seconds = [(name, second, "dog", 0.55 + second / 100) for name in RECORDINGS for second in (3, 4)]
    seconds.append(("a.wav", 20, "cat", 0.4))
    events = [event(name, 3.0, 5.0, "dog", 0.59) for name in RECORDINGS]
    durations = dict.fromkeys(RECORDINGS, 30.0)
    index = make_index(folder / "index", events, seconds=seconds, durations=durations, root=folder / "sounds")
    done = command("find", "--uncertain", "--in", index, "--to", "json", "--cut", folder / "unsure")
    assert len(json.loads(done.stdout)) == 3
    return folder / "unsure"


def test_excerpts_hold_what_the_model_guessed_and_corrected_on_the_page_they_are_a_dataset(server, command, tmp_path):
    unsure = cut_out(command, tmp_path)
    dataset = datasets.load(None, unsure / "clips.csv")
    assert [(c.source, c.start, c.end, c.labels) for c in dataset.clips] == [
        ("a.wav", 1.0, 3.0, ("dog",)),
        ("a.wav", 1.0, 2.0, ()),  # a cat of 0.4 is none, it guessed
        ("b.wav", 1.0, 3.0, ("dog",)),
    ]
    assert presets.recipe_for(unsure / "clips.csv", []).name == "clips"

    excerpts = sorted((unsure / "audio").iterdir())
    assert len(excerpts) == 3
    corrected = tmp_path / "corrected"
    jobs = [server.send(excerpt).json()["id"] for excerpt in excerpts]
    assert [server.ended(job)["state"] for job in jobs] == ["done"] * 3
    for job in jobs:
        mine = {"events": [{"onset": 0.8, "offset": 1.6, "label": "beep", "score": 1.0}]}
        assert server.client.put(f"/v1/jobs/{job}/events", json=mine).status_code == 204
    answer = server.client.get("/v1/dataset", params={"job": jobs})
    zipfile.ZipFile(io.BytesIO(answer.content)).extractall(corrected)
    dataset = datasets.load(None, corrected / "clips.csv")
    assert sum(clip.labels == ("beep",) for clip in dataset.clips) == 3
    assert all(clip.path.is_file() for clip in dataset.clips)
    recipe = presets.recipe_for(corrected / "clips.csv", [])
    assert recipe.dataset[0].path == str(corrected / "clips.csv")
