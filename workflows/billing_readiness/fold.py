"""What billing readiness keeps of a step of a payment request, and when a step is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from firm.errors import UnknownType, WrongUnit
from firm.events import Event
from firm.facts import PaymentRequestMoved
from firm.groups import Observation
from firm.history import Entry, Outcome, Values
from firm.ids import EventId
from firm.time import DAY

NOBODY = "nobody"
"""The role in what a system does by itself."""
EVERYONE = "everyone"
"""Whose approvals are looked at where a log names no unit."""
CURRENCY = "EUR"


def fold(event: Event) -> Values:
    """The step with who took it, and the unit: nothing that was filled in afterwards but the
    amount, which no feature reads: it tells what is at stake, in EUR."""
    moved = _moved(event)
    amount = moved.amount
    role = "_".join((moved.role or NOBODY).lower().split())
    return {
        "kind": moved.step,
        "role": role,
        "step": f"{moved.step}:{role}",
        "unit": moved.unit,
        "chain": moved.unit or EVERYONE,
        "day": event.occurred_at / DAY,
        "rejected": 1.0 if moved.step == "rejected" else None,
        "amount": float(amount.amount) if amount and amount.currency == CURRENCY else None,
    }


def fold_with_amount(event: Event) -> Values:
    """The same where a feature reads the amount: one in another currency is refused."""
    amount = _moved(event).amount
    if amount is not None and amount.currency != CURRENCY:
        raise WrongUnit(f"amounts are kept in {CURRENCY}; got {amount.amount} {amount.currency}")
    return fold(event)


def is_open(entries: Sequence[Entry]) -> bool:
    """Whether a request may still be rejected: every step asks for a score but the payment."""
    return entries[-1].values["kind"] != "paid"


def step_of(entry: Entry) -> str:
    """The step as quality is told by it: what was done, by whom."""
    return str(entry.values["step"])


def settle(entries: Sequence[Entry]) -> Mapping[EventId, Outcome]:
    """A step came to a rejection if one follows it before the payment.

    That is known at the next rejection, or at the payment. A rejection is a step too: it asks
    whether another one follows.
    """
    outcomes: dict[EventId, Outcome] = {}
    for waiting, end in _stretches(entries):
        outcome = Outcome(float(end.values["kind"] == "rejected"), end.at)
        outcomes |= {entry.event: outcome for entry in waiting}
    return outcomes


def observe(entries: Sequence[Entry]) -> Iterator[Observation]:
    """What a request tells of its unit, and of the portfolio, at the moment when it is seen."""
    yield from _rejections(entries)
    yield from _fates(entries)
    yield from _endings(entries)


def _rejections(entries: Sequence[Entry]) -> Iterator[Observation]:
    """Every rejection, and apart those that are not the submitter's own withdrawal."""
    submitter = None
    for entry in entries:
        if entry.values["kind"] == "submitted":
            submitter = entry.values["role"]
        elif entry.values["kind"] == "rejected" and (unit := _unit(entry)) is not None:
            yield Observation("unit_rejections", unit, entry.at, 1.0)
            if entry.values["role"] != submitter:
                yield Observation("unit_refusals", unit, entry.at, 1.0)


def _fates(entries: Sequence[Entry]) -> Iterator[Observation]:
    """Every submission, and whether it has been rejected so far.

    Nothing waits for the payment: a submission counts at once as not rejected, and the rejection
    that follows corrects it.
    """
    pending = False
    for entry in entries:
        if entry.values["kind"] == "submitted":
            pending = True
            yield from _of_unit_and_all("submissions", entry, entry, 0.0)
        elif entry.values["kind"] == "rejected" and pending:
            pending = False
            yield from _of_unit_and_all("submissions", entry, entry, 1.0, count=0.0)


def _endings(entries: Sequence[Entry]) -> Iterator[Observation]:
    """How submissions ended, in a rejection or in the payment, once that is known."""
    for waiting, end in _stretches(entries):
        for entry in waiting:
            if entry.values["kind"] == "submitted":
                rejected = float(end.values["kind"] == "rejected")
                yield from _of_unit_and_all("endings", entry, end, rejected)


def _stretches(entries: Sequence[Entry]) -> Iterator[tuple[list[Entry], Entry]]:
    """The steps up to each rejection or payment, with that; a rejection begins the next one."""
    waiting: list[Entry] = []
    for entry in entries:
        kind = entry.values["kind"]
        if kind in {"rejected", "paid"}:
            yield waiting, entry
            waiting = []
        if kind != "paid":
            waiting.append(entry)


def _of_unit_and_all(
    name: str, about: Entry, seen: Entry, value: float, count: float = 1.0
) -> Iterator[Observation]:
    yield Observation(name, None, seen.at, value, count)
    if (unit := _unit(about)) is not None:
        yield Observation(f"unit_{name}", unit, seen.at, value, count)


def _unit(entry: Entry) -> str | None:
    unit = entry.values["unit"]
    return unit if isinstance(unit, str) else None


def _moved(event: Event) -> PaymentRequestMoved:
    if not isinstance(event.fact, PaymentRequestMoved):
        raise UnknownType(
            f"billing_readiness folds steps of payment requests; got {event.type!r} ({event.ref})"
        )
    return event.fact
