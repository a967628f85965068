"""AudioSet's answers as evidence for and against labels."""

from pathlib import Path

import numpy as np
import pytest
from media_files import Track, write
from scipy import stats

from earmark import load_model
from earmark.datasets import Clip, Dataset
from earmark.errors import EarmarkError
from earmark.evaluation import label_issues, zero_shot
from earmark.evaluation.held_out_scores import HeldOut
from earmark.labels import audioset

DOG, RAIN, CAT = (audioset.find(name)[0] for name in ("Dog", "Rain", "Cat"))
PLACE = {one.id: one.index for one in audioset.classes()}


def dataset_of(labels, root=Path("/data")):
    return Dataset("d", tuple(Clip(root / f"{i}.wav", labels=(label,)) for i, label in enumerate(labels)))


def answers_of(sounds, rng, known=None):
    """What a backbone might say: the class of what sounds has a better answer, by so much as it is known."""
    known = known or {}
    found = rng.normal(0, 1, (len(sounds), 527))
    for row, sound in enumerate(sounds):
        found[row, PLACE[audioset.find(sound)[0]]] += known.get(sound, 4.0)
    return (1 / (1 + np.exp(6 - found))).astype(np.float32)


def test_labels_are_mapped_by_name_or_as_told():
    found = zero_shot.mapped(["dog", "Rain", "machine_7"], [])
    assert found == {"dog": (DOG,), "Rain": (RAIN,)}
    told = zero_shot.mapped(["dog", "machine_7"], [("machine_7", "Cat"), ("machine_7", "Rain"), ("dog", "cat")])
    assert told == {"dog": (CAT,), "machine_7": (CAT, RAIN)}
    with pytest.raises(EarmarkError, match="no class of AudioSet"):
        zero_shot.mapped(["dog"], [("dog", "zebra crossing")])


def test_ranks_are_uniform_where_the_label_says_nothing():
    rng = np.random.default_rng(0)
    scores, given = rng.normal(size=2000), rng.random(2000) < 0.3
    rank = zero_shot.ranks(scores, given)
    assert rank.min() > 0
    assert rank.max() <= 1
    assert stats.kstest(rank[given], "uniform").pvalue > 0.01
    assert stats.kstest(rank[~given], "uniform").pvalue > 0.01


def test_ranks_by_hand():
    scores, given = np.array([5.0, 1.0, 3.0, 2.0]), np.array([True, True, False, False])
    assert zero_shot.ranks(scores, given) == pytest.approx([1 / 3, 1.0, 0.5, 1.0])


def test_the_lean_is_found_beside_wrong_labels():
    rng = np.random.default_rng(1)
    for lean in (0.15, 0.4, 0.7):
        right, wrong = rng.beta(lean, 1, 4500), rng.uniform(size=500)
        assert zero_shot.leaning(np.concatenate([right, wrong])) == pytest.approx(lean, abs=0.06)


def test_a_class_that_knows_nothing_gives_no_evidence():
    rank = np.random.default_rng(2).uniform(size=3000)
    assert zero_shot.leaning(rank) > 0.9


def test_wrong_labels_are_the_first_issues():
    rng = np.random.default_rng(3)
    sounds = ["dog", "rain", "cat", "siren"] * 40
    given = sounds.copy()
    wrong = rng.choice(len(sounds), 12, replace=False)
    for i in wrong:
        given[i] = {"dog": "rain", "rain": "cat", "cat": "siren", "siren": "dog"}[sounds[i]]
    dataset = dataset_of(given)
    classes = zero_shot.mapped(dataset.labels)
    judged = zero_shot.judged(dataset, Path("/data"), answers_of(sounds, rng), classes)
    assert judged.scores.sum(1) == pytest.approx(np.ones(160), abs=1e-5)
    found = label_issues.find(dataset, Path("/data"), judged)
    assert len({int(one.clip.path.stem) for one in found.ranked[:14]} & set(wrong.tolist())) >= 11
    assert [one.suggested for one in found.ranked[:3]] == [
        (sounds[int(one.clip.path.stem)],) for one in found.ranked[:3]
    ]


