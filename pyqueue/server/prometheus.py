"""What happens to requests with a key, as metrics for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
except ImportError as error:
    raise ImportError(
        "these metrics need prometheus-client: pip install 'pyqueue-sync[prometheus]'"
    ) from error

from .buckets import AGES, ATTEMPTS, DEPTHS, SECONDS
from .events import DECISIONS, Event

_WHERE: Final = ("method", "route")


class PrometheusEvents:
    """A hook for `on_event` that counts and times into a registry. Works with several processes too.

    Make one for each process and give it to every layer in it: metrics of one name can be registered once.

    Args:
        registry: where the metrics are; by default the one of the process.
        route: the label `route` of an event, one of a few values, such as a part of `event.path`. A path
            itself is none: clients could make any number of series. By default empty.
    """

    def __init__(
        self,
        registry: CollectorRegistry = REGISTRY,
        *,
        route: Callable[[Event], str] = lambda event: "",
    ):
        self._route = route
        self._events = Counter(
            "pyqueue_idempotency_events",
            "What happened to requests with an idempotency key",
            ("event", "reason", *_WHERE),
            registry=registry,
        )
        self._application = Histogram(
            "pyqueue_idempotency_application_seconds",
            "From the claim of a key to the end of the application's answer",
            ("event", *_WHERE),
            registry=registry,
            buckets=SECONDS,
        )
        self._wait = Histogram(
            "pyqueue_idempotency_wait_seconds",
            "From a whole request to the decision: waiting for another attempt, or for the store",
            ("event", *_WHERE),
            registry=registry,
            buckets=SECONDS,
        )
        self._depth = Histogram(
            "pyqueue_queue_depth_jobs",
            "Jobs not yet settled in the queue that sent a request",
            registry=registry,
            buckets=DEPTHS,
        )
        self._oldest = Histogram(
            "pyqueue_queue_oldest_job_age_seconds",
            "Age of the oldest job not yet settled in the queue that sent a request",
            registry=registry,
            buckets=AGES,
        )
        self._attempts = Histogram(
            "pyqueue_queue_job_attempts",
            "Which attempt of its job a request was",
            registry=registry,
            buckets=ATTEMPTS,
        )

    def __call__(self, event: Event) -> None:
        """Counts an event."""
        where = (event.method, self._route(event))
        self._events.labels(event.kind.value, event.reason or "", *where).inc()
        if event.took is not None:
            self._application.labels(event.kind.value, *where).observe(event.took)
        if event.waited is not None:
            self._wait.labels(event.kind.value, *where).observe(event.waited)
        if event.kind in DECISIONS:
            for histogram, value in (
                (self._depth, event.fleet.depth),
                (self._oldest, event.fleet.oldest_age),
                (self._attempts, event.fleet.attempt),
            ):
                if value is not None:
                    histogram.observe(value)
