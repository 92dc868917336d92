"""Whom a request could be given to instead, declared: who is looked at, who is left out and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from pydantic import Field

from firm.declared import Declared, Role, Slug, Words
from firm.history import Entry
from firm.vocabulary import Expr


class Filter(Declared):
    """A hard rule: a candidate for whom `allows` is zero or missing is left out, whatever the
    score; `says` tells why, of the candidate: "has taken none of these in 90 days"."""

    name: Slug
    says: Words
    allows: Expr


class Candidates(Declared):
    """Who could take a request, ranked by the workflow's score; nobody is given it by this.

    A candidate is scored as if the newest entry of the request had it as its text `text`: features
    and filters are those of the request with this candidate.

    Attributes:
        text: the folded text that names who has the request.
        pool: the declared group, keyed by that text, whose keys are the candidates: all that it
            had observed by then.
        filters: checked in this order; the first that fails is the reason.
        prefers: whether a low or a high score speaks for a candidate.
        most: of those whom no filter leaves out, so many of the most usual are scored.
        top: so many are kept of a ranking, the best first.
        stream: which decisions on the stream carry a ranking: all of them, or those on requests.
        usual: how often a candidate is given such requests: the order that a ranking has to beat.
        taken_by: who turned out to be right, from all entries of a request; None if not known.
        approval: who may agree to a candidate that a filter leaves out.
    """

    text: Slug
    pool: Slug
    filters: tuple[Filter, ...]
    prefers: Literal["low", "high"]
    most: Annotated[int, Field(ge=1, le=200)] = 20
    top: Annotated[int, Field(ge=1, le=50)] = 5
    stream: Literal["all", "requests"] = "requests"
    usual: Expr
    taken_by: Callable[[Sequence[Entry]], str | None]
    approval: Role

    def fit(self, probability: float) -> float:
        """The probability that speaks for a candidate, from the workflow's own."""
        return probability if self.prefers == "high" else 1 - probability
