from itertools import pairwise

import numpy as np
import pytest
from scenes_making import BURSTS, RATE, TONES, backgrounds, bursts, hiss, speech, table, tones
from scipy.signal import butter, sosfiltfilt

from earmark.datasets.clips import Clip
from earmark.errors import DatasetError
from earmark.events.timeline import Event
from earmark.synthesis.soundscapes import audibility, dataset, layers
from earmark.synthesis.soundscapes.layers import SoundCache, measure_sound
from earmark.synthesis.soundscapes.plan import Plan, Taken, count_labels, draw_scene
from earmark.synthesis.soundscapes.pools import Cast, make_groups, read_any
from earmark.synthesis.soundscapes.rendering import render, united


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """Makes plans of datasets that are written once."""
    folder = tmp_path_factory.mktemp("datasets")
    sounding, spoken = read_any(tones(folder)), read_any(speech(folder))
    steady = {label: read_any(backgrounds(folder, label)) for label in ("rain", "song", "")}

    def made(folds=1, background="rain", words=False, **options):
        datasets = {"events": [sounding], "background": [steady[background]]}
        if words:
            datasets |= {"speech": [spoken], "music": [steady["song"]]}
        usual = {"count": 4, "seconds": 20.0, "rate": RATE, "quiet": 0.0, "noise": 0.0, "rooms": 0.0}
        return Plan(make_groups(Cast(datasets), folds, 0), **(usual | options))

    return made


def rendered(wanted, number=0):
    return render(wanted, draw_scene(wanted, number), SoundCache(wanted.rate))


def tone_spans(samples, hertz):
    """Where a tone sounds in a scene, by its envelope alone, which is measured in steps of a millisecond."""
    filtered = sosfiltfilt(butter(4, [hertz * 0.8, hertz * 1.25], "band", fs=RATE, output="sos"), samples)
    envelope = np.sqrt(np.convolve(filtered**2, np.ones(80) / 80, "same"))
    on = envelope > 0.1 * np.percentile(envelope[envelope > envelope.max() / 2], 50)
    edges = np.flatnonzero(np.diff(on, prepend=False, append=False)).reshape(-1, 2) / RATE
    return [(a, b) for a, b in edges.tolist() if b - a > 0.03]


@pytest.mark.parametrize("seed", range(3))
def test_annotations_are_where_the_sound_is(plan, seed):
    """Bursts of tones, found again in the finished scene by a filter: within 20 ms."""
    wanted = plan(levels=(20.0, 25.0), per_minute=6.0, at_once=1, seed=seed, seconds=30.0)
    samples, events = rendered(wanted)
    checked = 0
    for label, hertz in TONES.items():
        truth = [(event.onset, event.offset) for event in events if event.label == label]
        if truth:
            np.testing.assert_allclose(tone_spans(samples, hertz), truth, atol=0.02)
            checked += len(truth)
    lengths = [offset - onset for onset, offset in BURSTS]
    inner = [event for event in events if event.label in TONES and event.offset < 30]
    assert all(min(abs(event.duration - length) for length in lengths) < 0.02 for event in inner)
    assert checked or not inner


def test_a_scene_keeps_its_rules(plan):
    wanted = plan(words=True, per_minute=60.0, at_once=2, with_speech=1.0, with_music=1.0, seconds=12.0)
    for number in range(2):
        samples, events = rendered(wanted, number)
        assert len(samples) == 12 * RATE
        assert np.abs(samples).max() == pytest.approx(10 ** (draw_scene(wanted, number).peak / 20), rel=1e-4)
        assert np.abs(samples).max() < 1
        assert [(e.onset, e.offset) for e in events if e.label == "rain"] == [(0.0, 12.0)]
        assert {"rain", "speech", "music"} <= {event.label for event in events} <= {"rain", "speech", "music", *TONES}
        assert all(0 <= event.onset < event.offset <= 12 for event in events)
        for label in TONES:
            assert all(a.offset < b.onset for a, b in pairwise([e for e in events if e.label == label]))
        marks = np.arange(0.005, 12, 0.01)
        assert sum((e.onset <= marks) & (marks < e.offset) for e in events if e.label in TONES).max() <= 2


