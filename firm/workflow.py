"""A workflow is a declaration: what is asked, of whom, from which features, and what follows.

Everything else is derived from it: the Feast views, the stream's agent, the training set, the
registered model, the route, the monitors and the contract tests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from firm.candidates import Candidates
from firm.declared import Declared, Role, Slug, Words
from firm.events import Event, Fact
from firm.fairness import FAIRNESS_GATE, Fairness
from firm.groups import Observation
from firm.history import Entry, Outcome, Value, Values
from firm.ids import EventId
from firm.money import Currency, Money
from firm.time import SECOND, Micros
from firm.vocabulary import Expr, Known, Reads
from firm.vocabulary.rows import Rows

Row = tuple[float | None, ...]
Direction = Literal[-1, 0, 1]
Input = tuple[Literal["value", "type", "group"], str]
"""A folded value, a type of event or a group, by name: what a feature is computed from."""
DERIVED_FROM = {
    "monotone_constraints": "declare Feature.monotone",
    "objective": "scores are probabilities",
    "seed": "declare ModelSpec.seed",
    "nthread": "say it where it is trained",
}
"""Parameters of XGBoost that follow from the declaration, and from what."""


class Feature(Declared):
    """A number that a model sees, with its unit, why it should tell and where it comes from.

    `monotone` is +1 where the score may only rise with the feature, -1 where it may only fall.
    """

    name: Slug
    of: Expr
    unit: Words | Literal["1"]
    why: Words
    source: Words
    monotone: Direction = 0


class GroupBy(Declared):
    """A group whose observations are kept; `key` names the folded text, None is everyone.

    Several names make a group of each combination of their texts.
    `counts` says what is observed: the label's outcomes, or what the workflow's `observe` tells.
    `grain_hours` is the width of the buckets: what became known within one counts from the next.
    With `keep` "values" each observation is kept by itself, as `vocabulary.parent` reads them; with
    "sums", only how many a bucket has and their sum.
    """

    name: Slug
    key: str | tuple[str, ...] | None = None
    counts: Literal["outcomes", "observed"] = "outcomes"
    grain_hours: Annotated[float, Field(gt=0, le=24)] = 24.0
    keep: Literal["sums", "values"] = "sums"

    @cached_property
    def grain(self) -> Micros:
        """The width of the buckets."""
        return int(self.grain_hours * 3600 * SECOND)

    @cached_property
    def keeps_values(self) -> bool:
        """Whether each observation is kept by itself."""
        return self.keep == "values"

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The names of the folded texts that tell which of these groups it is."""
        return (self.key,) if isinstance(self.key, str) else self.key or ()

    def key_of(self, values: Mapping[str, Value]) -> str | None:
        """The key that these values have: their texts joined; None where one is missing."""
        if isinstance(self.key, str):
            one = values.get(self.key)
            return one if isinstance(one, str) else None
        found = [value for name in self.texts if isinstance(value := values.get(name), str)]
        return "|".join(found) if len(found) == len(self.texts) else None

    def id_of(self, values: Mapping[str, Value]) -> str | None:
        """The id under which the state of the group with these values is kept."""
        if self.key is None:
            return self.name
        key = self.key_of(values)
        return None if key is None else f"{self.name}:{key}"


class Label(Declared):
    """What the score foretells, and when its truth is known.

    `settle` gives, from all entries of a subject in order of time, the outcomes known of them by
    event id. It is a pure function of the entries, so it comes out the same in any order of
    arrival. `maturity_days` is how long a decision is given before it counts as overdue.

    At a cut the slow cases have no outcome yet, so those that have one are a biased sample.
    `estimate` mends that: from the entries of every subject before the cut, in order of time, and
    the cut, it gives by event id the probability that the outcome is true, for those not known
    yet and for those that are known but an artefact. Training learns from it as from an outcome;
    nothing is ever judged on it. `least_age_days` leaves out what is too young to say anything.
    """

    question: Words
    settle: Callable[[Sequence[Entry]], Mapping[EventId, Outcome]]
    maturity_days: Annotated[float, Field(gt=0)]
    estimate: Callable[[Sequence[Sequence[Entry]], Micros], Mapping[EventId, float]] | None = None
    least_age_days: Annotated[float, Field(ge=0)] = 0.0


