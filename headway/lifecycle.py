"""The life of a version on a running copy: train, promote, report."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING

from firm.errors import NotAllowed
from firm.store import Promotion, SqlStore
from firm.time import Micros
from firm.workflow import Workflow
from headway.catalogue import canonicaliser, declared
from headway.clock import now
from headway.schemas import schema_url
from headway.settings import Settings
from stream.log import KafkaEventLog
from training.registered import RegisteredVersion

if TYPE_CHECKING:
    from training.registry import Registry
    from training.train import TrainingReport

WRITER = "governance"


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
) -> TrainingReport:
    """Train on what was known at the cut, from the log in Kafka, and register the version."""
    from training.train import train  # noqa: PLC0415  (imports MLflow)

    log = KafkaEventLog(settings.kafka or "", canonicaliser(declared()))
    return train(
        workflow,
        log.read(),
        cut=cut,
        registry=open_registry(settings),
        code_version=installed_version("headway"),
        trained_by=by,
        at=now(),
        tuning=tuning,
        progress=progress,
    )


def promote_version(
    settings: Settings,
    store: SqlStore,
    version: RegisteredVersion,
    promoted_by: str,
    approved_by: str,
    why: str,
) -> Promotion:
    """Make a version live: the approval is written down, then the alias moves.

    Raises:
        NotAllowed: it did not pass its gates, or who trained it approves it.
    """
    if not version.gates_passed:
        raise NotAllowed(
            f"version {version.version} of {version.workflow} did not pass its gates; train a "
            "better one"
        )
    if approved_by == version.trained_by:
        raise NotAllowed(
            f"{approved_by!r} trained version {version.version}; somebody else has to approve it"
        )
    if not why.strip():
        raise NotAllowed("a promotion needs a reason: say why in a few words")
    made = Promotion(
        workflow=version.workflow,
        version=version.version,
        uri=version.path.as_uri(),
        sha256=version.sha256,
        size=version.size,
        promoted_by=promoted_by,
        approved_by=approved_by,
        why=why.strip(),
        at=now(),
    )
    store.promote(made, WRITER)
    open_registry(settings).set_champion(version.workflow, version.version)
    return made
