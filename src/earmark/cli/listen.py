"""`earmark listen`: captions of what the microphone hears, as it is heard."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli import common
from earmark.cli.streams import standard_input
from earmark.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.live import LiveListener
    from earmark.util.types import Samples

HELP = """Caption what the microphone hears, as it is heard; Ctrl-C ends it.

Speech is not captioned unless asked for. With `--to json` each change is a line of JSON, as on the
service's live socket.

Examples:

    earmark listen

    earmark listen --list-devices

    earmark listen --device usb --language el --to json

    earmark listen --save evening.wav

    earmark listen --file street.mp4 --fast

    ffmpeg -i rtsp://camera/stream -f wav - | earmark listen --file -

EARMARK_SOUND names the sound system to record from (such as alsa); EARMARK_SOUND=null hears silence.
"""

BLOCK_SECONDS = 0.05  # of a file


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("listen", help=HELP)(listen)


def listen(
    model: common.ModelName = "sounds",
    language: Annotated[str, typer.Option(help="Language of the captions: cs, el, en, ko, pl or ru.")] = "en",
    phrases: Annotated[Path | None, typer.Option(help="A file of your own phrases (TOML), for any labels.")] = None,
    sensitivity: common.Sensitivity = 0.5,
    include_speech: Annotated[bool, typer.Option("--include-speech", help="Caption speech as well.")] = False,
    device: Annotated[str | None, typer.Option(help="A microphone's name, or a part of it.")] = None,
    list_devices: Annotated[bool, typer.Option("--list-devices", help="Name the microphones.")] = False,
    to: Annotated[str, typer.Option(help="text or json.")] = "text",
    bell: Annotated[bool, typer.Option("--bell", help="Ring the terminal's bell at alarms.")] = False,
    save: Annotated[Path | None, typer.Option(metavar="WAV", help="Keep what is heard in this new file.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="Listen to a recording instead; - for standard input, as it comes.")
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="Listen to --file faster than it sounds.")] = False,
) -> None:
    """Listen until Ctrl-C, or to the end of a recording."""
    common.check_choice("--to", to, ("text", "json"))
    if list_devices:
        _list_devices()
        return
    if fast and file is None:
        raise EarmarkError("--fast", "is for recordings", "give --file too")
    if save and save.is_file():
        raise EarmarkError(save, "is there already", "choose another --save")
    if device and file:
        raise EarmarkError("--device", "is for microphones", "leave out --file")
    listener = _listener(model, language, phrases, sensitivity, include_speech)
    with _sound(file, device, listener.rate, fast) as blocks:
        _follow(listener, blocks, to, bell, save, of_now=file is None)


def _list_devices() -> None:
    from earmark.live.microphone import microphones

    for name in microphones():
        common.say(name)


def _listener(
    model: str, language: str, phrases: Path | None, sensitivity: float, include_speech: bool
) -> LiveListener:
    from earmark.captions import Phrases
    from earmark.events.hysteresis import EventRules
    from earmark.live import LiveListener
    from earmark.models.model import load_model

    words = Phrases.load(language)
    words = words.with_file(phrases) if phrases else words
    return LiveListener(load_model(model, threads=1), words, EventRules(sensitivity=sensitivity), include_speech)


def _follow(
    listener: LiveListener, blocks: Iterable[Samples], to: str, bell: bool, save: Path | None, of_now: bool
) -> None:
    """Tell what is heard until the blocks end, or somebody ends it."""
    from earmark.cli.listening import Heard, shown
    from earmark.live.saving import saved

    began = time.time() if of_now else None
    heard = Heard()
    with ExitStack() as stack:
        show = stack.enter_context(shown(to, bell, began))
        if save:
            blocks = stack.enter_context(closing(saved(blocks, save, listener.rate)))
        with suppress(KeyboardInterrupt):  # how listening to a microphone ends
            for block in blocks:
                show(heard.noted(listener.hear(block)), listener.seconds)
        show(heard.noted(listener.finish()), listener.seconds)
    common.say_lines(heard.summary(listener.seconds), err=True)


@contextmanager
def _sound(file: Path | None, device: str | None, rate: int, fast: bool) -> Iterator[Iterable[Samples]]:
    """What is listened to, as blocks of samples at the listener's rate."""
    if file is None:
        from earmark.live import Pcm
        from earmark.live.microphone import RATE, microphone

        source = Pcm(RATE, rate)
        with microphone(device) as blocks:
            yield (source.hear(block) for block in blocks)
    elif str(file) == "-":
        from earmark.live import AsItComes, decoded

        yield decoded(AsItComes(standard_input()), rate, "standard input")
    else:
        from earmark.media import open_recording

        with open_recording(file) as recording:
            pieces = recording.blocks(rate, BLOCK_SECONDS)
            yield pieces if fast else paced(pieces, rate)


def paced(
    blocks: Iterable[Samples],
    rate: int,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Samples]:
    """The blocks, each when its last sample has sounded."""
    began, samples = now(), 0
    for block in blocks:
        samples += len(block)
        sleep(max(0.0, began + samples / rate - now()))
        yield block
