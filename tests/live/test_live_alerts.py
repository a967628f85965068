"""Alerts as their receivers get them: a command, a webhook, the desktop, and a real broker of MQTT."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from earmark.errors import EarmarkError, EarmarkWarning
from earmark.live import Begin, Change, End
from earmark.live.alerts import Alert, Alerts, Command, Desktop, Mqtt, Webhook

BELL = Begin(1, "doorbell", "doorbell rings", 2.0, 0.9, alarm=True)
RAIN = Begin(2, "rain", "rain falls", 2.5, 0.8, alarm=False)
ALERT = Alert("doorbell", "doorbell rings", 0.9, 1_790_000_000.0)


class Noted:
    def __init__(self):
        self.told = []

    def begin(self, alert):
        self.told.append(("begin", alert))

    def end(self, alert):
        self.told.append(("end", alert))

    def close(self):
        self.told.append("closed")


def test_chosen_sounds_are_told_from_their_beginning_to_their_end():
    noted = Noted()
    with Alerts(["doorbell"], [noted], began=1000.0) as alerts:
        alerts.take([BELL, RAIN, Change(1, "doorbell", "doorbell ringing", 0.95)])
        alerts.take([End(2, 4.0), End(1, 3.0)])
        alerts.take([Begin(3, "doorbell", "doorbell rings", 9.0, 0.7, alarm=True)])  # and it sounds at the end
    first, second = Alert("doorbell", "doorbell rings", 0.9, 1002.0), Alert("doorbell", "doorbell rings", 0.7, 1009.0)
    assert noted.told == [("begin", first), ("end", first), ("begin", second), ("end", second), "closed"]


def test_alerts_of_a_recording_are_of_now():
    noted = Noted()
    with Alerts(["doorbell"], [noted], None, now=lambda: 77.0) as alerts:
        alerts.take([BELL])
    assert noted.told[0][1].at == 77.0


def test_who_cannot_be_told_keeps_nobody_else_from_being_told():
    class Broken(Noted):
        def begin(self, alert):
            raise ConnectionError("nobody is there")

    noted = Noted()
    told = pytest.warns(EarmarkWarning, match="could not be told: nobody is there")
    with told, Alerts(["doorbell"], [Broken(), noted], 0.0) as alerts:
        alerts.take([BELL])
    assert len(noted.told) == 3


def test_a_command_learns_from_its_environment_and_nothing_heard_is_run(tmp_path):
    out = tmp_path / "out"
    code = "import os, sys; open(sys.argv[1], 'w').write(os.environ['EARMARK_LABEL'] + os.environ['EARMARK_TEXT'])"
    alert = Alert("doorbell", f"$(touch {tmp_path}/ran); `id`", 0.9, ALERT.at)
    Command(f'"{sys.executable}" -c "{code}" "{out}"').begin(alert)
    assert out.read_text() == alert.label + alert.text
    assert not (tmp_path / "ran").exists()
    with pytest.raises(subprocess.CalledProcessError):
        Command("exit 3").begin(ALERT)


def test_a_webhook_gets_json():
    got = []

    class Receiving(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Receiving) as server:
        thread = threading.Thread(target=lambda: [server.handle_request() for _ in range(2)])
        thread.start()
        hook = Webhook(f"http://127.0.0.1:{server.server_port}/hook")
        hook.begin(ALERT)
        hook.end(ALERT)
        thread.join(300)
    assert [(one["state"], one["label"], one["text"], one["score"]) for one in got] == [
        ("begin", "doorbell", "doorbell rings", 0.9),
        ("end", "doorbell", "doorbell rings", 0.9),
    ]
    assert got[0]["at"].startswith("2026-09-2")


@pytest.mark.parametrize("address", ["", "file:///etc/passwd", "ftp://host/", "127.0.0.1:80", "http://"])
def test_what_is_no_webhook_is_refused(address):
    with pytest.raises(EarmarkError, match="is no address"):
        Webhook(address)


def test_the_desktop_shows_it(tmp_path, monkeypatch):
    shown = tmp_path / "shown"
    program = tmp_path / "notify-send"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {shown}\n')
    program.chmod(0o755)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    Desktop().begin(ALERT)
    assert "doorbell rings" in shown.read_text().splitlines()
    assert "--urgency=critical" in shown.read_text()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EarmarkError, match="needs notify-send"):
        Desktop()


def until(look):
    end = time.monotonic() + 300
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


@pytest.fixture
def broker(tmp_path):
    pytest.importorskip("paho.mqtt", reason="the extra mqtt is not installed")
    program = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if not program:
        pytest.skip("mosquitto is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "broker.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    process = subprocess.Popen([program, "-c", str(tmp_path / "broker.conf")], stderr=subprocess.DEVNULL)

    def answers():
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return True

    until(answers)
    yield port
    process.terminate()
    process.wait(300)


def test_home_assistant_finds_sensors_at_a_broker(broker):
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    got = []
    reader = Client(CallbackAPIVersion.VERSION2)
    reader.on_message = lambda _client, _data, message: got.append((message.topic, message.payload.decode()))
    reader.connect("127.0.0.1", broker)
    reader.subscribe("#")
    reader.loop_start()
    try:
        mqtt = Mqtt(f"mqtt://127.0.0.1:{broker}/house", {"doorbell": "doorbell rings"}, node="Kitchen PC")
        status = "house/kitchen_pc/status"
        until(lambda: (status, "online") in got)
        found = dict(got)
        sensor = json.loads(found["homeassistant/binary_sensor/earmark_kitchen_pc/doorbell/config"])
        assert (sensor["name"], sensor["device_class"]) == ("doorbell rings", "sound")
        assert sensor["availability_topic"] == status
        state = sensor["state_topic"]
        assert found[state] == "OFF"
        mqtt.begin(ALERT)
        until(lambda: (state, "ON") in got)
        assert json.loads(dict(got)[sensor["json_attributes_topic"]])["score"] == 0.9
        mqtt.end(ALERT)
        until(lambda: got[-1] == (state, "OFF"))
        mqtt.close()
        until(lambda: got[-1] == (status, "offline"))
    finally:
        reader.loop_stop()


@pytest.mark.parametrize("address", ["http://host", "mqtt://", "mqtt://host:port", "host"])
def test_what_is_no_broker_is_refused(address):
    pytest.importorskip("paho.mqtt", reason="the extra mqtt is not installed")
    with pytest.raises(EarmarkError, match="is no broker"):
        Mqtt(address, {})


def test_a_broker_that_is_not_there_is_told():
    pytest.importorskip("paho.mqtt", reason="the extra mqtt is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(EarmarkError, match="does not answer"):
        Mqtt(f"mqtt://127.0.0.1:{port}", {})
