"""The answer on fairness in words: a table, what it means for whom, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from monitoring.fairness import (
    BASES,
    Basis,
    FairnessReport,
    OfAttribute,
    impact_test,
    proxy_test_of,
    stand_ins,
)
from monitoring.impact import LEAST_PEOPLE, GroupImpact

TOO_FEW = "too few to say"
ADVERSE = "adverse"


class Line(msgspec.Struct, frozen=True):
    """One line of the table: the people with one value; None where too few to tell of."""

    attribute: str
    value: str
    basis: Basis
    people: int | str
    shown: int | None
    considered: int | None
    rate: float | None
    ratio: float | None
    p_value: float | None
    says: str


def table(report: FairnessReport) -> list[Line]:
    """Every value of every attribute, by both bases."""
    return [
        _line(report, one, basis, group)
        for one in report.attributes
        for basis, groups in one.impacts.items()
        for group in groups
    ]


def labelled(report: FairnessReport) -> str:
    """Where the attributes come from, as it stands beside every figure."""
    if report.source.startswith("simulated"):
        return f"attributes {report.source}: the figures say nothing of real people"
    return f"attributes {report.source}"


def affected(report: FairnessReport) -> str:
    """Who is affected, in a sentence."""
    if not report.findings:
        return (
            f"Nobody, as far as can be told: nothing was found beyond chance on {report.candidates}"
            f" candidates in {report.rankings} rankings ({labelled(report)})."
        )
    return (
        f"Found on {report.candidates} candidates ({report.of}) in {report.rankings} rankings "
        f"({labelled(report)}): {'; '.join(report.findings)}."
    )


def next_step(report: FairnessReport) -> str:
    """What to do, in a sentence or two."""
    if not report.findings:
        few = sorted({f"{line.attribute} {line.value}" for line in table(report) if _few(line)})
        return f"Nothing, but of {', '.join(few)} there are {TOO_FEW}." if few else "Nothing."
    features = sorted(
        {
            feature
            for one in report.attributes
            if one.proxies is not None and any("is told by" in words for words in one.findings)
            for feature in named_stand_ins(report, one)
        }
    )
    leave_out = f"leave out or replace {', '.join(features)}, and train again; " if features else ""
    return (
        f"The data scientist looks at what tells these people apart: {leave_out}the owner looks at "
        "the rules that leave candidates out, and decides with a governance reviewer whether "
        "rankings are shown meanwhile (`headway kill` lets the declared rule decide)."
    )


def named_stand_ins(report: FairnessReport, one: OfAttribute) -> list[str]:
    """The features that by themselves tell an attribute too well."""
    return [] if one.proxies is None else stand_ins(one.proxies, report.proxy_auc, report.level)


def in_markdown(report: FairnessReport) -> str:
    """The section of the model card."""
    return "\n".join(
        [
            f"**{labelled(report).capitalize()}.** Candidate: {report.of}. {report.rankings} "
            f"rankings, {report.candidates} candidates, the first {report.top} shown; least ratio "
            f"{report.impact_ratio:g}, chance of any false finding {report.level:g}.",
            "",
            "| attribute | value | rate | people | shown | ratio | chance (p) | says |",
            "|---|---|---|---|---|---|---|---|",
            *(_row(line) for line in table(report)),
            "",
            *_told(report),
            "",
            f"Who is affected: {affected(report)}",
            f"Next: {next_step(report)}",
        ]
    )


def _line(report: FairnessReport, one: OfAttribute, basis: Basis, group: GroupImpact) -> Line:
    p_value = report.adjusted.get(impact_test(one.name, basis, group.group))
    few = group.people < LEAST_PEOPLE
    return Line(
        attribute=one.name,
        value=group.group,
        basis=basis,
        people=f"fewer than {LEAST_PEOPLE}" if few else group.people,
        shown=group.shown,
        considered=group.considered,
        rate=group.rate,
        ratio=group.ratio,
        p_value=p_value,
        says=_says(report, group, p_value),
    )


def _says(report: FairnessReport, group: GroupImpact, p_value: float | None) -> str:
    if group.ratio is None or p_value is None:
        return TOO_FEW
    if group.ratio >= report.impact_ratio:
        return "alike"
    return ADVERSE if p_value < report.level else "lower, as chance makes it too"


def _few(line: Line) -> bool:
    return line.says == TOO_FEW


def _row(line: Line) -> str:
    cells = [
        line.attribute,
        line.value,
        BASES[line.basis],
        line.people,
        "" if line.shown is None else f"{line.shown:,} of {line.considered:,}",
        _short(line.ratio),
        _short(line.p_value, 4),
        line.says,
    ]
    return f"| {' | '.join(map(str, cells))} |"


def _short(value: float | None, places: int = 2) -> str:
    return "" if value is None else f"{value:.{places}f}"


def _told(report: FairnessReport) -> Iterator[str]:
    for one in report.attributes:
        if one.proxies is None:
            yield f"- {one.name}: whether features tell it was not looked at, or of too few people."
            continue
        alone = sorted(one.proxies.alone.items(), key=lambda item: -item[1].auc)
        best = ", ".join(f"{name} {told.auc:.2f}" for name, told in alone[:3])
        chance = report.adjusted[proxy_test_of(one.name)]
        yield (
            f"- {one.name} is told by all features together with AUC {one.proxies.together.auc:.2f}"
            f" (limit {report.proxy_auc:g}; chance: p = {chance:.4f}); by single ones best: {best}."
        )
