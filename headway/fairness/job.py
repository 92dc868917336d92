"""The fairness job at registration: whom a version would show, held against the vault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from firm.audit import AuditEntry
from firm.fairness import FAIRNESS_GATE, Fairness
from firm.store import SqlStore
from firm.time import Micros
from firm.workflow import Workflow
from headway.clock import now
from headway.fairness.vault import NothingOnRecord, Vault
from headway.settings import Settings
from monitoring.fairness import BASES, Candidates, FairnessReport, judge, proxy_test_of
from monitoring.fairness_picture import draw
from monitoring.fairness_words import TOO_FEW, Line, in_markdown, table
from training.fairness import FairnessEvidence, unjudged
from training.gates import GateResult
from training.selection import Selection

WRITER = "fairness"
PICTURE = "fairness.png"


def open_vault(settings: Settings, store: SqlStore) -> Vault:
    """The vault of this copy; the audit log is told of each access."""

    def note(entry: AuditEntry) -> None:
        store.note(entry, WRITER)

    return Vault(settings.vault_file, settings.vault_key(), note)


class FairnessJob:
    """Judges versions as they are registered (`training.fairness.JudgesFairness`)."""

    def __init__(self, vault: Vault, clock: Callable[[], Micros] = now) -> None:
        self._vault = vault
        self._clock = clock

    def __call__(self, workflow: Workflow, selection: Selection, folder: Path) -> FairnessEvidence:
        """The gates, the card's section, the figures and the picture of a version."""
        assert workflow.fairness is not None  # noqa: S101  (`training.fairness` has looked)
        try:
            on_record = self._vault.open(workflow, selection.candidates, self._clock())
        except NothingOnRecord as error:
            return FairnessEvidence([unjudged(str(error))], f"Not judged: {error}.")
        seen = Candidates(
            selection.candidates,
            selection.known,
            selection.scored,
            selection.shown,
            selection.features,
            selection.inputs,
        )
        report = judge(workflow.fairness, seen, on_record, selection.rankings)
        return FairnessEvidence(
            gates=list(gates(workflow.fairness, report)),
            words=in_markdown(report),
            figures=dict(_figures(report)),
            pictures=[draw(report, folder / PICTURE)],
        )


def gates(declared: Fairness, report: FairnessReport) -> Iterator[GateResult]:
    """The one that counts all findings, and one for each limit, with where the attributes come
    from in its name."""
    words, count = "; ".join(report.findings), len(report.findings)
    name = FAIRNESS_GATE if not words else f"{FAIRNESS_GATE} ({words})"
    yield GateResult(name, count, "at most", 0, passed=not count)
    for line in table(report):
        yield _of_ratio(declared, report, line)
    for one in report.attributes:
        if one.proxies is None:
            continue
        auc, limit = one.proxies.together.auc, declared.proxy_auc
        by_chance = report.adjusted[proxy_test_of(one.name)] >= declared.level
        skipped = "chance does as much" if auc > limit and by_chance else None
        passed = auc <= limit or by_chance
        gate = f"AUC of telling {one.name} by the features ({report.source})"
        yield GateResult(gate, auc, "at most", limit, passed, skipped)


def _of_ratio(declared: Fairness, report: FairnessReport, line: Line) -> GateResult:
    gate = f"impact ratio of {line.attribute} {line.value}, {BASES[line.basis]} ({report.source})"
    low = line.ratio is None or line.ratio < declared.impact_ratio
    adverse = line.p_value is not None and line.p_value < declared.level and low
    skipped = line.says if not adverse and (low or line.says == TOO_FEW) else None
    return GateResult(gate, line.ratio, "at least", declared.impact_ratio, not adverse, skipped)


def _figures(report: FairnessReport) -> Iterator[tuple[str, float]]:
    yield "findings", len(report.findings)
    yield "rankings", report.rankings
    yield "candidates", report.candidates
    for line in table(report):
        where = f"{line.attribute}/{line.value}/{line.basis}"
        if line.ratio is not None and line.rate is not None:
            yield f"impact_ratio/{where}", line.ratio
            yield f"rate/{where}", line.rate
        if line.p_value is not None:
            yield f"p_value/{where}", line.p_value
    for one in report.attributes:
        if one.proxies is not None:
            yield f"proxy_auc/{one.name}", one.proxies.together.auc
