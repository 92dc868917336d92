"""The life of a version on a running copy: train it, register it, show it in MLflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, get_args

import structlog

from firm.ports import EventLog
from firm.promotion import Registration
from firm.react import Arrival
from firm.standing import Alias
from firm.store import SqlStore
from firm.time import Micros
from firm.workflow import Workflow
from headway.catalogue import canonicaliser, card_of, declared
from headway.clock import now
from headway.fitting import replays_by
from headway.governance import Governance
from headway.schemas import schema_url
from headway.settings import Settings
from headway.version import code_version
from stream.log import KafkaEventLog
from stream.topics import EVENTS

if TYPE_CHECKING:
    from training.registry import Registry
    from training.source import Replays
    from training.train import TrainingReport

log = structlog.get_logger(__name__)


def open_registry(settings: Settings) -> Registry:
    """The registry of a running copy. Importing MLflow takes seconds, so only here."""
    from training.registry import Registry  # noqa: PLC0415  (see above)

    return Registry(schema_url(settings.database or "", "mlflow"), settings.artifacts)


def train_version(
    settings: Settings,
    workflow: Workflow,
    cut: Micros,
    by: str,
    tuning: int = 0,
    progress: Callable[[int], None] = lambda _: None,
    log: EventLog | None = None,
    in_files: bool = False,
    on: str | None = None,
    replays: Replays | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> TrainingReport:
    """Train on what was known at the cut, from the log in Kafka (or from `log`, if it has been read
    already), hold it against the champion, and register the version; `in_files` and `on` are those
    of `headway train`, which `replays` takes the place of; `say` is told how a log is replayed into
    files."""
    from headway.fairness.job import FairnessJob, open_vault  # noqa: PLC0415  (imports SciPy)
    from training.train import train  # noqa: PLC0415  (imports MLflow)

    log = log or KafkaEventLog(settings.kafka or "", canonicaliser(declared()))
    registry, at = open_registry(settings), now()
    with (
        closing(SqlStore(settings.database or "", settings.audit_key())) as store,
        replays_by(settings, in_files, on, say) as declared_replays,
    ):
        governance = Governance(settings, store)
        live = governance.standing(workflow.slug).champion
        trained = train(
            workflow,
            _Events(log),
            cut=cut,
            registry=registry,
            champion=registry.get(workflow.slug, live.version) if live else None,
            card=card_of(workflow.slug),
            code_version=code_version(),
            trained_by=by,
            at=at,
            tuning=tuning,
            replays=replays or declared_replays,
            progress=progress,
            fairness=FairnessJob(open_vault(settings, store)) if workflow.fairness else None,
        )
        governance.register(registration(trained, at))
    _tell_lineage(settings, workflow, trained, registry, at)
    return trained


class _Events:
    """The events of a log, read again each time that somebody goes through them."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def __iter__(self) -> Iterator[Arrival]:
        return self._log.read()


def _tell_lineage(
    settings: Settings,
    workflow: Workflow,
    trained: TrainingReport,
    registry: Registry,
    at: Micros,
) -> None:
    """Say where a version comes from, on its page and as an OpenLineage event. A service of
    lineage that does not answer stops nobody: the event is in the log of this process then."""
    from training.lineage import emit, in_words, transport_to  # noqa: PLC0415  (takes a second)
    from training.lineage_page import FILE, page  # noqa: PLC0415  (imports Jinja)

    version, data = trained.version, trained.data
    drawn = page(workflow, version.version, data, version.cut, EVENTS)
    link = registry.keep_page(version, FILE, drawn)
    words = in_words(workflow, data, version.cut, EVENTS, link)
    registry.describe(workflow.slug, version.version, words)
    transport = transport_to(settings.lineage, settings.lineage_url)
    try:
        emit(transport, workflow, version.version, data, version.cut, at, EVENTS)
    except Exception as error:
        log.warning("the lineage was not taken", version=version.version, why=str(error))


def registration(trained: TrainingReport, at: Micros) -> Registration:
    """What is kept, signed, of a version that training registered."""
    version = trained.version
    return Registration(
        workflow=version.workflow,
        version=version.version,
        uri=version.path.as_uri(),
        sha256=version.sha256,
        size=version.size,
        trained_by=version.trained_by,
        at=at,
        gates={gate.gate: float(gate.figure) for gate in trained.gates if gate.figure is not None},
        failed=tuple(str(gate) for gate in trained.gates if not gate.passed),
    )


def align(
    governance: Governance, store: SqlStore, registry_of: Callable[[], Registry]
) -> list[str]:
    """Have the aliases in MLflow's registry show what the record says; returns the workflows whose
    aliases were moved. Serving does not depend on it: whatever stands there, the record counts."""
    waiting = store.unaligned()
    if waiting:
        registry = registry_of()
        for workflow, seq in waiting.items():
            standing = governance.standing(workflow)
            for alias in get_args(Alias):
                now_at = standing.of(alias)
                registry.set_alias(workflow, alias, now_at.version if now_at else None)
            store.mark_aligned(workflow, seq, now())
    return list(waiting)


def align_aliases(settings: Settings) -> None:
    """The same on the copy of these settings."""
    with closing(SqlStore(settings.database or "", settings.audit_key())) as store:
        align(Governance(settings, store), store, lambda: open_registry(settings))
