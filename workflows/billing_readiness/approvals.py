"""Which approvals a payment request still needs, by what was usual in its unit of late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from firm.groups import Observation
from firm.history import Entry
from firm.vocabulary import Known

APPROVERS = ("pre_approver", "administration", "budget_owner", "supervisor", "director")
"""Who may approve a request, in the order in which they do."""
USUAL = 0.5
"""An approval is expected if it stood in at least this share of the unit's newest payments."""
NEWEST = 30
"""So many payments tell what is usual: the chain changed from one year to the next."""


def group_of(approver: str) -> str:
    """The group that keeps, for each payment of a unit, whether this approver had approved it."""
    return f"paid_with_{approver}"


def observe_approvals(entries: Sequence[Entry]) -> Iterator[Observation]:
    """At each payment, for each approver, whether they had approved what was paid."""
    for place, entry in enumerate(entries):
        if entry.values["kind"] == "paid":
            given = approvals(entries[:place])
            for approver in APPROVERS:
                key = str(entry.values["chain"])
                yield Observation(group_of(approver), key, entry.at, float(approver in given))


def approvals(entries: Sequence[Entry]) -> frozenset[str]:
    """Who has approved since the newest submission: a new one begins the chain again."""
    given: set[str] = set()
    for entry in entries:
        if entry.values["kind"] in {"submitted", "rejected"}:
            given.clear()
        elif entry.values["kind"] == "approved":
            given.add(str(entry.values["role"]))
    return frozenset(given)


def missing_approvals(known: Known) -> tuple[str, ...]:
    """Who has not approved yet and usually does, in the order of the chain; nobody once it is paid,
    and nobody while the unit has no payment to learn from."""
    if known.entries[-1].values["kind"] == "paid":
        return ()
    given = approvals(known.entries)
    return tuple(a for a in APPROVERS if a not in given and _is_usual(known, a))


def _is_usual(known: Known, approver: str) -> bool:
    group = known.groups.get(group_of(approver))
    if group is None:
        return False
    newest = group.newest(known.as_of, NEWEST)
    return newest.known > 0 and newest.positive >= USUAL * newest.known
