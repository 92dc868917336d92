"""What the demo claims; each claim that does not hold is named, and the command fails."""

from __future__ import annotations

from headway.demo.logs import DemoLog, Judging
from headway.demo.result import Result, Scored

LEAST_COMPARED = 100


def failures(found: Result, log: DemoLog) -> list[str]:
    """Everything that did not hold, in words; empty where all did."""
    refused = all(
        r.stream not in {"", "NOT REFUSED"} and r.http.startswith("4") for r in found.refusals
    )
    of_each = [
        f"{scored.workflow}: {claim}"
        for scored, judging in zip(found.workflows, log.workflows, strict=True)
        for claim in _failures(scored, judging)
    ]
    return of_each if refused else [*of_each, "a bad input was not refused"]


def _failures(found: Scored, judging: Judging) -> list[str]:
    events, quality = found.events, found.quality
    fates = events.counted + events.late + events.duplicate + events.rejected
    auc = quality.auc or 0.0
    claims = {
        f"{events.received} events were sent, {fates} are accounted for": events.received == fates,
        "training rows differ from what was decided on": found.parity.mismatched_rows == 0,
        "no training row was compared": found.parity.rows > 0,
        "HTTP and stream differ": found.decisions.http_mismatches == 0,
        f"fewer than {LEAST_COMPARED} answers were compared": found.decisions.http_compared
        >= LEAST_COMPARED,
        "the second replay changed decisions": found.replay.changed_decisions == 0,
        "the second replay changed features": found.replay.changed_features == 0,
        f"AUC {auc:.3f} is below {judging.least_auc}": auc >= judging.least_auc,
        "the Brier score is no better than the constant's": quality.brier < quality.constant_brier,
    }
    return [claim for claim, holds in claims.items() if not holds]
