"""One tree of errors. Each says what is wrong, with what value, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from reprlib import Repr
from typing import ClassVar

_QUOTES = Repr()
_QUOTES.maxstring = _QUOTES.maxother = _QUOTES.maxlong = 80
_QUOTES.maxlist = _QUOTES.maxdict = 30
_QUOTES.maxlevel = 2


def shown(value: object) -> str:
    """A value as a message quotes it: short, however large or deeply nested it is."""
    return _QUOTES.repr(value)


class HeadwayError(Exception):
    """Base of every error that Headway raises on purpose.

    Attributes:
        kind: a stable slug; it names the problem type over HTTP and the reason of a dead letter.
        retry: whether the same call may succeed later without being changed.
    """

    kind: ClassVar[str] = "headway-error"
    retry: ClassVar[bool] = False


class BadEvent(HeadwayError):
    """An event that cannot be taken in; its kind is the reason on its dead letter."""

    kind = "bad-event"


class Malformed(BadEvent):
    """The bytes are not the envelope that was agreed on."""

    kind = "malformed"


class UnknownType(BadEvent):
    """No mapping or no canonical fact has this type."""

    kind = "unknown-type"


class NoRule(BadEvent):
    """No rule of the mapping takes in a record like this."""

    kind = "no-rule"


class InvalidValue(BadEvent):
    """A field is missing, is no number, is out of range or is NaN or infinite."""

    kind = "invalid-value"


class WrongUnit(BadEvent):
    """An amount comes in another unit or currency than the one declared."""

    kind = "wrong-unit"


class TimeOutOfRange(BadEvent):
    """The time of the event lies before the firm's history or in the future."""

    kind = "time-out-of-range"


class TooLarge(BadEvent):
    """The payload is larger than an event may be."""

    kind = "too-large"


class UnknownSubject(HeadwayError):
    """Nothing is known of the subject that was asked for."""

    kind = "unknown-subject"


class WrongSubject(HeadwayError):
    """The values that were read belong to another subject than the one asked for."""

    kind = "wrong-subject"
    retry = True


class UnknownWorkflow(HeadwayError):
    """No workflow of this slug is declared."""

    kind = "unknown-workflow"


class UnknownDecision(HeadwayError):
    """No decision or action has this id."""

    kind = "unknown-decision"


class Unauthenticated(HeadwayError):
    """The caller did not say who they are, or what they say does not hold."""

    kind = "unauthenticated"


class TooManyRequests(HeadwayError):
    """A caller asks more often than is allowed; `seconds` is after how many it may again."""

    kind = "too-many-requests"
    retry = True

    def __init__(self, says: str, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(says)


class UnknownProposal(HeadwayError):
    """No proposal of a workflow has this id."""

    kind = "unknown-proposal"


class NoChallenger(HeadwayError):
    """No version is watched beside the champion, or decides on a share."""

    kind = "no-challenger"


class UnknownReport(HeadwayError):
    """There is no such report, or no such file in it."""

    kind = "unknown-report"


class NotAllowed(HeadwayError):
    """The person may not do this: wrong role, or the same person twice where two are needed."""

    kind = "not-allowed"


class DeclarationError(HeadwayError):
    """A workflow is declared wrongly; all that is wrong with it is said at once."""

    kind = "wrong-declaration"

    def __init__(self, where: str, problems: Sequence[str]) -> None:
        self.where = where
        self.problems = tuple(problems)
        super().__init__(
            f"{where} is declared wrongly:\n" + "\n".join(f"  - {p}" for p in self.problems)
        )


class TryLater(HeadwayError):
    """This one could not be done now; others may be, so they need not wait for it."""

    kind = "try-later"
    retry = True


class Fenced(HeadwayError):
    """Another worker has taken over; this one must end without writing anything more."""

    kind = "fenced"


class OldCopy(HeadwayError):
    """The database was filled by a version whose data cannot be brought up to date."""

    kind = "old-copy"


class StoreUnavailable(HeadwayError):
    """The database does not answer."""

    kind = "store-unavailable"
    retry = True


class ModelRefused(HeadwayError):
    """A model file or version that must not score: unknown hash, wrong features, no approval."""

    kind = "model-refused"


class NotReproduced(HeadwayError):
    """A version gives another score for the recorded values than the one that was recorded."""

    kind = "not-reproduced"


class GateFailed(HeadwayError):
    """A trained version is not good enough to be promoted; each failed gate is named."""

    kind = "gate-failed"


class CannotTrain(HeadwayError):
    """There is not enough to learn from, or what there is would leak the outcome."""

    kind = "cannot-train"


class AuditBroken(HeadwayError):
    """The chain of the audit log does not hold; the first entry that breaks it is named."""

    kind = "audit-broken"
