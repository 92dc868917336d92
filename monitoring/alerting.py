"""Alerts in words: what was found, whether it matters, who should do what."""

from __future__ import annotations

from collections.abc import Sequence

from firm.alerts import Alert, alert
from firm.time import Micros, to_datetime
from firm.workflow import Workflow
from monitoring.arrivals import Batch, Span
from monitoring.cases import Ints
from monitoring.looks import DID_NOT, HAPPENED, OPEN
from monitoring.moved import Moved
from monitoring.quality import Quality
from monitoring.rates import Rate
from monitoring.words import number, percent

MOST_NAMED = 5


def outcomes_changed(
    workflow: Workflow,
    version: str,
    at: Micros,
    since: Micros,
    days: float,
    then: Ints,
    now: Ints,
    looked: int,
    inputs: Sequence[Moved],
    weights: Sequence[Moved],
) -> Alert:
    """The outcomes at the declared age are not those of training any more."""
    before, after = _in_words(then), _in_words(now)
    return alert(
        workflow,
        version,
        "outcomes-changed",
        at,
        says=(
            f"Cases end otherwise than they did, since about {_day(since)}. Of those looked at "
            f"{days:g} days after they were scored: {after}; before: {before}."
            + _named(" The inputs that have moved most: ", inputs)
            + _named(" The features that weigh otherwise: ", weights)
        ),
        matters=(
            "It does: what the model learned of how cases end need not hold any more. Labels that "
            "came in a batch, or not at all, are left out of this comparison: it is the work that "
            "has changed, not how it is written down."
        ),
        todo=(
            "The owner says whether the work was changed on purpose; the data scientist trains a "
            "challenger on the newest outcomes and compares."
        ),
        evidence={
            "looked_at": looked,
            "since": to_datetime(since).isoformat(),
            **{f"before_{name}": share for name, share in _shares(then).items()},
            **{f"since_{name}": share for name, share in _shares(now).items()},
            "features": [m.name for m in inputs[:MOST_NAMED]],
            "weights": [m.name for m in weights[:MOST_NAMED]],
        },
    )


def scores_changed(
    workflow: Workflow,
    version: str,
    at: Micros,
    since: Micros,
    seen: int,
    then: float,
    now: float,
    inputs: Sequence[Moved],
) -> Alert:
    """The scores spread otherwise than since the version went live."""
    return alert(
        workflow,
        version,
        "scores-changed",
        at,
        says=(
            f"Scores spread otherwise since about {_day(since)}: {percent(now)} in the mean, "
            f"{percent(then)} before." + _named(" The inputs that have moved most: ", inputs)
        ),
        matters=(
            "It may: the cases have changed, or what feeds the model. No outcome is needed to see "
            "this, so it comes first; the outcomes tell later whether the scores are right."
        ),
        todo="The owner asks what changed then; whoever feeds the inputs named checks them.",
        evidence={
            "scored": seen,
            "since": to_datetime(since).isoformat(),
            "mean_before": then,
            "mean_since": now,
            "features": [m.name for m in inputs[:MOST_NAMED]],
        },
    )


def moved(
    workflow: Workflow, version: str, kind: str, at: Micros, columns: Sequence[Moved], of: int
) -> Alert:
    """More inputs (or weights of inputs) than declared lie away from training."""
    inputs = kind == "inputs-changed"
    what = "inputs lie away from" if inputs else "features weigh otherwise than in"
    return alert(
        workflow,
        version,
        kind,
        at,
        says=(
            f"{len(columns)} of {of} {what} training; {percent(workflow.watch.drifted_share)} may."
            + _named(" The farthest: ", columns)
        ),
        matters=(
            "It may: the model is asked about cases that it has seen few of."
            if inputs
            else "It may: scores rest on other features than those for which it was approved."
        ),
        todo=(
            "Whoever feeds these inputs checks that they are right; if they are, train a "
            "challenger on newer cases."
            if inputs
            else "The data scientist looks at these features; the reviewer decides whether the "
            "approval still holds."
        ),
        evidence={
            "moved": len(columns),
            "compared": of,
            "features": [m.name for m in columns[:MOST_NAMED]],
            "farthest_distance": columns[0].distance if columns else 0.0,
        },
    )


def columns_silent(workflow: Workflow, version: str, at: Micros, names: Sequence[str]) -> Alert:
    """Inputs from which nothing comes any more."""
    return alert(
        workflow,
        version,
        "inputs-silent",
        at,
        about=", ".join(names[:MOST_NAMED]),
        says=f"No value comes any more in {', '.join(names)}.",
        matters="It does: the model scores without what it learned to rely on.",
        todo="Whoever feeds these inputs restores the source; then the log can be replayed.",
        evidence={"features": list(names)},
    )


