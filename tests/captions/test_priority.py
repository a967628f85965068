"""What calls for action goes before what fills the scene, and a constant sound does not come back too often."""

import itertools

import pytest

from earmark.captions import Phrases, Priority, ReadingRules, captions
from earmark.captions.phrases import usual_priorities
from earmark.events.timeline import Event, Timeline
from earmark.labels import CANONICAL
from earmark.labels.groups import groups


def scene(duration, *events):
    return Timeline("a.wav", duration, "sounds").with_events(Event(*e) for e in events)


def shown(timeline, **options):
    return [(c.onset, c.offset, " / ".join(c.lines)) for c in captions(timeline, **options)]


def test_classes_are_of_labels_there_are():
    assert set(usual_priorities()) <= CANONICAL
    phrases = Phrases.load("en")
    assert phrases.priority("siren") is Priority.ALARM
    assert phrases.priority("rain") is Priority.AMBIENT
    assert phrases.priority("dog") is phrases.priority("my_own") is Priority.ORDINARY


def test_alarms_and_their_parents_are_alarms():
    phrases = Phrases.load("en")
    for group in groups():
        if group.heading in ("alarms", "horns"):
            quiet = {label for label in (group.parent, *group.labels) if phrases.priority(label) is not Priority.ALARM}
            assert quiet <= {"foghorn"}, group.heading
    alarms = "smoke_alarm", "doorbell", "phone_ringing", "screaming", "explosion"
    assert {phrases.priority(label) for label in alarms} == {Priority.ALARM}
    assert {phrases.priority(label) for label in ("traffic", "refrigerator", "crowd")} == {Priority.AMBIENT}


def test_a_siren_beats_rain_whatever_their_scores():
    storm = (0, 6, "rain", 0.99), (0, 6, "dog", 0.98), (0, 6, "siren", 0.5)
    assert shown(scene(60, *storm)) == [
        (0.0, 1.2, "[dog barking] / [siren wailing]"),
        (1.284, 6.0, "[rain falling] / [siren wailing]"),
    ]
    assert shown(scene(60, *storm), rules=ReadingRules(lines=1)) == [(0.0, 6.0, "[siren wailing]")]


def test_an_alarm_on_the_screen_is_not_driven_off_by_rain():
    events = (0, 6, "siren", 0.5), (0, 6, "crying_baby", 0.5), (3, 20, "rain", 0.99), (3, 20, "wind", 0.99)
    cues = shown(scene(60, *events))
    assert cues[0] == (0.0, 6.0, "[baby crying] / [siren wailing]")
    assert cues[1][2] == "[rain falling] / [wind blowing]"


def test_a_new_alarm_drives_off_rain():
    events = (0, 20, "rain", 0.99), (0, 20, "wind", 0.99), (3, 8, "siren", 0.5), (3, 8, "crying_baby", 0.5)
    assert shown(scene(60, *events))[:2] == [
        (0.0, 2.916, "[rain falling] / [wind blowing]"),
        (3.0, 8.0, "[baby crying] / [siren wailing]"),
    ]


def test_an_hour_of_rain_is_told_of_more_and_more_rarely():
    onsets = [onset for onset, _, _ in shown(scene(3600, (0, 3600, "rain", 0.9)))]
    waits = [round(b - a) for a, b in itertools.pairwise(onsets[1:])]
    assert waits == [30, 60, 120, 240] + [300] * (len(waits) - 4)
    assert len(onsets) < 20


def test_a_siren_that_goes_on_is_told_of_every_half_minute():
    onsets = [onset for onset, _, _ in shown(scene(200, (0, 200, "siren", 0.9)))]
    assert [round(b - a) for a, b in itertools.pairwise(onsets[1:])] == [30] * 6


def test_wind_that_comes_and_goes_is_announced_once():
    gusts = [(20 * i, 20 * i + 6, "wind", 0.9) for i in range(30)]
    cues = shown(scene(600, *gusts))
    assert [text for *_, text in cues].count("[wind blowing]") == 1
    assert len(cues) <= 7
    for onset, _, _ in cues:  # and never while it is silent
        assert onset % 20 < 6


def test_wind_that_comes_back_late_is_announced_again():
    gusts = (0, 6, "wind", 0.9), (40, 46, "wind", 0.9)
    assert shown(scene(600, *gusts)) == [(0.0, 6.0, "[wind blowing]"), (40.0, 46.0, "[wind blowing]")]


def test_an_ambient_sound_that_was_crowded_out_is_announced_when_it_returns():
    crowd = (10, 16, "siren", 0.9), (10, 16, "crying_baby", 0.9)
    assert shown(scene(60, *crowd, (10, 11, "wind", 0.9), (30, 36, "wind", 0.9)))[-1] == (30.0, 36.0, "[wind blowing]")


@pytest.mark.parametrize("label", ["dog", "siren"])
def test_barks_and_sirens_are_announced_each_time(label):
    calls = [(20 * i, 20 * i + 1, label, 0.9) for i in range(5)]
    assert [onset for onset, _, _ in shown(scene(120, *calls))] == [0, 20, 40, 60, 80]
