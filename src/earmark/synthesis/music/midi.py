"""Standard MIDI Files: written for rendering, and read from a user, whose music clips are excerpts of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from earmark.errors import DatasetError, MissingExtraError
from earmark.synthesis.music import instruments
from earmark.synthesis.music.instruments import Bend, Instrument, Note, Part
from earmark.synthesis.music.performance import tuned

try:
    import mido
except ImportError as error:
    raise MissingExtraError("mido, which reads and writes MIDI,", "data") from error

DRUM_CHANNEL = 9
TICKS = 500  # a quarter note at MIDI's usual tempo of 120 a minute: a tick is a millisecond
BEND_RANGE = 12  # semitones either way
ALL_SOUND_OFF, RESET_CONTROLLERS = 120, 121  # controllers: all sound off at once, all controllers as at the start
PEDAL_DOWN = 64  # values of the sustain pedal from which it holds

Score = tuple[Part, ...]  # a piece of music: its parts, with times from its beginning

TRANSPOSED = 4  # semitones either way
TEMPO = (0.88, 1.14)
EARLIEST = 1.0  # seconds in which notes may have begun before a clip
LATEST = 0.9  # of a clip: until then the note that it is drawn around has begun
TRIES = 8  # places that are looked at for one where as many labels play as are wanted


def write_midi(parts: Sequence[Part], lead: float, spacing: float, path: Path) -> None:
    """Write parts one after the other: second 0 of part `i` stands at `i * spacing + lead`; at its end all is silent.

    Notes before `-lead` and from `spacing - lead` on are left out; those between are cut at the end.
    """
    track = mido.MidiTrack()
    before = 0
    for tick, _, message in sorted(_timed(parts, lead, spacing), key=lambda one: one[:2]):
        message.time = tick - before
        track.append(message)
        before = tick
    file = mido.MidiFile(type=0, ticks_per_beat=TICKS)
    file.tracks.append(track)
    file.save(str(path))


def _timed(parts: Sequence[Part], lead: float, spacing: float) -> Iterator[tuple[int, int, mido.Message]]:
    """Messages with their time in milliseconds and their rank among those of the same time."""
    for number, part in enumerate(parts):
        start = round(number * spacing * 1000)
        for tick, rank, message in _messages(part, lead, spacing):
            yield start + tick, rank, message


def _messages(part: Part, lead: float, spacing: float) -> Iterator[tuple[int, int, mido.Message]]:
    channel = DRUM_CHANNEL if part.instrument.manner == "drums" else 0
    last = round(spacing * 1000) - 1
    for number, value in ((RESET_CONTROLLERS, 0), (101, 0), (100, 0), (6, BEND_RANGE), (38, 0)):
        yield 0, 0, mido.Message("control_change", channel=channel, control=number, value=value)
    yield 0, 0, mido.Message("program_change", channel=channel, program=part.instrument.program)
    for bend in part.bends:
        pitch = max(-8192, min(8191, round(bend.cents / (100 * BEND_RANGE) * 8192)))
        yield _tick(bend.time + lead, last), 1, mido.Message("pitchwheel", channel=channel, pitch=pitch)
    for control in part.controls:
        message = mido.Message("control_change", channel=channel, control=control.number, value=control.value)
        yield _tick(control.time + lead, last), 1, message
    for note in part.notes:
        on, off = note.onset + lead, note.offset + lead
        if 0 <= on < spacing - 0.01:
            velocity = max(1, min(127, round(note.velocity)))
            at = _tick(on, last - 1)
            yield at, 3, mido.Message("note_on", channel=channel, note=note.pitch, velocity=velocity)
            yield max(at + 1, _tick(off, last)), 2, mido.Message("note_off", channel=channel, note=note.pitch)
    yield last, 4, mido.Message("control_change", channel=channel, control=ALL_SOUND_OFF, value=0)


def _tick(seconds: float, last: int) -> int:
    return max(0, min(last, round(seconds * 1000)))


def read_midi(path: Path, wide: bool = False) -> tuple[Part, ...]:
    """The parts of a MIDI file, those of one channel and program together; programs that are left out are missing.

    Times are seconds from the file's beginning, tempo changes counted; the sustain pedal holds notes. `wide` asks for
    labels beyond the usual five, where other programs are left out.

    Raises DatasetError: it cannot be read, is no MIDI file, or has no notes of instruments that are known.
    """
    try:
        messages = list(mido.MidiFile(str(path), clip=True))
    except OSError as error:
        reason = error.strerror or "it is damaged or no MIDI file"
        raise DatasetError(path, f"cannot be read ({reason})", "give Standard MIDI Files (.mid)") from error
    except (EOFError, ValueError, LookupError, TypeError, ArithmeticError) as error:
        raise DatasetError(path, "is damaged or no MIDI file", "give Standard MIDI Files (.mid)") from error
    parts = tuple(_midi_parts(messages, wide))
    if not parts:
        raise DatasetError(path, "has no notes of an instrument that is known", "see earmark data phrases --list")
    return parts


def _midi_parts(messages: Sequence[mido.Message], wide: bool) -> Iterator[Part]:
    collected: dict[tuple[int, int], list[Note]] = defaultdict(list)
    for channel, program, note in _notes(messages):
        collected[instruments.DRUM_BANK if channel == DRUM_CHANNEL else 0, program].append(note)
    for preset, notes in sorted(collected.items()):
        instrument = instruments.instrument_of(*preset, wide)
        if instrument is not None:
            yield Part(instrument, sorted(notes, key=lambda note: (note.onset, note.pitch)))


def _notes(messages: Sequence[mido.Message]) -> Iterator[tuple[int, int, Note]]:
    """Channel, program and note; one that never ends sounds until the file does."""
    now = 0.0
    program: dict[int, int] = defaultdict(int)
    held: dict[tuple[int, int], tuple[float, int, int]] = {}  # onset, velocity, program of each key that is down
    waiting: dict[int, set[int]] = defaultdict(set)  # keys that are up while the pedal holds their notes
    pedal: dict[int, bool] = defaultdict(bool)

    def end(channel: int, key: int) -> Iterator[tuple[int, int, Note]]:
        waiting[channel].discard(key)
        if (channel, key) in held:
            onset, velocity, played = held.pop((channel, key))
            yield channel, played, Note(onset, max(now, onset + 0.01), key, velocity)

    for message in messages:
        now += message.time
        if message.type == "program_change":
            program[message.channel] = message.program
        elif message.type == "note_on" and message.velocity:
            yield from end(message.channel, message.note)
            held[message.channel, message.note] = (now, message.velocity, program[message.channel])
        elif message.type in ("note_on", "note_off"):
            if pedal[message.channel]:
                waiting[message.channel].add(message.note)
            else:
                yield from end(message.channel, message.note)
        elif message.type == "control_change" and message.control == 64:
            pedal[message.channel] = message.value >= PEDAL_DOWN
            if not pedal[message.channel]:
                for key in sorted(waiting[message.channel]):
                    yield from end(message.channel, key)
    for channel, key in sorted(held):
        yield from end(channel, key)


@dataclass(frozen=True)
class Music:
    """What a SoundFont can play of some scores."""

    pieces: Mapping[str, Score]
    """Of each score, by its name, the parts that can be played; scores without any are left out."""
    label_of: Callable[[Instrument], str | None]  # what an instrument is labelled, or None

    @classmethod
    def of(
        cls,
        scores: Mapping[str, Score],
        presets: Collection[tuple[int, int]],
        label_of: Callable[[Instrument], str | None],
    ) -> Music:
        """What can be played with presets (bank, program)."""
        playable = {
            name: tuple(part for part in score if part.notes and part.instrument.preset in presets)
            for name, score in scores.items()
        }
        return cls({name: parts for name, parts in playable.items() if parts}, label_of)

    def labels_in(self, parts: Iterable[Part]) -> set[str | None]:
        """The labels of parts; None among them where one has no label."""
        return {self.label_of(part.instrument) for part in parts}

    @property
    def names(self) -> set[str | None]:
        """All labels, and None where an instrument without a label plays."""
        return {name for parts in self.pieces.values() for name in self.labels_in(parts)}

    @property
    def labels(self) -> set[str]:
        """All labels."""
        return _labels(self.names)

    @property
    def most(self) -> int:
        """The largest number of labels in one piece."""
        return max((len(_labels(self.labels_in(parts))) for parts in self.pieces.values()), default=0)


def draw_excerpt(
    music: Music, seconds: float, count: int, rng: np.random.Generator
) -> tuple[list[Part], frozenset[str]]:
    """The parts of an excerpt drawn at random, and which labels shall be kept of them: `count`, if it can be.

    The music is played higher or lower and faster or slower than it was. The first label is drawn, each as often as
    the others, then a piece in which it plays, then one of its notes, around which the excerpt is laid: something
    always plays. With a count of 0 that is an instrument without a label, and none that has one plays. Where the music
    has no such place, there are as many labels as can be, and at least one.
    """
    first, count, pieces = _wanted(music, count, rng)
    piece = pieces[rng.integers(len(pieces))]
    around = [note for part in piece if music.label_of(part.instrument) == first for note in part.notes]
    best: list[Part] = []
    present: set[str] = set()
    for _ in range(TRIES):
        found = _around(around[rng.integers(len(around))], piece, seconds, rng)
        if not best or len(_labels(music.labels_in(found))) > len(present):
            best, present = found, _labels(music.labels_in(found))
        if len(present) >= count:
            break
    return best, frozenset() if first is None else _kept(first, present, count, rng)


def excerpt(part: Part, start: float, seconds: float, shift: int = 0, faster: float = 1.0) -> Part:
    """What a part plays from `start` on for `seconds`, `shift` semitones higher (drums as they are) and faster."""
    shift = 0 if part.instrument.manner == "drums" else shift
    notes = [
        Note((note.onset - start) / faster, (note.offset - start) / faster, note.pitch + shift, note.velocity)
        for note in part.notes
        if 0 <= note.pitch + shift <= 127
    ]
    return replace(part, notes=[note for note in notes if -EARLIEST < note.onset < seconds and note.offset > 0])


def _wanted(music: Music, count: int, rng: np.random.Generator) -> tuple[str | None, int, list[Score]]:
    """What surely plays, how many labels are looked for, and the pieces that have both."""
    if (not count and None in music.names) or not music.labels:
        return None, 0, [parts for parts in music.pieces.values() if None in music.labels_in(parts)]
    enough = min(max(1, count), 2, music.most)
    pieces = [parts for parts in music.pieces.values() if len(_labels(music.labels_in(parts))) >= enough]
    first = str(rng.choice(sorted({label for parts in pieces for label in _labels(music.labels_in(parts))})))
    return first, max(1, count), [parts for parts in pieces if first in music.labels_in(parts)]


def _around(note: Note, piece: Sequence[Part], seconds: float, rng: np.random.Generator) -> list[Part]:
    """An excerpt in which a note begins."""
    faster = float(rng.uniform(*TEMPO))
    length = seconds * faster
    last = max(note.offset for part in piece for note in part.notes)
    start = min(max(0.0, note.onset - rng.uniform(0, LATEST * length)), max(0.0, last - length))
    shift = _shift(piece, rng)
    found = [excerpt(part, start, seconds, shift, faster) for part in piece]
    return [replace(part, bends=[Bend(-10.0, tuned(part.instrument, rng))]) for part in found if part.notes]


def _shift(piece: Sequence[Part], rng: np.random.Generator) -> int:
    """Semitones by which a piece is moved, within what MIDI has."""
    pitches = [note.pitch for part in piece if part.instrument.manner != "drums" for note in part.notes] or [60]
    return int(rng.integers(max(-TRANSPOSED, -min(pitches)), min(TRANSPOSED, 127 - max(pitches)) + 1))


def _kept(first: str, present: set[str], count: int, rng: np.random.Generator) -> frozenset[str]:
    others = sorted(present - {first})
    more = rng.choice(others, min(count - 1, len(others)), replace=False).tolist() if others else []
    return frozenset((first, *more))


def _labels(names: Iterable[str | None]) -> set[str]:
    return {name for name in names if name is not None}
