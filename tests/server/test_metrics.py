"""The events as metrics: read from a Prometheus registry, and through an OpenTelemetry reader."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, generate_latest

from pyqueue.server import Event, IdempotencyMiddleware, SQLiteIdempotencyStore
from pyqueue.server.opentelemetry import OpenTelemetryEvents
from pyqueue.server.prometheus import PrometheusEvents
from tests.server.site import Site
from tests.server.watched import Application, Watched

Watch = Callable[..., Watched]

FLEET = {"Pyqueue-Depth": "12", "Pyqueue-Oldest-Age": "7200", "Pyqueue-Attempt": "2"}


def first_part(event: Event) -> str:
    return event.path.split("/")[1]


def test_prometheus_counts_each_event_and_times_the_application(watch: Watch) -> None:
    registry = CollectorRegistry()
    site = watch(Application(), on_event=PrometheusEvents(registry, route=first_part))
    site.post("/notes/1", headers=FLEET)
    site.post("/notes/1")
    site.post("/notes/1", key=None)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, {"method": "POST", "route": "notes", **labels})

    for kind, reason in {"claimed": "", "completed": "", "replayed": "", "refused": "key-missing"}.items():
        assert value("pyqueue_idempotency_events_total", event=kind, reason=reason) == 1
    assert value("pyqueue_idempotency_application_seconds_count", event="completed") == 1
    assert value("pyqueue_idempotency_wait_seconds_count", event="claimed") == 1
    assert value("pyqueue_idempotency_wait_seconds_count", event="replayed") == 1
    assert registry.get_sample_value("pyqueue_queue_depth_jobs_sum") == 12
    assert registry.get_sample_value("pyqueue_queue_oldest_job_age_seconds_sum") == 7200
    assert registry.get_sample_value("pyqueue_queue_job_attempts_bucket", {"le": "2.0"}) == 1
    assert b"pyqueue_idempotency_events_total{" in generate_latest(registry)


def test_prometheus_has_no_series_of_what_clients_choose(watch: Watch) -> None:
    """Neither paths nor keys."""
    registry = CollectorRegistry()
    site = watch(Application(), on_event=PrometheusEvents(registry))
    site.post("/a", '"a"')
    before = generate_latest(registry).count(b"\n")
    site.post("/b", '"b"')
    assert generate_latest(registry).count(b"\n") == before


def test_prometheus_adds_up_what_several_processes_count(tmp_path: Path) -> None:
    """As with gunicorn's workers, each of which has counted one event."""
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    count = """
from prometheus_client import CollectorRegistry
from pyqueue.server import Event, Fleet, Kind
from pyqueue.server.prometheus import PrometheusEvents
told = PrometheusEvents(CollectorRegistry())
told(Event(Kind.COMPLETED, "POST", "/", "k", Fleet(depth=3), took=0.2))
"""
    show = """
from prometheus_client import CollectorRegistry, generate_latest, multiprocess
registry = CollectorRegistry()
multiprocess.MultiProcessCollector(registry)
print(generate_latest(registry).decode())
"""
    said = [
        subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
        for program in (count, count, show)
    ]
    assert [ended.returncode for ended in said] == [0, 0, 0]
    assert re.search(r'^pyqueue_idempotency_events_total\{event="completed".*\} 2\.0$', said[2].stdout, re.M)
    assert re.search(r"^pyqueue_idempotency_application_seconds_sum.* 0\.4$", said[2].stdout, re.M)


def points(reader: InMemoryMetricReader) -> dict[str, list[Any]]:
    """The data points of each metric."""
    data = reader.get_metrics_data()
    assert data is not None
    return {
        metric.name: list(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def test_opentelemetry_counts_each_event_and_times_the_application(watch: Watch) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    site = watch(Application(), on_event=OpenTelemetryEvents(provider, route=first_part))
    site.post("/notes/1", headers=FLEET)
    site.post("/notes/1")
    read = points(reader)
    provider.shutdown()
    counted = {
        point.attributes["pyqueue.idempotency.event"]: point for point in read["pyqueue.idempotency.events"]
    }
    assert {kind: point.value for kind, point in counted.items()} == {
        "claimed": 1,
        "completed": 1,
        "replayed": 1,
    }
    assert counted["completed"].attributes == {
        "pyqueue.idempotency.event": "completed",
        "http.request.method": "POST",
        "http.response.status_code": 201,
        "http.route": "notes",
    }
    (took,) = read["pyqueue.idempotency.application.duration"]
    assert took.count == 1
    assert sum(point.count for point in read["pyqueue.idempotency.wait.duration"]) == 2
    assert [read[f"pyqueue.queue.{name}"][0].sum for name in ("depth", "oldest_job.age", "job.attempts")] == [
        12,
        7200,
        2,
    ]
    assert read["pyqueue.queue.depth"][0].explicit_bounds[0] == 1


def test_opentelemetry_marks_the_span_of_the_request(tmp_path: Any) -> None:
    """The span is current outside of the layer, as with an instrumentation of the server."""
    exporter = InMemorySpanExporter()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = tracers.get_tracer("server")
    store = SQLiteIdempotencyStore(tmp_path / "keys.sqlite3")
    meters = MeterProvider([InMemoryMetricReader()])
    layer = IdempotencyMiddleware(Application().asgi, store, on_event=OpenTelemetryEvents(meters))

    async def traced(scope: Any, receive: Any, send: Any) -> None:
        with tracer.start_as_current_span("POST /"):
            await layer(scope, receive, send)

    site = Site(traced, store)
    site.post(headers=FLEET)
    site.post()
    site.stop()
    meters.shutdown()
    first, second = exporter.get_finished_spans()
    assert dict(first.attributes or {}) == {
        "pyqueue.idempotency.key": "k",
        "pyqueue.idempotency.decision": "claimed",
        "pyqueue.idempotency.settlement": "completed",
        "pyqueue.queue.attempt": 2,
    }
    assert [event.name for event in first.events] == [
        "pyqueue.idempotency.claimed",
        "pyqueue.idempotency.completed",
    ]
    assert (second.attributes or {})["pyqueue.idempotency.decision"] == "replayed"


@pytest.mark.parametrize(
    ("module", "needs"),
    [("prometheus", "prometheus_client"), ("opentelemetry", "opentelemetry")],
)
def test_a_library_that_is_not_installed_is_named_with_its_extra(module: str, needs: str) -> None:
    program = f"import sys; sys.modules[{needs!r}] = None; import pyqueue.server.{module}"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert f"pip install 'pyqueue-sync[{module}]'" in ended.stderr