class Slices(Declared):
    """Parts of the rows in none of which a model may collapse.

    `by` names folded texts, or features; each of their values makes a slice. One collapses where
    the model neither beats the Brier score of the slice's own base rate, as known when it was
    trained, nor reaches this AUC. Slices with fewer than `least_rows` rows are passed over, and so
    are those told by that rate alone (`ModelSpec.offset_least`).
    """

    by: Annotated[tuple[str, ...], Field(min_length=1)]
    auc: Annotated[float, Field(ge=0, le=1)] = 0.55
    least_rows: Annotated[int, Field(ge=1)] = 100


class Gates(Declared):
    """What a trained version must reach on the rows after its cut before it may be promoted.

    With `each_step`, its Brier score has to beat the constant's at every step with enough rows.
    Its Brier score may be higher than the champion's, on rows that neither has seen, by less than
    `worse_by`; of that one has to be sure with `confidence`, by a paired bootstrap.
    """

    auc: Annotated[float, Field(ge=0, lt=1)]
    pr_auc: Annotated[float, Field(ge=0, lt=1)] = 0.0
    calibration_error: Annotated[float, Field(gt=0, le=1)] = 1.0
    least_rows: Annotated[int, Field(ge=1)] = 100
    each_step: bool = False
    slices: Slices | None = None
    worse_by: Annotated[float, Field(ge=0, le=1)] = 0.005
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95


class ModelSpec(Declared):
    """How the model is fitted: XGBoost parameters, rounds and the gates it has to pass.

    With `offset_by`, the trees learn only how a case deviates from the training rate of its value
    of that feature (a step of the process, say), and do not split on the feature itself. Each rate
    is drawn toward that of all rows by the weight of `offset_prior` cases; a value of which fewer
    than `offset_least` training rows have the rarer outcome is told by its rate alone.

    Two things can be found by a rehearsal, a fit on the earlier rows that is held against the
    latest: with `early_stopping`, after how many rounds the log loss falls no more for so many
    rounds (`rounds` is then the most); with `calibrated`, by how much the log-odds have to be
    shifted for the mean score to be the share that came true. The model is then fitted on all rows.
    `retrain_days` is how old the newest version may become before a candidate is trained.
    """

    parameters: dict[str, Any]
    rounds: Annotated[int, Field(ge=1, le=20_000)]
    gates: Gates
    offset_by: Slug | None = None
    offset_prior: Annotated[float, Field(gt=0)] = 1.0
    offset_least: Annotated[int, Field(ge=0)] = 0
    early_stopping: Annotated[int, Field(ge=1)] | None = None
    calibrated: bool = False
    retrain_days: Annotated[float, Field(gt=0)] | None = None
    seed: int = 7

    def inconsistencies(self) -> Iterator[str]:
        """Parameters that follow from the rest of the declaration, and a level set twice."""
        for name in sorted(DERIVED_FROM.keys() & self.parameters.keys()):
            yield f"parameter {name!r} would be overruled: {DERIVED_FROM[name]}"
        if self.offset_least and not self.offset_by:
            yield f"offset_least={self.offset_least} is of a feature's values: declare offset_by"
        if self.calibrated and self.offset_by:
            yield (
                f"calibrated shifts the level of all, offset_by={self.offset_by!r} sets that of "
                "each value: declare one of them"
            )


class ActionSpec(Declared):
    """What is done on a band; with `approval`, only after a person in that role agreed."""

    kind: Slug
    says: Words
    approval: Role | None = None


class Band(Declared):
    """A range of scores, from `at_least` up to the next band, with its reason and its actions."""

    name: Slug
    at_least: Annotated[float, Field(ge=0, le=1)]
    because: Words
    actions: tuple[ActionSpec, ...] = ()


