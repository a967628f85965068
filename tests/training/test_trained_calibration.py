"""Thresholds by recordings from elsewhere, where it is known what is best, and scores levelled by them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from mn_making import tiny
from scipy.special import expit, logit

from earmark.evaluation.tuning import Known
from earmark.events.scores import log_odds
from earmark.events.timeline import Event
from earmark.features.frontend import FrontEnd
from earmark.models.model import Description, Threshold
from earmark.training.calibration import confidence, level, silent, thresholds, with_parents
from earmark.training.recipe import Levelling

LABELS = ("animal", "dog", "siren")
FRONT_END = FrontEnd(rate=32000, hop=320, bands=64)
ABOUT = Description("x", LABELS, False, FRONT_END, 16, 100, parents={"dog": "animal"})
SECOND = round(1 / ABOUT.step)


def test_a_dog_is_an_animal_once():
    events = [Event(1, 2, "dog", 1.0), Event(1.5, 3, "animal", 1.0), Event(5, 6, "siren", 1.0)]
    told = with_parents(ABOUT, events)
    assert [(e.label, e.onset, e.offset) for e in told if e.label == "animal"] == [("animal", 1, 3)]
    assert {e.label for e in told} == {"animal", "dog", "siren"}


def test_thresholds_fit_what_is_known_and_what_is_nowhere_is_silent():
    scores = np.full((200 * SECOND, 3), 0.01, np.float32)
    scores[50 * SECOND : 60 * SECOND, :2] = 0.2  # a dog, of which the model is not sure
    scores[100 * SECOND : 101 * SECOND, 2] = 0.8  # a siren that is none
    truth = {"a": with_parents(ABOUT, [Event(50.0, 60.0, "dog", 1.0)])}
    chosen = thresholds(ABOUT, Known({"a": scores}, truth), Levelling(recordings=["a"]))
    assert 0.01 < chosen.threshold("dog").on <= 0.2
    assert 0.01 < chosen.threshold("animal").on <= 0.2
    assert chosen.threshold("siren").on > 0.8


def test_labels_that_sound_nowhere_keep_a_margin_above_what_is_silent():
    scores = np.full((200 * SECOND, 3), 0.01, np.float32)
    scores[50 * SECOND : 60 * SECOND, :2] = 0.2
    scores[100 * SECOND : 101 * SECOND, 2] = 0.8
    known = Known({"a": scores}, {"a": with_parents(ABOUT, [Event(50.0, 60.0, "dog", 1.0)])})
    without, with_one = (thresholds(ABOUT, known, Levelling(recordings=["a"], margin=m)) for m in (0.0, 1.5))
    assert with_one.threshold("dog") == without.threshold("dog")
    for edge in ("on", "off"):
        before, after = (logit(getattr(about.threshold("siren"), edge)) for about in (without, with_one))
        assert after - before == pytest.approx(1.5, abs=1e-3)


def test_a_threshold_rises_where_events_of_nothing_cost_more_than_what_is_missed():
    scores = np.full((100 * SECOND, 3), 0.01, np.float32)
    for place, score in enumerate((0.4, 0.7, 0.9)):
        scores[(20 * place + 10) * SECOND : (20 * place + 20) * SECOND, 1] = score
    dogs = [Event(t * SECOND * ABOUT.step, (t + 10) * SECOND * ABOUT.step, "dog", 1.0) for t in (10, 30, 50)]
    known = Known({"a": scores}, {"a": dogs})
    hum = np.full(100 * SECOND, 0.01, np.float32)
    hum[: 30 * SECOND : 2 * SECOND] = 0.8  # fifteen times, each too short to be an event
    hum[40 * SECOND : 90 * SECOND] = 0.5  # once

    def on(price, *nothing):
        recipe = Levelling(recordings=["a"], price=price, alarm_price=9.0)
        return thresholds(ABOUT, known, recipe, {"dog": nothing}).threshold("dog").on

    assert on(0.02) <= 0.4
    assert on(0.02, hum) <= 0.4
    assert 0.5 < on(0.5, hum) <= 0.7
    assert on(0.5) <= 0.4


def test_a_false_alarm_costs_more():
    scores = np.full((100 * SECOND, 3), 0.01, np.float32)
    scores[10 * SECOND : 20 * SECOND, 2] = 0.4
    known = Known({"a": scores}, {"a": [Event(10 * SECOND * ABOUT.step, 20 * SECOND * ABOUT.step, "siren", 1.0)]})
    hum = np.full(100 * SECOND, 0.01, np.float32)
    hum[40 * SECOND : 90 * SECOND] = 0.5

    def on(alarm_price):
        recipe = Levelling(recordings=["a"], price=0.0, alarm_price=alarm_price)
        return thresholds(ABOUT, known, recipe, {"siren": [hum]}).threshold("siren").on

    assert on(0.0) <= 0.4
    assert on(2.0) > 0.5


def test_a_threshold_that_is_high_enough_stays():
    assert silent(Threshold(0.5, 0.25), 0.4) == Threshold(0.5, 0.25)
    assert silent(Threshold(0.1, 0.05), 0.4).on > 0.4
    assert silent(Threshold(0.1, 0.05), 0.2).on < 0.25


@torch.no_grad()
def test_levelled_answers_begin_events_where_they_did():
    network = tiny(labels=3, prior=0.64).eval()
    network.name_labels(LABELS)
    about = replace(ABOUT, thresholds={"animal": Threshold(0.1, 0.02), "dog": Threshold(0.9, 0.4)})
    batch = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 320, 64)).astype(np.float32))
    before = network(batch)[0].numpy()
    levelled = level(network, about, Known({}, {}))
    after = network(batch)[0].numpy()
    np.testing.assert_allclose(after, before - log_odds(about.on, False), atol=1e-4)
    assert levelled.on == pytest.approx(0.5)
    for label in LABELS:
        old, new = about.threshold(label), levelled.threshold(label)
        moved = log_odds(np.array([old.off, old.on], np.float32), False)
        assert log_odds(np.array([new.off], np.float32), False)[0] == pytest.approx(moved[0] - moved[1], abs=0.01)


def test_what_teaching_scenes_mark_of_labels_they_have_not_is_a_floor():
    known = Known({"a": np.full((100 * SECOND, 3), 0.01, np.float32)}, {"a": []})
    chosen = [thresholds(ABOUT, known, Levelling(recordings=["a"]), floors=f) for f in (None, {"siren": 0.9})]
    assert chosen[0].threshold("dog") == chosen[1].threshold("dog")
    assert chosen[0].threshold("siren").on < 0.9 < chosen[1].threshold("siren").on


@torch.no_grad()
def test_the_score_of_an_event_is_the_share_that_is_right():
    """Of dogs at 0.6, half are dogs; of those at 0.95, nine in ten."""
    scores, truth, rng = np.full((25_000, 3), 0.01, np.float32), [], np.random.default_rng(3)
    for place in range(1000):
        sure = place % 2
        scores[25 * place : 25 * place + 6, 1] = (0.6, 0.95)[sure]
        if rng.random() < (0.5, 0.9)[sure]:
            truth.append(Event(25 * place * ABOUT.step, (25 * place + 6) * ABOUT.step, "dog", 1.0))
    about = replace(ABOUT, thresholds=dict.fromkeys(LABELS, Threshold(0.5, 0.25)))
    known = Known({"a": scores}, {"a": truth})
    slope, shift = confidence(about, known)
    odds = logit(np.array([0.6, 0.95]))
    assert expit(slope * odds + shift) == pytest.approx([0.5, 0.9], abs=0.04)
    network = tiny(labels=3, prior=0.64).eval()
    network.name_labels(LABELS)
    batch = torch.from_numpy(rng.normal(size=(1, 320, 64)).astype(np.float32))
    before = network(batch)[0].numpy()
    levelled = level(network, about, known)
    np.testing.assert_allclose(network(batch)[0].numpy(), slope * before + shift, atol=1e-3)
    assert levelled.threshold("siren").on == pytest.approx(float(expit(shift)), abs=1e-3)
    assert levelled.threshold("siren").off == pytest.approx(float(expit(slope * logit(0.25) + shift)), abs=1e-3)
