"""What may be chosen about the service."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

MB = 1024**2
GB = 1024**3
HOUR = 3600.0


@dataclass(frozen=True)
class Settings:
    """The service's limits and places.

    Attributes:
        folder: where jobs, uploads and results lie; one server at a time uses it.
        host: address to listen on.
        port: 0 takes any that is free.
        token: what a request must bring; None: nothing, which only a loopback address allows.
        origins: other origins, such as `https://ears.example.org`, whose pages may use the service.
        models: model files beside the bundled ones, by name.
        workers: processes that do jobs.
        quick_workers: more of them, which answer short clips at once.
        queue: jobs that may wait; more are refused with 429.
        uploads: requests that may be sending a recording at a time; so are more of these.
        upload_bytes: largest upload.
        seconds: longest recording.
        job_seconds: a job that takes longer is given up.
        stall_seconds: so is one that hears nothing new for so long.
        quick_stall_seconds: the same of a short clip, for which somebody waits, and others after it.
        memory_bytes: data that a worker may hold.
        keep_seconds: age at which a finished job is deleted.
        keep_bytes: disk space of all jobs; beyond it the oldest finished ones are deleted, and as much may wait.
        live_sessions: live sockets at a time.
    """

    folder: Path
    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = None
    origins: frozenset[str] = frozenset()
    models: Mapping[str, Path] = field(default_factory=dict)
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    quick_workers: int = 2
    queue: int = 100
    uploads: int = 64
    upload_bytes: int = 2 * GB
    seconds: float = 4 * HOUR
    job_seconds: float = HOUR
    stall_seconds: float = 120.0
    quick_stall_seconds: float = 10.0
    memory_bytes: int = 2 * GB
    keep_seconds: float = 24 * HOUR
    keep_bytes: int = 20 * GB
    live_sessions: int = 4


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
