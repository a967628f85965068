"""Sounds around a dialogue: in its pauses and on its free lines, never over it."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.captions import DialogueCue, Form, Phrases, Priority, ReadingRules, merge
from earmark.events.timeline import Event, Timeline

RULES = ReadingRules()
MS = 0.0015
LABELS = ("dog", "rain", "siren", "gun_shot", "music", "my_door_bell")


def scene(duration, *events):
    return Timeline("a.wav", duration, "sounds").with_events(Event(*e) for e in events)


def placed(timeline, *cues, **options):
    """Captions of their own as (onset, offset, text), and the lines on cues of dialogue."""
    placed = merge(timeline, [DialogueCue(*cue) for cue in cues], **options)
    return [(c.onset, c.offset, " / ".join(c.lines)) for c in placed.captions], placed.shared


@st.composite
def dialogues(draw):
    """Cues mostly one after the other, now and then overlapping or backwards, of one to three lines."""
    cues, at = [], draw(st.floats(0, 10))
    for _ in range(draw(st.integers(0, 12))):
        length = draw(st.sampled_from([0.3, 1.0, 2.5, 6.0]))
        cues.append(DialogueCue(round(at, 3), round(at + length, 3), draw(st.integers(0, 3))))
        at = max(0, at + length + draw(st.sampled_from([-1.0, 0.0, 0.1, 0.9, 1.2, 4.0, 20.0])))
    return cues


@st.composite
def timelines(draw):
    duration = draw(st.sampled_from([5.0, 30.0, 90.0]))
    events = []
    for _ in range(draw(st.integers(0, 10))):
        onset = draw(st.floats(0, duration))
        offset = min(duration, onset + draw(st.sampled_from([0.2, 1.5, 8.0, 60.0])))
        events.append(Event(onset, offset, draw(st.sampled_from(LABELS)), draw(st.floats(0, 1))))
    return Timeline("a.wav", duration, "sounds").with_events(events)


def label_of(line, phrases):
    return next(label for label in LABELS for form in Form if line == f"[{phrases.say(label, form)}]")


@settings(max_examples=40)
@given(timelines(), dialogues())
def test_the_rules_hold_beside_any_dialogue(timeline, dialogue):
    placed = merge(timeline, dialogue)
    phrases = Phrases.load("en")
    for cue in placed.captions:
        assert RULES.shortest - 1e-9 <= cue.offset - cue.onset <= RULES.longest + 1e-9
        assert 1 <= len(cue.lines) <= RULES.lines
        for spoken in dialogue:
            before, after = spoken.onset - cue.offset, cue.onset - max(spoken.onset, spoken.offset)
            assert max(before, after) >= RULES.gap - MS, "over the dialogue"
    for before, after in itertools.pairwise(placed.captions):
        assert after.onset - before.offset >= RULES.gap - 1e-9
        if after.onset - before.offset < RULES.pause and not any(
            before.offset <= spoken.onset <= after.onset for spoken in dialogue
        ):
            assert not set(after.lines) <= set(before.lines), "a cue changes because a sound ends"
    for i, lines in placed.shared.items():
        mine = dialogue[i]
        assert mine.offset - mine.onset >= RULES.shortest - MS
        moments = [mine.onset] + [c.onset for c in dialogue if mine.onset <= c.onset < mine.offset]
        for moment in moments:
            standing = [j for j, c in enumerate(dialogue) if c.onset <= moment < c.offset]
            most = sum(dialogue[j].lines + len(placed.shared.get(j, ())) for j in standing)
            urgent = any(
                phrases.priority(label_of(line, phrases)) is Priority.ALARM
                for j in standing
                for line in placed.shared.get(j, ())
            )
            assert most <= RULES.lines + urgent
        assert all(label_of(line, phrases) for line in lines)


@settings(max_examples=40)
@given(timelines(), dialogues())
def test_sounds_are_told_of_in_time(timeline, dialogue):
    phrases = Phrases.load("en")
    placed = merge(timeline, dialogue)
    shown = [(c.onset, c.offset, c.lines) for c in placed.captions]
    shown += [(dialogue[i].onset, dialogue[i].offset, lines) for i, lines in placed.shared.items()]
    for onset, offset, lines in shown:
        for line in lines:
            label = label_of(line, phrases)
            events = [e for e in timeline.events if e.label == label]
            alarm = phrases.priority(label) is Priority.ALARM
            early = offset - onset if alarm else RULES.early
            near_end = onset > timeline.duration - 2 * RULES.shortest - RULES.gap - MS
            assert near_end or any(
                onset >= e.onset - early - MS and onset <= max(e.offset + RULES.longest, e.onset + RULES.latest) + MS
                for e in events
            )


def test_without_dialogue_captions_are_as_ever():
    timeline = scene(90, (1.0, 75.0, "rain", 0.9), (4, 4.4, "dog", 0.9))
    from earmark.captions import captions

    assert merge(timeline, []).captions == captions(timeline)


def test_a_sound_comes_in_a_pause():
    assert placed(scene(60, (4, 4.4, "dog", 0.9)), (1, 3, 2), (8, 10, 2)) == ([(4.0, 5.6, "[dog barks]")], {})


def test_a_caption_ends_before_the_dialogue_begins():
    assert placed(scene(60, (4, 7, "dog", 0.9)), (6, 8, 2)) == ([(4.0, 5.916, "[dog barking]")], {})


def test_a_sound_shares_a_cue_that_has_a_free_line():
    assert placed(scene(60, (4.2, 4.4, "dog", 0.9)), (4, 6, 1)) == ([], {0: ("[dog barks]",)})


def test_what_stands_when_the_dialogue_begins_stays_if_there_is_a_line():
    rain = scene(60, (4, 10, "rain", 0.9))
    assert placed(rain, (6, 8, 1)) == ([(4.0, 5.916, "[rain falling]")], {0: ("[rain falling]",)})
    assert placed(rain, (6, 8, 2)) == ([(4.0, 5.916, "[rain falling]")], {})


def test_a_full_cue_makes_a_sound_wait():
    assert placed(scene(60, (4, 4.4, "dog", 0.9)), (3.8, 5, 2)) == ([(5.084, 6.684, "[dog barks]")], {})


def test_what_waited_too_long_is_dropped_unless_it_lasts():
    talk = (3, 9, 2), (9.1, 15, 2)
    assert placed(scene(60, (4, 4.4, "dog", 0.9)), *talk) == ([], {})
    assert placed(scene(60, (4, 20, "dog", 0.9)), *talk)[0][0] == (15.084, 20.0, "[dog barking]")


def test_an_alarm_takes_a_third_line_at_once():
    talk = (3, 5, 2), (5.1, 9, 2), (9.1, 15, 2)
    assert placed(scene(60, (4, 4.4, "dog", 0.9)), *talk) == ([], {})
    assert placed(scene(60, (4, 4.4, "gun_shot", 0.9)), *talk) == ([], {0: ("[gunshot]",)})
    assert placed(scene(60, (4, 4.4, "gun_shot", 0.9)), *talk[:1]) == ([], {0: ("[gunshot]",)})
    assert placed(scene(60, (4, 4.4, "gun_shot", 0.9)), (3, 9, 2), (9.1, 15, 2)) == ([], {0: ("[gunshot]",)})
    assert placed(scene(60, (4, 4.4, "gun_shot", 0.9)), (3, 9, 3), (9.1, 15, 3)) == ([], {}), "never a fourth"


def test_an_alarm_waits_no_longer_than_half_a_second_for_a_free_line():
    assert placed(scene(60, (4.8, 5.4, "gun_shot", 0.9)), (3, 5, 2), (5.1, 9, 1)) == ([], {1: ("[gunshot]",)})
    assert placed(scene(60, (4.5, 5.4, "gun_shot", 0.9)), (3, 5, 2), (5.1, 9, 1)) == ([], {0: ("[gunshot]",)})
    assert placed(scene(60, (4.8, 5.4, "gun_shot", 0.9)), (3, 5, 2)) == ([(5.084, 6.384, "[gunshot]")], {})


@settings(max_examples=60)
@given(dialogues(), st.integers(0, 11), st.floats(0, 1), st.sampled_from([0.3, 2.0, 9.0]))
def test_an_alarm_under_any_cue_is_on_the_screen_within_half_a_second(dialogue, which, share, length):
    cue = dialogue[which % len(dialogue)] if dialogue else DialogueCue(1.0, 3.0, 2)
    onset = cue.onset + share * (cue.offset - cue.onset)
    alone = all(c is cue or c.offset <= cue.onset or c.onset >= cue.offset for c in dialogue)
    if not alone or not 1 <= cue.lines <= RULES.lines or cue.offset - cue.onset < RULES.shortest:
        return
    if onset > cue.offset - MS:  # it begins as the cue goes, and is not under it
        return
    alarm = Timeline("a.wav", 400.0, "sounds").with_events([Event(onset, onset + length, "siren", 0.9)])
    placed = merge(alarm, dialogue or [cue])
    shown = [(c.onset, c.offset) for c in placed.captions]
    shown += [((dialogue or [cue])[i].onset, (dialogue or [cue])[i].offset) for i in placed.shared]
    assert any(start <= onset + RULES.early + MS and end >= onset - MS for start, end in shown)


def test_an_alarm_goes_before_rain_on_the_only_free_line():
    both = scene(60, (4, 4.4, "gun_shot", 0.3), (4, 4.4, "rain", 0.9))
    assert placed(both, (4, 8, 1), (8.1, 12, 2)) == ([], {0: ("[gunshot]",)})


def test_overlapping_dialogue_has_no_free_line():
    assert placed(scene(20, (4, 4.4, "dog", 0.9)), (4, 8, 1), (5, 9, 1)) == ([], {})


def test_a_sound_that_goes_on_is_told_of_again_in_pauses_only():
    long = scene(120, (0, 120, "rain", 0.9))
    own, shared = placed(long, (10, 35, 1), (36, 50, 1))
    assert shared == {}
    assert [text for *_, text in own] == ["[rain falling]"] + 3 * ["[rain continues]"]


def test_no_caption_stands_after_the_recording_whose_dialogue_goes_on():
    crowd = [(4 + 0.1 * i, 4.2 + 0.1 * i, label, 0.9) for i, label in enumerate(("dog", "cat", "cow", "hen", "pig"))]
    own, shared = placed(scene(6, *crowd), (8, 9, 1), (20, 21, 1))
    assert (own[0][0], shared) == (4.4, {})
    assert max(offset for _, offset, _ in own) <= 6


def test_languages_and_rules_can_be_chosen():
    assert placed(scene(60, (4, 4.4, "dog", 0.9)), language="pl")[0][0][2] == "[szczeka pies]"
    assert placed(scene(60, (4, 4.4, "dog", 0.9)), (4, 6, 1), rules=ReadingRules(lines=1))[1] == {}
