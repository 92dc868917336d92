"""Every metric that Headway exports, by the name by which dashboards and alarms know it.

Where the settings name a folder (`Settings.metrics`), the processes of a copy add their counts up
there, and whichever is asked answers for all.
"""

from __future__ import annotations

from collections import Counter as Counts
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from firm.decision import Decision, Origin
from firm.time import SECOND
from headway.histogram import ManyHistogram

ANSWER_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
BATCH_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
BATCH_EVENTS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
HOURS = 3_600.0
AGES = tuple(hours * HOURS for hours in (0.1, 1, 6, 24, 72, 168, 720, 2_160, 8_760))

REQUESTS = ManyHistogram(
    "headway_http_request_seconds",
    "Time from a request to its answer",
    ["route", "status"],
    buckets=ANSWER_SECONDS,
)
DECISIONS = Counter(
    "headway_decisions", "Decisions taken", ["origin", "workflow", "version", "band"]
)
STALE = Counter("headway_stale_decisions", "Decisions on features past their age", ["workflow"])
AGE = ManyHistogram(
    "headway_feature_age_seconds",
    "Age of the newest event in the features when a decision was asked for",
    ["workflow"],
    buckets=AGES,
)
EVENTS = Counter(
    "headway_stream_events", "Events taken in, by what became of them", ["workflow", "fate"]
)
BATCHES = Histogram(
    "headway_stream_batch_seconds", "Time to take in a batch", ["workflow"], buckets=BATCH_SECONDS
)
SIZES = Histogram(
    "headway_stream_batch_events", "Records of a batch", ["workflow"], buckets=BATCH_EVENTS
)
STARTS = Counter("headway_worker_starts", "Starts of a process of the API", ["worker"])


def answered(route: str, status: int, seconds: Sequence[float]) -> None:
    """Count answers over HTTP."""
    _requests(route, status).observe_all(seconds)


@cache
def _requests(route: str, status: int) -> ManyHistogram:
    return REQUESTS.labels(route, str(status))


@cache
def _decisions(origin: str, workflow: str, version: str, band: str) -> Counter:
    return DECISIONS.labels(origin, workflow, version, band)


@cache
def _ages(workflow: str) -> ManyHistogram:
    return AGE.labels(workflow)


def count_decisions(taken: Iterable[Decision]) -> None:
    """Count decisions, whichever way they were asked for."""
    alike: Counts[tuple[Origin, str, str, str]] = Counts()
    ages: dict[str, list[float]] = defaultdict(list)
    for one in taken:
        kind = one.origin, one.workflow, one.model_version, one.band
        alike[kind] += 1
        ages[one.workflow].append((one.as_of - one.evidence.event_time) / SECOND)
        if one.stale:
            STALE.labels(one.workflow).inc()
    for kind, number in alike.items():
        _decisions(*kind).inc(number)
    for workflow, theirs in ages.items():
        _ages(workflow).observe_all(theirs)


class Standing(Collector):
    """What is true when it is asked, rather than counted: it comes from the database and the log.

    Args:
        lags: records that wait for each workflow; None while the log does not answer.
        outbox: messages by kind that have not gone out.
        letters: dead letters that wait.
        alerts: unresolved alerts by (workflow, kind).
        webhooks: messages by (subscriber, "pending" or "dead").
        silences: by worker of the API, seconds since its event loop has last moved.
    """

    def __init__(
        self,
        lags: Mapping[str, int] | None,
        outbox: Mapping[str, int],
        letters: int,
        alerts: Mapping[tuple[str, str], int],
        webhooks: Mapping[tuple[str, str], int],
        silences: Mapping[str, float],
    ) -> None:
        self._lags, self._outbox, self._letters, self._alerts = lags, outbox, letters, alerts
        self._webhooks, self._silences = webhooks, silences

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The figures as gauges."""
        yield _gauge(
            "headway_stream_lag_records",
            "Records of the log that a workflow has not taken in",
            ["workflow"],
            (((slug,), waiting) for slug, waiting in (self._lags or {}).items()),
        )
        yield _gauge(
            "headway_outbox_pending",
            "Messages that have not gone out",
            ["kind"],
            (((kind,), waiting) for kind, waiting in self._outbox.items()),
        )
        yield _gauge("headway_dead_letters", "Dead letters that wait", [], [((), self._letters)])
        yield _gauge(
            "headway_alerts_open", "Unresolved alerts", ["workflow", "kind"], self._alerts.items()
        )
        yield _gauge(
            "headway_webhook_messages",
            "Messages to subscribers that were not delivered",
            ["subscriber", "status"],
            self._webhooks.items(),
        )
        yield _gauge(
            "headway_worker_silent_seconds",
            "Time since the event loop of a process of the API has last moved",
            ["worker"],
            (((worker,), seconds) for worker, seconds in self._silences.items()),
        )


def exposition(standing: Standing, shared: Path | None) -> bytes:
    """All metrics in Prometheus' text format: those of this process, or of all that share."""
    registry = CollectorRegistry()
    registry.register(standing)
    if shared is None:
        return generate_latest(REGISTRY) + generate_latest(registry)
    MultiProcessCollector(registry, path=str(shared))  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _gauge(
    name: str, words: str, labels: list[str], values: Iterable[tuple[tuple[str, ...], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=labels)
    for which, value in values:
        family.add_metric(which, value)
    return family


def empty_folder(folder: Path) -> Path:
    """The folder in which the processes of a copy add up their counts, without those of the last
    run."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in folder.glob("*.db"):
        old.unlink()
    return folder