def test_levels_are_over_the_background(plan):
    """A tone 20 dB over noise, by the A-weighted power of both."""
    wanted = plan(levels=(20.0, 20.0), per_minute=3.0, seed=3)
    samples, events = rendered(wanted)
    power = audibility.weighted(audibility.spectra(samples, RATE), RATE)
    tone = [event for event in events if event.label in TONES]
    assert tone
    inside, outside = np.zeros(len(power), bool), np.ones(len(power), bool)
    for event in tone:
        inside[round(event.onset * 100) + 2 : round(event.offset * 100) - 2] = True
        outside[max(0, round(event.onset * 100) - 5) : round(event.offset * 100) + 5] = False
    assert 10 * np.log10(power[inside].mean() / power[outside].mean()) == pytest.approx(20, abs=1.0)


def test_what_the_background_covers_is_not_told(plan):
    loud, soft = (
        {event.label for n in range(4) for event in rendered(plan(levels=(level, level), seconds=10.0), n)[1]}
        for level in (20, -40)
    )
    assert loud == {*TONES, "rain"}
    assert soft == {"rain"}


def test_training_scenes_are_played_at_other_speeds(plan):
    """Bursts are found where they are told of, at the pitch of their speed; other splits stay as they are."""
    usual, varied = (plan(folds=3, levels=(20.0, 25.0), at_once=1, speed=speed) for speed in (0.0, 0.25))
    for number in range(4):
        before, after = draw_scene(usual, number), draw_scene(varied, number)
        assert [one.taken.clip for one in before.events] == [one.taken.clip for one in after.events]
        assert [one.time for one in before.events] == [one.time for one in after.events]
        speeds = [one.taken.speed for one in after.events] + [one.speed for one in after.background]
        assert all(0.8 <= speed <= 1.25 for speed in speeds)
        if number % 3:  # validation or test
            assert before == after
            continue
        assert len(set(speeds)) > 1
        samples, events = render(varied, after, SoundCache(RATE))
        for one in after.events:
            [label] = one.taken.clip.labels
            heard = tone_spans(samples, TONES[label] * one.taken.speed)
            told = [(e.onset, e.offset) for e in events if e.label == label]
            assert any(abs(a - c) < 0.02 and abs(b - d) < 0.02 for a, b in heard for c, d in told)


def test_folders_from_before_there_were_speeds_go_on(plan):
    assert "speed" not in dataset.options(plan())
    assert dataset.options(plan(speed=0.1))["speed"] == 0.1


def test_rooms_change_the_sound_and_not_the_annotations(plan):
    dry, in_rooms = (rendered(plan(rooms=share, levels=(15, 25), seconds=10.0)) for share in (0.0, 1.0))
    assert dry[1] == in_rooms[1]
    assert np.abs(dry[0] - in_rooms[0]).max() > 0.01


def test_backgrounds_without_a_label_and_noise_are_not_told(plan):
    for wanted in (plan(background="", per_minute=0.0), plan(noise=1.0, per_minute=0.0)):
        samples, events = rendered(wanted)
        assert events == []
        assert np.abs(samples).max() > 0.001


def test_quiet_scenes_hold_the_background_alone(plan):
    wanted = plan(words=True, quiet=1.0, with_speech=1.0, with_music=1.0, seconds=5.0)
    assert {event.label for n in range(4) for event in rendered(wanted, n)[1]} == {"rain"}


def test_a_fold_is_heard_in_its_own_scenes_alone(plan):
    wanted = plan(folds=4, words=True, with_speech=1.0, with_music=1.0, count=40, noise=0.2)
    heard = {}
    for number in range(40):
        scene = draw_scene(wanted, number)
        tracks = [track for track in (scene.speech, scene.music) if track is not None]
        taken = [*scene.background, *(e.taken for e in scene.events), *(one for t in tracks for one in t.clips)]
        for one in taken:
            assert heard.setdefault(one.clip.source, scene.fold) == scene.fold == number % 4
    assert set(heard.values()) == {0, 1, 2, 3}
    assert [wanted.split(fold) for fold in range(4)] == ["train", "train", "validation", "test"]


def test_a_loop_is_as_loud_where_clips_meet():
    sounds = [measure_sound(hiss(n, level=0.02 * (n + 1)), RATE) for n in range(3)]
    samples, active = layers.loop_sounds((sounds[n % 3] for n in range(100)), 3000, RATE)
    assert active[1:].all()
    power = audibility.powers(samples, RATE).reshape(-1, 20).mean(axis=1)[1:]
    assert np.abs(10 * np.log10(power / power.mean())).max() < 1.0


