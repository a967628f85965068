"""What an operator watches, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from earmark.service.store import Job, Store

SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "earmark_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.request_seconds = Histogram(
            "earmark_request_seconds", "Time to answer a request.", ["route"], buckets=SECONDS, registry=self.registry
        )
        self.jobs = Counter("earmark_jobs", "Jobs that ended.", ["task", "state"], registry=self.registry)
        self.job_seconds = Histogram(
            "earmark_job_seconds", "Time that a job took.", ["task"], buckets=SECONDS, registry=self.registry
        )
        self.audio_seconds = Counter("earmark_audio_seconds", "Seconds of sound heard.", registry=self.registry)
        self.workers_lost = Counter(
            "earmark_workers_lost", "Workers that crashed or were killed.", registry=self.registry
        )
        self.live_sessions = Gauge("earmark_live_sessions", "Live sockets open.", registry=self.registry)
        self.states = Gauge("earmark_jobs_kept", "Jobs kept, by state.", ["state"], registry=self.registry)

    def finished(self, job: Job | None, duration: float, took: float) -> None:
        """Count a job that was done."""
        if job:
            self.jobs.labels(job.task, "done").inc()
            self.job_seconds.labels(job.task).observe(took)
        self.audio_seconds.inc(duration)

    def failed(self, job: Job | None) -> None:
        """Count a job that could not be done."""
        if job:
            self.jobs.labels(job.task, "failed").inc()

    def text(self, store: Store) -> bytes:
        """All of it, as Prometheus reads it."""
        counts = store.counts()
        for state in ("queued", "running", "done", "failed"):
            self.states.labels(state).set(counts.get(state, 0))
        return generate_latest(self.registry)