class Policy(Declared):
    """From a score to a band, and from the band to the actions."""

    bands: tuple[Band, ...]

    def inconsistencies(self) -> Iterator[str]:
        """Bands that leave scores out, or share a name, and actions that are named twice."""
        starts = [band.at_least for band in self.bands]
        if not starts or starts[0] != 0 or starts != sorted(set(starts)):
            yield f"bands must start at 0 and rise; they start at {starts}"
        yield from _repeated("band", [band.name for band in self.bands])
        for band in self.bands:
            yield from _repeated(f"in band {band.name!r} action", [a.kind for a in band.actions])

    def band(self, probability: float) -> Band:
        """The highest band that the score reaches."""
        for band in self._highest_first:
            if probability >= band.at_least:
                return band
        raise ValueError(f"no band holds {probability!r}: it is no probability")

    @cached_property
    def _highest_first(self) -> tuple[Band, ...]:
        return self.bands[::-1]

    @property
    def alarm_at(self) -> float:
        """The lowest score on which something is done; 1.0 where nothing ever is."""
        return next((band.at_least for band in self.bands if band.actions), 1.0)


class Slo(Declared):
    """What is promised of an answer."""

    latency_p99_ms: Annotated[float, Field(gt=0)]
    freshness_days: Annotated[float, Field(gt=0)]
    stale: Literal["flag", "refuse"] = "flag"


class Stakes(Declared):
    """What a wrong answer costs the firm: a false alert, and a case that came without one.

    `missed_days` is how many days such a case costs. `because` says where the figures come from.
    """

    false_alert: Money
    missed: Money
    missed_days: Annotated[float, Field(ge=0)] = 0.0
    because: Words

    def inconsistencies(self) -> Iterator[str]:
        """Costs in two currencies."""
        if self.false_alert.currency != self.missed.currency:
            yield (
                f"a false alert costs {self.false_alert.currency} and a missed case "
                f"{self.missed.currency}: declare both in one currency"
            )


class AtStake(Declared):
    """What hangs on a case, to be summed over those that were judged wrongly.

    `money` names the folded number or the feature that gives the amount in `currency`, `days` that
    which gives the days. `because` says what the figure is.
    """

    money: str | None = None
    currency: Currency | None = None
    days: str | None = None
    because: Words

    @property
    def names(self) -> frozenset[str]:
        """What it reads."""
        return frozenset(name for name in (self.money, self.days) if name is not None)

    def inconsistencies(self) -> Iterator[str]:
        """Nothing at stake, or an amount without its currency."""
        if not self.names:
            yield "names neither money nor days; leave it out where nothing is known"
        if (self.money is None) != (self.currency is None):
            yield f"money {self.money!r} has the currency {self.currency!r}: declare both"


class CanaryLimits(Declared):
    """When a canary is taken back by itself; nothing is judged on fewer than `least` cases.

    Attributes:
        failed_share: of its calls, that may fail (the champion then decides).
        slow_share: of its calls, that may take longer than `slow_ms`.
        alarm_share_difference: how far the share of its decisions that are alarms may lie from the
            champion's.
    """

    failed_share: Annotated[float, Field(ge=0, le=1)] = 0.01
    slow_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    slow_ms: Annotated[float, Field(gt=0)] = 20.0
    alarm_share_difference: Annotated[float, Field(gt=0, le=1)] = 0.15
    least: Annotated[int, Field(ge=1)] = 100


class Watch(Declared):
    """When monitoring speaks up.

    `window_rows` decisions make a window. Outcomes are compared as they stand `look_days` after the
    decision (at the label's maturity, without): to wait for the slowest would be to hear of a
    change too late, and to take what is known would be to hear of the quick ones only.
    `false_alarm` is the chance that the detectors raise any alarm, over the life of a version, on
    work that has not changed. An alert is not raised again within `cooldown_days` of the last.
    `holdout` is the share of subjects for which alerts lead to no action, so that it can be told
    what the actions change. Reports tell false positives and negatives `by` group as well: folded
    texts or features; those of the gates' slices, if none is named.
    """

    drifted_share: Annotated[float, Field(ge=0, le=1)] = 0.3
    false_positive_rate: Annotated[float, Field(ge=0, le=1)] = 0.2
    least_outcomes: Annotated[int, Field(ge=1)] = 100
    window_rows: Annotated[int, Field(ge=30)] = 500
    look_days: Annotated[float, Field(gt=0)] | None = None
    false_alarm: Annotated[float, Field(gt=0, lt=1)] = 0.01
    cooldown_days: Annotated[float, Field(ge=0)] = 7.0
    holdout: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    stakes: Stakes | None = None
    at_stake: AtStake | None = None
    by: tuple[str, ...] = ()


