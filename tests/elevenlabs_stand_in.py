"""A server that answers as ElevenLabs' text to speech with timestamps does, and fails as the world does."""

import base64
import json
import re
import threading
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import media_files
import numpy as np
from media_files import Track

RATE = 44100
KEY = "sk_right"
VOICES = ("21m00Tcm4TlvDq8ikWAM", "voice two")
CHARACTER, SPACE, COMMA = 0.06, 0.05, 0.2  # seconds that each lasts

REFUSALS = {
    "invalid_api_key": (401, {"status": "invalid_api_key", "message": "Invalid API key"}),
    "quota_exceeded": (401, {"status": "quota_exceeded", "message": "This request exceeds your quota of 10000."}),
    "voice_not_found": (404, {"status": "voice_not_found", "message": "A voice with that id was not found."}),
    "422": (422, [{"loc": ["body", "text"], "msg": "field required", "type": "value_error.missing"}]),
    "429": (429, {"status": "too_many_concurrent_requests", "message": "Too many concurrent requests."}),
    "500": (500, "Internal Server Error"),
}


def timed(text):
    """Times that follow each other without gaps, as the service gives them."""
    lengths = [COMMA if c in ",.?!" else SPACE if c.isspace() else CHARACTER for c in text]
    ends = np.round(np.cumsum(lengths), 3).tolist()
    return {
        "characters": list(text),
        "character_start_times_seconds": [0.0, *ends[:-1]],
        "character_end_times_seconds": ends,
    }


@cache
def sound(text):
    """MP3: a tone for each letter, nothing for the rest."""
    times = timed(text)
    samples = np.zeros((1, round(RATE * (times["character_end_times_seconds"][-1] + 0.1))))
    for character, start, end in zip(*times.values(), strict=True):
        if character.isalnum():
            places = np.arange(round(start * RATE), round(end * RATE))
            samples[0, places] = 0.3 * np.sin(2 * np.pi * 440 * places / RATE)
    return media_files.write(None, "mp3", Track(samples, RATE, "libmp3lame"))


def answer(text, spoken=None):
    """What the service sends for a text; `spoken` is the text as it was normalised."""
    return {
        "audio_base64": base64.b64encode(sound(spoken or text)).decode(),
        "alignment": timed(text),
        "normalized_alignment": timed(spoken or text),
    }


class StandIn(ThreadingHTTPServer):
    """`script` says how it fails, one word a request, and then it answers; `wait` is its Retry-After, if any."""

    daemon_threads = True

    def __init__(self, *script, wait="0"):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.wait = list(script), wait
        self.asked = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error):
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        place = urlsplit(self.path)
        self.server.asked.append((place.path, parse_qs(place.query), body))
        how = self.server.script.pop(0) if self.server.script else self._fault(place.path, body)
        if how in REFUSALS:
            status, detail = REFUSALS[how]
            self._send(status, json.dumps({"detail": detail} if how != "500" else detail).encode())
        elif how == "hang up":
            self.close_connection = True
        elif how == "html":
            self._send(503, b"<html>Service Unavailable</html>")
        elif how == "redirect":
            self._send(302, b"", {"Location": "http://127.0.0.1:1/"})
        else:
            content = json.dumps(answer(body["text"])).encode()
            if how == "malformed":
                content = content[:100]
            self._send(200, content[: len(content) // 2] if how == "cut" else content, length=len(content))
            self.close_connection = how == "cut"

    def _fault(self, path, body):
        voice = re.fullmatch(r"/v1/text-to-speech/([^/]+)/with-timestamps", path)
        if self.headers.get("xi-api-key") != KEY:
            return "invalid_api_key"
        if voice is None or voice[1].replace("%20", " ") not in VOICES:
            return "voice_not_found"
        return "" if body.get("text") and body.get("model_id") else "422"

    def _send(self, status, content, headers=None, length=None):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content) if length is None else length))
        if status == 429 and self.server.wait is not None:
            self.send_header("Retry-After", self.server.wait)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
