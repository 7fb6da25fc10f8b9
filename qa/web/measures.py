"""How long requests take, and the text in which Prometheus reads it with the figures of the database.

Several processes on one socket count together where ``PROMETHEUS_MULTIPROC_DIR`` names a folder they share, which
``qa serve --processes`` sees to.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from flask import Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Histogram, generate_latest, values
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from qa.operating import Figures
from qa.types import MICROSECONDS, Instant
from qa.web.context import here

SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""The folder in which processes count together, as prometheus-client calls it."""
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends in seconds."""

log = logging.getLogger("qa.request")
_KEY = "zhijian-measures"


class _Measures(NamedTuple):
    registry: CollectorRegistry
    latency: Histogram


def provide(app: Flask) -> None:
    """Measure every request of the application, from the first thing done to the last."""
    if os.environ.get(SHARED):  # prometheus-client looked for it when it was imported, which is too early
        values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    latency = Histogram(
        "zhijian_request_seconds",
        "Seconds from a request to its answer.",
        ("endpoint", "method", "status"),
        buckets=BUCKETS,
        registry=registry,
    )
    app.extensions[_KEY] = _Measures(registry, latency)
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    g.begun = time.perf_counter()


def _end(response: Response) -> Response:
    """Count the request; of its address only the name of the view is kept, never what was typed or whom it is about."""
    seconds = time.perf_counter() - g.begun
    measures: _Measures = _measures()
    endpoint = request.endpoint or "none"
    method = request.method if request.endpoint else "any"  # anybody may invent methods
    measures.latency.labels(endpoint, method, f"{response.status_code // 100}xx").observe(seconds)
    if here().settings.log_json:
        facts = {
            "id": g.get("request_id"),
            "endpoint": endpoint,
            "method": method,
            "status": response.status_code,
            "ms": round(seconds * 1_000, 1),
            "role": getattr(g.get("user"), "role", None),
        }
        log.info("request", extra={"facts": facts})
    return response


def _measures() -> _Measures:
    """Return the measures of the application that serves this request."""
    found = current_app.extensions[_KEY]
    assert isinstance(found, _Measures)
    return found


def exposition(found: Figures | None, now: Instant) -> bytes:
    """Return everything in Prometheus' text format; ``found`` None: the database does not answer."""
    registry = _measures().registry
    if os.environ.get(SHARED):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    stored = CollectorRegistry()
    stored.register(_Stored(found, now))
    return generate_latest(stored) + generate_latest(registry)


class _Stored(Collector):
    """The figures of the database as metrics."""

    def __init__(self, found: Figures | None, now: Instant) -> None:
        self._found, self._now = found, now

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        yield GaugeMetricFamily("zhijian_database_up", "Whether the database answers.", float(self._found is not None))
        if self._found is not None:
            yield from _nights(self._found, self._now)
            yield from _others(self._found)


def _gauge(name: str, about: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    made = GaugeMetricFamily(name, about, labels=labels)
    for names, value in values:
        made.add_metric(names, value)
    return made


def _nights(found: Figures, now: Instant) -> Iterator[Metric]:
    merchant = ("merchant",)
    done = [(one, one.finished_at) for one in found.nights if one.finished_at is not None]
    yield _gauge(
        "zhijian_night_age_seconds",
        "Seconds since a merchant's last night was done.",
        merchant,
        (((one.merchant,), (now - at) / MICROSECONDS) for one, at in done),
    )
    yield _gauge(
        "zhijian_night_duration_seconds",
        "Seconds from the beginning to the end of a merchant's last night.",
        merchant,
        (((one.merchant,), (at - one.started_at) / MICROSECONDS) for one, at in done),
    )
    yield _gauge(
        "zhijian_night_stage_seconds",
        "Seconds that a stage of a merchant's last night took.",
        ("merchant", "stage"),
        (((one.merchant, name), took) for one, _ in done for name, took in sorted(one.stages.items())),
    )
    for key in ("inspected", "flagged", "broken"):
        yield _gauge(
            f"zhijian_night_{key}_chats",
            f"Chats {key} in a merchant's last night.",
            merchant,
            (((one.merchant,), float(one.summary[key])) for one, _ in done if one.summary.get(key) is not None),
        )
    yield _gauge(
        "zhijian_night_model_refused",
        "Whether a merchant's last night had to do without its model.",
        merchant,
        (((one.merchant,), float(bool(one.summary.get("model_refused")))) for one, _ in done),
    )
    yield _gauge(
        "zhijian_nights_unfinished",
        "Nights that are begun and not done.",
        merchant,
        (((name,), float(number)) for name, number in sorted(found.unfinished.items())),
    )


def _others(found: Figures) -> Iterator[Metric]:
    merchant = ("merchant",)
    items = (((one.merchant,), float(one.items)) for one in found.backlog)
    yield _gauge("zhijian_queue_open", "Chats that wait for a reviewer.", merchant, items)
    yield _gauge(
        "zhijian_queue_oldest_seconds",
        "Seconds since the beginning of the day of the chat that has waited longest.",
        merchant,
        (((one.merchant,), one.oldest_s) for one in found.backlog),
    )
    yield _gauge(
        "zhijian_model_drift_psi",
        "Population stability index of a merchant's last night against what the model learned from.",
        ("merchant", "what"),
        (((one.merchant, one.what), one.psi) for one in found.drift),
    )
    yield _gauge(
        "zhijian_model_drift_unusual",
        "1 where that is far beyond the merchant's nights before.",
        ("merchant", "what"),
        (((one.merchant, one.what), float(one.unusual)) for one in found.drift),
    )
    yield CounterMetricFamily(
        "zhijian_login_failures", "Wrong passwords for accounts that exist.", float(found.failed_logins)
    )
    yield GaugeMetricFamily(
        "zhijian_login_attempts_open",
        "Tries to log in of the last 15 minutes that no success followed.",
        float(found.open_attempts),
    )