def test_a_label_whose_class_is_always_low_is_no_issue_throughout():
    """The class of `cat` answers by far less than the others, and no better where a cat is."""
    rng = np.random.default_rng(4)
    sounds = ["dog", "rain", "cat", "siren"] * 40
    found = answers_of(sounds, rng, known={"cat": 0.5})
    found[:, PLACE[CAT]] *= 1e-3
    dataset = dataset_of(sounds)
    judged = zero_shot.judged(dataset, Path("/data"), found, zero_shot.mapped(dataset.labels))
    first = label_issues.find(dataset, Path("/data"), judged).ranked[:40]
    assert sum(one.clip.labels == ("cat",) for one in first) < 40
    own = judged.scores[np.arange(160), [judged.labels.index(sound) for sound in sounds]]
    assert np.median(own[np.array(sounds) == "cat"]) > 0.1


def test_networks_and_answers_together_find_more():
    rng = np.random.default_rng(5)
    sounds = ["dog", "rain", "cat", "siren"] * 100
    given = sounds.copy()
    wrong = rng.choice(len(sounds), 32, replace=False)
    for i in wrong:
        given[i] = {"dog": "rain", "rain": "cat", "cat": "siren", "siren": "dog"}[sounds[i]]
    dataset, root = dataset_of(given), Path("/data")
    labels = ("cat", "dog", "rain", "siren")
    logits = rng.normal(size=(400, 4)) + 1.5 * (np.array(sounds)[:, None] == labels)
    scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    networks = HeldOut(tuple((f"/data/{i}.wav", 0.0, None) for i in range(400)), labels, scores.astype(np.float32))
    weak = answers_of(sounds, rng, dict.fromkeys(labels, 2.0))
    classes = zero_shot.mapped(labels)

    def hits(held_out):
        ranked = label_issues.find(dataset, root, held_out).ranked
        return len({int(one.clip.path.stem) for one in ranked[:48]} & set(wrong.tolist()))

    alone, both = (
        zero_shot.judged(dataset, root, weak, classes),
        zero_shot.judged(dataset, root, weak, classes, networks),
    )
    assert hits(both) > max(hits(alone), hits(networks))


def test_labels_without_a_class_have_no_evidence():
    rng = np.random.default_rng(6)
    dataset = dataset_of(["dog", "machine_7"] * 20)
    classes = zero_shot.mapped(dataset.labels)
    answers = answers_of(["dog", "rain"] * 20, rng)
    alone = zero_shot.judged(dataset, Path("/data"), answers, classes)
    assert alone.labels == ("dog",)
    assert label_issues.find(dataset, Path("/data"), alone).unknown == 20
    given = np.array([[label in clip.labels for label in dataset.labels] for clip in dataset.clips])
    assert not zero_shot.evidence(answers, given, dataset.labels, classes)[:, 1].any()
    with pytest.raises(EarmarkError, match="name classes with --map"):
        zero_shot.judged(dataset, Path("/data"), answers, {})


def test_several_labels_a_clip_are_judged_each():
    rng = np.random.default_rng(7)
    clips = tuple(Clip(Path(f"/data/{i}.wav"), labels=("dog", "rain") if i % 2 else ("dog",)) for i in range(60))
    others = tuple(Clip(Path(f"/data/{i}.wav"), labels=("rain",)) for i in range(60, 120))
    dataset = Dataset("d", clips + others, exclusive=False)
    found = rng.uniform(0.01, 0.1, (120, 527)).astype(np.float32)
    found[:60, PLACE[DOG]] += 0.5
    found[1::2, PLACE[RAIN]] += 0.5
    found[60:, PLACE[RAIN]] += 0.5
    judged = zero_shot.judged(dataset, Path("/data"), found, zero_shot.mapped(dataset.labels))
    dog, rain = judged.labels.index("dog"), judged.labels.index("rain")
    assert judged.scores[1, [dog, rain]].min() > 0.8
    before = 0.75  # the share of clips that carry rain
    assert np.median(judged.scores[:60:2, rain]) < before < np.median(judged.scores[1::2, rain])


def test_clips_are_answered_for_as_a_whole(backbone_file, tmp_path):
    model = load_model(backbone_file, threads=1)
    write(tmp_path / "a.wav", "wav", Track(np.random.default_rng(0).normal(0, 0.1, (1, 32000)), 32000))
    (tmp_path / "b.wav").write_text("no sound")
    clips = [Clip(tmp_path / "a.wav"), Clip(tmp_path / "b.wav"), Clip(tmp_path / "a.wav", start=0.25, end=0.75)]
    found, errors = zero_shot.answers(model, clips)
    assert found.shape == (3, 527)
    assert np.isnan(found[1]).all()
    assert not np.isnan(found[[0, 2]]).any()
    assert not np.allclose(found[0], found[2])
    assert len(errors) == 1
    assert "b.wav" in str(errors[0])