def false_positives(
    workflow: Workflow, version: str, at: Micros, rate: Rate, quality: Quality
) -> Alert:
    """Too many alerts where nothing happened, beyond chance."""
    allowed = workflow.watch.false_positive_rate
    return alert(
        workflow,
        version,
        "false-positives",
        at,
        says=(
            f"Of the cases in which nothing happened {percent(rate.share)} got an alert "
            f"({percent(rate.low)} to {percent(rate.high)}); {percent(allowed)} are allowed."
        ),
        matters="It does: people are asked to look at more cases than was promised them.",
        todo="The owner decides: a higher threshold, a newer model, or a larger budget.",
        evidence={
            "false_positive_rate": rate.share,
            "low": rate.low,
            "high": rate.high,
            "judged": quality.matured,
        },
    )


def worse_than_constant(workflow: Workflow, version: str, at: Micros, quality: Quality) -> Alert:
    """The scores say less than always saying the share of training."""
    return alert(
        workflow,
        version,
        "worse-than-constant",
        at,
        says=(
            f"Always saying {percent(quality.constant)} would have been nearer the truth: an error "
            f"of {number(quality.brier_constant)} against {number(quality.brier)}."
        ),
        matters="It does: the percentages cannot be believed as they stand.",
        todo="Train a challenger; until one is live, do not act on the score alone.",
        evidence={
            "brier": quality.brier,
            "brier_constant": quality.brier_constant,
            "judged": quality.matured,
        },
    )


def labels_in_a_batch(workflow: Workflow, batch: Batch) -> Alert:
    """Waiting outcomes were written down all at once."""
    day = to_datetime(batch.at).date().isoformat()
    return alert(
        workflow,
        "",
        "labels-in-a-batch",
        batch.at,
        about=day,
        says=(
            f"{batch.count:,} outcomes came on {day}; nine in ten days bring fewer than "
            f"{batch.usual:,.0f}. They had waited {batch.age:.1f} days, {batch.usual_age:.1f} is "
            f"usual; {percent(batch.happened)} of them say that it happened."
        ),
        matters=(
            "It is an artefact of how outcomes are written down, no change of the work: cases that "
            "waited for the clean-up are judged by it. Rates that contain these outcomes mislead."
        ),
        todo=(
            "The owner says why cases were closed together. Compare no rate across this day; the "
            "detectors leave out what waited for it."
        ),
        evidence={
            "outcomes": batch.count,
            "usual": batch.usual,
            "waited_days": batch.age,
            "usual_days": batch.usual_age,
            "happened": batch.happened,
        },
    )


def labels_silent(workflow: Workflow, span: Span, at: Micros) -> Alert:
    """Outcomes do not come as usual."""
    return alert(
        workflow,
        "",
        "labels-silent",
        at,
        about=_day(span.start),
        says=f"Since {_day(span.start)} hardly any outcome has come.",
        matters="It does: nothing can be judged, and what waits will be judged late.",
        todo="The owner asks the system of record why cases are not closed or not sent.",
        evidence={"since": to_datetime(span.start).isoformat()},
    )


def volume_changed(
    workflow: Workflow, at: Micros, week: Micros, before: float, now: float
) -> Alert:
    """The work has grown or shrunk."""
    return alert(
        workflow,
        "",
        "volume-changed",
        at,
        about=_day(week),
        says=(
            f"{now:,.0f} decisions a week over the last four weeks; {before:,.0f} were usual: "
            f"{now / before:.1f} times as many."
        ),
        matters="It may: new kinds of cases, or a source sent twice. Check before retraining.",
        todo="The owner says whether more of the firm joined; the data scientist compares slices.",
        evidence={"weekly_before": before, "weekly_now": now, "times": now / before},
    )


def _shares(levels: Ints) -> dict[str, float]:
    total = max(int(levels.sum()), 1)
    return {
        "happened": int(levels[HAPPENED]) / total,
        "did_not": int(levels[DID_NOT]) / total,
        "open": int(levels[OPEN]) / total,
    }


def _in_words(levels: Ints) -> str:
    if not levels.sum():
        return "nothing to compare with"
    shares = _shares(levels)
    return (
        f"it happened in {percent(shares['happened'])}, did not in {percent(shares['did_not'])}, "
        f"and {percent(shares['open'])} were open"
    )


def _named(words: str, columns: Sequence[Moved]) -> str:
    return words + ", ".join(c.name for c in columns[:MOST_NAMED]) + "." if columns else ""


def _day(at: Micros) -> str:
    return to_datetime(at).date().isoformat()
