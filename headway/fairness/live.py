"""The fairness job on live decisions: who was shown in the rankings of a window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from firm.alerts import Alert, alert
from firm.decision import Decision
from firm.errors import HeadwayError, NotAllowed
from firm.states import States
from firm.store import SqlStore
from firm.time import DAY, Micros, to_datetime
from firm.workflow import Workflow
from headway.catalogue import workflow_named
from headway.clock import now
from headway.commands import open_store
from headway.fairness.job import open_vault
from headway.reports import report_folder
from headway.settings import Settings
from monitoring.fairness import Candidates, FairnessReport, OnRecord, judge
from monitoring.fairness_picture import draw
from monitoring.fairness_words import affected, labelled, next_step, table

Found = dict[str, Any]
KIND = "adverse-impact"


class NothingRanked(HeadwayError):
    """No ranking of the version was asked for in the window."""

    kind = "nothing-ranked"


class Seen(msgspec.Struct, frozen=True):
    """The rankings of a window: of each candidate, how often it was known, scored and shown.

    Attributes:
        passed_over: rankings of which it cannot be told who was scored and not kept: they say how
            many, and the pool as it was then is not that large any more, or larger.
        until: the latest of them, in the time of the events.
    """

    rankings: int
    passed_over: int
    known: Counter[str]
    scored: Counter[str]
    shown: Counter[str]
    until: Micros


def fairness_of(settings: Settings, slug: str, version: str | None, days: float) -> Found:
    """Judge the rankings that a version gave in the last days of its decisions (the live one's,
    without `version`); a breach becomes an alert to the owner.

    Raises:
        NotAllowed: the workflow declares no fairness, or no version is live.
        NothingRanked: there is no ranking of that version in the window.
    """
    workflow, store = workflow_named(slug), open_store(settings)
    if workflow.fairness is None:
        raise NotAllowed(f"{slug} declares no fairness: it scores no people")
    number = version or _live(store, slug)
    end = store.watermark(slug) + 1
    decided = store.decisions(slug, since=end - int(days * DAY), until=end)
    pool = pool_of(workflow, store.states(workflow))
    seen = tally(decided, number, workflow.fairness.top, pool)
    if not seen.rankings:
        raise NothingRanked(
            f"version {number} of {slug} gave no ranking that could be counted in the {days:g} "
            f"days before {to_datetime(end).date()} ({seen.passed_over} could not): ask for "
            "rankings, or look further back with --days"
        )
    names = tuple(sorted(seen.known))
    on_record = open_vault(settings, store).open(workflow, names, now())
    report = judged(workflow, seen, on_record)
    folder = report_folder(settings, slug, number, end)
    folder.mkdir(parents=True, exist_ok=True)
    picture = draw(report, folder / "fairness.png")
    raised = store.raise_alerts(list(breaches(workflow, number, seen.until, report)), now())
    return {
        "workflow": slug,
        "version": number,
        "attributes": labelled(report),
        "window": f"{days:g} days to {to_datetime(seen.until):%Y-%m-%d %H:%M}",
        "rankings": report.rankings,
        "passed over": seen.passed_over,
        "table": [msgspec.structs.asdict(line) for line in table(report)],
        "findings": list(report.findings),
        "who is affected": affected(report),
        "what to do next": next_step(report),
        "alerts": [one.id for one in raised],
        "picture": str(picture),
    }


def judged(workflow: Workflow, seen: Seen, on_record: OnRecord) -> FairnessReport:
    """Hold the rankings of a window to what the workflow declares."""
    assert workflow.fairness is not None  # noqa: S101  (`fairness_of` has looked)
    names = tuple(sorted(seen.known))
    candidates = Candidates(
        names,
        known=_counts(seen.known, names),
        scored=_counts(seen.scored, names),
        shown=_counts(seen.shown, names),
    )
    return judge(workflow.fairness, candidates, on_record, seen.rankings)


Pool = Callable[[Micros], Set[str]]
"""All candidates that were known by an instant."""


def pool_of(workflow: Workflow, states: States) -> Pool:
    """The candidates that had been observed, from the states as they are now."""
    assert workflow.candidates is not None  # noqa: S101  (declared with fairness)
    name = workflow.candidates.pool
    groups = {key: states.groups[f"{name}:{key}"].known for key in states.keys(name)}

    def known(as_of: Micros) -> Set[str]:
        return {key for key, group in groups.items() if group.last_before(as_of) is not None}

    return known


def tally(decisions: Iterable[Decision], version: str, top: int, pool: Pool) -> Seen:
    """Count over the rankings of a version. Those of candidates whom a caller named are left out:
    whom they named is no choice of the version."""
    known, scored, shown = Counter[str](), Counter[str](), Counter[str]()
    counted = passed_over = until = 0
    for one in decisions:
        ranking = one.ranking
        if one.model_version != version or ranking is None or ranking.proposed is not None:
            continue
        first = [ranked.candidate for ranked in ranking.ranked]
        out = {candidate for excluded in ranking.excluded for candidate in excluded.candidates}
        others = pool(one.as_of) - out - set(first)
        if len(others) != ranking.admitted - len(first):
            passed_over += 1
            continue
        counted, until = counted + 1, max(until, one.as_of)
        shown.update(first[:top])
        scored.update([*first, *others])
        known.update([*first, *others, *out])
    return Seen(counted, passed_over, known, scored, shown, until)


def _counts(of: Counter[str], names: Sequence[str]) -> NDArray[np.int64]:
    return np.array([of[name] for name in names], dtype=np.int64)


def breaches(
    workflow: Workflow, version: str, at: Micros, report: FairnessReport
) -> Iterator[Alert]:
    """An alert for each attribute of which anything was found."""
    for one in report.attributes:
        if one.findings:
            lines = [line for line in table(report) if line.attribute == one.name]
            yield alert(
                workflow,
                version,
                KIND,
                at,
                about=one.name,
                says=f"Candidates are not shown alike: {'; '.join(one.findings)}.",
                matters=(
                    f"It does, beyond chance: {affected(report)} People may be passed over for "
                    "what they are; that may be unlawful."
                ),
                todo=next_step(report),
                evidence={
                    "attributes": labelled(report),
                    "rankings": report.rankings,
                    **{f"ratio of {one.value} ({one.basis})": one.ratio for one in lines},
                },
            )


def _live(store: SqlStore, slug: str) -> str:
    live = store.live(slug)
    if live is None or live.kind == "killed":
        raise NotAllowed(f"no version of {slug} is live; name one with --version")
    return live.version
