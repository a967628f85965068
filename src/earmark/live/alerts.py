"""Alerts: what is told outside Earmark when a chosen sound begins and ends.

On the desktop, to a command, to an address (a webhook), or to a broker of MQTT, where Home Assistant finds each sound
as a sensor by itself (https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery). None of them keeps what is
heard waiting: they are told by a thread of their own.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import time
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from queue import Full, Queue
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit
from warnings import warn

from earmark._version import __version__
from earmark.errors import EarmarkError, EarmarkWarning, MissingExtraError
from earmark.live.listener import AnyChange, Begin, End

WAITING = 1000  # alerts that may wait to be told
PATIENCE = 10.0  # seconds that a receiver has to answer, or to be told at the end
LONGEST_COMMAND = 60.0  # seconds
DISCOVERY = "homeassistant"  # where Home Assistant looks for sensors
PREFIX = "earmark"


@dataclass(frozen=True)
class Alert:
    """A chosen sound."""

    label: str  # the model's name for it
    text: str  # its caption
    score: float  # 0..1, as it began
    at: float  # when it began, seconds since the epoch

    def values(self, state: str) -> dict[str, Any]:
        """Plain values: what begins or ends (`state`), and when, in the time of this place."""
        at = datetime.fromtimestamp(self.at).astimezone().isoformat(timespec="milliseconds")
        return {"state": state, "label": self.label, "text": self.text, "score": self.score, "at": at}


class Receiver(ABC):
    """Somebody who is told."""

    @abstractmethod
    def begin(self, alert: Alert) -> None:
        """A sound has begun."""

    def end(self, alert: Alert) -> None:  # noqa: B027 - most are only told of beginnings
        """It has ended."""

    def close(self) -> None:  # noqa: B027 - most hold nothing open
        """No more will come."""


class Alerts:
    """Tells receivers of chosen sounds; use it with `with`.

    Second 0 is at `began`, seconds since the epoch; None: it is of a recording, whose alerts are of now.
    """

    def __init__(
        self,
        labels: Collection[str],
        receivers: Sequence[Receiver],
        began: float | None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._labels, self._receivers, self._began, self._now = frozenset(labels), receivers, began, now
        self._open: dict[int, Alert] = {}
        self._waiting: Queue[tuple[str, Alert] | None] = Queue(WAITING)
        self._thread = Thread(target=self._tell, name="earmark-alerts", daemon=True)

    def __enter__(self) -> Alerts:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for alert in self._open.values():
            self._put(("end", alert))
        self._put(None)
        self._thread.join(PATIENCE)

    def take(self, changes: Sequence[AnyChange]) -> None:
        """Look for chosen sounds among changes."""
        for change in changes:
            if isinstance(change, Begin) and change.label in self._labels:
                at = self._now() if self._began is None else self._began + change.onset
                alert = self._open[change.id] = Alert(change.label, change.text, change.score, at)
                self._put(("begin", alert))
            elif isinstance(change, End) and change.id in self._open:
                self._put(("end", self._open.pop(change.id)))

    def _put(self, item: tuple[str, Alert] | None) -> None:
        try:
            self._waiting.put_nowait(item)
        except Full:
            warn(EarmarkWarning("alerts are told too slowly: some are left out"), stacklevel=2)

    def _tell(self) -> None:
        while (item := self._waiting.get()) is not None:
            state, alert = item
            for receiver in self._receivers:
                _safely(partial(receiver.begin if state == "begin" else receiver.end, alert))
        for receiver in self._receivers:
            _safely(receiver.close)


def _safely(act: Callable[[], None]) -> None:
    """Whoever cannot be told keeps nobody else from being told."""
    try:
        act()
    except (OSError, ValueError, RuntimeError, subprocess.SubprocessError) as error:
        warn(EarmarkWarning(f"an alert could not be told: {error}"), stacklevel=2)


class Desktop(Receiver):
    """Notifications of the desktop, which stay until they are dismissed where it has such.

    Raises
    ------
    EarmarkError
        Nothing here shows them.
    """

    def __init__(self) -> None:
        self._command = "osascript" if platform.system() == "Darwin" else "notify-send"
        if not shutil.which(self._command):
            remedy = "install libnotify (Debian: libnotify-bin), or use --run"
            raise EarmarkError("--notify", f"needs {self._command}, which is not here", remedy)

    def begin(self, alert: Alert) -> None:
        """Show it."""
        when = time.strftime("%H:%M:%S", time.localtime(alert.at))
        if self._command == "osascript":
            script = "on run argv\ndisplay notification (item 2 of argv) with title (item 1 of argv)\nend run"
            words = ["-e", script, alert.text, when]
        else:
            words = ["--urgency=critical", "--app-name=Earmark", "--", alert.text, when]
        subprocess.run([self._command, *words], check=True, capture_output=True, timeout=PATIENCE)


class Command(Receiver):
    """A command of the user's shell for each beginning; what it is about stands in its environment, EARMARK_*."""

    def __init__(self, command: str) -> None:
        self._command = command

    def begin(self, alert: Alert) -> None:
        """Run it to its end."""
        variables = {f"EARMARK_{name.upper()}": str(value) for name, value in alert.values("begin").items()}
        subprocess.run(
            self._command,
            shell=True,  # it is the user's own, and nothing that was heard stands in it
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=2,
            timeout=LONGEST_COMMAND,
            check=True,
        )


