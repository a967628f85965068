from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.datasets.clips import Clip, Dataset
from earmark.errors import DatasetError
from earmark.synthesis.soundscapes.pools import ROLES, Cast, divide_sources, make_groups, unify_sources

LABELS = ("dog", "rain", "siren")


def clip(number, source, *labels, folder="data"):
    return Clip(Path(folder) / f"{number}.wav", labels=labels, source=source)


numbers = st.integers(0, 15)
clips = st.lists(
    st.builds(lambda n, s, labels: clip(n, f"s{s}", *labels), numbers, numbers, st.sets(st.sampled_from(LABELS))),
    max_size=12,
)
datasets = st.lists(
    st.builds(
        lambda name, clips, sources: Dataset(name, tuple(clips), sources=sources),
        st.sampled_from(["one", "two"]),
        clips,
        st.sampled_from(["", "freesound"]),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=50)
@given(datasets, st.lists(st.lists(st.integers(0, 3), max_size=3), min_size=4, max_size=4), st.integers(1, 4))
def test_no_recording_is_in_two_folds(several, roles, folds):
    """Whatever datasets name it, and whatever roles it plays."""
    cast = Cast({role: [several[n % len(several)] for n in which] for role, which in zip(ROLES, roles, strict=True)})
    try:
        made = make_groups(cast, folds, 0)
    except DatasetError:
        return  # too few sources, which is said
    files, sources = {}, {}
    for fold, group in enumerate(made):
        for pool in group.values():
            for by_source in pool.clips.values():
                for source, listed in by_source.items():
                    assert sources.setdefault(source, fold) == fold
                    assert all(files.setdefault(one.path, fold) == fold for one in listed)
    used = [several[n % len(several)] for which in roles for n in which]
    for one in used:  # clips that a dataset says are of one source
        for source in {clip.source for clip in one.clips}:
            paths = {clip.path for clip in one.clips if clip.source == source}
            assert len({files[path] for path in paths if path in files}) <= 1


@settings(max_examples=40)
@given(
    st.dictionaries(st.text(max_size=5), st.sets(st.sampled_from(LABELS), min_size=1)),
    st.integers(1, 6),
    st.integers(0, 3),
    st.randoms(),
)
def test_the_order_of_sources_does_not_matter(sources, folds, seed, random):
    shuffled = list(sources.items())
    random.shuffle(shuffled)
    found = divide_sources(sources, folds, seed)
    assert found == divide_sources(dict(shuffled), folds, seed)
    assert set(found) == set(sources)
    assert set(found.values()) <= set(range(folds))


def test_each_label_is_spread_evenly_and_seeds_differ():
    sources = {f"{label}{n}": {label} for label, count in (("a", 7), ("b", 23), ("c", 40)) for n in range(count)}
    found = divide_sources(sources, 5, 0)
    for label in "abc":
        counts = [sum(found[name] == fold for name in sources if name[0] == label) for fold in range(5)]
        assert max(counts) - min(counts) <= 1
    assert found != divide_sources(sources, 5, 1)


def test_sources_that_share_a_file_are_one():
    listed = [clip(1, "a"), clip(1, "b"), clip(2, "b"), clip(3, "c"), clip(2, "d")]
    assert unify_sources(listed) == {"a": "a", "b": "a", "c": "c", "d": "a"}


def test_datasets_that_share_sources_keep_recordings_together():
    """As ESC-50 and UrbanSound8K share Freesound's ids."""
    esc = Dataset("esc50", tuple(clip(n, str(n), "dog", folder="esc") for n in range(20)), sources="freesound")
    urban = Dataset("urban", tuple(clip(n, str(n), "siren", folder="us8k") for n in range(20)), sources="freesound")
    made = make_groups(Cast({"events": [esc], "background": [urban]}), 4, 0)
    for group in made:
        assert group["events"].sources == group["background"].sources
    assert len(set().union(*(group["events"].sources for group in made))) == 20


def test_labels_are_chosen_and_renamed():
    one = Dataset("one", (clip(1, "1", "dog"), clip(2, "2", "rain"), clip(3, "3", "hum"), clip(4, "4")))
    cast = Cast(
        {"events": [one], "background": [one], "speech": [one]},
        event_labels={"dog", "hound"},
        background_labels={"rain", "hum"},
        relabel={"dog": "hound", "hum": ""},
    )
    (group,) = make_groups(cast, 1, 0)
    assert group["events"].labels == ("hound",)
    assert group["background"].labels == ("", "rain")
    assert len(group["background"].clips[""]) == 2
    assert group["speech"].labels == ("speech",)
    assert len(list(group["speech"].all)) == 4
    assert not group["music"].clips


def test_what_cannot_be_is_said():
    one = Dataset("one", (clip(1, "1", "dog"), clip(2, "2", "rain"), clip(3, "2", "rain")))
    with pytest.raises(
        DatasetError, match=r"--events: has only 2 sources, so that fold . gets none; give fewer --folds"
    ):
        make_groups(Cast({"events": [one]}), 3, 0)
    with pytest.raises(DatasetError, match="--event-labels cat: is no label of the datasets; they have dog, rain"):
        make_groups(Cast({"events": [one]}, event_labels={"cat"}), 1, 0)
    with pytest.raises(DatasetError, match="--relabel cat: is no label"):
        make_groups(Cast({"events": [one]}, relabel={"cat": "dog"}), 1, 0)
    bare = replace(one, clips=(clip(1, "1"),))
    with pytest.raises(DatasetError, match="--events: has clips without labels only"):
        make_groups(Cast({"events": [bare]}), 1, 0)
