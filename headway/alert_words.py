"""Alerts, reviews and figures as the command line prints them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from firm.alerts import Handling
from firm.store import AlertRecord, Review
from firm.time import Micros, to_datetime
from monitoring.rates import Rate
from monitoring.words import between

Found = dict[str, Any]
MOST_GROUPS = 12
"""Of a kind, for a person to read."""


def alert_line(record: AlertRecord) -> str:
    """One alert in a line."""
    one = record.alert
    again = f", found {record.times} times" if record.times > 1 else ""
    about = f" of version {one.version}" if one.version else ""
    return (
        f"{_minute(one.at)} {record.status}{again}: {one.kind} in {one.workflow}{about}: {one.says}"
    )


def alert_page(record: AlertRecord, handlings: Sequence[Handling]) -> Found:
    """An alert with all that is known of it."""
    one = record.alert
    return {
        "alert": f"{one.kind} {one.about}".strip(),
        "workflow": one.workflow,
        "version": one.version or "any",
        "shown at": _minute(one.at),
        "status": record.status,
        "found": f"{record.times} times, last at {_minute(record.last_at)}",
        "says": one.says,
        "does it matter": one.matters,
        "what to do": one.todo,
        "owner": one.owner,
        "figures": one.evidence,
        "handled": {_minute(h.at): f"{h.status} by {h.person}: {h.note}" for h in handlings},
    }


def review_line(review: Review) -> str:
    """One review in a line."""
    challenger = (
        f"version {review.challenger} challenges it" if review.challenger else "no challenger"
    )
    return (
        f"{review.status}: version {review.version} of {review.workflow}, since "
        f"{_minute(review.opened_at)}; {challenger}"
    )


def review_page(review: Review) -> Found:
    """A review with the comparison, and what the person may do."""
    todo = "wait until the challenger is trained"
    if review.status == "ready":
        todo = "close the review with what you decide"
        if review.challenger and review.comparison.get("passed"):
            todo += (
                f"; to have the challenger decide: headway promote {review.workflow} "
                f"{review.challenger} --as NAME --role data_scientist --why WHY"
            )
    if review.status == "closed":
        todo = f"nothing: {review.person} closed it: {review.note}"
    return {
        "review": review.id,
        "workflow": review.workflow,
        "champion": review.version,
        "challenger": review.challenger or "none",
        "status": review.status,
        **review.comparison,
        "what to do": todo,
    }


def figures_page(figures: Found) -> Found:
    """The figures that matter first; `--json` prints all."""
    matured, treatment = figures["matured"], figures["treatment"]
    windows = figures["windows"]
    return {
        "decisions": figures["decisions"],
        "too young to judge": figures["immature_share"],
        "judged": matured["matured"],
        "false alerts": matured["false_positives"],
        "missed": matured["false_negatives"],
        "precision": _share(matured["precision_interval"]),
        "recall": _share(matured["recall_interval"]),
        "corrected precision": _share(treatment["precision"]),
        "expected of the young": figures["expected"]["precision"],
        "AUC": matured["auc"],
        "Brier": f"{matured['brier']} (constant: {matured['brier_constant']})",
        **groups_in_words(figures["parts"]),
        "costs": figures["costs"] and f"{figures['costs']['cost']} {figures['costs']['currency']}",
        "error budgets": {one["name"]: budget_in_words(one) for one in figures["promises"]},
        "last window": windows[-1] if windows else None,
    }


def groups_in_words(parts: Sequence[Found]) -> Found:
    """By what it is a group, false alerts and missed cases of the largest groups."""
    found: dict[str, Found] = {}
    for part in parts:
        of_kind = found.setdefault(f"by {part['by']}", {})
        if len(of_kind) < MOST_GROUPS:
            of_kind[part["name"]] = _group_line(part)
        else:
            of_kind["others"] = "`--json` has them"
    return found


def _group_line(part: Found) -> str:
    if part["too_few"]:
        return f"{part['judged']} judged, too few to tell"
    return (
        f"{part['judged']:,} judged: {part['false_positives']:,} false alerts, "
        f"{part['false_negatives']:,} missed; precision {_share(part['precision'])}, "
        f"recall {_share(part['recall'])}"
    )


def _share(found: Found | None) -> str:
    return between(Rate(**found) if found else None)


def budget_in_words(promise: Found) -> str:
    """How much of the room for misses that a promise leaves is used up."""
    left, missed, of = promise["budget_left"], promise["missed"], promise["of"]
    if left is None:
        return "nothing to count yet"
    spent = f"{left:.0%} left" if left >= 0 else f"overspent, {1 - left:.1f} times what may be"
    said = "; broken, beyond chance" if promise["broken"] else ""
    return f"{spent}: {missed:,} of {of:,} missed it, {promise['allowed']:.0%} may{said}"


def _minute(at: Micros) -> str:
    return f"{to_datetime(at):%Y-%m-%d %H:%M}"
