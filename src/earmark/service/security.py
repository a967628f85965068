"""Who is let in, and what every answer says about safety: the guard before all routes, and sessions."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from itsdangerous import BadSignature, TimestampSigner
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from earmark.service import problems
from earmark.service.settings import Settings, names_this_machine

COOKIE = "earmark_session"
LASTING = 7 * 24 * 3600  # seconds after which a session is over


class Sessions:
    """Begins sessions, and knows those that it began; a server that is started again with the same token does, too.

    Parameters
    ----------
    token
        What signs them, by a key derived from it: a new token ends them all.
    """

    def __init__(self, token: str) -> None:
        self._signer = TimestampSigner(
            token, salt="earmark.session", key_derivation="hmac", digest_method=hashlib.sha256
        )

    def begin(self) -> str:
        """A new session, as its cookie says it."""
        return self._signer.sign(secrets.token_urlsafe(16)).decode()

    def knows(self, said: str) -> bool:
        """Whether a cookie says a session that began here and is not over."""
        try:
            self._signer.unsign(said, max_age=LASTING)
        except BadSignature:  # signed by nobody or somebody else, or too old
            return False
        return True


SAFE = ("GET", "HEAD", "OPTIONS")
OPEN = ("/healthz",)  # a probe has no token
PROXIED = ("forwarded", "via", "x-real-ip")  # what proxies say of whom they speak for, beside X-Forwarded-*

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(self)",
}


class AccessControl:
    """Lets in who has the token, from pages of this origin only; on loopback, who asks for a name of this machine.

    A page elsewhere can make a browser send requests here, also to 127.0.0.1: such a request has another Origin, or,
    where the name server lies (DNS rebinding), another Host. A proxy makes requests of anybody's come from this
    machine: what shows that it passed one is not answered without a token.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings
        self._sessions = None if settings.token is None else Sessions(settings.token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        status, detail = self.refusal(scope)
        scope.setdefault("state", {})["nonce"] = nonce = secrets.token_urlsafe(16)
        send = _with_headers(send, nonce)
        if not status:
            return await self.app(scope, receive, send)
        if scope["type"] == "websocket":
            await receive()
            return await send({"type": "websocket.close", "code": 1008, "reason": detail})
        headers = {"www-authenticate": "Bearer"} if status == 401 else None
        await problems.response(status, detail, headers=headers)(scope, receive, send)

    def refusal(self, scope: Scope) -> tuple[int, str]:
        """Status and reason; 0 where there is none."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self.settings.token is None and not names_this_machine(host):
            return 403, f"this service answers to this machine's own names, not to {host[:100]!r}"
        if self.settings.token is None and _is_proxied(scope, headers):
            return 403, "a proxy passed this on, which would let anybody in: start the service with --token-file FILE"
        if scope["path"] in OPEN:
            return 0, ""
        origin = headers.get("origin")
        unsafe = scope["type"] == "websocket" or scope["method"] not in SAFE
        if origin is not None and unsafe and not self._ours(origin, host):
            return 403, "pages of another origin may not use this service"
        if self.settings.token is not None and not self._knows_token(scope, headers):
            return 401, "this service needs its token: it was printed when it was started"
        return 0, ""

    def _ours(self, origin: str, host: str) -> bool:
        return origin in self.settings.origins or _netloc(origin) == host.lower()

    def _knows_token(self, scope: Scope, headers: Headers) -> bool:
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self.is_token(bearer.strip())
        asked = HTTPConnection(scope)
        if scope["path"] == "/" and self.is_token(asked.query_params.get("token", "")):  # as it is printed at the start
            return True
        return self._sessions is not None and self._sessions.knows(asked.cookies.get(COOKIE, ""))

    def is_token(self, said: str) -> bool:
        """Compared in a time that tells nothing."""
        return hmac.compare_digest(said.encode("utf-8", "replace"), (self.settings.token or "").encode())


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _is_proxied(scope: Scope, headers: Headers) -> bool:
    """Whether a request shows signs of a proxy; HTTP/1.0 is what nginx speaks unless told otherwise, and no browser."""
    named = any(name in PROXIED or name.startswith("x-forwarded-") for name in headers)
    return named or scope.get("http_version") == "1.0"


def _with_headers(send: Send, nonce: str) -> Send:
    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("content-security-policy", POLICY.format(nonce=nonce))
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return add
