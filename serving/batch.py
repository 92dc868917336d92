"""Several subjects in one request: each is a decision of its own, on record like any other."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from firm.decision import Decision
from firm.errors import HeadwayError
from firm.ids import SubjectId
from firm.time import Micros
from serving.scoring import Question, Scoring

MOST_SUBJECTS = 1_000


class TooMany(HeadwayError):
    """More subjects than one request may have."""

    kind = "too-many"


class Refused(msgspec.Struct, frozen=True):
    """A subject of a batch that could not be scored, and why."""

    subject: SubjectId
    error: HeadwayError


async def score_each(
    scoring: Scoring,
    slug: str,
    subjects: Sequence[str],
    as_of: Micros,
    key: str,
    now: Micros,
) -> list[Decision | Refused]:
    """One decision, or the reason why there is none, for each subject in turn.

    The key of the batch makes one for each of its places, so a repeated batch gives the same
    decisions again.

    Raises:
        TooMany: more than MOST_SUBJECTS.
        HeadwayError: one that says that nothing can be scored now (its `retry` is set).
    """
    if len(subjects) > MOST_SUBJECTS:
        raise TooMany(
            f"{len(subjects):,} subjects in one request, at most {MOST_SUBJECTS:,}: split them"
        )
    questions = [
        Question(SubjectId(subject), as_of, f"{key}:{place}")
        for place, subject in enumerate(subjects)
    ]
    found = await scoring.score_all(slug, questions, now)
    return [_decided(SubjectId(s), one) for s, one in zip(subjects, found, strict=True)]


def _decided(subject: SubjectId, found: Decision | Exception) -> Decision | Refused:
    if isinstance(found, Decision):
        return found
    if isinstance(found, HeadwayError) and not found.retry:
        return Refused(subject, found)
    raise found


def all_or_nothing(found: Sequence[Decision | Refused]) -> list[Decision]:
    """The decisions, for protocols that have no way to answer a part; raises the first refusal."""
    for one in found:
        if isinstance(one, Refused):
            raise one.error
    return [one for one in found if isinstance(one, Decision)]