class Workflow(Declared):
    """One use case, whole. `fold` picks of an event the values that features and label need.

    Of the triggers, only those ask for a score for which `asks` says so, if it is declared: it is
    given the subject's entries up to the one in question, and reads no others.
    `awaits` names what a subject still waits for (approvals, documents); each answer says it.
    `reasons` says when an answer gives its reasons: if the caller asks for them, or also unasked
    where something is done ("on action").
    `step` names the step of the process at which an entry stands; quality is then told by step.
    `candidates` says to whom else a request could be given, and how they are ranked; `fairness` how
    they are held to be treated alike, where they are people.
    `rule` scores while no approved model is live; `lateness_days` is how far behind the newest
    event another may come and still be acted on: a later one is counted, but changes no plan.
    """

    slug: Slug
    question: Words
    owner: Words
    subject: Slug
    facts: tuple[type[Fact], ...]
    triggers: tuple[type[Fact], ...]
    asks: Callable[[Sequence[Entry]], bool] | None = None
    fold: Callable[[Event], Values]
    features: tuple[Feature, ...]
    groups: tuple[GroupBy, ...] = ()
    observe: Callable[[Sequence[Entry]], Iterable[Observation]] | None = None
    label: Label
    rule: Expr
    model: ModelSpec
    step: Callable[[Entry], str] | None = None
    awaits: Callable[[Known], Sequence[str]] | None = None
    candidates: Candidates | None = None
    fairness: Fairness | None = None
    policy: Policy
    reasons: Literal["on request", "on action"] = "on request"
    slo: Slo
    watch: Watch = Watch()
    canary: CanaryLimits = CanaryLimits()
    lateness_days: Annotated[float, Field(gt=0)]
    risk_class: Literal["minimal", "limited", "high"]
    worker_notice: Words | None = None

    def inconsistencies(self) -> Iterator[str]:
        """What is named twice or nowhere, what is promised without what it needs."""
        yield from _repeated("feature", [f.name for f in self.features])
        yield from _repeated("group", [g.name for g in self.groups])
        yield from self._without_what_they_need()
        yield from self._unknown()
        if self.candidates:
            yield from self._wrong_candidates(self.candidates)
        if self.fairness:
            yield from self._wrong_fairness(self.fairness)

    def _without_what_they_need(self) -> Iterator[str]:
        if not self.features:
            yield "declares no feature; a model needs at least one"
        if not self.triggers:
            yield "declares no trigger; name the facts that ask for a score"
        if self.risk_class == "high" and self.worker_notice is None:
            yield "scores people (risk class high) and so needs a worker_notice"
        if self.risk_class == "high" and self.fairness is None:
            yield (
                "scores people (risk class high) and so needs fairness: who they are, the "
                "protected attributes, and how many of a ranking are shown"
            )
        observed = [group.name for group in self.groups if group.counts == "observed"]
        if observed and self.observe is None:
            yield f"groups {observed} count what is observed, but no observe tells them anything"
        if self.model.gates.each_step and self.step is None:
            yield "gates ask for quality at each step, but no step says at which one a case stands"

    def _unknown(self) -> Iterator[str]:
        for trigger in self.triggers:
            if trigger not in self.facts:
                yield f"trigger {trigger.__name__} is not among the facts that are folded"
            if trigger.subject_kind != self.subject:
                yield (
                    f"trigger {trigger.__name__} speaks of a {trigger.subject_kind}, but what is "
                    f"scored is a {self.subject}"
                )
        offset = self.model.offset_by
        by = next((f for f in self.features if f.name == offset), None)
        if offset is not None and by is None:
            yield f"offset_by names {offset!r}, which is no feature"
        if by is not None and by.monotone:
            yield f"feature {offset!r} is monotone, but with offset_by no tree splits on it"
        for part, expr in self.expressions().items():
            if isinstance(expr, Expr):
                yield from _unknown_groups(part, expr.reads, self.groups)

    @cached_property
    def told_by(self) -> tuple[str, ...]:
        """The groups by which reports tell what the models did."""
        slices = self.model.gates.slices
        return self.watch.by or (slices.by if slices else ())

    def expressions(self) -> dict[str, Expr]:
        """Every expression that is declared, by what it is for."""
        found = {f"feature {feature.name!r}": feature.of for feature in self.features}
        if self.candidates:
            found |= {f"filter {one.name!r}": one.allows for one in self.candidates.filters}
            found["usual"] = self.candidates.usual
        return {**found, "rule": self.rule}

    def _wrong_candidates(self, candidates: Candidates) -> Iterator[str]:
        yield from _repeated("filter", [f.name for f in candidates.filters])
        pool, text = candidates.pool, candidates.text
        if not any(g.name == pool and g.texts == (text,) for g in self.groups):
            yield f"the pool {pool!r} of its candidates is no group with the key {text!r}"

    def _wrong_fairness(self, fairness: Fairness) -> Iterator[str]:
        if self.candidates is None:
            yield "fairness is measured on who is shown in rankings: declare candidates"
        elif fairness.top > self.candidates.top:
            yield (
                f"fairness looks at the first {fairness.top} of a ranking, which keeps only "
                f"{self.candidates.top}"
            )
        named = {one.name for one in fairness.attributes}
        if told := sorted(named & {feature.name for feature in self.features}):
            yield f"protected attributes are features: {told}; no model may see them"

    @cached_property
    def needed_gates(self) -> tuple[str, ...]:
        """What has to have been checked of a version, whatever else was, before it may decide."""
        return (FAIRNESS_GATE,) if self.fairness else ()

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """The order of the columns of every row."""
        return tuple(f.name for f in self.features)

    @cached_property
    def units(self) -> dict[str, str]:
        """The unit of each feature, by name."""
        return {feature.name: feature.unit for feature in self.features}

    @cached_property
    def units_as_json(self) -> msgspec.Raw:
        """The same as each answer has them."""
        return msgspec.Raw(msgspec.json.encode(self.units, order="deterministic"))

    @cached_property
    def read_by(self) -> tuple[tuple[tuple[Input, ...], tuple[str, ...]], ...]:
        """What features are computed from, with the names of those that are; one that does not say
        what it reads is left out."""
        found: dict[tuple[Input, ...], list[str]] = {}
        for feature in self.features:
            found.setdefault(_inputs(feature.of.reads), []).append(feature.name)
        return tuple((read, tuple(names)) for read, names in found.items() if read)

    @cached_property
    def folded(self) -> frozenset[str]:
        """The types of events that are folded."""
        return frozenset(fact.type for fact in self.facts)

    @cached_property
    def triggering(self) -> frozenset[str]:
        """The types of events that may ask for a score."""
        return frozenset(fact.type for fact in self.triggers)

    def folds(self, event: Event) -> bool:
        """Whether the workflow takes in this event."""
        return event.type in self.folded

    def is_triggered_by(self, event: Event) -> bool:
        """Whether an event of this type may ask for a score."""
        return event.type in self.triggering

    def asks_for_score(self, entries: Sequence[Entry]) -> bool:
        """Whether the newest of a subject's entries asks for a score."""
        triggered = bool(entries) and entries[-1].type in self.triggering
        return triggered and (self.asks is None or self.asks(entries))

    def row(self, known: Known) -> Row:
        """The features as of an instant, in the order of `feature_names`."""
        return self._rows.row(known)

    @cached_property
    def _rows(self) -> Rows:
        return Rows([feature.of for feature in self.features])

    def membership(self, entries: Sequence[Entry]) -> dict[str, str]:
        """The group id of the subject in each declared group, as its entries have it."""
        found, newest = {}, self.texts(entries)
        for group in self.groups:
            if (id_ := group.id_of(newest)) is not None:
                found[group.name] = id_
        return found

    def groups_with(self, text: str) -> Mapping[str, GroupBy]:
        """The groups whose key names this folded text, by name."""
        return self._by_text.get(text, {})

    def observations(
        self, entries: Sequence[Entry], outcomes: Mapping[EventId, Outcome]
    ) -> Iterator[Observation]:
        """All that a subject's entries tell its groups, in any order.

        An outcome counts in the groups that its entry belonged to when it was scored.
        """
        if self._counting_outcomes:
            for place, entry in enumerate(entries):
                if (outcome := outcomes.get(entry.event)) is not None:
                    newest = self.texts(entries[: place + 1])
                    for group in self._counting_outcomes:
                        key = None if group.key is None else group.key_of(newest)
                        if group.key is None or key is not None:
                            yield Observation(group.name, key, outcome.known_at, outcome.value)
        if self.observe is not None and entries:
            yield from self.observe(entries)

    def texts(self, entries: Sequence[Entry]) -> dict[str, str | None]:
        """The newest texts of a subject that tell which groups it belongs to."""
        return {name: newest_text(entries, name) for name in self._texts}

    def group(self, name: str) -> GroupBy:
        """The declared group of this name."""
        return self._groups[name]

    @cached_property
    def _groups(self) -> dict[str, GroupBy]:
        return {group.name: group for group in self.groups}

    @cached_property
    def _texts(self) -> frozenset[str]:
        return frozenset(name for group in self.groups for name in group.texts)

    @cached_property
    def _by_text(self) -> dict[str, dict[str, GroupBy]]:
        return {text: {g.name: g for g in self.groups if text in g.texts} for text in self._texts}

    def columns_with(self, text: str) -> tuple[int, ...]:
        """The places in a row of the features that may change with this folded text."""
        return self._columns_by_text.get(text, ())

    @cached_property
    def _columns_by_text(self) -> dict[str, tuple[int, ...]]:
        return {
            text: tuple(
                place
                for place, feature in enumerate(self.features)
                if feature.of.may_change_with(text, self.groups_with(text).keys())
            )
            for text in self._texts
        }

    @cached_property
    def _counting_outcomes(self) -> tuple[GroupBy, ...]:
        return tuple(group for group in self.groups if group.counts == "outcomes")

    @cached_property
    def policy_version(self) -> str:
        """Changes whenever a band, an action or an approval changes."""
        return hashlib.sha256(self.policy.model_dump_json().encode()).hexdigest()[:12]


def _inputs(reads: Reads) -> tuple[Input, ...]:
    return (
        *(("value", name) for name in sorted(reads.numbers | reads.texts)),
        *(("type", name) for name in sorted(reads.types)),
        *(("group", name) for name in sorted(reads.groups | reads.parents)),
    )


def newest_text(entries: Sequence[Entry], name: str) -> str | None:
    """The text that was folded last under this name; None where none was."""
    for entry in reversed(entries):
        value = entry.values.get(name)
        if isinstance(value, str):
            return value
    return None


def _unknown_groups(part: str, reads: Reads, groups: Sequence[GroupBy]) -> Iterator[str]:
    known = {group.name: group for group in groups}
    for name in sorted((reads.groups | reads.parents) - known.keys()):
        yield f"{part} reads the group {name!r}, which is not declared; there are {sorted(known)}"
    for name in sorted(reads.parents & known.keys()):
        if not known[name].keeps_values:
            yield f'{part} reads group {name!r} as a parent: declare it with keep="values"'


def _repeated(what: str, names: Sequence[str]) -> list[str]:
    return [
        f"{what} {name!r} is declared twice" for name in sorted(set(names)) if names.count(name) > 1
    ]
