"""Each error of the tree has its status over HTTP, and a form that callers can read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages

import pytest

import features.errors
import firm.errors
import headway.api
import headway.comparing
import serving
from firm.errors import HeadwayError
from serving.problems import STATUS, problem, status_of


def tree(of: type[HeadwayError]) -> Iterator[type[HeadwayError]]:
    yield of
    for child in of.__subclasses__():
        yield from tree(child)


SERVING = {module.name for module in walk_packages(serving.__path__, "serving.")}
for name in SERVING:
    import_module(name)
MODULES = SERVING | {
    m.__name__ for m in (features.errors, firm.errors, headway.api, headway.comparing)
}
ERRORS = sorted(
    {error for error in tree(HeadwayError) if error.__module__ in MODULES}, key=lambda e: e.kind
)


def test_no_two_errors_share_a_kind() -> None:
    kinds = [error.kind for error in ERRORS]
    assert len(kinds) == len(set(kinds))


@pytest.mark.parametrize("error", [e for e in ERRORS if e.retry], ids=lambda e: e.kind)
def test_what_may_pass_by_itself_is_503_or_429_if_it_is_the_callers_doing(
    error: type[HeadwayError],
) -> None:
    expected = 429 if error is firm.errors.TooManyRequests else 503
    assert status_of(Exception.__new__(error)) == expected


def test_every_bad_event_is_the_callers_to_mend() -> None:
    for error in tree(firm.errors.BadEvent):
        if error is not firm.errors.BadEvent:
            assert 400 <= status_of(error("wrong")) < 500


def test_every_status_belongs_to_an_error() -> None:
    assert STATUS.keys() <= {error.kind for error in ERRORS}


@pytest.mark.parametrize(("status", "again"), [(503, "1"), (500, None), (404, None)])
def test_a_problem_has_the_members_of_rfc_9457(status: int, again: str | None) -> None:
    answer = problem(status, "not-now", "try later")
    assert answer.status_code == status
    assert answer.media_type == "application/problem+json"
    assert answer.headers.get("retry-after") == again
    assert json.loads(bytes(answer.body)) == {
        "type": "urn:headway:problem:not-now",
        "title": "not now",
        "status": status,
        "detail": "try later",
    }
