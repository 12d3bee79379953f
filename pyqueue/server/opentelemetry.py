"""What happens to requests with a key, as metrics and on the current span of OpenTelemetry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

try:
    from opentelemetry import metrics, trace
except ImportError as error:
    raise ImportError(
        "these metrics need the OpenTelemetry API: pip install 'pyqueue-sync[opentelemetry]'"
    ) from error

from opentelemetry.util.types import AttributeValue

from .buckets import AGES, ATTEMPTS, DEPTHS, SECONDS
from .events import DECISIONS, SETTLEMENTS, Event

_SCOPE: Final = "pyqueue.server"


class OpenTelemetryEvents:
    """A hook for `on_event` that records metrics, and marks the span in which a request is handled.

    The span is the one that is current where the event happens: of the instrumentation that stands outside
    the layer. A decision and a settlement become its attributes, each event one of its events. Renewals in
    WSGI have a thread of their own, in which there is no span: their troubles are in the metrics only.

    Args:
        meter_provider: by default the global one.
        route: the attribute `http.route` of an event's metrics, one of a few values, such as a part of
            `event.path`; by default there is none.
    """

    def __init__(
        self,
        meter_provider: metrics.MeterProvider | None = None,
        *,
        route: Callable[[Event], str] | None = None,
    ):
        self._route = route
        meter = metrics.get_meter(_SCOPE, meter_provider=meter_provider)
        self._events = meter.create_counter(
            "pyqueue.idempotency.events",
            "{event}",
            "What happened to requests with an idempotency key",
        )
        self._application = meter.create_histogram(
            "pyqueue.idempotency.application.duration",
            "s",
            "From the claim of a key to the end of the application's answer",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._wait = meter.create_histogram(
            "pyqueue.idempotency.wait.duration",
            "s",
            "From a whole request to the decision: waiting for another attempt, or for the store",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._depth = meter.create_histogram(
            "pyqueue.queue.depth",
            "{job}",
            "Jobs not yet settled in the queue that sent a request",
            explicit_bucket_boundaries_advisory=DEPTHS,
        )
        self._oldest = meter.create_histogram(
            "pyqueue.queue.oldest_job.age",
            "s",
            "Age of the oldest job not yet settled in the queue that sent a request",
            explicit_bucket_boundaries_advisory=AGES,
        )
        self._attempts = meter.create_histogram(
            "pyqueue.queue.job.attempts",
            "{attempt}",
            "Which attempt of its job a request was",
            explicit_bucket_boundaries_advisory=ATTEMPTS,
        )

    def __call__(self, event: Event) -> None:
        """Records an event."""
        labels: dict[str, AttributeValue] = {
            "pyqueue.idempotency.event": event.kind.value,
            "http.request.method": event.method,
        }
        if self._route is not None:
            labels["http.route"] = self._route(event)
        if event.reason is not None:
            labels["pyqueue.idempotency.reason"] = event.reason
        if event.error is not None:
            labels["error.type"] = type(event.error).__qualname__
        if event.status is not None:
            labels["http.response.status_code"] = event.status
        self._events.add(1, labels)
        if event.took is not None:
            self._application.record(event.took, labels)
        if event.waited is not None:
            self._wait.record(event.waited, labels)
        if event.kind in DECISIONS:
            self._record_fleet(event)
        _mark(trace.get_current_span(), event, labels)

    def _record_fleet(self, event: Event) -> None:
        if event.fleet.depth is not None:
            self._depth.record(event.fleet.depth)
        if event.fleet.oldest_age is not None:
            self._oldest.record(event.fleet.oldest_age)
        if event.fleet.attempt is not None:
            self._attempts.record(event.fleet.attempt)


def _mark(span: trace.Span, event: Event, labels: dict[str, AttributeValue]) -> None:
    if not span.is_recording():
        return
    span.add_event(f"pyqueue.idempotency.{event.kind.value}", labels)
    if event.key is not None:
        span.set_attribute("pyqueue.idempotency.key", event.key)
    if event.kind in DECISIONS:
        span.set_attribute("pyqueue.idempotency.decision", event.kind.value)
        if event.fleet.attempt is not None:
            span.set_attribute("pyqueue.queue.attempt", event.fleet.attempt)
    if event.kind in SETTLEMENTS:
        span.set_attribute("pyqueue.idempotency.settlement", event.kind.value)
