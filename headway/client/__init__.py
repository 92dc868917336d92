"""The client of Headway's API: typed, for programs that wait and for those with an event loop.

It loads nothing of the service that it speaks to.
"""

from headway.client.answers import (
    Batch,
    ExcludedCandidate,
    Explanation,
    Feature,
    Freshness,
    NotScored,
    Outcome,
    OutcomeAccepted,
    Problem,
    Ranked,
    RankedCandidate,
    Reason,
    Score,
    Workflow,
)
from headway.client.asynchronous import AsyncClient
from headway.client.blocking import Client
from headway.client.errors import (
    CallFailed,
    CannotReach,
    Conflict,
    Forbidden,
    Invalid,
    KeyRefused,
    NotFound,
    ServiceFailed,
    TooManyRequests,
    Unavailable,
    UnexpectedAnswer,
)

__all__ = [
    "AsyncClient",
    "Batch",
    "CallFailed",
    "CannotReach",
    "Client",
    "Conflict",
    "ExcludedCandidate",
    "Explanation",
    "Feature",
    "Forbidden",
    "Freshness",
    "Invalid",
    "KeyRefused",
    "NotFound",
    "NotScored",
    "Outcome",
    "OutcomeAccepted",
    "Problem",
    "Ranked",
    "RankedCandidate",
    "Reason",
    "Score",
    "ServiceFailed",
    "TooManyRequests",
    "Unavailable",
    "UnexpectedAnswer",
    "Workflow",
]