def test_a_loop_of_silence_ends():
    silent = measure_sound(np.zeros(RATE, np.float32), RATE)
    samples, active = layers.loop_sounds((silent for _ in range(1000)), 300, RATE)
    assert not samples.any()
    assert not active.any()


def test_attacks_are_kept_and_cuts_are_faded():
    sound = measure_sound(bursts(1000), RATE)
    samples, active, lead = layers.cut_sound(sound, (0.5, 0.5), RATE)
    assert lead == 1
    start = round(0.2 * RATE) - 160
    np.testing.assert_array_equal(samples[160:4960], sound.samples[start + 160 : start + 4960])
    steady = measure_sound(hiss(1), RATE)
    faded, active, lead = layers.cut_sound(steady, (0.4, 0.01), RATE)
    assert lead == 0
    assert np.flatnonzero(active)[0] in range(1, 10)  # the fade's beginning is too soft to be heard
    assert audibility.powers(faded, RATE)[:10].mean() < 0.1 * audibility.powers(faded, RATE)[100:].mean()


def test_of_long_recordings_parts_are_heard(tmp_path, monkeypatch):
    longest, grid = 3, 1  # seconds
    monkeypatch.setattr(layers, "LONGEST", longest)
    monkeypatch.setattr(layers, "GRID", grid)
    path = tmp_path / "long.wav"
    table(tmp_path, "long", [("long.wav", hiss(0, 9.5), "song", "one")])
    store = SoundCache(RATE)
    clip = Clip(path)
    drawn = [store.sound(Taken(clip, at)).samples for at in np.linspace(0, 0.999, 30)]
    parts = list({id(part): part for part in drawn}.values())
    assert {len(part) for part in parts} == {longest * RATE}
    whole = hiss(0, 9.5)
    assert all(any(np.allclose(part, whole[s * RATE : (s + longest) * RATE]) for s in range(7)) for part in parts)
    assert len({part[0] for part in parts}) == len(parts) == 7
    assert len(store.sound(Taken(Clip(path, start=9.0), 0.7)).samples) == RATE // 2


def test_a_store_keeps_no_more_than_it_has_room_for(tmp_path):
    clips = read_any(tones(tmp_path)).clips
    store = SoundCache(RATE, room=300_000)  # two clips of 2 s
    first = store.sound(Taken(clips[0], 0.0))
    assert store.sound(Taken(clips[0], 0.5)) is first
    for clip in clips[1:]:
        store.sound(Taken(clip, 0.0))
    again = store.sound(Taken(clips[0], 0.0))
    assert again is not first
    np.testing.assert_array_equal(again.samples, first.samples)


def test_events_of_one_label_that_overlap_are_one():
    events = [Event(1, 2, "a", 1), Event(1.5, 3, "a", 1), Event(3, 4, "a", 1), Event(2, 5, "b", 1), Event(6, 7, "a", 1)]
    assert united(events) == [Event(1, 4, "a", 1), Event(2, 5, "b", 1), Event(6, 7, "a", 1)]
    apart = [Event(1, 2, "a", 1), Event(2.4, 3, "a", 1), Event(3.5, 4, "a", 1)]
    assert united(apart) == [Event(1, 3, "a", 1), Event(3.5, 4, "a", 1)]


def test_counts_are_those_of_what_is_drawn(plan):
    wanted = plan(folds=3, count=60)
    found = count_labels(wanted)
    assert sum(found[label][0] for label in TONES) == sum(len(draw_scene(wanted, n).events) for n in range(60))
    assert found["rain"] == (60, 60)
    mean = sum(found[label][0] for label in TONES) / 60
    assert mean == pytest.approx(4.0, abs=1.0)  # 12 a minute, 20 s


def test_batches_hold_one_fold_each_and_every_scene_once(plan):
    wanted = plan(folds=3, count=200)
    batches = list(dataset.batched(wanted))
    assert sorted(n for batch in batches for n in batch.numbers) == list(range(200))
    assert all(len({n % 3 for n in batch.numbers}) == 1 for batch in batches)


def test_a_plan_that_cannot_be_is_refused(plan):
    with pytest.raises(DatasetError, match="end before they begin"):
        plan(levels=(10.0, 0.0))
