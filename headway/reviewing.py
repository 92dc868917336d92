"""What a review needs: a challenger trained on the log, and how it compares with the champion."""

from __future__ import annotations

from typing import Any

import msgspec

from firm.alerts import AlertId
from firm.errors import HeadwayError
from firm.store import SqlStore
from headway.catalogue import workflow_named
from headway.clock import now
from headway.lifecycle import train_version
from headway.settings import Settings

TRAINER = "monitor"


def challenge(settings: Settings, store: SqlStore, id_: str) -> None:
    """Train a challenger on all that was known when the breach showed, and put it to the reviewer.

    Where none can be trained the review says why: it is a person's turn either way.
    """
    review = store.review(id_)
    workflow, alert = workflow_named(review.workflow), store.alert(AlertId(id_)).alert
    comparison: dict[str, Any] = {"because": alert.says, "cut": alert.at}
    try:
        trained = train_version(settings, workflow, alert.at, TRAINER)
    except HeadwayError as error:
        store.compare(id_, None, {**comparison, "not_trained": str(error)}, now(), TRAINER)
        return
    comparison |= {
        "rows": trained.data.rows,
        "quality": msgspec.to_builtins(trained.quality),
        "gates": {gate.gate: str(gate) for gate in trained.gates},
        "passed": trained.version.gates_passed,
    }
    store.compare(id_, trained.version.version, comparison, now(), TRAINER)
