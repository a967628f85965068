"""`earmark listen`: captions of what the microphone hears, as it is heard."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli import common
from earmark.cli.streams import standard_input
from earmark.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.live import AnyChange, LiveListener
    from earmark.live.alerts import Alerts
    from earmark.util.types import Samples

HELP = """Caption what the microphone hears, as it is heard; Ctrl-C ends it.

Speech is captioned only with --include-speech. `--to json` writes each change as a line of JSON, as the live socket of
the service sends it.

Examples:

    earmark listen

    earmark listen --list-devices

    earmark listen --device usb --language el --to json

    earmark listen --save evening.wav

    earmark listen --file street.mp4 --fast

    ffmpeg -i rtsp://camera/stream -f wav - | earmark listen --file -

    earmark listen --notify --alert doorbell --alert smoke_alarm

    earmark listen --mqtt mqtt://user:password@homeassistant.local --run 'blink1-tool --red'

EARMARK_SOUND sets the sound system to record from, such as alsa, or null for silence.
"""

BLOCK_SECONDS = 0.05  # of a file


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("listen", help=HELP)(listen)


def listen(
    model: common.ModelName = "sounds",
    language: Annotated[
        str, typer.Option(help="Language of the captions: cs, de, el, en, es, fr, ko, pl or ru.")
    ] = "en",
    phrases: Annotated[Path | None, typer.Option(help="Your own phrases for any labels (TOML).")] = None,
    sensitivity: common.Sensitivity = 0.5,
    include_speech: Annotated[bool, typer.Option("--include-speech", help="Caption speech as well.")] = False,
    device: Annotated[str | None, typer.Option(help="Name of the microphone, or a part of it.")] = None,
    list_devices: Annotated[bool, typer.Option("--list-devices", help="List the microphones.")] = False,
    to: Annotated[str, typer.Option(help="Format of the output: text or json.")] = "text",
    bell: Annotated[bool, typer.Option("--bell", help="Ring the bell of the terminal at alarms.")] = False,
    save: Annotated[
        Path | None, typer.Option(metavar="WAV", help="Save the sound to this file, which must not exist.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Listen to a recording instead, or with - to standard input.")
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="Process --file as fast as possible, not in real time.")] = False,
    alert: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL", help="A label to alert of; can be repeated.", show_default="all alarms"),
    ] = None,
    notify: Annotated[bool, typer.Option("--notify", help="Alert by a notification on the desktop.")] = False,
    run: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            help="Alert by running this command, with EARMARK_LABEL, EARMARK_TEXT and EARMARK_AT set.",
        ),
    ] = None,
    webhook: Annotated[str | None, typer.Option(metavar="URL", help="Alert by posting JSON to this address.")] = None,
    mqtt: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Alert by this MQTT broker, mqtt://HOST; Home Assistant finds a sensor for each label."
        ),
    ] = None,
) -> None:
    """Listen until Ctrl-C, or to the end of a recording."""
    common.check_choice("--to", to, ("text", "json"))
    if list_devices:
        from earmark.live.microphone import microphones

        for name in microphones():
            common.say(name)
        return
    if fast and file is None:
        raise EarmarkError("--fast", "is for recordings", "give --file too")
    if save and save.is_file():
        raise EarmarkError(save, "is there already", "choose another --save")
    if device and file:
        raise EarmarkError("--device", "is for microphones", "leave out --file")
    listener = _listener(model, language, phrases, sensitivity, include_speech)
    began = time.time() if file is None else None
    with (
        _alerts(listener, alert, notify, run, webhook, mqtt, began) as alerts,
        _sound(file, device, listener.rate, fast) as blocks,
    ):
        _follow(listener, blocks, to, bell, save, began, alerts)


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


def _alerts(
    listener: LiveListener,
    chosen: list[str] | None,
    notify: bool,
    run: str | None,
    webhook: str | None,
    mqtt: str | None,
    began: float | None,
) -> Alerts:
    """What alerts of the sounds that were chosen, in the ways that were asked for."""
    from earmark.captions import Form
    from earmark.live.alerts import Alerts, Command, Desktop, Mqtt, Receiver, Webhook

    labels = _alert_labels(listener, chosen)
    receivers: list[Receiver] = []
    if notify:
        receivers.append(Desktop())
    if run:
        receivers.append(Command(run))
    if webhook:
        receivers.append(Webhook(webhook))
    if mqtt:
        receivers.append(Mqtt(mqtt, {label: listener.phrases.say(label, Form.SHORT) for label in labels}))
    if chosen and not receivers:
        raise EarmarkError("--alert", "does not say how", "add --notify, --run, --webhook or --mqtt")
    return Alerts(labels, receivers, began)


def _alert_labels(listener: LiveListener, chosen: list[str] | None) -> list[str]:
    from earmark.captions import Priority

    known = listener.about.labels
    if unknown := [label for label in chosen or [] if label not in known]:
        raise EarmarkError(f"--alert {unknown[0]}", "is no label of this model", "see `earmark models sounds`")
    return chosen or [label for label in known if listener.phrases.priority(label) is Priority.ALARM]


def _follow(
    listener: LiveListener,
    blocks: Iterable[Samples],
    to: str,
    bell: bool,
    save: Path | None,
    began: float | None,
    alerts: Alerts,
) -> None:
    """Tell what is heard until the blocks end, or somebody ends it."""
    from earmark.cli.live_display import SoundTally, shown
    from earmark.live.sources import saved

    tally = SoundTally()
    with ExitStack() as stack:
        show = stack.enter_context(shown(to, bell, began))

        def tell(changes: Sequence[AnyChange]) -> None:
            alerts.take(changes)
            show(tally.noted(changes), listener.seconds)

        if save:
            blocks = stack.enter_context(closing(saved(blocks, save, listener.rate)))
        with suppress(KeyboardInterrupt):  # how listening to a microphone ends
            for block in blocks:
                tell(listener.hear(block))
        tell(listener.finish())
    common.say_lines(tally.summary(listener.seconds), err=True)


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
