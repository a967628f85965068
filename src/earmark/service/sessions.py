"""What a browser keeps instead of the token: a signed session, which opens nothing else and ends by itself."""

from __future__ import annotations

import hashlib
import secrets

from itsdangerous import BadSignature, TimestampSigner

COOKIE = "earmark_session"
LASTING = 7 * 24 * 3600
"""Seconds after which a session is over."""


class Sessions:
    """Begins sessions, and knows those that it began; a server that is started again with the same token does, too.

    Args:
        token: what signs them, by a key derived from it: a new token ends them all.
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
