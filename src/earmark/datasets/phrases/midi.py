"""Standard MIDI Files: parts laid one after the other for rendering, and files that a user gives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from earmark.datasets.phrases import programs
from earmark.datasets.phrases.notes import Note, Part
from earmark.errors import DatasetError, MissingExtraError

try:
    import mido
except ImportError as error:
    raise MissingExtraError("mido, which reads and writes MIDI,", "data") from error

DRUM_CHANNEL = 9
TICKS = 500  # a quarter note at MIDI's usual tempo of 120 a minute: a tick is a millisecond
BEND_RANGE = 12  # semitones either way
SILENCE, RESET = 120, 121  # controllers: all sound off at once, all controllers as at the start
PEDAL_DOWN = 64  # values of the sustain pedal from which it holds


def write(parts: Sequence[Part], lead: float, spacing: float, path: Path) -> None:
    """Write parts one after the other: second 0 of part `i` stands at `i * spacing + lead`; at its end all is silent.

    Notes before `-lead` and from `spacing - lead` on are left out; those between are cut at the end.
    """
    track = mido.MidiTrack()
    before = 0
    for tick, _, message in sorted(_timed(parts, lead, spacing), key=lambda one: one[:2]):
        track.append(message.copy(time=tick - before))
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
    for number, value in ((RESET, 0), (101, 0), (100, 0), (6, BEND_RANGE), (38, 0)):
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
    yield last, 4, mido.Message("control_change", channel=channel, control=SILENCE, value=0)


def _tick(seconds: float, last: int) -> int:
    return max(0, min(last, round(seconds * 1000)))


def read(path: Path, wide: bool = False) -> tuple[Part, ...]:
    """The parts of a MIDI file, those of one channel and program together; programs that are left out are missing.

    Times are seconds from the file's beginning, tempo changes counted; the sustain pedal holds notes.

    Args:
        path: the file.
        wide: whether labels beyond the usual five are asked for, and other programs left out.

    Raises:
        DatasetError: the file cannot be read, is no MIDI file, or has no notes of instruments that are known.
    """
    try:
        messages = list(mido.MidiFile(str(path), clip=True))
    except OSError as error:
        reason = error.strerror or "it is damaged or no MIDI file"
        raise DatasetError(path, f"cannot be read ({reason})", "give Standard MIDI Files (.mid)") from error
    except (EOFError, ValueError, LookupError, TypeError, ArithmeticError) as error:
        raise DatasetError(path, "is damaged or no MIDI file", "give Standard MIDI Files (.mid)") from error
    parts = tuple(_parts(messages, wide))
    if not parts:
        raise DatasetError(path, "has no notes of an instrument that is known", "see earmark data phrases --list")
    return parts


def _parts(messages: Sequence[mido.Message], wide: bool) -> Iterator[Part]:
    collected: dict[tuple[int, int], list[Note]] = defaultdict(list)
    for channel, program, note in _notes(messages):
        collected[programs.DRUM_BANK if channel == DRUM_CHANNEL else 0, program].append(note)
    for preset, notes in sorted(collected.items()):
        instrument = programs.named(*preset, wide)
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
