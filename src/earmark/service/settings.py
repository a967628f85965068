"""What may be chosen about the service."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from earmark.errors import EarmarkError

MB = 1024**2
GB = 1024**3
HOUR = 3600.0


@dataclass(frozen=True)
class Settings:
    """The service's limits and where it keeps what.

    A client is told apart by address: behind a proxy on this machine, by the one that it names in X-Forwarded-For.

    Raises
    ------
    EarmarkError
        An origin is none, or lies elsewhere and there is no token.
    """

    folder: Path  # where jobs, uploads and results lie; one server at a time uses it
    host: str = "127.0.0.1"  # address to listen on
    port: int = 8765  # 0 takes any that is free
    token: str | None = None  # what a request must bring; None: nothing, which only a loopback address allows
    origins: frozenset[str] = frozenset()  # others whose pages may use it, such as `https://ears.example.org`
    models: Mapping[str, Path] = field(default_factory=dict)  # files beside the bundled ones, by name
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)  # processes that do jobs
    quick_workers: int = 2  # more of them, which answer short clips at once
    queue: int = 100  # jobs that may wait; more are refused with 429
    uploads: int = 128  # requests that may be sending a recording at a time; more are refused with 429
    uploads_each: int = 56  # of one client
    quick_uploads: int = 64  # of short clips, which have places of their own until they are answered
    quick_uploads_each: int = 16  # of one client
    upload_bytes: int = 2 * GB  # the largest
    upload_bytes_each: int = 4 * GB  # of all uploads of one client that are under way
    upload_rate: int = 16 * 1024  # bytes a second that any body must bring on average
    upload_patience: float = 30.0  # seconds that it may be behind that
    connections: int = 500  # open at a time, in all
    connections_each: int = 100  # of one address; a proxy before the service is one
    head_seconds: float = 10.0  # a connection that has not sent the head of a request by then is closed
    seconds: float = 4 * HOUR  # longest recording
    job_seconds: float = HOUR  # a job that takes longer is given up
    stall_seconds: float = 120.0  # so is one that hears nothing new for so long
    quick_stall_seconds: float = 10.0  # the same of a short clip, for which somebody waits, and others after it
    memory_bytes: int = 2 * GB  # data that a worker may hold
    keep_seconds: float = 24 * HOUR  # age at which a finished job is deleted
    keep_bytes: int = 20 * GB  # of all jobs; beyond it the oldest finished ones are deleted, and as much may wait
    live_sessions: int = 4  # live sockets at a time

    def __post_init__(self) -> None:
        for origin in self.origins:
            host = _host_of(origin)
            if not host:
                raise EarmarkError(f"--origin {origin}", "is no origin", "say one like https://ears.example.org")
            if self.token is None and not names_this_machine(host):
                reason = "is a page of other machines, and without a token it would let anybody in"
                raise EarmarkError(f"--origin {origin}", reason, "add --token-file FILE")


HOUSEHOLD = 64  # leading bits of an IPv6 address that one household, or one server, has for itself


def client_of(address: str) -> str:
    """Whose an address is: an IPv4 address stands for itself, one of IPv6 for its household; empty where it is none."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or ip_network((found, HOUSEHOLD), strict=False))
    return str(found)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def names_this_machine(host: str) -> bool:
    """Whether a host, with or without a port, is a name that only this machine has for itself."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return is_loopback(name) or name.endswith(".localhost")


def _host_of(origin: str) -> str:
    """Host and port of an origin as browsers say it; empty where it is none."""
    try:
        scheme, host, *rest = urlsplit(origin)
    except ValueError:
        return ""
    return "" if scheme not in ("http", "https") or any(rest) else host
