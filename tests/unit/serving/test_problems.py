"""Each error of the tree has its status over HTTP, and a form that callers can read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
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


PAGE = Path(__file__).parents[3] / "docs" / "api.md"
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


def test_the_table_of_the_page_names_each_problem_with_its_status() -> None:
    """Those which only a person at the command line meets are left out."""
    rows = re.findall(r"^\| (\d{3}) \| (.*?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    told = {kind: int(status) for status, kinds in rows for kind in re.findall(r"`(.+?)`", kinds)}
    known = {error.kind: status_of(Exception.__new__(error)) for error in ERRORS}
    unread = {kind: told.pop(kind) for kind in ("too-deep", "compressed", "ending")}
    assert unread == {"too-deep": 400, "compressed": 415, "ending": 503}, "nothing raises these"
    assert told.items() <= known.items()
    assert told.keys() >= STATUS.keys()


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
