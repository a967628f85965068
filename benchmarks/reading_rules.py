"""The reading rules on random timelines: how often each was checked, and how often broken, which should be never.

    python benchmarks/reading_rules.py --out results/captions/reading_rules.json

Every timeline is captioned in one of the languages, by that language's rules, once alone and once around a random
dialogue. Recordings last from a moment to ten minutes; sounds come alone, in crowds, at the ends, again and again; the
dialogue's cues are full or not, and overlap. What is checked is what docs/captions.md promises, from the events and the
captions alone. Ends with status 1, and the first timelines that break a rule, if any does.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np

from earmark.captions import Caption, DialogueCue, Form, Merged, Phrases, Priority, captions, languages, merge
from earmark.captions.reading import bracketed, width
from earmark.events.timeline import Event, Timeline

MS = 0.0015  # rounding to whole milliseconds, twice
LABELS = (
    "dog",
    "rain",
    "wind",
    "siren",
    "gun_shot",
    "crying_baby",
    "music",
    "clapping",
    "speech",
    "my_door_bell",
    "a b " * 30,
)
SHOWN = 5  # broken rules that are printed

Check = tuple[str, bool]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timelines", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results/captions/reading_rules.json"))
    given = parser.parse_args()
    begun, written = time.monotonic(), [Phrases.load(language) for language in languages()]
    checked: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    shown = 0
    for number in range(given.timelines):
        rng = np.random.default_rng((given.seed, number))
        timeline, dialogue, phrases = random_timeline(rng), random_dialogue(rng), written[number % len(written)]
        alone, placed = captions(timeline, phrases), merge(timeline, dialogue, phrases)
        shown += len(alone) + len(placed.captions) + len(placed.shared)
        checks = [*on_a_screen(alone, timeline, phrases), *around(placed, dialogue, timeline, phrases)]
        for rule, holds in checks:
            checked[rule] += 1
            broken[rule] += not holds
            if not holds and broken.total() <= SHOWN:
                print(f"timeline {number} ({phrases.language}): {rule}", file=sys.stderr)
    content = {
        "date": datetime.now(UTC).date().isoformat(),
        "seed": given.seed,
        "timelines": given.timelines,
        "captions": shown,
        "languages": languages(),
        "rules": {rule: {"checked": checked[rule], "broken": broken[rule]} for rule in sorted(checked)},
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(
        f"{given.timelines} timelines, {shown} captions, {checked.total()} checks in {time.monotonic() - begun:.0f} s"
    )
    for rule in sorted(checked):
        print(f"{rule:<55}{checked[rule]:>9} checked {broken[rule]:>6} broken")
    sys.exit(bool(broken.total()))


def random_timeline(rng: np.random.Generator) -> Timeline:
    """Sounds alone, in crowds, at the ends, and again and again."""
    duration = round(float(rng.choice([1.0, 8.0, 60.0, 600.0]) * rng.uniform(0.3, 1)), 3)
    events: list[Event] = []
    for _ in range(rng.integers(0, 20)):
        onset = float(
            rng.choice(
                [rng.uniform(0, duration), rng.uniform(0, min(5, duration)), max(0, duration - rng.uniform(0, 3))]
            )
        )
        if events and rng.random() < 0.3:
            onset = min(duration, events[-1].offset + rng.uniform(-1, 4))
        offset = onset + float(rng.choice([0.0, 0.5, 5.0, 60.0, 600.0])) * rng.uniform(0, 1)
        label = events[-1].label if events and rng.random() < 0.3 else str(rng.choice(LABELS))
        events.append(Event(max(0.0, onset), min(duration, max(0.0, offset)), label, float(rng.uniform(0, 1))))
    return Timeline("random.wav", duration, "sounds").with_events(e for e in events if e.onset <= e.offset)


def random_dialogue(rng: np.random.Generator) -> list[DialogueCue]:
    """Cues mostly one after the other, of none to three lines."""
    cues: list[DialogueCue] = []
    at = float(rng.uniform(0, 10))
    for _ in range(rng.integers(0, 60)):
        length = float(rng.choice([0.3, 0.9, 2.5, 6.0]))
        cues.append(DialogueCue(round(at, 3), round(at + length, 3), int(rng.choice([0, 1, 1, 2, 2, 3]))))
        at = max(0.0, at + length + float(rng.choice([-1.0, 0.0, 0.0, 0.1, 0.9, 1.2, 4.0, 20.0])))
    return cues


def on_a_screen(cues: Sequence[Caption], timeline: Timeline, phrases: Phrases) -> Iterator[Check]:
    """The rules of captions on a screen of their own."""
    rules, spoken = phrases.rules, Spoken(timeline, phrases)
    yield from each(cues, timeline, phrases)
    for before, after in pairwise(cues):
        pause = after.onset - before.offset
        yield "gap: captions do not touch", pause >= rules.gap - MS
        longest = before.offset - before.onset >= rules.longest - MS
        yield "pause: shorter ones are closed", pause >= rules.pause - MS or pause <= rules.gap + MS or longest
        news = pause >= rules.pause - MS or not set(after.lines) <= set(before.lines)
        yield "a caption changes only for something new", news
    for before, cue in pairwise([None, *cues]):
        assert cue is not None
        near_end = cue.onset > timeline.duration - 2 * rules.shortest - rules.gap - MS
        stood = before.lines if before and cue.onset - before.offset < rules.pause else ()
        for label, form in spoken.said(cue.lines):
            if near_end:
                continue
            yield "no caption before its sound", any(run.onset <= cue.onset + MS for run in spoken.runs[label])
            if not set(spoken.lines(label, form)) <= set(stood):
                late = (
                    max(run.offset, run.onset + rules.latest)
                    for run in spoken.runs[label]
                    if run.onset <= cue.onset + MS
                )
                yield "latest: no sound announced when it is over", max(late, default=0) >= cue.onset - MS
    for label, runs in spoken.runs.items():
        if phrases.priority(label) is Priority.ALARM:
            for run in runs:
                yield "alarms are told of", spoken.is_told(label, run, cues) or spoken.is_crowded(label, run, cues)


def around(placed: Merged, dialogue: Sequence[DialogueCue], timeline: Timeline, phrases: Phrases) -> Iterator[Check]:
    """The rules of captions around a dialogue."""
    rules, spoken = phrases.rules, Spoken(timeline, phrases)
    yield from each(placed.captions, timeline, phrases)
    for before, after in pairwise(placed.captions):
        yield "gap: captions do not touch", after.onset - before.offset >= rules.gap - MS
    for cue in placed.captions:
        for other in dialogue:
            apart = max(other.onset - cue.offset, cue.onset - max(other.onset, other.offset))
            yield "no caption over the dialogue, nor within a gap of it", apart >= rules.gap - MS
    for place, lines in placed.shared.items():
        mine = dialogue[place]
        yield "shortest: no sound on a cue too short to read", mine.offset - mine.onset >= rules.shortest - MS
        yield "characters: no line too wide", all(width(line, rules) <= rules.characters for line in lines)
        for moment in [c.onset for c in dialogue if mine.onset <= c.onset < mine.offset]:
            standing = [i for i, c in enumerate(dialogue) if c.onset <= moment < c.offset]
            sounds = [line for i in standing for line in placed.shared.get(i, ())]
            alarm = any(phrases.priority(label) is Priority.ALARM for label, _ in spoken.said(sounds))
            most = sum(dialogue[i].lines for i in standing) + len(sounds)
            yield "lines: two with the dialogue's, three with an alarm", most <= rules.lines + alarm
    shown = [
        *placed.captions,
        *(Caption(dialogue[i].onset, dialogue[i].offset, lines) for i, lines in placed.shared.items()),
    ]
    yield from at_once(shown, dialogue, timeline, spoken)


def at_once(
    shown: Sequence[Caption], dialogue: Sequence[DialogueCue], timeline: Timeline, spoken: Spoken
) -> Iterator[Check]:
    """An alarm that begins under a cue of dialogue stands there, if no other alarm takes the line."""
    rules = spoken.phrases.rules
    alarms = [
        (label, run)
        for label, runs in spoken.runs.items()
        if spoken.phrases.priority(label) is Priority.ALARM
        for run in runs
    ]
    for label, run in alarms:
        under = [c for c in dialogue if c.onset <= run.onset <= c.offset]
        if (
            len(under) != 1
            or not 1 <= under[0].lines <= rules.lines
            or under[0].offset - under[0].onset < rules.shortest
        ):
            continue
        cue = under[0]
        alone = all(c is cue or max(c.onset, c.offset) <= cue.onset or c.onset >= cue.offset for c in dialogue)
        others = any(
            other != label and its.onset <= cue.offset and its.offset + rules.longest >= cue.onset
            for other, its in alarms
        )
        one_line = all(len(spoken.lines(label, form)) == 1 for form in Form)
        told_before = any(c.onset < cue.onset and spoken.holds(c, label) for c in shown)
        if alone and one_line and not others and not told_before and cue.onset < timeline.duration - 3 * rules.shortest:
            soon = run.onset + rules.early + MS
            told = any(c.onset <= soon and c.offset >= run.onset - MS and spoken.holds(c, label) for c in shown)
            yield "an alarm under dialogue is shown within half a second", told


def each(cues: Sequence[Caption], timeline: Timeline, phrases: Phrases) -> Iterator[Check]:
    """The rules of every caption."""
    rules = phrases.rules
    for cue in cues:
        yield "shortest", cue.offset - cue.onset >= rules.shortest - MS
        yield "longest", cue.offset - cue.onset <= rules.longest + MS
        yield "lines: two of sounds alone", 1 <= len(cue.lines) <= rules.lines
        yield "characters: no line too wide", all(0 < width(line, rules) <= rules.characters for line in cue.lines)
        yield (
            "every caption is in brackets",
            cue.text[0] == "[" and cue.text[-1] == "]" and cue.text.count("[") == cue.text.count("]"),
        )
        yield "no caption outlasts the recording", cue.offset <= max(timeline.duration, rules.shortest) + MS


class Run:
    """Events that a viewer takes for one sound, seconds."""

    def __init__(self, event: Event) -> None:
        self.onset, self.offset, self.score = event.onset, event.offset, event.score


class Spoken:
    """The sounds of a timeline as docs/captions.md defines them, and which of them lines tell of."""

    def __init__(self, timeline: Timeline, phrases: Phrases) -> None:
        self.phrases, self.duration = phrases, timeline.duration
        self.runs: dict[str, list[Run]] = {}
        for event in sorted(timeline.events, key=lambda e: e.onset):
            if event.label == "speech":
                continue
            runs = self.runs.setdefault(event.label, [])
            ambient = phrases.priority(event.label) is Priority.AMBIENT
            silence = phrases.rules.returns_within if ambient else phrases.rules.repeats_within
            if runs and event.onset - runs[-1].offset < silence - MS:
                runs[-1].offset = max(runs[-1].offset, event.offset)
                runs[-1].score = max(runs[-1].score, event.score)
            else:
                runs.append(Run(event))

    def lines(self, label: str, form: Form) -> tuple[str, ...]:
        """What a caption says of a label."""
        return bracketed(self.phrases.say(label, form), self.phrases.rules)

    def said(self, lines: Sequence[str]) -> list[tuple[str, Form]]:
        """The labels that lines tell of, each once."""
        found = {name: form for name in self.runs for form in Form if set(self.lines(name, form)) <= set(lines)}
        return list(found.items())

    def holds(self, cue: Caption, label: str) -> bool:
        """Whether a caption tells of a label."""
        return any(name == label for name, _ in self.said(cue.lines))

    def is_told(self, label: str, run: Run, cues: Sequence[Caption]) -> bool:
        """Whether a caption tells of a sound in time."""
        latest = max(run.offset, run.onset + self.phrases.rules.latest) + MS
        return any(c.onset <= latest and c.offset >= run.onset - MS and self.holds(c, label) for c in cues)

    def is_crowded(self, label: str, run: Run, cues: Sequence[Caption]) -> bool:
        """Whether other alarms, or the end of the recording, took the lines that an alarm might have had."""
        rules = self.phrases.rules
        if run.onset > self.duration - 3 * (rules.shortest + rules.gap):
            return True
        latest = max(run.offset, run.onset + rules.latest) + MS
        near = [line for c in cues if c.onset <= latest and c.offset >= run.onset - MS for line in c.lines]
        others = {
            name for name, _ in self.said(near) if name != label and self.phrases.priority(name) is Priority.ALARM
        }
        return sum(len(self.lines(other, Form.SHORT)) for other in others) >= rules.lines


if __name__ == "__main__":
    main()