class Webhook(Receiver):
    """Posts JSON to an address when a sound begins and when it ends.

    Raises
    ------
    EarmarkError
        It is no address of http or https.
    """

    def __init__(self, address: str) -> None:
        if not re.match(r"https?://[^/\s]+", address):
            raise EarmarkError(
                f"--webhook {address}", "is no address", "say one like http://127.0.0.1:8123/api/webhook/x"
            )
        self._address = address

    def begin(self, alert: Alert) -> None:
        """Post the beginning."""
        self._post(alert.values("begin"))

    def end(self, alert: Alert) -> None:
        """Post the end."""
        self._post(alert.values("end"))

    def _post(self, values: Mapping[str, Any]) -> None:
        headers = {"content-type": "application/json", "user-agent": f"earmark/{__version__}"}
        request = urllib.request.Request(self._address, json.dumps(values).encode(), headers, method="POST")
        with urllib.request.urlopen(request, timeout=PATIENCE):
            return


class Mqtt(Receiver):
    """A broker of MQTT. Each sound is a sensor that is on while it sounds; Home Assistant shows it without more.

    Topics: `PREFIX/NODE/status` (online, offline), `PREFIX/NODE/LABEL/state` (ON, OFF), `PREFIX/NODE/LABEL/attributes`
    (JSON of the last alert), and Home Assistant's `homeassistant/binary_sensor/earmark_NODE/LABEL/config`.

    Parameters
    ----------
    address
        mqtt://[USER[:PASSWORD]@]HOST[:PORT][/PREFIX], or mqtts:// for TLS.
    texts
        What people read, by label.
    node
        Of this machine, by default its name.

    Raises
    ------
    MissingExtraError
        paho-mqtt is not installed.
    EarmarkError
        It is no such address, or nobody answers there.
    """

    def __init__(self, address: str, texts: Mapping[str, str], node: str | None = None) -> None:
        try:
            from paho.mqtt.client import Client
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError as error:
            raise MissingExtraError("--mqtt", "mqtt") from error
        parts = urlsplit(address)
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if parts.scheme not in ("mqtt", "mqtts") or not host:
            raise EarmarkError(f"--mqtt {address}", "is no broker", "say mqtt://HOST or mqtt://USER:PASSWORD@HOST:1883")
        self._node = _slug(node or platform.node() or "here")
        self._base = f"{parts.path.strip('/') or PREFIX}/{self._node}"
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"earmark_{self._node}_{os.getpid()}")
        if parts.username:
            self._client.username_pw_set(unquote(parts.username), unquote(parts.password or "") or None)
        if parts.scheme == "mqtts":
            self._client.tls_set()
        self._client.will_set(f"{self._base}/status", "offline", qos=1, retain=True)
        self._texts = texts
        self._client.on_connect = lambda *_: self._introduce()
        try:
            self._client.connect(host, port or (8883 if parts.scheme == "mqtts" else 1883))
        except (OSError, ValueError) as error:
            raise EarmarkError(f"--mqtt {host}", f"does not answer ({error})", "start the broker first") from error
        self._client.loop_start()  # connects again by itself, and introduces the sensors again

    def _introduce(self) -> None:
        """Tell of the sensors, and that they are there."""
        device = {"identifiers": [f"earmark_{self._node}"], "name": f"Earmark {self._node}", "manufacturer": "Earmark"}
        for label, text in self._texts.items():
            topic = f"{self._base}/{_slug(label)}"
            sensor = {
                "name": text,
                "unique_id": f"earmark_{self._node}_{_slug(label)}",
                "device_class": "sound",
                "state_topic": f"{topic}/state",
                "json_attributes_topic": f"{topic}/attributes",
                "availability_topic": f"{self._base}/status",
                "device": {**device, "sw_version": __version__},
                "origin": {"name": "Earmark", "sw_version": __version__},
            }
            self._say(f"{DISCOVERY}/binary_sensor/earmark_{self._node}/{_slug(label)}/config", json.dumps(sensor))
            self._say(f"{topic}/state", "OFF")
        self._say(f"{self._base}/status", "online")

    def begin(self, alert: Alert) -> None:
        """Turn its sensor on."""
        topic = f"{self._base}/{_slug(alert.label)}"
        self._say(f"{topic}/attributes", json.dumps(alert.values("begin")))
        self._say(f"{topic}/state", "ON")

    def end(self, alert: Alert) -> None:
        """Turn its sensor off."""
        self._say(f"{self._base}/{_slug(alert.label)}/state", "OFF")

    def close(self) -> None:
        """Say good-bye."""
        self._client.publish(f"{self._base}/status", "offline", qos=1, retain=True).wait_for_publish(PATIENCE)
        self._client.disconnect()
        self._client.loop_stop()

    def _say(self, topic: str, text: str) -> None:
        self._client.publish(topic, text, qos=1, retain=True)


def _slug(text: str) -> str:
    """A name as topics and Home Assistant take it."""
    return re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_") or "sound"
